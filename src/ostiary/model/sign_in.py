"""One sign-in as Conditional Access sees it: who, to what, under which circumstances.

Whatever is not known is `UNKNOWN`, which is not the same as absent: `platform=None` says that Entra
could not tell the platform, `platform=UNKNOWN` that we cannot.  What a value may be follows
https://learn.microsoft.com/graph/api/resources/signinconditions; ids are in lower case, as Graph
gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal

from ostiary import catalog


class Unknown(Enum):
    """The type of `UNKNOWN`: it may be any value, and we do not know which."""

    UNKNOWN = "unknown"

    # Enum's own hash takes its time, and signals are looked up millions of times.
    __hash__ = object.__hash__


class Unregistered(Enum):
    """The type of `UNREGISTERED`: a device that the directory does not hold."""

    UNREGISTERED = "unregistered"


UNKNOWN: Final = Unknown.UNKNOWN
UNREGISTERED: Final = Unregistered.UNREGISTERED
# Whom or what no policy names; no object has this id.
NOBODY = "00000000-0000-0000-0000-000000000000"

# Graph's word for every value that Microsoft may add: no policy that exists names it.
Future = Literal["unknownFutureValue"]
GuestType = catalog.GuestOrExternalUserType | Future
Flow = Literal["none"] | catalog.AuthenticationFlow | Future
Risk = catalog.RiskLevel | Future
InsiderRisk = Literal["none"] | catalog.InsiderRiskLevel | Future
Platform = (
    Literal["android", "iOS", "windows", "windowsPhone", "macOS", "linux"] | Future
)  # what `all` stands for is None or any of them
# `easSupported` is Exchange ActiveSync on a platform that Conditional Access knows,
# `exchangeActiveSync` on any other.
ClientApp = (
    Literal["browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other"]
    | Future
)

# A device's or an application's attributes by their names in filter rules (`device.isCompliant`);
# None is null, and an attribute that is missing is unknown.
Attributes = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Partly:
    """A set of ids of which we know some that are `of` it and some that are `not_of` it."""

    of: frozenset[str] = frozenset()
    not_of: frozenset[str] = frozenset()


# A frozenset is the whole set: what it does not hold is not of it.
Ids = frozenset[str] | Partly | Unknown


@dataclass(frozen=True, slots=True)
class User:
    """A person.

    `groups` are ids, nested membership included; `roles` template ids of built-in roles that are
    active for the whole directory: neither eligible, nor scoped, nor custom ones count
    (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-users-groups).
    `guest_type` is None for an ordinary member; `external_tenant` is the id of the tenant that a
    guest comes from, None where there is none.  That page lets policies on direct connect users
    reach B2B users in Teams and SharePoint too, and the reverse: judge those as each of the types.
    """

    id: str | Unknown
    groups: Ids = UNKNOWN
    roles: Ids = UNKNOWN
    guest_type: GuestType | Unknown | None = UNKNOWN
    external_tenant: str | Unknown | None = UNKNOWN


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """A workload, by the object id of its service principal.

    `single_tenant` is False for multitenant applications and for managed identities, which no
    policy covers (https://learn.microsoft.com/entra/identity/conditional-access/workload-identity).
    """

    id: str | Unknown
    risk: Risk | Unknown = UNKNOWN
    attributes: Attributes | Unknown = UNKNOWN
    single_tenant: bool | Unknown = True


@dataclass(frozen=True, slots=True)
class Application:
    """The resource that is called, by client id; None is one that no policy names.

    `suites` are the keywords, and the ids of applications that stand for several, that it belongs
    to: `Office365`, `MicrosoftAdminPortals`, or Windows Azure Service Management API's id for Azure
    Resource Manager.  A sign-in that asks for baseline scopes only is one to Windows Azure Active
    Directory, unless the tenant has opted out
    (https://learn.microsoft.com/entra/identity/conditional-access/concept-enforcement-resource-exclusions).
    """

    id: str | Unknown | None
    suites: Ids = UNKNOWN
    attributes: Attributes | Unknown = UNKNOWN


@dataclass(frozen=True, slots=True)
class UserAction:
    """Something that a user does to their account, in place of an application."""

    urn: catalog.ApplicationUserAction


@dataclass(frozen=True, slots=True)
class SignIn:
    """One request for a token.

    `session_flow` is the flow in which the session began.  `ip_address` is the public one that
    Entra sees.  `country` belongs to that address (ISO 3166-1 alpha-2, in upper case; None: the
    address has none), `gps_country` to the position that Authenticator gives (None: it gives none).
    `other_locations` are the ids of named locations without a definition at hand, such as the
    compliant network, that the sign-in comes from.  `device` holds attributes as Entra sees them:
    an extension attribute is null unless the device is managed, compliant or hybrid joined
    (https://learn.microsoft.com/entra/identity/conditional-access/concept-condition-filters-for-devices).
    """

    identity: User | ServicePrincipal
    target: Application | UserAction
    authentication_flow: Flow | Unknown = UNKNOWN
    session_flow: Flow | Unknown = "none"
    client_app_type: ClientApp | Unknown = UNKNOWN
    platform: Platform | Unknown | None = UNKNOWN
    ip_address: IPv4Address | IPv6Address | Unknown = UNKNOWN
    in_mfa_trusted_ips: bool | Unknown = UNKNOWN
    country: str | Unknown | None = UNKNOWN
    gps_country: str | Unknown | None = UNKNOWN
    other_locations: Ids = UNKNOWN
    device: Attributes | Unregistered | Unknown = UNKNOWN
    sign_in_risk: Risk | Unknown = UNKNOWN
    user_risk: Risk | Unknown = UNKNOWN
    insider_risk: InsiderRisk | Unknown = UNKNOWN
