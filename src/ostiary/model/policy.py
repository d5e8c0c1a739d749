"""A Conditional Access policy and a named location as Microsoft Graph means them.

Every list is a tuple without repetition, sorted but where it says otherwise: Graph gives the order
of these lists no meaning, so two policies that mean the same compare equal once they are
`canonical`.  An absent condition is None or empty, never an empty object.  Shapes: https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from ostiary.catalog import (
    ApplicationUserAction,
    AuthenticationFlow,
    BuiltInControl,
    ClientAppType,
    CloudAppSecurityType,
    CountryLookupMethod,
    DevicePlatform,
    FilterMode,
    GuestOrExternalUserType,
    InsiderRiskLevel,
    Operator,
    PersistentBrowserMode,
    RiskLevel,
    SignInFrequencyAuthenticationType,
    SignInFrequencyType,
    State,
)


@dataclass(frozen=True, slots=True)
class ExternalTenants:
    """Which external tenants guests come from; `members` are tenant ids, None means all tenants."""

    members: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class GuestsOrExternalUsers:
    """Guests and external users of the given types, from the given tenants."""

    types: tuple[GuestOrExternalUserType, ...]
    external_tenants: ExternalTenants | None = None


@dataclass(frozen=True, slots=True)
class Users:
    """Ids of users, groups and role templates; `include_users` may also hold `All` or `None`."""

    include_users: tuple[str, ...] = ()
    exclude_users: tuple[str, ...] = ()
    include_groups: tuple[str, ...] = ()
    exclude_groups: tuple[str, ...] = ()
    include_roles: tuple[str, ...] = ()
    exclude_roles: tuple[str, ...] = ()
    include_guests_or_external_users: GuestsOrExternalUsers | None = None
    exclude_guests_or_external_users: GuestsOrExternalUsers | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter rule over devices, applications or service principals, in Entra's own language."""

    mode: FilterMode
    rule: str


@dataclass(frozen=True, slots=True)
class Applications:
    """Target resources: application (client) ids and Graph's keywords, or user actions."""

    include_applications: tuple[str, ...] = ()
    exclude_applications: tuple[str, ...] = ()
    include_user_actions: tuple[ApplicationUserAction, ...] = ()
    application_filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class ClientApplications:
    """Workload identities: service principal object ids, or `ServicePrincipalsInMyTenant`."""

    include_service_principals: tuple[str, ...] = ()
    exclude_service_principals: tuple[str, ...] = ()
    service_principal_filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class Platforms:
    """Device platforms, as the user agent claims them."""

    include_platforms: tuple[DevicePlatform, ...]
    exclude_platforms: tuple[DevicePlatform, ...] = ()


@dataclass(frozen=True, slots=True)
class Locations:
    """Keys of named locations of the workspace, or `All` and `AllTrusted`.

    A key, not an id: the id of a managed location exists only after it was created.  A location
    that the workspace does not manage is held by its id.
    """

    include_locations: tuple[str, ...]
    exclude_locations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conditions:
    """All conditions of a policy; a sign-in must match every one that is set."""

    users: Users
    applications: Applications
    client_app_types: tuple[ClientAppType, ...]
    client_applications: ClientApplications | None = None
    platforms: Platforms | None = None
    locations: Locations | None = None
    device_filter: Filter | None = None
    authentication_flows: tuple[AuthenticationFlow, ...] = ()
    sign_in_risk_levels: tuple[RiskLevel, ...] = ()
    user_risk_levels: tuple[RiskLevel, ...] = ()
    service_principal_risk_levels: tuple[RiskLevel, ...] = ()
    insider_risk_levels: InsiderRiskLevel | None = None


@dataclass(frozen=True, slots=True)
class GrantControls:
    """What a sign-in must satisfy, combined by `operator`; strength and terms of use are ids."""

    operator: Operator
    built_in_controls: tuple[BuiltInControl, ...] = ()
    authentication_strength: str | None = None
    terms_of_use: tuple[str, ...] = ()
    custom_authentication_factors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignInFrequency:
    """How often to sign in again: after `value` hours or days, or each time if that is None."""

    value: int | None = None
    type: SignInFrequencyType | None = None
    authentication_type: SignInFrequencyAuthenticationType = "primaryAndSecondaryAuthentication"


@dataclass(frozen=True, slots=True)
class SessionControls:
    """What is enforced after the sign-in."""

    application_enforced_restrictions: bool = False
    cloud_app_security: CloudAppSecurityType | None = None
    disable_resilience_defaults: bool = False
    persistent_browser: PersistentBrowserMode | None = None
    sign_in_frequency: SignInFrequency | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One Conditional Access policy of one environment; `key` is its logical name."""

    key: str
    display_name: str
    state: State
    conditions: Conditions
    grant_controls: GrantControls | None = None
    session_controls: SessionControls | None = None


@dataclass(frozen=True, slots=True)
class IpNamedLocation:
    """Addresses in canonical CIDR form, IPv4 before IPv6, each version in numeric order."""

    key: str
    display_name: str
    ip_ranges: tuple[str, ...]
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class CountryNamedLocation:
    """Countries as ISO 3166-1 alpha-2 codes in upper case; never trusted."""

    key: str
    display_name: str
    countries_and_regions: tuple[str, ...]
    country_lookup_method: CountryLookupMethod = "clientIpAddress"
    include_unknown_countries_and_regions: bool = False


NamedLocation = IpNamedLocation | CountryNamedLocation


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Everything that decides a tenant's sign-ins: its policies and the named locations they name.

    Named locations are found by key, or by id where the workspace does not manage them.
    """

    policies: tuple[Policy, ...]
    named_locations: tuple[NamedLocation, ...] = ()


def canonical(policy: Policy) -> Policy:
    """Give the policy with every list sorted."""
    return _sorted(policy)


Part = TypeVar("Part")


def _sorted(part: Part) -> Part:
    made: Any = part
    if isinstance(part, tuple):
        made = tuple(sorted(part))
    elif is_dataclass(part) and not isinstance(part, type):
        made = replace(part, **{of.name: _sorted(getattr(part, of.name)) for of in fields(part)})
    return made  # type: ignore[no-any-return] # replace and sorted keep the type
