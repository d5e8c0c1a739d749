"""What the real plugin does to create, read, change and delete: which requests, in which order.

The sequences, and what they leave behind when they fail, are those of
https://github.com/hashicorp/terraform-provider-azuread, internal/services/conditionalaccess,
conditional_access_policy_resource.go and named_location_resource.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from ostiary.sandbox.plugin import wire
from ostiary.sandbox.plugin.graph import Clock, Graph, GraphError, Json, OperationError
from ostiary.sandbox.plugin.schema import LOCATION, POLICY

Properties = Mapping[str, Any]

_ROOT = "/identity/conditionalAccess"
_PAUSE_BEFORE_FIRST_READ = 15.0
_MINUTE = 60.0


class PartialError(OperationError):
    """The operation failed half way, and the engine must record what there is."""

    def __init__(self, message: str, resource_id: str, properties: Json) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties


class Resource(Protocol):
    """The operations of one resource type.

    Ids are full paths.  `timeouts` are the seconds for create, read, update and delete.
    """

    timeouts: Mapping[str, float]

    def create(self, graph: Graph, clock: Clock, inputs: Properties) -> tuple[str, Json]:
        """Give the id and the properties of the new object."""

    def read(self, graph: Graph, clock: Clock, resource_id: str) -> Json | None:
        """Give the properties, or None when the object is gone."""

    def update(
        self, graph: Graph, clock: Clock, resource_id: str, olds: Properties, news: Properties
    ) -> Json:
        """Give the properties after the change."""

    def delete(self, graph: Graph, clock: Clock, resource_id: str, olds: Properties) -> None:
        """Return once the object is gone for five reads in a row."""


def _object_id(collection: str, what: str, resource_id: str) -> str:
    """Give the last part of a full path, which is the only form of id there is.

    https://github.com/hashicorp/terraform-provider-azuread/issues/1246
    """
    match = re.fullmatch(f"{_ROOT}/{collection}/([^/]+)", resource_id)
    if match is None:
        raise OperationError(
            f"parsing {resource_id!r}: the id of a {what} has the form {_ROOT}/{collection}/<id>"
        )
    return match[1]


def _gone(graph: Graph, clock: Clock, path: str) -> bool:
    try:
        graph(clock, "GET", path)
    except GraphError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return True
        raise OperationError(f"retrieving resource: {error}") from error
    return False


def _within(summary: str, error: OperationError) -> OperationError:
    return OperationError(f"{summary}: {error}")


class Policies:
    """`azuread:index/conditionalAccessPolicy:ConditionalAccessPolicy`."""

    timeouts: Mapping[str, float] = {
        "create": 5 * _MINUTE,
        "read": 5 * _MINUTE,
        "update": 15 * _MINUTE,
        "delete": 5 * _MINUTE,
    }

    def create(self, graph: Graph, clock: Clock, inputs: Properties) -> tuple[str, Json]:
        """POST, five reads, and a last one.

        Until the five reads are done nothing is recorded: a failure leaves an orphan
        (https://github.com/hashicorp/terraform-provider-azuread/issues/1784).
        """
        try:
            made = graph(clock, "POST", f"{_ROOT}/policies", wire.policy_body(inputs))
        except OperationError as error:
            raise _within("Could not create conditional access policy", error) from error
        path = f"{_ROOT}/policies/{made['id']}"

        def there() -> bool:
            return not _gone(graph, clock, path)

        try:
            clock.until(there)
        except OperationError as error:
            raise _within(f"Waiting for creation of {_named(path)}", error) from error
        return path, _read_after(self, graph, clock, path, inputs)

    def read(self, graph: Graph, clock: Clock, resource_id: str) -> Json | None:
        """One GET; every error but 404 is the user's to see."""
        _object_id("policies", "Conditional Access policy", resource_id)
        try:
            return wire.policy_properties(graph(clock, "GET", resource_id))
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise _within(f"retrieving {_named(resource_id)}", error) from error

    def update(
        self, graph: Graph, clock: Clock, resource_id: str, olds: Properties, news: Properties
    ) -> Json:
        """PATCH the whole policy, then five reads that agree on name and state; no last read."""
        planned = wire.policy_body(news)
        after = wire.policy_properties(planned | {"id": olds["objectId"]})
        try:
            graph(clock, "PATCH", resource_id, planned)
        except OperationError as error:
            summary = f'Could not update conditional access policy with ID: "{resource_id}"'
            raise PartialError(f"{summary}: {error}", resource_id, after) from error

        def changed() -> bool:
            found = graph(clock, "GET", resource_id)
            return all(found.get(name) == planned[name] for name in ("displayName", "state"))

        try:
            clock.until(changed)
        except OperationError as error:
            summary = f'waiting for update of conditional access policy with ID "{resource_id}"'
            raise PartialError(f"{summary}: {error}", resource_id, after) from error
        return after

    def delete(self, graph: Graph, clock: Clock, resource_id: str, olds: Properties) -> None:
        """GET, DELETE, five reads of 404."""
        del olds
        what = _named(resource_id)
        try:
            graph(clock, "GET", resource_id)
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            raise _within(f"retrieving {what}", error) from error
        try:
            graph(clock, "DELETE", resource_id)
        except OperationError as error:
            raise _within(f"Deleting {what}", error) from error
        try:
            clock.until(lambda: _gone(graph, clock, resource_id), state="Deleted")
        except OperationError as error:
            raise _within(f"Waiting for deletion of {what}", error) from error


class Locations:
    """`azuread:index/namedLocation:NamedLocation`."""

    timeouts: Mapping[str, float] = dict.fromkeys(
        ("create", "read", "update", "delete"), 5 * _MINUTE
    )

    def create(self, graph: Graph, clock: Clock, inputs: Properties) -> tuple[str, Json]:
        """POST, a pause, five reads that agree, and a last one.

        Until the five reads are done an IP location is not recorded; a country location is.
        """
        body = wire.location_body(inputs) | {"displayName": inputs["displayName"]}
        try:
            made = graph(clock, "POST", f"{_ROOT}/namedLocations", body)
        except OperationError as error:
            raise _within("Could not create named location", error) from error
        path = f"{_ROOT}/namedLocations/{made['id']}"
        try:
            clock.until(lambda: _agrees(graph, clock, path, inputs), delay=_PAUSE_BEFORE_FIRST_READ)
        except OperationError as error:
            message = f"waiting for creation of {_named(path)}: {error}"
            if "ip" in inputs:
                raise OperationError(message) from error
            planned = wire.location_properties(body | {"id": made["id"]})
            raise PartialError(message, path, planned) from error
        return path, _read_after(self, graph, clock, path, inputs)

    def read(self, graph: Graph, clock: Clock, resource_id: str) -> Json | None:
        """One GET, whose errors are swallowed but for 404."""
        _object_id("namedLocations", "named location", resource_id)
        try:
            return wire.location_properties(graph(clock, "GET", resource_id))
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
        except OperationError:
            pass
        raise OperationError("Bad API Response: returned model was nil")

    def update(
        self, graph: Graph, clock: Clock, resource_id: str, olds: Properties, news: Properties
    ) -> Json:
        """PATCH, with the name only if it changed, five reads that agree, and a last one."""
        body = wire.location_body(news)
        after = wire.location_properties(
            body | {"id": olds["objectId"], "displayName": news["displayName"]}
        )
        if news["displayName"] != olds["displayName"]:
            body["displayName"] = news["displayName"]
        what = _named(resource_id)
        try:
            graph(clock, "PATCH", resource_id, body)
        except OperationError as error:
            raise PartialError(f"Updating {what}: {error}", resource_id, after) from error
        try:
            clock.until(lambda: _agrees(graph, clock, resource_id, news))
        except OperationError as error:
            message = f"waiting for update of {what}: {error}"
            raise PartialError(message, resource_id, after) from error
        return _read_after(self, graph, clock, resource_id, news)

    def delete(self, graph: Graph, clock: Clock, resource_id: str, olds: Properties) -> None:
        """Take the trust from an IP location first; then DELETE and five reads of 404.

        When the DELETE fails the location stays without trust
        (https://github.com/hashicorp/terraform-provider-azuread/pull/1156).
        """
        what = _named(resource_id)
        if "ip" in olds and not _distrust(graph, clock, resource_id, olds):
            return
        try:
            graph(clock, "DELETE", resource_id)
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return
            raise _within(f"deleting {what}", error) from error
        try:
            clock.until(lambda: _gone(graph, clock, resource_id), state="Deleted")
        except OperationError as error:
            raise _within(f"waiting for deletion of {what}", error) from error


def _distrust(graph: Graph, clock: Clock, resource_id: str, olds: Properties) -> bool:
    """Set isTrusted to false and wait for it; gives False when the location is gone already."""
    what = _named(resource_id)
    try:
        graph(clock, "PATCH", resource_id, wire.location_body(olds) | {"isTrusted": False})
    except GraphError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return False
        raise _within(f"updating {what} prior to deletion", error) from error
    try:
        clock.until(lambda: not _retrieve(graph, clock, resource_id).get("isTrusted"))
    except OperationError as error:
        raise _within(f"waiting for removal of trusted status on {what}", error) from error
    return True


def _agrees(graph: Graph, clock: Clock, path: str, wanted: Properties) -> bool:
    """Tell whether Graph has the ranges or countries in the order they were sent.

    A reordered list never agrees
    (https://github.com/hashicorp/terraform-provider-azuread/issues/1746).
    """
    kind = "ip" if "ip" in wanted else "country"
    found = wire.location_properties(_retrieve(graph, clock, path)).get(kind)
    if found is None:
        raise OperationError(f"retrieving resource: returned model was not of kind {kind}")
    compared = {
        "ip": ("ipRanges", "trusted"),
        "country": ("countriesAndRegions", "includeUnknownCountriesAndRegions"),
    }
    return all(found[name] == (wanted[kind].get(name) or False) for name in compared[kind])


def _retrieve(graph: Graph, clock: Clock, path: str) -> Json:
    try:
        return graph(clock, "GET", path)
    except GraphError as error:
        raise OperationError(f"retrieving resource: {error}") from error


def _read_after(
    resource: Resource, graph: Graph, clock: Clock, path: str, inputs: Properties
) -> Json:
    """Read what was just written; an error here finds the object recorded, a 404 does not."""
    try:
        found = resource.read(graph, clock, path)
    except OperationError as error:
        known = dict(inputs) | {"objectId": path.rpartition("/")[2]}
        raise PartialError(str(error), path, known) from error
    if found is None:
        raise OperationError(
            "Provider produced inconsistent result after apply: Root object was present, but now"
            " absent"
        )
    return found


def _named(path: str) -> str:
    kind = "Named Location" if "/namedLocations/" in path else "Policy"
    return f'Identity Conditional Access {kind} ({kind}: "{path.rpartition("/")[2]}")'


def get_named_location(graph: Graph, clock: Clock, name: str) -> Json:
    """Answer `azuread:index/getNamedLocation:getNamedLocation`: exactly one by its name."""
    quoted = quote(f"displayName eq '{name.replace(chr(39), chr(39) * 2)}'", safe="")
    found = graph(clock, "GET", f"{_ROOT}/namedLocations?%24filter={quoted}").get("value", [])
    if not found:
        raise OperationError(f'Named Location with display name "{name}" was not found')
    if len(found) > 1:
        raise OperationError(f'More than one Named Location was found with display name "{name}"')
    location = wire.location_properties(found[0])
    return {
        "id": f"{_ROOT}/namedLocations/{location['objectId']}",
        "objectId": location["objectId"],
        "displayName": location["displayName"],
        "ips": [location["ip"]] if "ip" in location else [],
        "countries": [location["country"]] if "country" in location else [],
    }


RESOURCES: Mapping[str, Resource] = {LOCATION: Locations(), POLICY: Policies()}
