"""The requests of Microsoft Graph that the sandbox answers: functions from a call to an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode
from uuid import uuid4

from ostiary.sandbox.answers import Answer, Json, RefusalError, bad_request
from ostiary.sandbox.graph_rules import (
    IP_LOCATIONS,
    POLICIES,
    Directory,
    check_location,
    check_location_delete,
    check_policy,
    check_policy_shape,
    location_shape,
)
from ostiary.sandbox.graph_types import POLICY, complete, is_guid, merge, properties_sent

if TYPE_CHECKING:
    from ostiary.sandbox.store import Store, Tenant

Collection = Literal["policies", "namedLocations"]
PAGE = 100
LARGEST_PAGE = 999
KEPT_AFTER_DELETE = timedelta(days=30)
_NAME_FILTER = re.compile(r"\s*displayName\s+eq\s+'((?:[^']|'')*)'\s*")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request; `root` is `https://host:port/v1.0`, `path` comes after it."""

    root: str
    path: str
    segments: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    tenant: Tenant
    roles: frozenset[str]
    store: Store

    def payload(self) -> Json:
        """Give the body as an object."""
        if not isinstance(self.body, dict):
            raise bad_request("Unable to read JSON request payload. It must be a JSON object.")
        return properties_sent(self.body)


Handler = Callable[[Call], Answer]


