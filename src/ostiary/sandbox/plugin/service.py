"""The plugin's gRPC service: requests of the engine in, results and worded errors out."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import grpc  # type: ignore[import-untyped] # grpcio ships no types
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from ostiary.sandbox.plugin import VERSION, check, schema, values
from ostiary.sandbox.plugin.difference import changes, planned, refreshed, replaces
from ostiary.sandbox.plugin.graph import Clock, OperationError
from ostiary.sandbox.plugin.resources import (
    RESOURCES,
    PartialError,
    Resource,
    get_named_location,
)
from ostiary.sandbox.plugin.session import ConfigurationError, Session, configuration
from ostiary.sandbox.plugin.values import UNKNOWN, conceal, reveal

Context = Any  # grpc.ServicerContext, which has no types
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

WAIT_SCALE = "OSTIARY_SANDBOX_WAIT_SCALE"
_READ_SECONDS = 300.0
_GET_LOCATION = "azuread:index/getNamedLocation:getNamedLocation"
_GET_CLIENT = "azuread:index/getClientConfig:getClientConfig"


def _worded(
    method: Callable[[Provider, _Request, Context], _Response],
) -> Callable[[Provider, _Request, Context], _Response]:
    """Turn the plugin's own exceptions into what the engine shows, without a traceback."""

    @functools.wraps(method)
    def call(self: Provider, request: _Request, context: Context) -> _Response:
        try:
            return method(self, request, context)
        except PartialError as error:
            _abort_partial(context, error)
        except OperationError as error:
            context.abort(grpc.StatusCode.UNKNOWN, _in_list(error))
        except ConfigurationError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        raise AssertionError  # abort raises

    return call


def _in_list(error: Exception) -> str:
    """Word an error as Terraform's plugin SDK does, which is what users of the real plugin see."""
    return f"1 error occurred:\n\t* {error}\n\n"


