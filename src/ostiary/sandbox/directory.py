"""The objects of a tenant's directory: users, groups, devices and service principals.

Who may read them is what the page of each method lists for an application, from
https://learn.microsoft.com/graph/api/user-list on; what Graph shows is in the pages of the
resources, from https://learn.microsoft.com/graph/api/resources/user on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ostiary.sandbox.answers import Answer, Json, RefusalError
from ostiary.sandbox.filters import filtered
from ostiary.sandbox.graph_call import (
    Call,
    Handler,
    Routes,
    context,
    now,
    page,
    require_in_directory,
    selected,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["users", "groups", "devices", "servicePrincipals"]
IDS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Sort:
    """What one kind of object is called, who may read it, and what a new one holds.

    `shown` are the properties that v1.0 gives to who selects none, None meaning all.
    """

    type: str
    readers: frozenset[str]
    filters: frozenset[str]
    unset: Json
    shown: tuple[str, ...] | None = None
    writers: frozenset[str] = frozenset()


SORTS: dict[Kind, Sort] = {
    "users": Sort(
        "user",
        frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All"}),
        frozenset({"id", "displayName", "userPrincipalName", "mail", "accountEnabled", "userType"}),
        {
            "accountEnabled": True,
            "displayName": None,
            "mail": None,
            "onPremisesSyncEnabled": None,
            "signInSessionsValidFromDateTime": None,
            "userPrincipalName": None,
            "userType": "Member",
        },
        # Of what Graph shows by default, what the sandbox holds: `accountEnabled` is not among it.
        ("id", "displayName", "mail", "userPrincipalName"),
        # The last for `accountEnabled`: https://learn.microsoft.com/graph/api/user-update
        frozenset({"User.ReadWrite.All", "Directory.ReadWrite.All"})
        | {"User.EnableDisableAccount.All"},
    ),
    "groups": Sort(
        "group",
        frozenset({"GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"})
        | {"GroupMember.ReadWrite.All", "Group.ReadWrite.All"},
        frozenset({"id", "displayName", "mailNickname", "securityEnabled"}),
        {
            "description": None,
            "displayName": None,
            "groupTypes": [],
            "isAssignableToRole": None,
            "mailEnabled": False,
            "mailNickname": None,
            "membershipRule": None,
            "onPremisesSyncEnabled": None,
            "securityEnabled": True,
        },
    ),
    "devices": Sort(
        "device",
        frozenset({"Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All"}),
        frozenset({"id", "displayName", "deviceId"}),
        {
            "accountEnabled": True,
            "approximateLastSignInDateTime": None,
            "deviceId": None,
            "displayName": None,
            "isCompliant": None,
            "isManaged": None,
            "operatingSystem": None,
            "registrationDateTime": None,
            "trustType": None,
        },
        writers=frozenset({"Device.ReadWrite.All", "Directory.ReadWrite.All"}),
    ),
    "servicePrincipals": Sort(
        "servicePrincipal",
        frozenset({"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"}),
        frozenset({"id", "appId", "displayName"}),
        {
            "accountEnabled": True,
            "appDisplayName": None,
            "appId": None,
            "appRoles": [],
            "displayName": None,
            "servicePrincipalType": "Application",
            "tags": [],
        },
    ),
}


def absent(object_id: str) -> RefusalError:
    """Refuse an id that names no object of the directory."""
    return RefusalError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects"
        " are not present.",
    )


def malformed(message: str) -> RefusalError:
    """Refuse with 400, as the directory does."""
    return RefusalError(400, "Request_BadRequest", message)


def named(call: Call, kind: Kind) -> Json:
    """Give the object that the path names, a user by principal name too, or refuse with 404."""
    key = call.segments["id"].lower()
    found = call.store.object(call.tenant.id, kind, key)
    if found is None and kind == "users":
        users = call.store.objects(call.tenant.id, kind)
        found = next((each for each in users if _is_called(each, key)), None)
    if found is None:
        raise absent(call.segments["id"])
    return found


def _is_called(user: Json, name: str) -> bool:
    return str(user["userPrincipalName"]).lower() == name


def any_kind(call: Call, object_id: str) -> tuple[Kind, Json] | None:
    """Give an object by its id, whatever it is."""
    for kind in SORTS:
        found = call.store.object(call.tenant.id, kind, object_id.lower())
        if found is not None:
            return kind, found
    return None


def mixed(call: Call, ids: Iterable[str], kinds: Iterable[Kind] = tuple(SORTS)) -> list[Json]:
    """Give the objects of `kinds` among `ids`, each with its type.

    Of what the caller may not read there is the id alone:
    https://learn.microsoft.com/graph/permissions-overview#limited-information-returned-for-inaccessible-member-objects
    """
    wanted = frozenset(kinds)
    found = (any_kind(call, each) for each in ids)
    return [_typed(call, *each) for each in found if each is not None and each[0] in wanted]


def _typed(call: Call, kind: Kind, body: Json) -> Json:
    sort = SORTS[kind]
    if not call.roles & sort.readers:
        body = dict.fromkeys(body) | {"id": body["id"]}
    return {"@odata.type": f"#microsoft.graph.{sort.type}"} | _shown(call, kind, body)


def _shown(call: Call, kind: Kind, body: Json) -> Json:
    return selected(call, body, None if call.beta else SORTS[kind].shown)


def list_objects(kind: Kind) -> Handler:
    """`GET /{kind}`."""

    def handle(call: Call) -> Answer:
        require_in_directory(call, *SORTS[kind].readers)
        found = call.store.objects(call.tenant.id, kind)
        kept = filtered(found, call.query.get("$filter"), SORTS[kind].filters)
        return Answer(200, page(call, [_shown(call, kind, each) for each in kept]))

    return handle


def read(kind: Kind) -> Handler:
    """`GET /{kind}/{id}`."""

    def handle(call: Call) -> Answer:
        require_in_directory(call, *SORTS[kind].readers)
        heading = {"@odata.context": context(call.root, f"{kind}/$entity")}
        return Answer(200, heading | _shown(call, kind, named(call, kind)))

    return handle


def read_any(call: Call) -> Answer:
    """`GET /directoryObjects/{id}`."""
    require_in_directory(call, "Directory.Read.All")
    found = any_kind(call, call.segments["id"])
    if found is None:
        raise absent(call.segments["id"])
    heading = {"@odata.context": context(call.root, "directoryObjects/$entity")}
    return Answer(200, heading | _typed(call, *found))


def get_by_ids(call: Call) -> Answer:
    """`POST /directoryObjects/getByIds`; what does not exist is left out.

    https://learn.microsoft.com/graph/api/directoryobject-getbyids; the wording of what is refused
    is ours.
    """
    require_in_directory(call, "Directory.Read.All")
    sent = call.payload()
    ids, types = sent.get("ids"), sent.get("types") or ["directoryObject"]
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise malformed("ids must be a list of ids.")
    if len(ids) > IDS_AT_ONCE:
        raise malformed(f"ids must hold {IDS_AT_ONCE} ids at most.")
    wanted = {str(each).lower() for each in types}
    kinds = [
        kind for kind, sort in SORTS.items() if {sort.type.lower(), "directoryobject"} & wanted
    ]
    found = mixed(call, dict.fromkeys(ids), kinds)
    return Answer(200, {"@odata.context": context(call.root, "directoryObjects"), "value": found})


def revoke_sessions(call: Call) -> Answer:
    """`POST /users/{id}/revokeSignInSessions`.

    https://learn.microsoft.com/graph/api/user-revokesigninsessions; that a guest is answered like
    anybody else is assumed, the page says only that the guest's sessions stay.
    """
    require_in_directory(
        call, "User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"
    )
    user = named(call, "users") | {"signInSessionsValidFromDateTime": now()}
    call.store.put(call.tenant.id, "users", user)
    return Answer(200, {"@odata.context": context(call.root, "Edm.Boolean"), "value": True})


def switch(kind: Kind) -> Handler:
    """`PATCH /{kind}/{id}`, which may switch `accountEnabled` and nothing else."""

    def handle(call: Call) -> Answer:
        require_in_directory(call, *SORTS[kind].writers)
        found, sent = named(call, kind), call.payload()
        if sent.keys() != {"accountEnabled"} or not isinstance(sent["accountEnabled"], bool):
            raise malformed("(sandbox: only `accountEnabled` can be updated)")
        call.store.put(call.tenant.id, kind, found | sent)
        return Answer(204)

    return handle


def delete_device(call: Call) -> Answer:
    """`DELETE /devices/{id}`."""
    require_in_directory(call, *SORTS["devices"].writers)
    device = named(call, "devices")["id"]
    call.store.purge(call.tenant.id, "devices", device)
    call.store.links.forget(call.tenant.id, device)
    return Answer(204)


ROUTES: Routes = (
    *(("GET", kind, list_objects(kind)) for kind in SORTS),
    *(("GET", f"{kind}/{{id}}", read(kind)) for kind in SORTS),
    ("GET", "directoryObjects/{id}", read_any),
    ("POST", "directoryObjects/getByIds", get_by_ids),
    ("POST", "users/{id}/revokeSignInSessions", revoke_sessions),
    ("PATCH", "users/{id}", switch("users")),
    ("PATCH", "devices/{id}", switch("devices")),
    ("DELETE", "devices/{id}", delete_device),
)