def now() -> str:
    """Give the time as Graph writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _readable(call: Call) -> None:
    _require(call, "Policy.Read.All", "Policy.Read.ConditionalAccess")


def _writable(call: Call) -> None:
    _readable(call)
    _require(call, "Policy.ReadWrite.ConditionalAccess")


def _require(call: Call, *roles: str) -> None:
    """Refuse unless the token carries one of `roles`, in the words of Conditional Access.

    https://github.com/AlexFilipin/ConditionalAccess/issues/10
    """
    if not call.roles & set(roles):
        raise RefusalError(
            403,
            "AccessDenied",
            "You cannot perform the requested operation, required scopes are missing in the token.",
        )


def _context(root: str, path: str) -> str:
    return f"{root}/$metadata#{path}"


def entity(root: str, kind: Collection, body: Json) -> Json:
    """Give one object as it is answered; `root` is `https://host:port/v1.0`."""
    return {"@odata.context": _context(root, f"identity/conditionalAccess/{kind}/$entity")} | body


def missing(kind: Collection, object_id: str) -> RefusalError:
    """Refuse an id that names nothing.

    https://github.com/DanielChronlund/DCToolbox/issues/5 for locations, assumed for policies.
    """
    name = {"policies": "ConditionalAccessPolicy", "namedLocations": "NamedLocation"}[kind]
    return RefusalError(
        404, "ResourceNotFound", f"{name} with id {object_id} does not exist in the directory."
    )


def _expire(call: Call) -> None:
    """Forget what was deleted too long ago."""
    oldest = datetime.now(UTC) - KEPT_AFTER_DELETE
    call.store.purge_deleted_before(oldest.isoformat())


def _existing(call: Call, kind: Collection, *, deleted: bool = False) -> Json:
    if deleted:
        _expire(call)
    object_id = call.segments["id"]
    found = call.store.object(call.tenant.id, kind, object_id.lower(), deleted=deleted)
    if found is None:
        raise missing(kind, object_id)
    return found


def read(kind: Collection) -> Handler:
    """`GET /identity/conditionalAccess/{kind}/{id}`."""

    def handle(call: Call) -> Answer:
        _readable(call)
        return Answer(200, entity(call.root, kind, _existing(call, kind)))

    return handle


def list_objects(kind: Collection, *, deleted: bool = False) -> Handler:
    """`GET /identity/conditionalAccess/{kind}`, or its deleted items."""

    def handle(call: Call) -> Answer:
        _readable(call)
        if deleted:
            _expire(call)
        found = call.store.objects(call.tenant.id, kind, deleted=deleted)
        return Answer(200, _page(call, _filtered(found, call.query.get("$filter"))))

    return handle


def _filtered(found: list[Json], wanted: str | None) -> list[Json]:
    if wanted is None:
        return found
    match = _NAME_FILTER.fullmatch(wanted)
    if match is None:
        raise bad_request("Invalid filter clause. (sandbox: only `displayName eq '…'` is known)")
    # That names compare without regard to case is assumed, as in the rest of the directory.
    name = match[1].replace("''", "'").casefold()
    return [each for each in found if each["displayName"].casefold() == name]


def _page(call: Call, found: list[Json]) -> Json:
    unknown = set(call.query) - {"$filter", "$top", "$skiptoken", "$select", "$count"}
    if unknown:
        raise bad_request(f"The query option {min(unknown)} is not supported.")
    top = _number(call.query.get("$top"), PAGE)
    start = _number(call.query.get("$skiptoken"), 0)
    if not 0 < top <= LARGEST_PAGE:
        raise bad_request(f"$top must be between 1 and {LARGEST_PAGE}.")
    page: Json = {"@odata.context": _context(call.root, call.path)}
    if call.query.get("$count") == "true":
        page["@odata.count"] = len(found)
    if start + top < len(found):
        query = dict(call.query) | {"$skiptoken": str(start + top)}
        page["@odata.nextLink"] = f"{call.root}/{call.path}?{urlencode(query, safe='$')}"
    selected = call.query.get("$select")
    names = selected.split(",") if selected else None
    return page | {"value": [_select(each, names) for each in found[start : start + top]]}


def _select(body: Json, names: list[str] | None) -> Json:
    wanted = None if names is None else {*names, "@odata.type"}
    return {name: value for name, value in body.items() if wanted is None or name in wanted}


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal():
        raise bad_request(f"Invalid value '{text}' for a query option.")
    return int(text)


def create_policy(call: Call) -> Answer:
    """`POST /identity/conditionalAccess/policies`."""
    _writable(call)
    sent = call.payload()
    check_policy_shape(sent)
    _require_application_role(call, sent)
    policy = {
        "id": str(uuid4()),
        "templateId": None,
        "createdDateTime": now(),
        "modifiedDateTime": None,
        "deletedDateTime": None,
    } | complete(POLICY, sent)
    check_policy(policy, sent, _directory(call))
    if call.store.count(call.tenant.id, "policies") >= POLICIES:
        raise bad_request(f"The tenant has reached its limit of {POLICIES} policies.")
    call.store.put(call.tenant.id, "policies", policy)
    return Answer(201, entity(call.root, "policies", policy))


def update_policy(call: Call) -> Answer:
    """`PATCH /identity/conditionalAccess/policies/{id}`."""
    _writable(call)
    existing = _existing(call, "policies")
    sent = call.payload()
    check_policy_shape(sent)
    _require_application_role(call, sent)
    policy = merge(POLICY, existing, sent) | {"modifiedDateTime": now()}
    check_policy(policy, sent, _directory(call))
    call.store.put(call.tenant.id, "policies", policy)
    return Answer(204)


def _directory(call: Call) -> Directory:
    def location_exists(location_id: str) -> bool:
        found = call.store.object(call.tenant.id, "namedLocations", location_id.lower())
        return found is not None

    return Directory(location_exists, call.tenant.security_defaults)


def _require_application_role(call: Call, sent: Json) -> None:
    """Refuse to name an application without Application.Read.All.

    https://github.com/almenscorner/IntuneCD/issues/142; that `All` needs no look-up is assumed.
    """
    applications = (sent.get("conditions") or {}).get("applications") or {}
    lists = ("includeApplications", "excludeApplications")
    named = [each for name in lists for each in applications.get(name) or () if is_guid(each)]
    if (
        named or applications.get("applicationFilter")
    ) and "Application.Read.All" not in call.roles:
        raise RefusalError(
            403,
            "AccessDenied",
            "Application.Read.All scope is required to add/edit application condition",
        )


def delete_policy(call: Call) -> Answer:
    """`DELETE /identity/conditionalAccess/policies/{id}`."""
    _writable(call)
    _delete(call, "policies", _existing(call, "policies"))
    return Answer(204)


def create_location(call: Call) -> Answer:
    """`POST /identity/conditionalAccess/namedLocations`."""
    _writable(call)
    sent = call.payload()
    shape = location_shape(sent)
    moment = now()
    location = {
        "@odata.type": shape.types[0],
        "id": str(uuid4()),
        "createdDateTime": moment,
        "modifiedDateTime": moment,
        "deletedDateTime": None,
    } | check_location(complete(shape, sent))
    if "ipRanges" in location:
        others = call.store.objects(call.tenant.id, "namedLocations")
        if sum("ipRanges" in each for each in others) >= IP_LOCATIONS:
            raise bad_request(f"The tenant has reached its limit of {IP_LOCATIONS} IP locations.")
    call.store.put(call.tenant.id, "namedLocations", location)
    return Answer(201, entity(call.root, "namedLocations", location))


def update_location(call: Call) -> Answer:
    """`PATCH /identity/conditionalAccess/namedLocations/{id}`."""
    _writable(call)
    existing = _existing(call, "namedLocations")
    sent = call.payload()
    shape = location_shape(sent, existing)
    location = check_location(merge(shape, existing, sent)) | {"modifiedDateTime": now()}
    call.store.put(call.tenant.id, "namedLocations", location)
    return Answer(204)


def delete_location(call: Call) -> Answer:
    """`DELETE /identity/conditionalAccess/namedLocations/{id}`."""
    _writable(call)
    location = _existing(call, "namedLocations")
    check_location_delete(location, call.store.objects(call.tenant.id, "policies"))
    _delete(call, "namedLocations", location)
    return Answer(204)


def _delete(call: Call, kind: Collection, body: Json) -> None:
    call.store.put(call.tenant.id, kind, body | {"deletedDateTime": now()})


def read_deleted(kind: Collection) -> Handler:
    """`GET /identity/conditionalAccess/deletedItems/{kind}/{id}`."""

    def handle(call: Call) -> Answer:
        _readable(call)
        return Answer(200, entity(call.root, kind, _existing(call, kind, deleted=True)))

    return handle


def restore(kind: Collection) -> Handler:
    """`POST /identity/conditionalAccess/deletedItems/{kind}/{id}/restore`.

    The object comes back as it was, under its old id:
    https://learn.microsoft.com/graph/api/conditionalaccesspolicy-restore?view=graph-rest-beta
    """

    def handle(call: Call) -> Answer:
        _writable(call)
        body = _existing(call, kind, deleted=True) | {"deletedDateTime": None}
        call.store.put(call.tenant.id, kind, body)
        return Answer(200, entity(call.root, kind, body))

    return handle


def purge(kind: Collection) -> Handler:
    """`DELETE /identity/conditionalAccess/deletedItems/{kind}/{id}`."""

    def handle(call: Call) -> Answer:
        _writable(call)
        call.store.purge(call.tenant.id, kind, _existing(call, kind, deleted=True)["id"])
        return Answer(204)

    return handle


def organization(call: Call) -> Answer:
    """`GET /organization`: one, whose id is the tenant's."""
    if not call.roles & {"Organization.Read.All", "Directory.Read.All"}:
        # https://learn.microsoft.com/graph/resolve-auth-errors
        message = "Insufficient privileges to complete the operation."
        raise RefusalError(403, "Authorization_RequestDenied", message)
    only = {"id": call.tenant.id, "displayName": "Sandbox", "verifiedDomains": []}
    return Answer(200, {"@odata.context": _context(call.root, "organization"), "value": [only]})


