"""Serve the plugin: `python -m ostiary.sandbox.plugin` prints its port on the first line.

An engine attaches to it with PULUMI_DEBUG_PROVIDERS=azuread:PORT.  It has one configuration, the
last one it was given: one engine with one tenant at a time.
"""

from __future__ import annotations

from pulumi.runtime.proto import provider_pb2_grpc

from ostiary.sandbox.plugin.service import Provider
from ostiary.sandbox.plugin.serving import serve

if __name__ == "__main__":
    serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    )
