"""Who a token is for, what it allows, and what Microsoft Graph asks for on each path."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from ostiary.errors import TenantError


@dataclass(frozen=True, slots=True)
class Identity:
    """What a token says of itself; its signature is not checked, as that is Graph's to do.

    `application` is False for a person's token, of which `permissions` are those of the client that
    the person signed in with, az for one, and no more than the person's roles allow.
    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """

    tenant_id: str
    client_id: str
    object_id: str
    permissions: frozenset[str]
    application: bool


def identity_of(token: str) -> Identity:
    """Read an access token; raises TenantError where it is none that can be read."""
    try:
        payload = token.split(".")[1]
        claims: dict[str, Any] = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
        scopes = claims.get("scp")
        return Identity(
            tenant_id=claims["tid"].lower(),
            client_id=str(claims.get("appid") or claims.get("azp") or ""),
            object_id=str(claims.get("oid", "")),
            permissions=frozenset((scopes or "").split() or claims.get("roles", ())),
            application=scopes is None,
        )
    except (IndexError, KeyError, TypeError, ValueError, AttributeError):
        reason = "Entra gave a token that cannot be read"
    raise TenantError(reason)


@dataclass(frozen=True, slots=True)
class Needed:
    """The least privileged application permissions for some requests, and the page that says so."""

    method: str
    path: str
    permissions: tuple[str, ...]
    page: str


_READ, _WRITE = "GET", "POST|PATCH|DELETE"
_ACCESS = "identity/conditionalAccess/"
# The first that matches counts; `path` comes after the version.
_NEEDED = (
    Needed(_READ, _ACCESS, ("Policy.Read.All",), "conditionalaccessroot-list-policies"),
    Needed(
        _WRITE,
        _ACCESS,
        ("Policy.Read.All", "Policy.ReadWrite.ConditionalAccess", "Application.Read.All"),
        "conditionalaccessroot-post-policies",
    ),
    Needed(
        _READ,
        "policies/identitySecurityDefaultsEnforcementPolicy",
        ("Policy.Read.All",),
        "identitysecuritydefaultsenforcementpolicy-get",
    ),
    Needed(
        _READ,
        "policies/authenticationStrengthPolicies",
        ("Policy.Read.All",),
        "authenticationstrengthroot-list-policies",
    ),
    Needed(
        _READ,
        "identityGovernance/termsOfUse/agreements",
        ("Agreement.Read.All",),
        "termsofusecontainer-list-agreements",
    ),
    Needed(
        _READ,
        "roleManagement/directory/roleDefinitions",
        ("RoleManagement.Read.Directory",),
        "rbacapplication-list-roledefinitions",
    ),
    Needed(_READ, "organization", ("Organization.Read.All",), "organization-list"),
    Needed(_READ, "subscribedSkus", ("LicenseAssignment.Read.All",), "subscribedsku-list"),
    Needed(_READ, "servicePrincipals", ("Application.Read.All",), "serviceprincipal-list"),
    Needed(
        "POST", "directoryObjects/getByIds", ("Directory.Read.All",), "directoryobject-getbyids"
    ),
    Needed(
        _READ,
        "auditLogs/directoryAudits",
        ("AuditLog.Read.All", "Directory.Read.All"),
        "directoryaudit-list",
    ),
    Needed(_READ, "auditLogs/signIns", ("AuditLog.Read.All",), "signin-list"),
    Needed(
        _READ,
        "groups/[^/]+/transitiveMembers",
        ("GroupMember.Read.All",),
        "group-list-transitivemembers",
    ),
    Needed(_READ, "groups/[^/]+$", ("GroupMember.Read.All",), "group-get"),
    Needed("POST", "groups/[^/]+/members", ("GroupMember.ReadWrite.All",), "group-post-members"),
    # Without Device.Read.All, a device is told as its id and nothing more.
    Needed(
        _READ,
        "users/[^/]+/(owned|registered)Devices",
        ("User.Read.All", "Device.Read.All"),
        "user-list-owneddevices",
    ),
    Needed(
        "POST",
        "users/[^/]+/revokeSignInSessions",
        ("User.RevokeSessions.All",),
        "user-revokesigninsessions",
    ),
    Needed(_READ, "users", ("User.Read.All",), "user-get"),
    Needed("PATCH", "devices/", ("Device.ReadWrite.All",), "device-update"),
)


def needed(method: str, path: str) -> Needed | None:
    """Say what a request needs; `path` comes after the version. None where it is not known."""
    for each in _NEEDED:
        if re.fullmatch(each.method, method) and re.match(each.path, path):
            return each
    return None


def advice(method: str, path: str, token: str) -> str:
    """Say what a refused request needs, and what the token allows; `path` as in `needed`."""
    try:
        held = identity_of(token).permissions
    except TenantError:
        held = frozenset()
    allowed = f"the token allows {', '.join(sorted(held)) or 'nothing'}"
    need = needed(method, path)
    if need is None:
        return allowed
    return (
        f"it needs {' and '.join(need.permissions)}"
        f" (https://learn.microsoft.com/graph/api/{need.page}#permissions); {allowed}"
    )
