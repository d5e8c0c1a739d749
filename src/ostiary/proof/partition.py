"""The dimensions in which sign-ins differ, each parted into the classes that conditions tell apart.

Sign-ins of the same classes are decided alike, so a finite number of them stands for all.  The
world stays open: there is a class for users, applications and addresses that nobody names, each
group and role is a dimension of its own, so that a user may be in any combination of them, and
values that Microsoft may add tomorrow have a class too.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import get_args

from ostiary import catalog
from ostiary.model.filter_expression import Expression
from ostiary.model.goal import Fact, SignIns
from ostiary.model.policy import (
    Conditions,
    CountryNamedLocation,
    GuestsOrExternalUsers,
    IpNamedLocation,
    NamedLocation,
)
from ostiary.model.sign_in import GuestType
from ostiary.proof.attributes import Attributes
from ostiary.proof.conditions import (
    MFA_TRUSTED_IPS,
    SUITES,
    DeviceCodeDevice,
    FilterKind,
    device_rule,
    rules,
)
from ostiary.proof.networks import address_classes

# Rules that say what `SignIns.device` says; a device that is not registered has no attributes.
DEVICE_STATES = {
    "compliant": "device.isCompliant -eq True",
    "hybridJoined": 'device.trustType -eq "ServerAD"',
}
_FUTURE = "unknownFutureValue"
_RISKS = ("none", "low", "medium", "high", "hidden", _FUTURE)
_FLOWS = ("none", *get_args(catalog.AuthenticationFlow), _FUTURE)


@dataclass(frozen=True, slots=True)
class Guest:
    """A kind of user: `type` None is an ordinary member; `tenant` None one that nobody names."""

    type: GuestType | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What is signed in to: an application, None where nobody names it, or an action."""

    application: str | None = None
    suites: frozenset[str] = frozenset()
    user_action: catalog.ApplicationUserAction | None = None


@dataclass(frozen=True, slots=True)
class Country:
    """Countries that lie in the same locations, and one; `example` None is an unknown country."""

    locations: frozenset[str]
    example: str | None


