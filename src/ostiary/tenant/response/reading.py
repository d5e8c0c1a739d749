"""A tenant's directory and sign-in log in Microsoft Graph, as a response needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from ostiary.errors import PreflightError, TenantError
from ostiary.model.resolve import Resolved
from ostiary.spec.environment import GUID
from ostiary.tenant import shapes
from ostiary.tenant.directory import Directory
from ostiary.tenant.graph import Graph
from ostiary.tenant.response.facts import Account, Device, Group, Logged, User
from ostiary.tenant.response.plan import Found, Guarded
from ostiary.tenant.response.suspects import moment

Json = Mapping[str, Any]

# Either tells a device code flow; the second stays with what the session does later:
# https://learn.microsoft.com/entra/identity/conditional-access/concept-authentication-flows
_DEVICE_CODE = {
    ("authenticationProtocol", "devicecode"),
    ("originalTransferMethod", "devicecodeflow"),
}


class Tenant:
    """A `facts.Directory`, and what else a response reads of it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._directory = Directory(graph)

    def who(self, name: str) -> Found:
        """Find a user by id or principal name, or tell that it is a service principal."""
        user = self._directory.user(name)
        if user is not None:
            return _user(user)
        if GUID.match(name.lower()):
            # That there is no such user is true even where applications cannot be read.
            with suppress(TenantError):
                known = self._directory.look_up([name], ["servicePrincipal"]).found
                if known or self._directory.service_principals([name]):
                    return "servicePrincipal"
        return None

    def user(self, user_id: str) -> User:
        """Read a user by id."""
        user = self._directory.user(user_id)
        if user is None:
            raise TenantError(f"there is no user `{user_id}` any more")
        return _user(user)

    def devices(self, user_id: str) -> list[Device]:
        """Read the devices of a user, each once."""
        return [
            Device(
                id=each.id,
                name=each.display_name or each.id,
                operating_system=each.operating_system,
                registered=each.registration_date_time,
                enabled=each.account_enabled,
            )
            for each in self._directory.devices_of(user_id)
        ]

    def is_member(self, group_id: str, user_id: str) -> bool:
        """Tell whether a user is in a group, directly or through another."""
        return any(each.id == user_id for each in self._directory.transitive_members(group_id))

    def sign_ins(self, user_id: str, since: datetime) -> list[Logged]:
        """Read a user's sign-ins since then, both kinds, oldest first."""
        found = self._directory.sign_ins_of(user_id, since)
        return sorted(map(_logged, found), key=lambda each: (each.at, each.id))

    def disable_device(self, device_id: str) -> None:
        """Disable a device, which ends its primary refresh token.

        https://learn.microsoft.com/entra/identity/devices/concept-primary-refresh-token
        """
        self._directory.disable_device(device_id)

    def add_member(self, group_id: str, user_id: str) -> None:
        """Add a user to a group."""
        self._directory.add_member(group_id, user_id)

    def revoke_sessions(self, user_id: str) -> None:
        """Revoke all sessions of a user."""
        self._directory.revoke_sign_in_sessions(user_id)

    def account(self, user: User, group: Group, since: datetime) -> Account:
        """Read all that a plan or a verification is made from."""
        sign_ins: tuple[Logged, ...] | None = None
        no_log: str | None = None
        try:
            sign_ins = tuple(self.sign_ins(user.id, since))
        except TenantError as error:
            no_log = f"the sign-in log cannot be read: {error}"
        return Account(
            self.user(user.id),
            tuple(self.devices(user.id)),
            self.is_member(group.id, user.id),
            sign_ins,
            no_log,
        )

    def guarded(self, resolved: Resolved) -> Guarded:
        """Read whom a response must not touch.

        Raises PreflightError where the members of a group of emergency access accounts cannot be
        read: then nobody can be told from one.
        """
        accounts: set[str] = set()
        for each in resolved.emergency_access:
            accounts.update(each.users)
            for group in each.groups:
                accounts.update(self._members(group, resolved.names.get(group, group)))
        return Guarded(frozenset(accounts), self._graph.identity().object_id)

    def group(self, group_id: str, name: str) -> Group:
        """Read the group of suspected users; TenantError where there is none."""
        read = self._graph.get(
            f"groups/{group_id}", select="id,groupTypes,onPremisesSyncEnabled,securityEnabled"
        )
        closed = None
        if "DynamicMembership" in (read.get("groupTypes") or ()):
            closed = "its members are found by a rule"
        elif read.get("onPremisesSyncEnabled"):
            closed = "its members come from Active Directory on premises"
        return Group(group_id, name, closed)

    def _members(self, group_id: str, name: str) -> Iterable[str]:
        reason, found = "it has none that can be seen", []
        try:
            found = [each.id for each in self._directory.transitive_members(group_id)]
            # Hidden members are left out where the permission to read them is missing:
            # https://learn.microsoft.com/graph/api/group-list-transitivemembers
            group = self._graph.get(f"groups/{group_id}", select="id,visibility")
            if group.get("visibility") == "HiddenMembership":
                held = self._graph.identity().permissions
                if "Member.Read.Hidden" not in held:
                    found, reason = [], "they are hidden, and it takes Member.Read.Hidden"
        except TenantError as error:
            reason = str(error)
        if not found:
            raise PreflightError(
                f"nothing was changed: the members of `{name}` cannot be read: {reason}",
                hint="without them, nobody can be told from an emergency access account",
            )
        return found


def _user(of: shapes.User) -> User:
    # Whoever was invited has #EXT# in the name, also as a member:
    # https://learn.microsoft.com/entra/external-id/user-properties
    name = of.user_principal_name
    guest = of.user_type == "Guest" or "#EXT#" in name.upper()
    return User(of.id, name, guest, of.sign_in_sessions_valid_from_date_time)


def _logged(of: Json) -> Logged:
    said = {(name, str(of.get(name) or "").replace(" ", "").lower()) for name, _ in _DEVICE_CODE}
    return Logged(
        id=of["id"],
        at=moment(of["createdDateTime"]),
        interactive="interactiveUser" in (of.get("signInEventTypes") or ()),
        error_code=int((of.get("status") or {}).get("errorCode", 0)),
        device_code=bool(said & _DEVICE_CODE),
        session=of.get("sessionId") or None,
        address=of.get("ipAddress") or None,
        application=of.get("appDisplayName") or of.get("appId"),
    )
