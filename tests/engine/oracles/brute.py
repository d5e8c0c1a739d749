"""Every sign-in of a small world, decided one by one by `evaluate`, and what goals say in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import chain, combinations, product
from math import prod
from typing import Any, get_args

from ostiary.catalog import ApplicationUserAction
from ostiary.model import attribute_filter, device_filter
from ostiary.model.filter_expression import POSITIVE_OF, Expression, comparisons
from ostiary.model.goal import AsksAtMost, Blocked, Fact, Goal, NeverBlocked, SignIns
from ostiary.model.policy import CountryNamedLocation, PolicySet
from ostiary.model.sign_in import (
    UNREGISTERED,
    Application,
    ServicePrincipal,
    SignIn,
    User,
    UserAction,
)
from ostiary.proof.conditions import DeviceCodeDevice
from ostiary.proof.decision import Decision
from ostiary.proof.evaluate import evaluate
from tests.engine.oracles.smt import (
    LEGACY,
    LISTS,
    MFA_TRUSTED,
    STATES,
    SUITES,
    Answer,
    implies,
)

FUTURE = "unknownFutureValue"
ACTION: tuple[ApplicationUserAction, ...] = ("urn:user:registersecurityinfo",)
NOBODY = "nobody"


@dataclass(frozen=True)
class Point:
    """A sign-in, which device Entra sees should it be by device code, and what is decided."""

    sign_in: SignIn
    reading: DeviceCodeDevice
    decision: Decision


class TooManyError(Exception):
    """The world is not a small one."""


class Brute:
    """All sign-ins that a policy set and some goals can tell apart."""

    def __init__(
        self, policy_set: PolicySet, goals: Sequence[Goal], facts: Sequence[Fact], *, most: int
    ) -> None:
        self.policy_set = policy_set
        self._locations = {each.key: each for each in policy_set.named_locations}
        self._names = _Names(policy_set, goals, facts)
        domains = self._domains()
        if prod(map(len, domains.values())) > most:
            raise TooManyError
        points = (dict(zip(domains, each, strict=True)) for each in product(*domains.values()))
        self.points = [
            Point(made, at["reading"], evaluate(policy_set, made, device_code_device=at["reading"]))
            for at in points
            if all(_known(fact, at) for fact in facts)
            for made in [self._sign_in(at)]
        ]

    def answer(self, goal: Goal) -> Answer:
        spoken = [each for each in self.points if self.spoken_of(goal, each)]
        if not spoken:
            return "vacuous"
        return "proof" if all(true_of(goal, each.decision) for each in spoken) else "gap"

    def spoken_of(self, goal: Goal, point: Point) -> bool:
        return any(self._given(goal, each, point) for each in goal.given) and not any(
            self.meant(each.sign_ins, point) for each in goal.exceptions
        )

    def _given(self, goal: Goal, of: SignIns, point: Point) -> bool:
        if of.authentication_flows and isinstance(goal.then, (NeverBlocked, AsksAtMost)):
            involved = {point.sign_in.authentication_flow, point.sign_in.session_flow} - {"none"}
            if not involved <= set(of.authentication_flows):
                return False
        return self.meant(of, point)

    def meant(self, of: SignIns, point: Point) -> bool:
        """Say in plain words what `SignIns` says."""
        made = point.sign_in
        said = [
            self._who(of, made),
            not (of.applications or of.user_actions) or self._what(of, made),
            not of.authentication_flows
            or made.authentication_flow in of.authentication_flows
            or made.session_flow in of.authentication_flows,
            not of.client_app_types
            or "all" in of.client_app_types
            or made.client_app_type in of.client_app_types
            or (
                made.client_app_type == "easSupported"
                and "exchangeActiveSync" in of.client_app_types
            ),
            not of.platforms or "all" in of.platforms or made.platform in of.platforms,
            not of.locations or any(self._from(each, made) for each in of.locations),
            not any(self._from(each, made) for each in of.outside),
            self._device(of, point),
            not of.sign_in_risk_levels or made.sign_in_risk in of.sign_in_risk_levels,
            not of.user_risk_levels or made.user_risk in of.user_risk_levels,
        ]
        return all(said)

    def _who(self, of: SignIns, made: SignIn) -> bool:
        who: Any = made.identity
        if of.service_principals:
            named = "All" in of.service_principals or who.id in of.service_principals
            return isinstance(who, ServicePrincipal) and named
        return isinstance(who, User) and all(
            [
                not of.users or "All" in of.users or who.id in of.users,
                not of.groups or not set(of.groups).isdisjoint(who.groups),  # type: ignore[arg-type]
                not of.roles or not set(of.roles).isdisjoint(who.roles),  # type: ignore[arg-type]
                not of.guests or who.guest_type in of.guests,
            ]
        )

    def _what(self, of: SignIns, made: SignIn) -> bool:
        target: Any = made.target
        if isinstance(target, UserAction):
            return target.urn in of.user_actions
        return (
            "All" in of.applications
            or target.id in of.applications
            or not set(of.applications).isdisjoint(target.suites)  # type: ignore[arg-type]
        )

    def _from(self, key: str, made: SignIn) -> bool:
        if key == "AllTrusted":
            trusted = [key for key, of in self._locations.items() if getattr(of, "is_trusted", 0)]
            return made.in_mfa_trusted_ips is True or any(
                self._from(each, made) for each in trusted
            )
        location = self._locations.get(key)
        if location is None:
            if key == MFA_TRUSTED:
                return made.in_mfa_trusted_ips is True
            return key in made.other_locations  # type: ignore[operator]
        if isinstance(location, CountryNamedLocation):
            by_address = location.country_lookup_method == "clientIpAddress"
            country = made.country if by_address else made.gps_country
            if country is None:
                return location.include_unknown_countries_and_regions
            return country in location.countries_and_regions
        return any(made.ip_address in ip_network(each) for each in location.ip_ranges)

    def _device(self, of: SignIns, point: Point) -> bool:
        made = point.sign_in
        device: Any = made.device
        hidden = made.client_app_type in LEGACY or (
            made.authentication_flow == "deviceCodeFlow" and point.reading == "unavailable"
        )
        if hidden or device is UNREGISTERED:
            return of.device in (None, "unregistered")
        if of.device in STATES:
            name, value = STATES[of.device]
            return bool(str(device.get(name)).lower() == value.lower())
        return of.device is None

    # --- the sign-ins there are

    def _domains(self) -> dict[str, Sequence[Any]]:
        names = self._names
        devices = self._devices()
        flows = ["none", *sorted(names.flows), *([FUTURE] if names.flows else [])]
        plain = len(devices) == 1 and not names.lets_in
        return {
            "identity": [False, True] if names.workloads else [True],
            "user": [NOBODY, *sorted(names.users)],
            "groups": _subsets(names.groups),
            "roles": _subsets(names.roles),
            "guest": self._guests(),
            "principal": [NOBODY, *sorted(names.principals)],
            "principal risk": _levels(names.principal_risks),
            "single tenant": [True, False] if names.workloads else [True],
            "principal attributes": self._attributes(names.principal_rules),
            "target": self._targets(),
            "flow": flows if plain else sorted({"none", "deviceCodeFlow", *flows}),
            "session": flows,
            "client": sorted({"browser", *names.clients, *(() if plain else ("other",))})
            + ([FUTURE] if names.clients else []),
            "platform": [None, *sorted(names.platforms)],
            "address": self._addresses(),
            "mfa trusted": [False, True] if names.mfa_trusted else [False],
            "country": self._countries("clientIpAddress"),
            "gps": self._countries("authenticatorAppGps"),
            "elsewhere": _subsets(names.elsewhere),
            "device": devices,
            "reading": ["unavailable"] if len(devices) == 1 else ["unavailable", "as given"],
            "sign-in risk": _levels(names.sign_in_risks),
            "user risk": _levels(names.user_risks),
            "insider": _levels(names.insider_risks),
        }

    def _sign_in(self, at: Mapping[str, Any]) -> SignIn:
        guest, tenant = at["guest"]
        user = User(at["user"], at["groups"], at["roles"], guest, tenant)
        principal = ServicePrincipal(
            at["principal"], at["principal risk"], at["principal attributes"], at["single tenant"]
        )
        return SignIn(
            identity=user if at["identity"] else principal,
            target=at["target"],
            authentication_flow=at["flow"],
            session_flow=at["session"],
            client_app_type=at["client"],
            platform=at["platform"],
            ip_address=at["address"],
            in_mfa_trusted_ips=at["mfa trusted"],
            country=at["country"],
            gps_country=at["gps"],
            other_locations=at["elsewhere"],
            device=at["device"],
            sign_in_risk=at["sign-in risk"],
            user_risk=at["user risk"],
            insider_risk=at["insider"],
        )

    def _guests(self) -> list[tuple[str | None, str | None]]:
        if not self._names.guests:
            return [(None, None)]
        tenants = [None, *sorted(self._names.tenants)]
        kinds = sorted(self._names.guests)
        return [(None, None), *product([*kinds, FUTURE], tenants)]  # type: ignore[list-item]

    def _targets(self) -> list[Application | UserAction]:
        names = self._names
        attributes = self._attributes(names.application_rules)
        apps: list[Application | UserAction] = [
            Application(*each)
            for each in product([None, *sorted(names.apps)], _subsets(names.suites), attributes)
        ]
        actions = get_args(ApplicationUserAction) if names.actions else ACTION
        return apps + [UserAction(each) for each in actions]

    def _addresses(self) -> list[Any]:
        """Give addresses at every place where membership of a named location can change."""
        networks = [
            ip_network(cidr)
            for key, of in sorted(self._locations.items())
            if not isinstance(of, CountryNamedLocation) and self._names.uses(of)
            for cidr in of.ip_ranges
        ]
        places = {ip_address("0.0.0.0"), ip_address("::")} if networks else set()  # noqa: S104
        for each in networks:
            places.add(each.network_address)
            if int(each.broadcast_address) + 1 < 1 << each.max_prefixlen:
                places.add(each.broadcast_address + 1)
        kept = {
            tuple(place in each for each in networks): place for place in sorted(places, key=str)
        }
        return list(kept.values()) or [ip_address("192.0.2.1")]

    def _countries(self, method: str) -> list[str | None]:
        named = {
            code
            for key, of in self._locations.items()
            if isinstance(of, CountryNamedLocation)
            and key in self._names.places
            and of.country_lookup_method == method
            for code in of.countries_and_regions
        }
        return [None, "XX", *sorted(named)] if named else [None]

    def _devices(self) -> list[Any]:
        names = self._names
        if not (names.device_rules or names.device_states):
            return [UNREGISTERED]
        found = self._attributes(names.device_rules, *names.device_states)
        null = dict.fromkeys(device_filter.ATTRIBUTES)
        return [UNREGISTERED, *({**null, "device.deviceId": "d", **each} for each in found)]

    def _attributes(self, rules: Iterable[Expression], *states: str) -> list[dict[str, Any]]:
        values: dict[str, dict[str, set[str]]] = {}
        for state in states:
            if state in STATES:
                name, value = STATES[state]
                values.setdefault(name, {}).setdefault("-eq", set()).add(value)
        for each in chain.from_iterable(map(comparisons, rules)):
            wanted = each.value if isinstance(each.value, tuple) else (each.value,)
            operator = POSITIVE_OF.get(each.operator, each.operator)
            operator = "-eq" if operator == "-in" else operator
            values.setdefault(each.attribute, {}).setdefault(operator, set()).update(
                map(str, wanted)
            )
        texts = [
            [(name, text) for text in _texts(name, operators)]
            for name, operators in sorted(values.items())
        ]
        return [dict(each) for each in product(*texts)]


class _Names:
    """What policies and goals name, signal by signal."""

    def __init__(self, policy_set: PolicySet, goals: Sequence[Goal], facts: Sequence[Fact]) -> None:
        self.users, self.groups, self.roles = set[str](), set[str](), set[str]()
        self.guests, self.tenants, self.principals = set[str](), set[str](), set[str]()
        self.apps, self.actions = set[str](), set[str]()
        self.flows, self.clients, self.platforms = set[str](), set[str](), set[str]()
        self.places, self.device_states = set[str](), set[str]()
        self.sign_in_risks, self.user_risks = set[str](), set[str]()
        self.insider_risks, self.principal_risks = set[str](), set[str]()
        self.device_rules: list[Expression] = []
        self.application_rules: list[Expression] = []
        self.principal_rules: list[Expression] = []
        self.workloads = False
        self.lets_in = any(isinstance(each.then, (NeverBlocked, AsksAtMost)) for each in goals)
        for each in policy_set.policies:
            self._conditions(each.conditions)
        for goal in goals:
            for said in (*goal.given, *(each.sign_ins for each in goal.exceptions)):
                self._said(said)
        for fact in facts:
            {"user": self.users, "group": self.groups, "role": self.roles}[fact.kind].add(
                fact.subject
            )
            self.groups.add(fact.group)
        if "GuestsOrExternalUsers" in self.users:
            self.guests |= {"internalGuest", "b2bCollaborationGuest", "serviceProvider"}
        self.users -= {"All", "None", "GuestsOrExternalUsers"}
        self.principals -= {"All", "None", "ServicePrincipalsInMyTenant"}
        self.suites = self.apps & SUITES
        self.apps -= {"All", "None", "Office365", "MicrosoftAdminPortals"}
        self.clients -= {"all"}
        if "exchangeActiveSync" in self.clients:
            self.clients.add("easSupported")
        self.platforms -= {"all"}
        keys = {each.key for each in policy_set.named_locations}
        self.mfa_trusted = bool({"AllTrusted", MFA_TRUSTED} & self.places)
        self.elsewhere = self.places - keys - {"All", "AllTrusted", MFA_TRUSTED}

    def uses(self, location: Any) -> bool:
        trusted = location.is_trusted and "AllTrusted" in self.places
        return location.key in self.places or trusted

    def _conditions(self, of: Any) -> None:
        users, apps = of.users, of.applications
        self.users.update(users.include_users, users.exclude_users)
        self.groups.update(users.include_groups, users.exclude_groups)
        self.roles.update(users.include_roles, users.exclude_roles)
        for guests in (
            users.include_guests_or_external_users,
            users.exclude_guests_or_external_users,
        ):
            if guests:
                self.guests.update(guests.types)
                if guests.external_tenants:
                    self.tenants.update(guests.external_tenants.members or ())
        if of.client_applications:
            self.workloads = True
            self.principals.update(of.client_applications.include_service_principals)
            self.principals.update(of.client_applications.exclude_service_principals)
            if rule := of.client_applications.service_principal_filter:
                self.principal_rules.append(attribute_filter.parse(rule.rule))
        self.principal_risks.update(of.service_principal_risk_levels)
        self.apps.update(apps.include_applications, apps.exclude_applications)
        self.actions.update(apps.include_user_actions)
        if apps.application_filter:
            self.application_rules.append(attribute_filter.parse(apps.application_filter.rule))
        self.flows.update(of.authentication_flows)
        self.clients.update(of.client_app_types)
        if of.platforms:
            self.platforms.update(of.platforms.include_platforms, of.platforms.exclude_platforms)
        if of.locations:
            self.places.update(of.locations.include_locations, of.locations.exclude_locations)
        if of.device_filter:
            self.device_rules.append(device_filter.parse(of.device_filter.rule))
        self.sign_in_risks.update(of.sign_in_risk_levels)
        self.user_risks.update(of.user_risk_levels)
        self.insider_risks.update([of.insider_risk_levels] if of.insider_risk_levels else [])

    def _said(self, of: SignIns) -> None:
        self.users.update(of.users)
        self.groups.update(of.groups)
        self.roles.update(of.roles)
        self.guests.update(of.guests)
        self.principals.update(of.service_principals)
        self.workloads = self.workloads or bool(of.service_principals)
        self.apps.update(of.applications)
        self.actions.update(of.user_actions)
        self.flows.update(of.authentication_flows)
        self.clients.update(of.client_app_types)
        self.platforms.update(of.platforms)
        self.places.update(of.locations, of.outside)
        self.device_states.update([of.device] if of.device else [])
        self.sign_in_risks.update(of.sign_in_risk_levels)
        self.user_risks.update(of.user_risk_levels)


def true_of(goal: Goal, decision: Decision) -> bool:
    """Tell whether what a goal says is true of a decision, in plain words."""
    demands = [[(each.kind, each.id) for each in one] for one in decision.requirements]
    if isinstance(goal.then, Blocked):
        return decision.outcome == "blocked"
    if isinstance(goal.then, NeverBlocked):
        return decision.outcome != "blocked" and not decision.unsatisfiable
    if isinstance(goal.then, AsksAtMost):
        having: Any = [(each.kind, each.id) for each in goal.then.controls]
        return (
            decision.outcome != "blocked"
            and not decision.unsatisfiable
            and all(any(implies(h, each) for h in having for each in one) for one in demands)
        )
    return decision.outcome == "blocked" or all(
        any(
            all(any(implies(each, (w.kind, w.id)) for w in wanted) for each in one)
            for one in demands
        )
        for wanted in goal.then.requirements
    )


def _known(fact: Fact, at: Mapping[str, Any]) -> bool:
    if fact.kind == "user":
        subject = at["identity"] and at["user"] == fact.subject
    else:
        subject = fact.subject in at[f"{fact.kind}s"]
    return not subject or (fact.group in at["groups"]) is (fact.relation == "within")


def _subsets(names: Iterable[str]) -> list[frozenset[str]]:
    every = sorted(names)
    return [frozenset(each) for n in range(len(every) + 1) for each in combinations(every, n)]


def _levels(named: Iterable[str]) -> list[str]:
    levels = sorted(named)
    return [*levels, FUTURE] if levels else ["none"]


def _texts(name: str, operators: Mapping[str, set[str]]) -> Iterator[Any]:
    """Give the texts that comparisons with these constants can tell apart, some twice."""
    yield None
    if name == "device.isCompliant":
        yield from (True, False)
        return
    parts = _subsets(operators.get("-contains", ()))
    if name in LISTS:
        yield from (tuple(sorted(each)) for each in parts)
        return
    yield from sorted(operators.get("-eq", ()))
    starts = ["", *sorted(operators.get("-startsWith", ()))]
    ends = ["", *sorted(operators.get("-endsWith", ()))]
    for start, part, end in product(starts, parts, ends):
        yield "~".join([start, *sorted(part), end])
