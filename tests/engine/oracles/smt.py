"""Policies and goals as formulas for z3, written from the model alone.

Nothing of `ostiary.proof` is used: neither its classes nor its cubes nor how it reads a condition.
A signal is a variable, an address is 128 bits, membership of a group is a truth value; whatever no
policy names is the value 0 of a signal, or any number that stands for no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_network
from typing import Any, Literal

import z3

from ostiary import catalog
from ostiary.model import attribute_filter, device_filter
from ostiary.model.filter_expression import (
    POSITIVE_OF,
    And,
    Comparison,
    Expression,
    Not,
    comparisons,
)
from ostiary.model.goal import AsksAtMost, Blocked, Fact, Goal, NeverBlocked, Requires, SignIns
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    CountryNamedLocation,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    Policy,
    PolicySet,
)

Answer = Literal["proof", "gap", "vacuous"]

MFA_TRUSTED = "00000000-0000-0000-0000-000000000000"
SUITES = {"Office365", "MicrosoftAdminPortals", "797f4846-ba00-4fd7-ba43-dac1f8f63013"}
LEGACY = ("exchangeActiveSync", "easSupported", "other")
EXTERNAL = (
    "b2bCollaborationGuest",
    "b2bCollaborationMember",
    "b2bDirectConnectUser",
    "otherExternalUser",
    "serviceProvider",
)
LISTS = {"device.physicalIds", "device.systemLabels"}
DEVICES = ("compliantDevice", "domainJoinedDevice")
# Of the built-in strengths, and then plain multifactor, each one does for all that follow it.
STRENGTH = {f"00000000-0000-0000-0000-00000000000{n}": n for n in (4, 3, 2)}
MFA = 1


class Choice:
    """A signal with one value of many; names are numbered from 1 as they come up."""

    def __init__(self, name: str, bits: int) -> None:
        self.variable = z3.BitVec(name, bits)
        self._atoms: dict[object, Any] = {}
        self._most = 1 << bits

    def among(self, values: Iterable[object]) -> Any:
        return any_of([self._is(each) for each in values])

    def _is(self, value: object) -> Any:
        if value not in self._atoms:
            number = len(self._atoms) + 1
            assert number < self._most
            self._atoms[value] = self.variable == number
        return self._atoms[value]


class Smt:
    """A policy set and the goals that may be asked about it, over one set of variables."""

    def __init__(
        self,
        policy_set: PolicySet,
        goals: Iterable[Goal] = (),
        facts: Iterable[Fact] = (),
        *,
        timeout: int = 20_000,
    ) -> None:
        self.policy_set = policy_set
        self._timeout = timeout
        self._locations = {each.key: each for each in policy_set.named_locations}
        self._goals = tuple(goals)
        spoken = [each for goal in self._goals for each in _spoken(goal)]
        bits = _bits(policy_set, spoken)
        self._is_user = z3.Bool("user?")
        self._user = Choice("user", bits["names"])
        self._guest = Choice("guest", 3)
        self._tenant = Choice("tenant", bits["names"])
        self._principal = Choice("principal", bits["names"])
        self._single_tenant = z3.Bool("single tenant")
        self._is_action = z3.Bool("action?")
        self._action = Choice("action", 2)
        self._app = Choice("app", bits["apps"])
        self._flow, self._session = Choice("flow", 2), Choice("session", 2)
        self._client, self._platform = Choice("client", 3), Choice("platform", 3)
        self._sign_in_risk, self._user_risk = Choice("sign-in risk", 3), Choice("user risk", 3)
        self._principal_risk = Choice("principal risk", 3)
        self._insider = Choice("insider", 2)
        self._ip6, self._ip = z3.Bool("IPv6"), z3.BitVec("ip", 128)
        self._country, self._gps = Choice("country", 8), Choice("gps", 8)
        self._has_country, self._has_gps = z3.Bool("has country"), z3.Bool("has gps")
        self._registered, self._seen = z3.Bool("registered"), z3.Bool("device seen")
        self._flags: dict[tuple[str, str], Any] = {}
        self._texts: dict[str, Choice | tuple[Any, Any]] = {}
        self._matched: dict[tuple[str, str], Any] = {}
        self._inside: dict[str, Any] = {}
        self._applied: dict[int, Any] = {}
        self._rules = dict(_rules(policy_set, spoken))
        self._parts = {
            each.attribute
            for rule in self._rules.values()
            for each in comparisons(rule)
            if POSITIVE_OF.get(each.operator, each.operator) not in ("-eq", "-in")
            and each.attribute not in LISTS
        }
        self._by_device_code = self._flow.among(["deviceCodeFlow"])
        self._legacy = self._client.among(LEGACY)
        unseen = z3.And(self._by_device_code, z3.Not(self._seen))
        self._unseen = unseen
        self._shown = z3.And(self._registered, z3.Not(self._legacy), z3.Not(unseen))
        self._facts = [self._fact(each) for each in facts]

    # --- what is asked

    def answer(self, goal: Goal) -> Answer:
        spoken = self.spoken_of(goal)
        if not self.possible(spoken):
            return "vacuous"
        return "gap" if self.possible(spoken, self.violated(goal)) else "proof"

    def idle(self, goal: Goal, name: str, *, unless_device_is_seen: bool) -> bool:
        """Tell whether the goal would hold as well without the exception of that name."""
        excused = next(each.sign_ins for each in goal.exceptions if each.name == name)
        others = [each for each in goal.exceptions if each.name != name]
        rest = [z3.Not(self.speaks(each.sign_ins)) for each in others]
        given = any_of([self._given(goal, each) for each in goal.given])
        asked = [given, self.speaks(excused), *rest, self.violated(goal)]
        return not self.possible(*asked, *([self._unseen] if unless_device_is_seen else []))

    def possible(self, *formulas: Any) -> bool:
        """Tell whether there is such a sign-in."""
        texts = any(isinstance(each, tuple) for each in self._texts.values())
        solver = z3.Solver() if texts else z3.SolverFor("QF_BV")
        solver.set("timeout", self._timeout)
        solver.add(*self._facts, *formulas)
        found = solver.check()
        if found == z3.unknown:
            raise TimeoutError(solver.reason_unknown())
        return bool(found == z3.sat)

    def spoken_of(self, goal: Goal) -> Any:
        """Give the sign-ins that a goal says something about."""
        given = any_of([self._given(goal, each) for each in goal.given])
        return z3.And(given, *(z3.Not(self.speaks(each.sign_ins)) for each in goal.exceptions))

    def _given(self, goal: Goal, of: SignIns) -> Any:
        flows = of.authentication_flows
        if not flows or not isinstance(goal.then, (NeverBlocked, AsksAtMost)):
            return self.speaks(of)
        # Who must be let in by one flow need not be let in by another in the same session.
        either = [
            z3.Or(each.among(flows), each.variable == 0) for each in (self._flow, self._session)
        ]
        return z3.And(self.speaks(of), *either)

    def violated(self, goal: Goal) -> Any:
        """Give the sign-ins of which what the goal says is not true."""
        enabled = [each for each in self.policy_set.policies if each.state == "enabled"]
        match goal.then:
            case Blocked():
                return z3.Not(self._any(enabled, blocks))
            case Requires(wanted):
                met = [
                    self._any(enabled, lambda each, one=one: blocks(each) or ensured(each, one))
                    for one in wanted
                ]
                return z3.Not(z3.And(*met))
            case NeverBlocked() | AsksAtMost():
                return any_of([self._offends(each, goal.then) for each in enabled])

    def _any(self, policies: Iterable[Policy], that: Callable[[Policy], bool]) -> Any:
        return any_of([self.applies(each) for each in policies if that(each)])

    def _offends(self, policy: Policy, then: NeverBlocked | AsksAtMost) -> Any:
        demands = demanded(policy.grant_controls)
        if not demands and not blocks(policy):
            return z3.BoolVal(val=False)
        applies = self.applies(policy)
        too_much = isinstance(then, AsksAtMost) and not all(
            any(
                implies((having.kind, having.id), control)
                for having in then.controls
                for control in demand
            )
            for demand in demands
        )
        if blocks(policy) or too_much:
            return applies
        hopeless = [self._legacy]
        if any(all(kind in DEVICES for kind, _ in demand) for demand in demands):
            hopeless.append(self._by_device_code)
        return z3.And(applies, z3.Or(*hopeless))

    def differ(self, one: Sequence[Policy], other: Sequence[Policy]) -> bool:
        """Tell whether two versions block or demand something else, of anybody.

        Both have the policy set's named locations.  Of demands, only like ones count as alike.
        """
        versions = [[each for each in some if each.state == "enabled"] for some in (one, other)]
        blocked = [self._any(each, blocks) for each in versions]
        demands = {
            tuple(demand)
            for each in (*versions[0], *versions[1])
            for demand in demanded(each.grant_controls)
        }
        unlike = [
            z3.Xor(*(self._any(each, lambda p, d=demand: _demands(p, d)) for each in versions))
            for demand in sorted(demands, key=str)
        ]
        eased = z3.And(z3.Not(z3.Or(*blocked)), any_of(unlike))
        return self.possible(z3.Or(z3.Xor(*blocked), eased))

    # --- which sign-ins

    def applies(self, policy: Policy) -> Any:
        if id(policy) not in self._applied:
            self._applied[id(policy)] = z3.And(*self._conditions(policy))
        return self._applied[id(policy)]

    def _conditions(self, policy: Policy) -> Iterator[Any]:
        of, users = policy.conditions, policy.conditions.users
        if of.client_applications is None:
            yield self._is_user
            yield z3.And(
                self._one_of(
                    users.include_users,
                    users.include_groups,
                    users.include_roles,
                    users.include_guests_or_external_users,
                ),
                z3.Not(
                    self._one_of(
                        users.exclude_users,
                        users.exclude_groups,
                        users.exclude_roles,
                        users.exclude_guests_or_external_users,
                    )
                ),
            )
            if of.service_principal_risk_levels:
                yield z3.BoolVal(val=False)
        else:
            yield from self._workloads(of.client_applications)
            if of.service_principal_risk_levels:
                yield self._principal_risk.among(of.service_principal_risk_levels)
        yield self._targets(of.applications)
        if of.client_app_types and "all" not in of.client_app_types:
            yield self._clients(of.client_app_types)
        if of.platforms:
            yield self._among(self._platform, of.platforms.include_platforms, "all")
            yield z3.Not(self._among(self._platform, of.platforms.exclude_platforms, "all"))
        if of.locations:
            yield any_of([self._from(each) for each in of.locations.include_locations])
            yield from (z3.Not(self._from(each)) for each in of.locations.exclude_locations)
        if of.device_filter:
            matches = self._matches("device", of.device_filter.rule)
            yield matches if of.device_filter.mode == "include" else z3.Not(matches)
        if of.authentication_flows:
            yield self._in_flow(of.authentication_flows)
        if of.sign_in_risk_levels:
            yield self._sign_in_risk.among(of.sign_in_risk_levels)
        if of.user_risk_levels:
            yield self._user_risk.among(of.user_risk_levels)
        if of.insider_risk_levels:
            yield self._insider.among([of.insider_risk_levels])

    def speaks(self, of: SignIns) -> Any:
        """Give the sign-ins that `of` describes."""
        return z3.And(*self._said(of))

    def _said(self, of: SignIns) -> Iterator[Any]:
        if of.service_principals:
            yield z3.Not(self._is_user)
            if "All" not in of.service_principals:
                yield self._principal.among(of.service_principals)
        else:
            yield self._is_user
            if of.users and "All" not in of.users:
                yield self._user.among(of.users)
            if of.groups:
                yield any_of([self._flag("group", each) for each in of.groups])
            if of.roles:
                yield any_of([self._flag("role", each) for each in of.roles])
            if of.guests:
                yield self._guest.among(of.guests)
        if of.applications or of.user_actions:
            ways = [z3.And(self._is_action, self._action.among(of.user_actions))]
            if of.applications:
                ways.append(z3.And(z3.Not(self._is_action), self._named(of.applications)))
            yield z3.Or(*ways)
        if of.authentication_flows:
            yield self._in_flow(of.authentication_flows)
        if of.client_app_types and "all" not in of.client_app_types:
            yield self._clients(of.client_app_types)
        if of.platforms:
            yield self._among(self._platform, of.platforms, "all")
        if of.locations:
            yield any_of([self._from(each) for each in of.locations])
        yield from (z3.Not(self._from(each)) for each in of.outside)
        if of.device == "unregistered":
            yield z3.Not(self._shown)
        elif of.device:
            name, value = STATES[of.device]
            yield self._compared(Comparison(name, "-eq", value))
        if of.sign_in_risk_levels:
            yield self._sign_in_risk.among(of.sign_in_risk_levels)
        if of.user_risk_levels:
            yield self._user_risk.among(of.user_risk_levels)

    def _fact(self, fact: Fact) -> Any:
        subject = (
            self._user.among([fact.subject])
            if fact.kind == "user"
            else self._flag(fact.kind, fact.subject)
        )
        member = self._flag("group", fact.group)
        return z3.Implies(subject, member if fact.relation == "within" else z3.Not(member))

    def _flag(self, kind: str, name: str) -> Any:
        if (kind, name) not in self._flags:
            self._flags[kind, name] = z3.Bool(f"{kind} {name}")
        return self._flags[kind, name]

    # --- who

    def _one_of(
        self,
        users: Iterable[str],
        groups: Iterable[str],
        roles: Iterable[str],
        guests: GuestsOrExternalUsers | None,
    ) -> Any:
        if "All" in users:
            return z3.BoolVal(val=True)
        ways = [self._user.among(set(users) - {"None", "GuestsOrExternalUsers"})]
        ways += [self._flag("group", each) for each in groups]
        ways += [self._flag("role", each) for each in roles]
        if "GuestsOrExternalUsers" in users:
            ways.append(self._guest.among(["internalGuest", *EXTERNAL]))
        if guests:
            external = self._guest.among([each for each in EXTERNAL if each in guests.types])
            if guests.external_tenants and guests.external_tenants.members is not None:
                members = guests.external_tenants.members
                external = z3.And(external, self._tenant.among(members))
            ways.append(external)
            if "internalGuest" in guests.types:
                ways.append(self._guest.among(["internalGuest"]))
        return any_of(ways)

    def _workloads(self, of: ClientApplications) -> Iterator[Any]:
        yield z3.Not(self._is_user)
        yield self._single_tenant
        included = (
            z3.BoolVal(val=True)
            if "ServicePrincipalsInMyTenant" in of.include_service_principals
            else self._principal.among(set(of.include_service_principals) - {"None"})
        )
        excluded = self._principal.among(of.exclude_service_principals)
        yield self._listed("servicePrincipal", included, excluded, of.service_principal_filter)

    # --- what

    def _targets(self, of: Applications) -> Any:
        every = "All" in of.include_applications
        action = z3.BoolVal(val=True) if every else self._action.among(of.include_user_actions)
        names = set(of.include_applications) - {"None"}
        application = self._listed(
            "application",
            self._named(names),
            self._named(of.exclude_applications),
            of.application_filter,
        )
        return z3.If(self._is_action, action, application)

    def _listed(self, kind: str, included: Any, excluded: Any, rule: Filter | None) -> Any:
        if rule is not None and rule.mode == "include":
            included = z3.Or(included, self._matches(kind, rule.rule))
        elif rule is not None:
            excluded = z3.Or(excluded, self._matches(kind, rule.rule))
        return z3.And(included, z3.Not(excluded))

    def _named(self, names: Iterable[str]) -> Any:
        if "All" in names:
            return z3.BoolVal(val=True)
        words = set(names)
        suites = [self._flag("suite", each) for each in sorted(words & SUITES)]
        ids = sorted(words - {"Office365", "MicrosoftAdminPortals", "None"})
        return any_of([self._app.among(ids), *suites])

    # --- how and where

    def _clients(self, types: Iterable[str]) -> Any:
        more = ["easSupported"] if "exchangeActiveSync" in types else []
        return self._client.among([*types, *more])

    def _among(self, of: Choice, values: Iterable[str], everything: str) -> Any:
        return z3.BoolVal(val=True) if everything in values else of.among(values)

    def _in_flow(self, flows: Iterable[str]) -> Any:
        return z3.Or(self._flow.among(flows), self._session.among(flows))

    def _from(self, key: str) -> Any:
        if key not in self._inside:
            self._inside[key] = self._location(key)
        return self._inside[key]

    def _location(self, key: str) -> Any:
        if key == "All":
            return z3.BoolVal(val=True)
        if key == "AllTrusted":
            trusted = [
                each.key
                for each in self._locations.values()
                if not isinstance(each, CountryNamedLocation) and each.is_trusted
            ]
            return any_of([self._from(each) for each in (MFA_TRUSTED, *trusted)])
        location = self._locations.get(key)
        if location is None:
            return self._flag("location", key)
        if isinstance(location, CountryNamedLocation):
            by_address = location.country_lookup_method == "clientIpAddress"
            country = self._country if by_address else self._gps
            known = self._has_country if by_address else self._has_gps
            unknown = z3.BoolVal(val=location.include_unknown_countries_and_regions)
            return z3.If(known, country.among(location.countries_and_regions), unknown)
        return any_of([self._in_range(each) for each in location.ip_ranges])

    def _in_range(self, cidr: str) -> Any:
        network = ip_network(cidr)
        fixed = network.prefixlen
        width = network.max_prefixlen
        version = self._ip6 if network.version == 6 else z3.Not(self._ip6)
        if not fixed:
            return version
        prefix = int(network.network_address) >> (width - fixed)
        return z3.And(version, z3.Extract(width - 1, width - fixed, self._ip) == prefix)

    # --- filters

    def _matches(self, kind: str, rule: str) -> Any:
        if (kind, rule) not in self._matched:
            self._matched[kind, rule] = self._true(self._rules[kind, rule])
        return self._matched[kind, rule]

    def _true(self, of: Expression) -> Any:
        if isinstance(of, Comparison):
            return self._compared(of)
        if isinstance(of, Not):
            return z3.Not(self._true(of.operand))
        parts = [self._true(each) for each in of.operands]
        return z3.And(*parts) if isinstance(of, And) else z3.Or(*parts)

    def _compared(self, of: Comparison) -> Any:
        if of.operator in POSITIVE_OF:
            positive = Comparison(of.attribute, POSITIVE_OF[of.operator], of.value)
            return z3.Not(self._compared(positive))
        values = of.value if isinstance(of.value, tuple) else (of.value,)
        wanted = [str(each).lower() for each in values]
        compared = self._compare(of.attribute, of.operator, wanted)
        return z3.And(self._shown, compared) if of.attribute.startswith("device.") else compared

    def _compare(self, name: str, operator: str, wanted: list[str]) -> Any:
        if name in LISTS:
            return any_of([self._flag(name, each) for each in wanted])
        if name not in self._texts:
            self._texts[name] = (
                (z3.Bool(f"{name} is null"), z3.String(name))
                if name in self._parts
                else Choice(name, 6)
            )
        text = self._texts[name]
        if isinstance(text, Choice):
            return text.among(wanted)
        null, value = text
        part = z3.StringVal(wanted[0])
        match operator:
            case "-startsWith":
                found = z3.PrefixOf(part, value)
            case "-endsWith":
                found = z3.SuffixOf(part, value)
            case "-contains":
                found = z3.Contains(value, part)
            case _:
                found = any_of([value == z3.StringVal(each) for each in wanted])
        return z3.And(z3.Not(null), found)


STATES = {
    "compliant": ("device.isCompliant", "True"),
    "hybridJoined": ("device.trustType", "ServerAD"),
}


def any_of(formulas: list[Any]) -> Any:
    if len(formulas) == 1:
        return formulas[0]
    return z3.Or(*formulas) if formulas else z3.BoolVal(val=False)


def blocks(policy: Policy) -> bool:
    return policy.grant_controls is not None and "block" in policy.grant_controls.built_in_controls


def demanded(grant: GrantControls | None) -> list[list[tuple[str, str | None]]]:
    """Give what a policy demands: of each list, one."""
    if grant is None:
        return []
    controls: list[tuple[str, str | None]] = [
        (each, None) for each in grant.built_in_controls if each != "block"
    ]
    if grant.authentication_strength:
        controls.append(("authenticationStrength", grant.authentication_strength))
    controls += [("termsOfUse", each) for each in grant.terms_of_use]
    controls += [
        ("customAuthenticationFactor", each) for each in grant.custom_authentication_factors
    ]
    if not controls:
        return []
    return [[each] for each in controls] if grant.operator == "AND" else [controls]


def _demands(policy: Policy, demand: tuple[tuple[str, str | None], ...]) -> bool:
    return list(demand) in demanded(policy.grant_controls)


def ensured(policy: Policy, wanted: Iterable[Any]) -> bool:
    """Tell whether whoever satisfies the policy has satisfied one of the controls."""
    return any(
        all(any(implies(control, (each.kind, each.id)) for each in wanted) for control in demand)
        for demand in demanded(policy.grant_controls)
    )


def implies(control: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
    mine, theirs = _strength(control), _strength(other)
    return control == other or (0 < theirs <= mine)


def _strength(control: tuple[str, str | None]) -> int:
    kind, name = control
    if kind == "mfa":
        return MFA
    return STRENGTH.get(name or "", 0) if kind == "authenticationStrength" else 0


def _spoken(goal: Goal) -> list[SignIns]:
    return [*goal.given, *(each.sign_ins for each in goal.exceptions)]


def _bits(policy_set: PolicySet, spoken: Iterable[SignIns]) -> dict[str, int]:
    apps, names = set[str](catalog.APPLICATION_KEYWORDS), set[str]()
    for of in spoken:
        apps.update(of.applications)
        names.update(of.users, of.service_principals)
    for each in policy_set.policies:
        asked, users = each.conditions.applications, each.conditions.users
        apps.update(asked.include_applications, asked.exclude_applications)
        names.update(users.include_users, users.exclude_users)
        for guests in (
            users.include_guests_or_external_users,
            users.exclude_guests_or_external_users,
        ):
            if guests and guests.external_tenants:
                names.update(guests.external_tenants.members or ())
        if workloads := each.conditions.client_applications:
            names.update(workloads.include_service_principals)
            names.update(workloads.exclude_service_principals)
    return {"apps": (len(apps) + 2).bit_length(), "names": (len(names) + 8).bit_length()}


def _rules(
    policy_set: PolicySet, spoken: Iterable[SignIns]
) -> Iterator[tuple[tuple[str, str], Expression]]:
    for each in policy_set.policies:
        of = each.conditions
        if of.device_filter:
            rule = of.device_filter.rule
            yield ("device", rule), device_filter.parse(rule)
        if of.applications.application_filter:
            rule = of.applications.application_filter.rule
            yield ("application", rule), attribute_filter.parse(rule)
        if of.client_applications and of.client_applications.service_principal_filter:
            rule = of.client_applications.service_principal_filter.rule
            yield ("servicePrincipal", rule), attribute_filter.parse(rule)
    for said in spoken:
        if said.device in STATES:
            name, value = STATES[said.device]
            yield ("device", f"{name} {value}"), Comparison(name, "-eq", value)