def security_defaults(call: Call) -> Answer:
    """`GET /policies/identitySecurityDefaultsEnforcementPolicy`."""
    _require(call, "Policy.Read.All")
    body = {
        "@odata.context": _context(
            call.root, "policies/identitySecurityDefaultsEnforcementPolicy/$entity"
        ),
        "id": "00000000-0000-0000-0000-000000000005",
        "displayName": "Security Defaults",
        "isEnabled": call.tenant.security_defaults,
    }
    return Answer(200, body)


def unknown(call: Call) -> Answer:
    """Refuse any other path."""
    segment = call.path.rpartition("/")[2]
    raise bad_request(f"Resource not found for the segment '{segment}'.")


_CONDITIONAL_ACCESS = "identity/conditionalAccess"

# method, path below the version, handler; what is added later (users, groups, …) is one line each.
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "organization", organization),
    ("GET", "policies/identitySecurityDefaultsEnforcementPolicy", security_defaults),
    ("POST", f"{_CONDITIONAL_ACCESS}/policies", create_policy),
    ("PATCH", f"{_CONDITIONAL_ACCESS}/policies/{{id}}", update_policy),
    ("DELETE", f"{_CONDITIONAL_ACCESS}/policies/{{id}}", delete_policy),
    ("POST", f"{_CONDITIONAL_ACCESS}/namedLocations", create_location),
    ("PATCH", f"{_CONDITIONAL_ACCESS}/namedLocations/{{id}}", update_location),
    ("DELETE", f"{_CONDITIONAL_ACCESS}/namedLocations/{{id}}", delete_location),
    *(
        route
        for kind in ("policies", "namedLocations")
        for route in (
            ("GET", f"{_CONDITIONAL_ACCESS}/{kind}", list_objects(kind)),
            ("GET", f"{_CONDITIONAL_ACCESS}/{kind}/{{id}}", read(kind)),
            (
                "GET",
                f"{_CONDITIONAL_ACCESS}/deletedItems/{kind}",
                list_objects(kind, deleted=True),
            ),
            ("GET", f"{_CONDITIONAL_ACCESS}/deletedItems/{kind}/{{id}}", read_deleted(kind)),
            ("DELETE", f"{_CONDITIONAL_ACCESS}/deletedItems/{kind}/{{id}}", purge(kind)),
            ("POST", f"{_CONDITIONAL_ACCESS}/deletedItems/{kind}/{{id}}/restore", restore(kind)),
        )
    ),
)
