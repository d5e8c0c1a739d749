"""Who belongs to what: the members of groups, the groups of users, the devices of users."""

from __future__ import annotations

from ostiary.sandbox.answers import Answer
from ostiary.sandbox.directory import Kind, absent, any_kind, malformed, mixed, named
from ostiary.sandbox.graph_call import Call, Handler, Routes, page, require_in_directory

MEMBERS = "members"
_READERS = (
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
)
_WRITERS = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")


def members(*, transitive: bool) -> Handler:
    """`GET /groups/{id}/members` or `/transitiveMembers`."""

    def handle(call: Call) -> Answer:
        require_in_directory(call, *_READERS)
        group = named(call, "groups")["id"]
        found = call.store.links.targets(call.tenant.id, MEMBERS, group, transitive=transitive)
        return Answer(200, page(call, mixed(call, found)))

    return handle


def member_of(kind: Kind, *, transitive: bool) -> Handler:
    """`GET /{kind}/{id}/memberOf` or `/transitiveMemberOf`.

    https://learn.microsoft.com/graph/api/user-list-memberof; directory roles, which Graph lists
    too, are not among the sandbox's objects.
    """

    def handle(call: Call) -> Answer:
        require_in_directory(call, *_READERS)
        member = named(call, kind)["id"]
        found = call.store.links.sources(call.tenant.id, MEMBERS, member, transitive=transitive)
        return Answer(200, page(call, mixed(call, found)))

    return handle


def devices(relation: str) -> Handler:
    """`GET /users/{id}/registeredDevices` or `/ownedDevices`.

    https://learn.microsoft.com/graph/api/user-list-registereddevices; `relation` is the device's
    own side of it.
    """

    def handle(call: Call) -> Answer:
        require_in_directory(call, "User.Read.All", "User.ReadWrite.All", "Directory.Read.All")
        user = named(call, "users")["id"]
        return Answer(
            200, page(call, mixed(call, call.store.links.sources(call.tenant.id, relation, user)))
        )

    return handle


def add_member(call: Call) -> Answer:
    """`POST /groups/{id}/members/$ref`.

    https://learn.microsoft.com/graph/api/group-post-members; the wording for a body without a
    reference is ours.
    """
    group = _writable(call)
    reference = call.body.get("@odata.id") if isinstance(call.body, dict) else None
    if not isinstance(reference, str):
        raise malformed("The body must hold the `@odata.id` of an object.")
    member = reference.rstrip("/").rpartition("/")[2].lower()
    if any_kind(call, member) is None:
        raise absent(member)
    if not call.store.links.add(call.tenant.id, MEMBERS, group, member):
        raise malformed(
            "One or more added object references already exist for the following modified"
            " properties: 'members'."
        )
    return Answer(204)


def remove_member(call: Call) -> Answer:
    """`DELETE /groups/{id}/members/{member}/$ref`."""
    group, member = _writable(call), call.segments["member"].lower()
    if not call.store.links.remove(call.tenant.id, MEMBERS, group, member):
        raise absent(member)
    return Answer(204)


def _writable(call: Call) -> str:
    """Give the id of the group in the path, or refuse who may not change its members.

    A role-assignable group needs a second role: https://learn.microsoft.com/graph/api/group-post-members
    """
    require_in_directory(call, *_WRITERS)
    group = named(call, "groups")
    if group["isAssignableToRole"]:
        require_in_directory(call, "RoleManagement.ReadWrite.Directory")
    return str(group["id"])


ROUTES: Routes = (
    ("GET", "groups/{id}/members", members(transitive=False)),
    ("GET", "groups/{id}/transitiveMembers", members(transitive=True)),
    ("POST", "groups/{id}/members/$ref", add_member),
    ("DELETE", "groups/{id}/members/{member}/$ref", remove_member),
    ("GET", "users/{id}/memberOf", member_of("users", transitive=False)),
    ("GET", "users/{id}/transitiveMemberOf", member_of("users", transitive=True)),
    ("GET", "users/{id}/registeredDevices", devices("registeredUsers")),
    ("GET", "users/{id}/ownedDevices", devices("registeredOwners")),
)