@dataclass(frozen=True, slots=True)
class Flow:
    """The flow of the sign-in, and the one in which its session began."""

    authentication: str = "none"
    session: str = "none"


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that sign-ins differ in; the plainest class stands first.

    `kind` says what the classes are, `name` which one of a kind: a group's id, an attribute.
    """

    kind: str
    name: str
    classes: tuple[Hashable, ...]

    @property
    def full(self) -> int:
        """The mask of all classes."""
        return (1 << len(self.classes)) - 1


class Partition:
    """The dimensions that some conditions, goals' sign-ins and facts need, numbered from 0.

    `locations` gives named locations by the key that conditions name them with; one that is not
    there has unknown addresses: any sign-in may come from it or not.  Raises TooHardError for a
    filter rule that cannot be parted exactly, and FilterSyntaxError for one that cannot be read.
    """

    def __init__(
        self,
        conditions: Iterable[Conditions],
        locations: Mapping[str, NamedLocation],
        sign_ins: Iterable[SignIns] = (),
        facts: Iterable[Fact] = (),
    ) -> None:
        self.locations = locations
        self.facts = tuple(facts)
        self.dimensions: list[Dimension] = []
        self.number: dict[tuple[str, str], int] = {}
        self.inside: dict[str, int] = {}  # key of an IP location → mask of its addresses
        self.attributes: dict[str, Attributes] = {}
        self._masks: dict[int, dict[Hashable, int]] = {}
        self._rules: dict[tuple[str, str], Expression] = {}
        every, goals = list(conditions), list(sign_ins)
        self._fixed()
        self._people(every, goals)
        self._targets(every, goals)
        self._places(every, goals)
        self._filters(every, goals)

    def full(self, number: int) -> int:
        """Give the mask of all classes of a dimension."""
        return self.dimensions[number].full

    def mask(self, kind: str, values: Iterable[Hashable], name: str = "") -> int:
        """Give the mask of some classes of a dimension; a value that is no class adds nothing."""
        number = self.number[kind, name]
        known = self._masks.get(number)
        if known is None:
            classes = self.dimensions[number].classes
            known = self._masks[number] = {each: 1 << place for place, each in enumerate(classes)}
        mask = 0
        for value in values:
            mask |= known.get(value, 0)
        return mask

    def filtered(self, kind: str, rule: str, *, denied: bool) -> list[dict[str, int]]:
        """Give masks by attribute, in whose union a filter's rule is true, or false if `denied`."""
        return self.attributes[kind].cubes(self._rules[kind, rule], denied=denied)

    def _add(self, kind: str, classes: Iterable[Hashable], name: str = "") -> None:
        self.number[kind, name] = len(self.dimensions)
        self.dimensions.append(Dimension(kind, name, tuple(classes)))

    def _fixed(self) -> None:
        self._add("principal", ("user", "servicePrincipal"))
        self._add("flow", [Flow(flow, session) for session, flow in product(_FLOWS, _FLOWS)])
        self._add("clientAppType", (*get_args(catalog.ClientAppType)[1:], _FUTURE))
        platforms = [each for each in get_args(catalog.DevicePlatform) if each != "all"]
        platforms.sort(key="windows".__ne__)
        self._add("platform", (*platforms, None, _FUTURE))
        self._add("signInRisk", _RISKS)
        self._add("userRisk", _RISKS)
        self._add("insiderRisk", ("none", *get_args(catalog.InsiderRiskLevel), _FUTURE))

    def _people(self, every: Sequence[Conditions], goals: Sequence[SignIns]) -> None:
        users, groups, roles = set[str](), set[str](), set[str]()
        guests: list[GuestsOrExternalUsers | None] = []
        principals, workloads = set[str](), False
        for each in every:
            of = each.users
            users.update(of.include_users, of.exclude_users)
            groups.update(of.include_groups, of.exclude_groups)
            roles.update(of.include_roles, of.exclude_roles)
            guests += [of.include_guests_or_external_users, of.exclude_guests_or_external_users]
            if each.client_applications is not None:
                workloads = True
                principals.update(each.client_applications.include_service_principals)
                principals.update(each.client_applications.exclude_service_principals)
        for goal in goals:
            users.update(goal.users)
            groups.update(goal.groups)
            roles.update(goal.roles)
            principals.update(goal.service_principals)
        for fact in self.facts:
            {"user": users, "group": groups, "role": roles}[fact.kind].add(fact.subject)
            groups.add(fact.group)
        self._add("user", _named(users, "All", "None", "GuestsOrExternalUsers"))
        self._add("guest", _guests(guests))
        for kind, names in (("group", groups), ("role", roles)):
            for name in sorted(names):
                self._add(kind, (False, True), name)
        if workloads:
            words = ("ServicePrincipalsInMyTenant", "None", "All")
            self._add("servicePrincipal", _named(principals, *words))
            self._add("servicePrincipalRisk", _RISKS)
            self._add("singleTenant", (True, False))
        elif principals - {"All"}:
            self._add("servicePrincipal", _named(principals, "All"))

    def _targets(self, every: Sequence[Conditions], goals: Sequence[SignIns]) -> None:
        used = {word for each in goals for word in each.applications}
        for each in every:
            used.update(each.applications.include_applications)
            used.update(each.applications.exclude_applications)
        # Which application belongs to what stands for several, only Microsoft knows: any may.
        suites = [frozenset[str]()]
        for suite in SUITES:
            if suite in used:
                suites += [each | {suite} for each in suites]
        apps = _named(used, *catalog.APPLICATION_KEYWORDS)
        targets = [Target(app, each) for app, each in product(apps, suites)]
        targets += [Target(user_action=each) for each in get_args(catalog.ApplicationUserAction)]
        self._add("target", targets)

    def _places(self, every: Sequence[Conditions], goals: Sequence[SignIns]) -> None:
        used = {key for each in goals for key in (*each.locations, *each.outside)}
        for each in every:
            if each.locations:
                used.update(each.locations.include_locations, each.locations.exclude_locations)
        trusting = "AllTrusted" in used
        by_address = {
            key: each.ip_ranges
            for key, each in sorted(self.locations.items())
            if isinstance(each, IpNamedLocation) and (key in used or (trusting and each.is_trusted))
        }
        addresses = address_classes(by_address)
        self._add("address", addresses.classes)
        self.inside.update(addresses.inside)
        for method in get_args(catalog.CountryLookupMethod):
            asked = [
                each
                for key, each in sorted(self.locations.items())
                if isinstance(each, CountryNamedLocation)
                and key in used
                and each.country_lookup_method == method
            ]
            if asked:
                self._add("country", _countries(asked), method)
        unknown = used - self.locations.keys() - {"All", "AllTrusted"}
        if trusting:
            unknown.add(MFA_TRUSTED_IPS)
        for key in sorted(unknown):
            self._add("location", (False, True), key)

    def _filters(self, every: Sequence[Conditions], goals: Sequence[SignIns]) -> None:
        kinds: tuple[FilterKind, ...] = get_args(FilterKind)
        parsed: dict[FilterKind, dict[str, Expression]] = {kind: {} for kind in kinds}
        for each in every:
            for kind, text, expression in rules(each):
                parsed[kind][text] = expression
        for goal in goals:
            if rule := DEVICE_STATES.get(goal.device or ""):
                parsed["device"][rule] = device_rule(rule)
        for kind in kinds:
            attributes = self.attributes[kind] = Attributes(parsed[kind].values())
            for name, values in attributes.values.items():
                self._add(kind, values, name)
            for text, expression in parsed[kind].items():
                self._rules[kind, text] = expression
        self._device(goals)

    def _device(self, goals: Sequence[SignIns]) -> None:
        # The class of null takes in every value that no rule names, so a device may be in it with
        # every attribute and still be registered.
        if any(each.device == "unregistered" for each in goals):
            self._add("deviceRegistered", (False, True))
        if self.attributes["device"].values or ("deviceRegistered", "") in self.number:
            self._add("deviceCodeDevice", get_args(DeviceCodeDevice))