def _abort_partial(context: Context, error: PartialError) -> NoReturn:
    """Fail, but have the engine record the object, and try to bring it in line the next time."""
    failed = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=values.write(error.properties),
        reasons=[_in_list(error)],
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=_in_list(error))
    status.details.add().Pack(failed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, _in_list(error))
    raise AssertionError  # abort raises


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One configured plugin; each request is served by a thread of its own."""

    def __init__(self) -> None:
        self._scale = float(os.environ.get(WAIT_SCALE) or 0)
        self._cancelled = threading.Event()
        self._session: Session | None = None

    def close(self) -> None:
        """Close the connections to the tenant."""
        if self._session:
            self._session.close()

    def Handshake(  # noqa: N802 - the protocol's name, here and below
        self, _request: provider_pb2.ProviderHandshakeRequest, _context: Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Agree on the protocol."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, _request: plugin_pb2.PluginAttach, _context: Context) -> empty_pb2.Empty:  # noqa: N802
        """Serve an engine that did not start this process; a new run is not a cancelled one."""
        self._cancelled.clear()
        return empty_pb2.Empty()

    def Cancel(self, _request: empty_pb2.Empty, _context: Context) -> empty_pb2.Empty:  # noqa: N802
        """End every wait now."""
        self._cancelled.set()
        return empty_pb2.Empty()

    def GetPluginInfo(self, _request: empty_pb2.Empty, _context: Context) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Give the version stood in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(  # noqa: N802
        self, _request: provider_pb2.GetSchemaRequest, _context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """Give the schema of the known types."""
        return provider_pb2.GetSchemaResponse(schema=schema.package())

    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, _context: Context
    ) -> provider_pb2.CheckResponse:
        """Refuse unknown settings, and everything that does not lead to this machine."""
        news = values.read(request.news)
        known = schema.PROVIDER_INPUTS | {"version", "pluginDownloadURL", "__internal"}
        found = [
            provider_pb2.CheckFailure(property=name, reason=f"`{name}` is not a setting of azuread")
            for name in sorted(news.keys() - known)
        ]
        if not found and UNKNOWN not in news.values():
            try:
                configuration(news)
            except ConfigurationError as error:
                found = [provider_pb2.CheckFailure(reason=str(error))]
        return provider_pb2.CheckResponse(inputs=request.news, failures=found)

    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, _context: Context
    ) -> provider_pb2.DiffResponse:
        """Compare settings; none of them replaces the provider."""
        olds, news = reveal(values.read(request.olds)), reveal(values.read(request.news))
        return _diff_response({} if olds == news else {"": "UPDATE"}, detailed=False)

    @_worded
    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, _context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Sign in, in a preview too."""
        self._session = Session(configuration(values.read(request.args)))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @_worded
    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, _context: Context
    ) -> provider_pb2.CheckResponse:
        """Refuse what the schema and the provider's rules refuse; fill in the one default."""
        token = _known(request.type or _type_of(request.urn))
        inputs = values.read(request.news)
        name = request.name or request.urn.rpartition("::")[2]
        # The path stands in the reason: a `property` must be a top-level one.
        found = [
            provider_pb2.CheckFailure(
                reason=f"{each.reason}. Examine values at '{name}.{each.path}'."
            )
            for each in check.failures(token, inputs)
        ]
        country = inputs.get("country")
        if isinstance(country, dict):
            country.setdefault("countryLookupMethod", "clientIpAddress")
        return provider_pb2.CheckResponse(inputs=values.write(inputs), failures=found)

    @_worded
    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, _context: Context
    ) -> provider_pb2.DiffResponse:
        """Compare the recorded properties with new inputs."""
        _known(request.type or _type_of(request.urn))
        olds, news = values.read(request.olds), values.read(request.news)
        for path in request.ignoreChanges:
            if path in olds:
                news[path] = olds[path]
        return _diff_response(changes(olds, news))

    @_worded
    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, _context: Context
    ) -> provider_pb2.CreateResponse:
        """Create, or say what would be created."""
        inputs = values.read(request.properties)
        resource = _resource(request)
        if request.preview:
            foreseen = values.write(inputs | {"objectId": UNKNOWN})
            return provider_pb2.CreateResponse(properties=foreseen)
        clock = self._clock(resource, "create", request.timeout)
        with _secrets_of(inputs):
            made, properties = resource.create(self._signed_in().graph, clock, reveal(inputs))
        return provider_pb2.CreateResponse(
            id=made, properties=values.write(conceal(properties, inputs))
        )

    @_worded
    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, _context: Context
    ) -> provider_pb2.ReadResponse:
        """Refresh or import; an empty id says that there is nothing."""
        resource = _resource(request)
        clock = self._clock(resource, "read", request.timeout)
        properties = resource.read(self._signed_in().graph, clock, request.id)
        if properties is None:
            return provider_pb2.ReadResponse()
        inputs = values.read(request.inputs)
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=values.write(conceal(properties, inputs)),
            inputs=values.write(refreshed(inputs, properties)),
        )

    @_worded
    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, _context: Context
    ) -> provider_pb2.UpdateResponse:
        """Change in place, or say what would be there after."""
        olds, inputs = values.read(request.olds), values.read(request.news)
        resource = _resource(request)
        bare = reveal(olds)
        news = planned(bare, reveal(inputs))
        if request.preview:
            foreseen = conceal(news | {"objectId": bare.get("objectId")}, inputs)
            return provider_pb2.UpdateResponse(properties=values.write(foreseen))
        clock = self._clock(resource, "update", request.timeout)
        with _secrets_of(inputs):
            after = resource.update(self._signed_in().graph, clock, request.id, bare, news)
        return provider_pb2.UpdateResponse(properties=values.write(conceal(after, inputs)))

    @_worded
    def Delete(self, request: provider_pb2.DeleteRequest, _context: Context) -> empty_pb2.Empty:  # noqa: N802
        """Delete, and wait until it stays gone."""
        resource = _resource(request)
        clock = self._clock(resource, "delete", request.timeout)
        olds = reveal(values.read(request.properties))
        resource.delete(self._signed_in().graph, clock, request.id, olds)
        return empty_pb2.Empty()

    @_worded
    def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, _context: Context
    ) -> provider_pb2.InvokeResponse:
        """Look up a named location by its name, or say who is signed in."""
        arguments = reveal(values.read(request.args))
        session = self._signed_in()
        if request.tok == _GET_CLIENT:
            config, object_id = session.config, session.object_id()
            found = {
                "id": f"{config.tenant_id}-{config.client_id}-{object_id}",
                "clientId": config.client_id,
                "objectId": object_id,
                "tenantId": config.tenant_id,
            }
        elif request.tok == _GET_LOCATION:
            name = arguments.get("displayName")
            if not isinstance(name, str) or not name:
                reason = 'Missing required argument "displayName"'
                failure = provider_pb2.CheckFailure(property="displayName", reason=reason)
                return provider_pb2.InvokeResponse(failures=[failure])
            found = get_named_location(session.graph, self._timer(_READ_SECONDS), name)
        else:
            raise OperationError(_beyond(request.tok))
        return provider_pb2.InvokeResponse(**{"return": values.write(found)})

    def _signed_in(self) -> Session:
        if self._session is None:
            raise OperationError("the provider is not configured")
        return self._session

    def _clock(self, resource: Resource, operation: str, seconds: float) -> Clock:
        return self._timer(seconds or resource.timeouts[operation])

    def _timer(self, seconds: float) -> Clock:
        return Clock(seconds, scale=self._scale, cancelled=self._cancelled)


@contextmanager
def _secrets_of(inputs: Mapping[str, Any]) -> Iterator[None]:
    """Mark secret what a failed operation leaves behind, as the inputs were marked."""
    try:
        yield
    except PartialError as error:
        error.properties = conceal(error.properties, inputs)
        raise


def _resource(request: Any) -> Resource:
    return RESOURCES[_known(request.type or _type_of(request.urn))]


def _type_of(urn: str) -> str:
    """Give the type in `urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::")[2].rpartition("$")[2]


def _known(token: str) -> str:
    if token not in RESOURCES:
        raise OperationError(_beyond(token))
    return token


def _beyond(token: str) -> str:
    return (
        f"the stand-in azuread plugin does not know `{token}`: it stands in for named locations"
        " and Conditional Access policies only"
    )


def _diff_response(found: Mapping[str, Any], *, detailed: bool = True) -> provider_pb2.DiffResponse:
    replaced = replaces(found)
    response = provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME
        if found
        else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaced,
        stables=["objectId"] if not replaced else [],
        diffs=sorted({path.partition(".")[0].partition("[")[0] for path in found} - {""}),
        hasDetailedDiff=detailed,
    )
    if detailed:
        for path, kind in found.items():
            name = f"{kind}_REPLACE" if path in replaced else kind
            value = provider_pb2.PropertyDiff.Kind.Value(name)
            response.detailedDiff[path].CopyFrom(provider_pb2.PropertyDiff(kind=value))
    return response
