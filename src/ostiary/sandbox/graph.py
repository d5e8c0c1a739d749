"""The requests of Microsoft Graph that the sandbox answers: functions from a call to an answer."""

from __future__ import annotations

from uuid import uuid4

from ostiary.sandbox.answers import Answer, Json, RefusalError, bad_request
from ostiary.sandbox.audit import record
from ostiary.sandbox.catalogs import STRENGTHS
from ostiary.sandbox.effects import stale_list
from ostiary.sandbox.filters import filtered
from ostiary.sandbox.graph_call import (
    Call,
    Collection,
    Handler,
    Routes,
    entity,
    existing,
    expire,
    now,
    page,
    preview_features,
    require_read,
    require_write,
)
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
from ostiary.sandbox.graph_shapes import POLICY
from ostiary.sandbox.graph_types import complete, is_guid, merge


def read(kind: Collection) -> Handler:
    """`GET /identity/conditionalAccess/{kind}/{id}`."""

    def handle(call: Call) -> Answer:
        require_read(call)
        found = existing(call, kind)
        if found["id"] in _hidden(call, kind):
            raise preview_features()
        return Answer(200, entity(call.root, kind, found))

    return handle


def _hidden(call: Call, kind: Collection) -> set[str]:
    """Give the ids of what v1.0 does not know the features of, as an admin has marked it."""
    if call.beta or kind != "policies":
        return set()
    return {each["id"] for each in call.store.objects(call.tenant.id, "betaOnly")}


def list_objects(kind: Collection, *, deleted: bool = False) -> Handler:
    """`GET /identity/conditionalAccess/{kind}`, or its deleted items.

    That v1.0 leaves out what it refuses to read is assumed.
    """

    def handle(call: Call) -> Answer:
        require_read(call)
        if deleted:
            expire(call)
        found = call.store.objects(call.tenant.id, kind, deleted=deleted)
        if not deleted:
            found = stale_list(call.store, call.tenant.id, kind, found)
        hidden = _hidden(call, kind)
        found = [each for each in found if each["id"] not in hidden]
        kept = filtered(found, call.query.get("$filter"), {"displayName"})
        return Answer(200, page(call, kept))

    return handle


def create_policy(call: Call) -> Answer:
    """`POST /identity/conditionalAccess/policies`."""
    require_write(call)
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
    policy = _name_strength(call, policy)
    call.store.put(call.tenant.id, "policies", policy)
    record(call, "Add", "policies", old=None, new=policy)
    return Answer(201, entity(call.root, "policies", policy))


def update_policy(call: Call) -> Answer:
    """`PATCH /identity/conditionalAccess/policies/{id}`."""
    require_write(call)
    before = existing(call, "policies")
    sent = call.payload()
    check_policy_shape(sent)
    _require_application_role(call, sent)
    policy = merge(POLICY, before, sent) | {"modifiedDateTime": now()}
    check_policy(policy, sent, _directory(call))
    policy = _name_strength(call, policy)
    call.store.put(call.tenant.id, "policies", policy)
    record(call, "Update", "policies", old=before, new=policy)
    return Answer(204)


def _name_strength(call: Call, policy: Json) -> Json:
    """Describe a policy's strength as Graph does, whatever was sent apart from its id.

    That an id which is not built in is one of the tenant's own is assumed, whether or not an admin
    has put it there.
    """
    grant = policy["grantControls"]
    if not grant or not grant["authenticationStrength"]:
        return policy
    strength = grant["authenticationStrength"]
    key = strength["id"].lower()
    own = call.store.object(call.tenant.id, "authenticationStrengths", key)
    known = STRENGTHS.get(key) or own or {"displayName": None, "policyType": "custom"}
    described = strength | {
        "displayName": known["displayName"],
        "policyType": known["policyType"],
        "requirementsSatisfied": "mfa",
    }
    return policy | {"grantControls": grant | {"authenticationStrength": described}}


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
    require_write(call)
    _delete(call, "policies", existing(call, "policies"))
    return Answer(204)


def create_location(call: Call) -> Answer:
    """`POST /identity/conditionalAccess/namedLocations`."""
    require_write(call)
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
    record(call, "Add", "namedLocations", old=None, new=location)
    return Answer(201, entity(call.root, "namedLocations", location))


def update_location(call: Call) -> Answer:
    """`PATCH /identity/conditionalAccess/namedLocations/{id}`."""
    require_write(call)
    before = existing(call, "namedLocations")
    sent = call.payload()
    shape = location_shape(sent, before)
    location = check_location(merge(shape, before, sent)) | {"modifiedDateTime": now()}
    call.store.put(call.tenant.id, "namedLocations", location)
    record(call, "Update", "namedLocations", old=before, new=location)
    return Answer(204)


def delete_location(call: Call) -> Answer:
    """`DELETE /identity/conditionalAccess/namedLocations/{id}`."""
    require_write(call)
    location = existing(call, "namedLocations")
    check_location_delete(location, call.store.objects(call.tenant.id, "policies"))
    _delete(call, "namedLocations", location)
    return Answer(204)


def _delete(call: Call, kind: Collection, body: Json) -> None:
    call.store.put(call.tenant.id, kind, body | {"deletedDateTime": now()})
    record(call, "Delete", kind, old=body, new=None)


def read_deleted(kind: Collection) -> Handler:
    """`GET /identity/conditionalAccess/deletedItems/{kind}/{id}`."""

    def handle(call: Call) -> Answer:
        require_read(call)
        return Answer(200, entity(call.root, kind, existing(call, kind, deleted=True)))

    return handle


def restore(kind: Collection) -> Handler:
    """`POST /identity/conditionalAccess/deletedItems/{kind}/{id}/restore`.

    The object comes back as it was, under its old id:
    https://learn.microsoft.com/graph/api/conditionalaccesspolicy-restore?view=graph-rest-beta
    """

    def handle(call: Call) -> Answer:
        require_write(call)
        body = existing(call, kind, deleted=True) | {"deletedDateTime": None}
        call.store.put(call.tenant.id, kind, body)
        record(call, "Restore", kind, old=None, new=body)
        return Answer(200, entity(call.root, kind, body))

    return handle


def purge(kind: Collection) -> Handler:
    """`DELETE /identity/conditionalAccess/deletedItems/{kind}/{id}`."""

    def handle(call: Call) -> Answer:
        require_write(call)
        call.store.purge(call.tenant.id, kind, existing(call, kind, deleted=True)["id"])
        return Answer(204)

    return handle


def unknown(call: Call) -> Answer:
    """Refuse any other path."""
    segment = call.path.rpartition("/")[2]
    raise bad_request(f"Resource not found for the segment '{segment}'.")


_CONDITIONAL_ACCESS = "identity/conditionalAccess"

ROUTES: Routes = (
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