def _named(names: Collection[str], *keywords: str) -> list[str | None]:
    """Give None for what nobody names, and every name, sorted."""
    return [None, *sorted(set(names).difference(keywords))]


def _guests(conditions: Iterable[GuestsOrExternalUsers | None]) -> Iterator[Guest]:
    named = set[str]()
    for each in conditions:
        if each and each.external_tenants:
            named.update(each.external_tenants.members or ())
    yield Guest()
    for kind in (*get_args(catalog.GuestOrExternalUserType), _FUTURE):
        for tenant in (None, *sorted(named)) if kind != "internalGuest" else (None,):
            yield Guest(kind, tenant)


def _countries(asked: Sequence[CountryNamedLocation]) -> list[Country]:
    """Give a class for each way of lying in the locations."""
    locations: dict[str, list[str]] = {}
    for each in asked:
        for country in each.countries_and_regions:
            locations.setdefault(country, []).append(each.key)
    unknown = [each.key for each in asked if each.include_unknown_countries_and_regions]
    classes: dict[frozenset[str], Country] = {}
    for code in (_unnamed(locations), *sorted(locations), None):
        inside = frozenset(unknown if code is None else locations.get(code, ()))
        classes.setdefault(inside, Country(inside, code))
    return list(classes.values())


def _unnamed(named: Collection[str]) -> str:
    """Give a country that is not named; `ZZ`, which is none, where all are."""
    return next((code for code in ("CH", "NZ", "IS", "UY", "BT") if code not in named), "ZZ")
