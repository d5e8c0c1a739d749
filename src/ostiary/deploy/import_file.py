"""What stands in a tenant already, as the file that `pulumi import --file` reads.

https://www.pulumi.com/docs/iac/guides/migration/import/ has its shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostiary.deploy.stack import NAMED_LOCATION, POLICY, PROVIDER, urn

# The logical name of the one provider of a stack.
PROVIDER_NAME = "entra"
# An id alone is none to the provider
# (https://github.com/hashicorp/terraform-provider-azuread/issues/1246).
PATHS = {
    "policies": "/identity/conditionalAccess/policies/",
    "namedLocations": "/identity/conditionalAccess/namedLocations/",
}
_TYPES = {"namedLocations": NAMED_LOCATION, "policies": POLICY}


def import_file(project: str, stack: str, ids: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Give the file's data; `ids` by key, under `policies` and `namedLocations`."""
    return {
        "nameTable": {PROVIDER_NAME: urn(project, stack, PROVIDER, PROVIDER_NAME)},
        "resources": [
            {"type": kind, "name": key, "id": PATHS[what] + identity, "provider": PROVIDER_NAME}
            for what, kind in _TYPES.items()
            for key, identity in sorted(ids.get(what, {}).items())
        ],
    }
