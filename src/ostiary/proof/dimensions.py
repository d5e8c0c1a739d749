"""Policies → for each dimension of a sign-in, which of them its signals let through.

A dimension is a group of signals whose conditions no other dimension has a part in, so a policy
applies when every dimension lets it through.  The answers are those of `conditions`, for all
policies at once; the sources stand there.

Where policies include and exclude, tables are over `sides`: see `Bounds.within`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, get_args

from ostiary import catalog
from ostiary.model import attribute_filter, device_filter
from ostiary.model.filter_expression import Expression
from ostiary.model.policy import (
    ClientApplications,
    Conditions,
    Filter,
    GuestsOrExternalUsers,
    Platforms,
    Users,
)
from ostiary.model.sign_in import (
    UNKNOWN,
    Application,
    Attributes,
    ClientApp,
    Flow,
    InsiderRisk,
    Platform,
    Risk,
    ServicePrincipal,
    SignIn,
    Unknown,
    Unregistered,
    User,
    UserAction,
)
from ostiary.proof.bounds import Bounds, Named, Rules
from ostiary.proof.conditions import LEGACY_CLIENTS, SUITES, DeviceCodeDevice

_GUEST_TYPES = get_args(catalog.GuestOrExternalUserType)
_NULL = dict.fromkeys(device_filter.ATTRIBUTES)


class Request(NamedTuple):
    """The signals that have few values each; the fields are those of `SignIn`."""

    client_app_type: ClientApp | Unknown = UNKNOWN
    authentication_flow: Flow | Unknown = UNKNOWN
    session_flow: Flow | Unknown = "none"
    platform: Platform | Unknown | None = UNKNOWN
    sign_in_risk: Risk | Unknown = UNKNOWN
    user_risk: Risk | Unknown = UNKNOWN
    insider_risk: InsiderRisk | Unknown = UNKNOWN

    @classmethod
    def of(cls, sign_in: SignIn) -> Request:
        """Take these signals from a sign-in."""
        return cls(*(getattr(sign_in, name) for name in cls._fields))


# Whether the attributes of the device do not count: no, yes, not known.
SEEN, HIDDEN, UNDECIDED = range(3)


class Identities:
    """Users, and workload identities with their risk."""

    def __init__(self, policies: Bounds, conditions: Sequence[Conditions]) -> None:
        self._policies = policies
        sides = Bounds(2 * policies.size)
        # A policy is either on users or on workload identities, and never reaches the others.
        users = [each.users if each.client_applications is None else Users() for each in conditions]
        ids = [each.include_users for each in users] + [each.exclude_users for each in users]
        groups = [each.include_groups for each in users] + [each.exclude_groups for each in users]
        roles = [each.include_roles for each in users] + [each.exclude_roles for each in users]
        guests = [each.include_guests_or_external_users for each in users]
        guests += [each.exclude_guests_or_external_users for each in users]
        self._everybody = sides.where("All" in each for each in ids)
        self._ids = Named(sides, [_without(each, "None", "GuestsOrExternalUsers") for each in ids])
        self._groups = Named(sides, groups)
        self._roles = Named(sides, roles)
        self._guests = Named(
            sides,
            [
                _GUEST_TYPES if "GuestsOrExternalUsers" in words else _of_any_tenant(each)
                for words, each in zip(ids, guests, strict=True)
            ],
        )
        limited = [_of_tenants(each) for each in guests]
        self._external = Named(sides, [types for types, _ in limited])
        self._tenants = Named(sides, [tenants for _, tenants in limited])
        self._workloads = _Workloads(policies, conditions)
        levels = [each.service_principal_risk_levels for each in conditions]
        self._any_risk = policies.where(not each for each in levels)
        self._risk = Named(policies, levels)

    def reached(self, identity: User | ServicePrincipal) -> int:
        """Give the policies that reach the identity."""
        if isinstance(identity, ServicePrincipal):
            risk = self._any_risk | self._risk.having(identity.risk)
            return risk & self._workloads.reached(identity)
        found = (
            self._everybody
            | self._ids.having(identity.id)
            | self._groups.meeting(identity.groups)
            | self._roles.meeting(identity.roles)
            | self._guests.having(identity.guest_type)
            | self._external.having(identity.guest_type)
            & self._tenants.having(identity.external_tenant)
        )
        return self._any_risk & self._policies.within(found)


class _Workloads:
    def __init__(self, policies: Bounds, conditions: Sequence[Conditions]) -> None:
        self._policies = policies
        sides = Bounds(2 * policies.size)
        of = [each.client_applications or ClientApplications() for each in conditions]
        included = [each.include_service_principals for each in of]
        ids = [_without(each, "None") for each in included]
        ids += [each.exclude_service_principals for each in of]
        self._every = sides.where("ServicePrincipalsInMyTenant" in each for each in included)
        self._ids = Named(sides, ids)
        filters = [each.service_principal_filter for each in of]
        self._rules = _two_sided(sides, filters, attribute_filter.parse)
        self._single_tenant = Named(policies, [[True]] * policies.size)

    def reached(self, who: ServicePrincipal) -> int:
        found = self._every | self._ids.having(who.id) | self._rules.true_of(_known(who.attributes))
        return self._policies.within(found) & self._single_tenant.having(who.single_tenant)


class Targets:
    """Applications and user actions."""

    def __init__(self, policies: Bounds, conditions: Sequence[Conditions]) -> None:
        self._policies = policies
        sides = Bounds(2 * policies.size)
        of = [each.applications for each in conditions]
        names = [each.include_applications for each in of]
        self._every_action = policies.where("All" in each for each in names)
        self._actions = Named(policies, [each.include_user_actions for each in of])
        self._every = sides.where("All" in each for each in names)
        names += [each.exclude_applications for each in of]
        self._ids = Named(sides, [_without(each, *catalog.APPLICATION_KEYWORDS) for each in names])
        self._suites = Named(sides, [[name for name in each if name in SUITES] for each in names])
        filters = [each.application_filter for each in of]
        self._rules = _two_sided(sides, filters, attribute_filter.parse)

    def reached(self, target: Application | UserAction) -> int:
        """Give the policies that reach the target."""
        if isinstance(target, UserAction):
            return self._every_action | self._actions.having(target.urn)
        found = (
            self._every
            | self._ids.having(target.id)
            | self._suites.meeting(target.suites)
            | self._rules.true_of(_known(target.attributes))
        )
        return self._policies.within(found)


class Requests:
    """Client, platform, flow and the risks of sign-in and user."""

    def __init__(self, policies: Bounds, conditions: Sequence[Conditions]) -> None:
        self._policies = policies
        sides = Bounds(2 * policies.size)
        clients = [each.client_app_types for each in conditions]
        self._any_client = policies.where(not each or "all" in each for each in clients)
        clients = [
            (*each, "easSupported") if "exchangeActiveSync" in each else each for each in clients
        ]
        self._clients = Named(policies, clients)
        of = [each.platforms or Platforms(("all",)) for each in conditions]
        platforms = [each.include_platforms for each in of]
        platforms += [each.exclude_platforms for each in of]
        self._any_platform = sides.where("all" in each for each in platforms)
        self._platforms = Named(sides, platforms)
        flows = [each.authentication_flows for each in conditions]
        self._any_flow = policies.where(not each for each in flows)
        self._flows = Named(policies, flows)
        insider = [each.insider_risk_levels for each in conditions]
        self._levels = [
            (policies.where(not each for each in levels), Named(policies, levels))
            for levels in (
                [each.sign_in_risk_levels for each in conditions],
                [each.user_risk_levels for each in conditions],
                [(each,) if each else () for each in insider],
            )
        ]

    def reached(self, of: Request) -> int:
        """Give the policies that reach the request."""
        flows = self._flows.having(of.authentication_flow) | self._flows.having(of.session_flow)
        found = self._any_flow | flows
        found &= self._any_client | self._clients.having(of.client_app_type)
        found &= self._policies.within(self._any_platform | self._platforms.having(of.platform))
        risks = (of.sign_in_risk, of.user_risk, of.insider_risk)
        for (any_level, levels), risk in zip(self._levels, risks, strict=True):
            found &= any_level | levels.having(risk)
        return found


class Devices:
    """Devices, and what hides them."""

    def __init__(
        self, policies: Bounds, conditions: Sequence[Conditions], reading: DeviceCodeDevice
    ) -> None:
        self._policies = policies
        self._sides = sides = Bounds(2 * policies.size)
        self._reading = reading
        filters = [each.device_filter for each in conditions]
        self._rules = _two_sided(sides, filters, device_filter.parse)
        self._every = sides.where(not each or each.mode == "exclude" for each in filters)
        self._every &= sides.known(policies.all)
        self._unregistered = self._rules.true_of(_NULL)

    @property
    def attributes(self) -> Sequence[str]:
        """The attributes that rules compare: devices that agree in these are alike."""
        return self._rules.attributes

    def reached(self, device: Attributes | Unregistered | Unknown) -> tuple[int, int, int]:
        """Give the policies that reach the device when it is SEEN, HIDDEN and UNDECIDED."""
        hidden = self._unregistered
        seen = hidden if isinstance(device, Unregistered) else self._rules.true_of(_known(device))
        full = self._sides.known(self._sides.all)
        surely = self._sides.all
        undecided = seen & hidden & surely | (seen | hidden) & (full ^ surely)
        return (
            self._policies.within(self._every | seen),
            self._policies.within(self._every | hidden),
            self._policies.within(self._every | undecided),
        )

    def hidden(self, of: Request) -> int:
        """Tell whether the device's state is SEEN, HIDDEN or UNDECIDED in such a request."""
        in_flow = self._reading == "unavailable"
        if of.client_app_type in LEGACY_CLIENTS:
            return HIDDEN
        if in_flow and of.authentication_flow == "deviceCodeFlow":
            return HIDDEN
        if of.client_app_type is UNKNOWN or (in_flow and of.authentication_flow is UNKNOWN):
            return UNDECIDED
        return SEEN


def _two_sided(
    sides: Bounds, filters: Sequence[Filter | None], parse: Callable[[str], Expression]
) -> Rules:
    return Rules(
        sides,
        [
            parse(each.rule) if each and each.mode == mode else None
            for mode in get_args(catalog.FilterMode)
            for each in filters
        ],
    )


def _known(attributes: Attributes | Unknown) -> Attributes:
    return {} if isinstance(attributes, Unknown) else attributes


def _without(names: Sequence[str], *words: str) -> tuple[str, ...]:
    return tuple(each for each in names if each not in words)


def _of_any_tenant(guests: GuestsOrExternalUsers | None) -> tuple[str, ...]:
    """Give the types that are matched whatever the tenant."""
    if guests is None:
        return ()
    limited = guests.external_tenants is not None and guests.external_tenants.members is not None
    return tuple(each for each in guests.types if not limited or each == "internalGuest")


def _of_tenants(guests: GuestsOrExternalUsers | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the types that are matched in some tenants only, and these."""
    if guests is None or guests.external_tenants is None or guests.external_tenants.members is None:
        return (), ()
    # Internal guests among them are matched already.
    return guests.types, guests.external_tenants.members
