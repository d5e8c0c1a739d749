"""The directory of a tenant: who and what ids are, what was done when, and what respond does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote

from ostiary.tenant.graph import Graph, GraphError, Json, objects_in
from ostiary.tenant.shapes import (
    Device,
    DirectoryAudit,
    DirectoryObject,
    Named,
    Role,
    ServicePrincipal,
    SubscribedSku,
    User,
    read,
)

# https://learn.microsoft.com/graph/api/directoryobject-getbyids
_IDS_AT_ONCE = 1000
# Clauses in one filter: https://learn.microsoft.com/graph/filter-query-parameter
_CLAUSES = 15
# https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
_USABLE = {"Enabled", "Warning"}


@dataclass(frozen=True, slots=True)
class LookUp:
    """What was found, by id, and the ids that name nothing of the kinds asked for."""

    found: dict[str, DirectoryObject]
    missing: tuple[str, ...]


class Directory:
    """Reads a tenant's directory, and the three writes that `respond` needs."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def look_up(
        self,
        ids: Iterable[str],
        kinds: Sequence[str] = ("user", "group", "servicePrincipal"),
    ) -> LookUp:
        """Say what ids are; ids compare in lower case."""
        wanted = list(dict.fromkeys(each.lower() for each in ids))
        found: dict[str, DirectoryObject] = {}
        for some in _batches(wanted, _IDS_AT_ONCE):
            body = {"ids": some, "types": list(kinds)}
            answer = self._graph.post("directoryObjects/getByIds", body, repeatable=True)
            for each in objects_in(answer, "POST /v1.0/directoryObjects/getByIds"):
                one = read(DirectoryObject, each)
                found[one.id.lower()] = one
        return LookUp(found, tuple(each for each in wanted if each not in found))

    def roles(self) -> dict[str, str]:
        """Give the names of role definitions by template id, which is what policies hold."""
        found = self._graph.pages(
            "roleManagement/directory/roleDefinitions", select="templateId,displayName"
        )
        roles = (read(Role, each) for each in found)
        return {role.template_id: role.display_name for role in roles if role.template_id}

    def authentication_strengths(self) -> dict[str, str | None]:
        """Give the names of authentication strengths by id."""
        return self._names("policies/authenticationStrengthPolicies")

    def agreements(self) -> dict[str, str | None]:
        """Give the names of terms of use by id.

        The page of the method says that no application may; that Agreement.Read.All, which is
        granted to applications, suffices is assumed.
        https://learn.microsoft.com/graph/api/termsofusecontainer-list-agreements
        """
        return self._names("identityGovernance/termsOfUse/agreements")

    def service_plans(self) -> frozenset[str]:
        """Give the names of the services that the tenant's licences hold, as `AAD_PREMIUM_P2`."""
        skus = (read(SubscribedSku, each) for each in self._graph.pages("subscribedSkus"))
        return frozenset(
            plan.service_plan_name
            for sku in skus
            if sku.capability_status in _USABLE
            for plan in sku.service_plans
            if plan.provisioning_status != "Disabled"
        )

    def service_principals(self, app_ids: Iterable[str]) -> dict[str, ServicePrincipal]:
        """Give the service principals of applications, by application id in lower case."""
        found: dict[str, ServicePrincipal] = {}
        for some in _batches(list(dict.fromkeys(app_ids)), _CLAUSES):
            wanted = " or ".join(f"appId eq {_quoted(each)}" for each in some)
            for each in self._graph.pages(
                "servicePrincipals", filter=wanted, select="id,appId,displayName"
            ):
                one = read(ServicePrincipal, each)
                found[one.app_id.lower()] = one
        return found

    def user(self, name: str) -> User | None:
        """Give a user by id or user principal name; None where there is none."""
        try:
            answer = self._graph.get(
                f"users/{quote(name, safe='@')}",
                select="id,displayName,userPrincipalName,accountEnabled,userType,"
                "signInSessionsValidFromDateTime",
            )
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return read(User, answer)

    def transitive_members(self, group: str) -> list[DirectoryObject]:
        """Give all members of a group, those of the groups in it too."""
        wanted = "id,displayName,userPrincipalName,accountEnabled"
        found = self._graph.pages(f"groups/{group}/transitiveMembers", select=wanted)
        return [read(DirectoryObject, each) for each in found]

    def transitive_memberships(self, user: str) -> list[DirectoryObject]:
        """Give the groups and active directory roles that a user is in, through groups too.

        https://learn.microsoft.com/graph/api/user-list-transitivememberof
        """
        found = self._graph.pages(f"users/{user}/transitiveMemberOf")
        return [read(DirectoryObject, each) for each in found]

    def devices_of(self, user: str) -> list[Device]:
        """Give the devices that a user owns, and for a person's token those registered to the user.

        Only the first may be read by an application; the two are the same when a device is made.
        https://learn.microsoft.com/graph/api/user-list-registereddevices
        https://learn.microsoft.com/graph/api/device-list-registeredusers
        """
        relations = ["ownedDevices"]
        if not self._graph.identity().application:
            relations.append("registeredDevices")
        found: dict[str, Device] = {}
        for relation in relations:
            for each in self._graph.pages(f"users/{user}/{relation}"):
                one = read(Device, each)
                found.setdefault(one.id, one)
        return list(found.values())

    def audits_of(self, target: str, since: datetime) -> list[DirectoryAudit]:
        """Give what was done to an object, newest first; the log goes back 7 or 30 days.

        https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention
        """
        found = self._graph.pages(
            "auditLogs/directoryAudits",
            filter=f"activityDateTime ge {_moment(since)}"
            f" and targetResources/any(t: t/id eq {_quoted(target)})",
        )
        return [read(DirectoryAudit, each) for each in found]

    def sign_ins_of(self, user: str, since: datetime) -> Iterator[Json]:
        """Give the sign-ins of a user as Graph tells them, newest first, with those of clients.

        Only beta tells of device code flow and of sign-ins that are not interactive.
        https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
        """
        kinds = " or ".join(f"t eq '{kind}'" for kind in ("interactiveUser", "nonInteractiveUser"))
        return self._graph.pages(
            "auditLogs/signIns",
            version="beta",
            filter=f"createdDateTime ge {_moment(since)} and userId eq {_quoted(user)}"
            f" and signInEventTypes/any(t: {kinds})",
        )

    def revoke_sign_in_sessions(self, user: str) -> None:
        """Have a user sign in again everywhere; it takes some minutes, and guests are left out.

        https://learn.microsoft.com/graph/api/user-revokesigninsessions
        """
        self._graph.post(f"users/{user}/revokeSignInSessions", repeatable=True)

    def add_member(self, group: str, member: str) -> None:
        """Add a user to a group, who may be in it already.

        https://learn.microsoft.com/graph/api/group-post-members
        """
        body = {"@odata.id": f"{self._graph.root}/directoryObjects/{member}"}
        try:
            self._graph.post(f"groups/{group}/members/$ref", body, repeatable=True)
        except GraphError as error:
            # Graph has no code of its own for it.
            if "already exist" not in str(error):
                raise

    def disable_device(self, device: str) -> None:
        """Disable a device; an application may do it to Windows devices only.

        https://learn.microsoft.com/graph/api/device-update
        """
        self._graph.patch(f"devices/{device}", {"accountEnabled": False})

    def _names(self, path: str) -> dict[str, str | None]:
        found = (read(Named, each) for each in self._graph.pages(path))
        return {each.id: each.display_name for each in found}


def _batches(values: list[str], size: int) -> Iterator[list[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
