"""Worlds to ask about: policies, named locations, facts and goals, each from the seed it has.

Whether a goal holds should not be clear from its kind, and many should hold.  So most policies are
parts of what a goal asks for, split again and again in two that together mean the same; then, in
some worlds, one part is narrowed a little or gone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from ostiary import catalog
from ostiary.errors import Location
from ostiary.model.controls import Control, Requirement
from ostiary.model.goal import (
    AsksAtMost,
    Blocked,
    Fact,
    Goal,
    GoalException,
    NeverBlocked,
    Requires,
    SignIns,
    Then,
)
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    CountryNamedLocation,
    ExternalTenants,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    IpNamedLocation,
    Locations,
    NamedLocation,
    Platforms,
    Policy,
    PolicySet,
    Users,
)

PLACE = Location("goal.yaml")
TAG = "CustomSecurityAttribute.Web_Tag"
AZURE = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
PLATFORMS = tuple(each for each in get_args(catalog.DevicePlatform) if each != "all")
CLIENTS = tuple(each for each in get_args(catalog.ClientAppType) if each != "all")
RISKS = get_args(catalog.RiskLevel)
STRENGTHS = tuple(f"00000000-0000-0000-0000-00000000000{n}" for n in (2, 3, 4))
EVERYBODY = Conditions(Users(("All",)), Applications(("All",)), ("all",))
BLOCK = GrantControls("OR", ("block",))
UNSPARING = "unsparing"

Split = tuple[Conditions, Conditions]


@dataclass(frozen=True)
class World:
    """What one seed gives; `small` if its sign-ins are few enough to try them all, perhaps."""

    seed: int
    policy_set: PolicySet
    goals: tuple[Goal, ...]
    facts: tuple[Fact, ...]
    small: bool


def world(seed: int) -> World:
    return _Maker(seed).world()


def splits(seed: int, of: Conditions) -> Iterator[Split]:
    """Give ways to write conditions of the world of a seed as two that together mean the same."""
    maker = _Maker(seed)
    risk_or_client = (maker.by_risk, maker.by_client)  # these part only what is given already
    for theme in maker.themes:
        split = None if theme in risk_or_client else theme(of)
        if split:
            yield split


class _Maker:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = r = random.Random(seed)
        self.small = r.random() < 0.4
        pool = r.choice([1, 2]) if self.small else r.choice([3, 6, 12])
        self.users = [f"user-{n}" for n in range(pool)]
        self.groups = [f"group-{n}" for n in range(pool)]
        self.roles = [f"role-{n}" for n in range(1 if self.small else 2)]
        self.apps = [f"app-{n}" for n in range(pool)]
        self.twins: dict[str, str] = {}  # a location of countries → one that is nearly the same
        self.locations = list(self._locations(pool))
        self.rules = self._rules()
        themes: list[Callable[[Conditions], Split | None]] = [
            self.by_platform, self.by_location, self.by_location, self.by_group, self.by_group,
            self.by_role, self.by_user, self.by_guest, self.by_app, self.by_app_filter,
            self.by_device, self.by_risk, self.by_client,
        ]  # fmt: skip
        self.themes = r.sample(themes, r.randint(1, 3)) if self.small else themes
        self.excusable = r.sample(range(6), 2 if self.small else 6)
        self.workloads = not self.small and r.random() < 0.15
        # Whom most policies leave out, so that goals which let somebody in may hold.
        self.spared = self.some(self.users) if self.maybe(0.6) else ()
        # They are left out by name, or by a group that a fact says they are in.
        self.sparing_group = r.choice(self.groups) if self.spared and self.maybe(0.4) else None
        # A condition on a signal whose values are not all known never covers all of them, unless
        # the goal is about some of them only.
        self.clients = self.some(CLIENTS, 3)
        self.risks = self.some(["low", "medium", "high", "none"], 3)

    def some(self, values: Sequence[Any], most: int = 2, least: int = 1) -> tuple[Any, ...]:
        most = min(most, len(values))
        return tuple(sorted(self.random.sample(values, self.random.randint(least, most))))

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    # --- the world

    def world(self) -> World:
        r = self.random
        facts = tuple(self._facts())
        goals, policies = list[Goal](), list[Policy]()
        for n in range(3 if self.small else 5):
            goal, parts = self._goal(n)
            goals.append(goal)
            policies += parts
        more = [self._noise() for _ in range(r.randint(0, 2 if self.small else 6))]
        made = [self._sparing(each) for each in (*policies, *more)]
        r.shuffle(made)
        named = tuple(replace(each, key=f"policy-{n}") for n, each in enumerate(made))
        policy_set = PolicySet(named, tuple(self.locations))
        return World(self.seed, policy_set, tuple(goals), facts, self.small)

    def _sparing(self, policy: Policy) -> Policy:
        chance = 0.99 if policy.grant_controls == BLOCK else 0.9
        if not self.spared or policy.key == UNSPARING or not self.maybe(chance):
            return policy
        if self.sparing_group:
            groups = (self.sparing_group,)
            return replace(policy, conditions=self._users(policy.conditions, exclude_groups=groups))
        return replace(policy, conditions=self._users(policy.conditions, exclude_users=self.spared))

    def _locations(self, pool: int) -> Iterator[NamedLocation]:
        r = self.random
        for n in range(max(2, pool)):
            key = f"place-{n}"
            if self.maybe(0.3):
                made = CountryNamedLocation(
                    key, key, self.some(["NO", "SE", "DE", "FR"], 3),
                    r.choice(["clientIpAddress", "clientIpAddress", "authenticatorAppGps"]),
                    self.maybe(0.3),
                )  # fmt: skip
                yield made
                if self.maybe(0.5):
                    other = not made.include_unknown_countries_and_regions
                    self.twins[key] = f"{key}-twin"
                    yield replace(
                        made, key=f"{key}-twin", include_unknown_countries_and_regions=other
                    )
            else:
                ranges = {self._range() for _ in range(r.randint(1, 2 if self.small else 5))}
                yield IpNamedLocation(key, key, tuple(sorted(ranges)), self.maybe(0.5))

    def _range(self) -> str:
        r = self.random
        if self.maybe(0.5):
            length = r.choice([8, 9, 16, 24, 31, 32])
            address = r.choice([10, 11, 203]) << 24 | r.getrandbits(2) << 22 | r.getrandbits(3)
            address = address >> (32 - length) << (32 - length)
            return ".".join(str(address >> at & 255) for at in (24, 16, 8, 0)) + f"/{length}"
        length = r.choice([8, 16, 32, 48, 64, 127, 128])
        address = 0x2001 << 112 | r.getrandbits(2) << 94 | r.getrandbits(2)
        address = address >> (128 - length) << (128 - length)
        parts = [f"{address >> at & 0xFFFF:x}" for at in range(112, -1, -16)]
        return ":".join(parts) + f"/{length}"

    def _rules(self) -> list[str]:
        rules = [
            "device.isCompliant -eq True",
            "device.isCompliant -ne True",
            'device.trustType -eq "ServerAD"',
            'device.trustType -ne "AzureAD"',
            'device.extensionAttribute1 -in ["SAW", "kiosk"]',
            'device.extensionAttribute1 -ne "SAW"',
            'device.isCompliant -eq False -or device.extensionAttribute1 -eq "saw"',
            'device.physicalIds -contains "[ZTDId]"',
            '-not (device.systemLabels -contains "M365Managed")',
            'device.deviceId -eq "6f3a0f3e-0b1c-4d2e-8f5a-000000000001"',
        ]
        if self.maybe(0.35):  # what only words with parts can tell apart
            rules += [
                'device.displayName -startsWith "PAW"',
                'device.displayName -notStartsWith "paw-1"',
                'device.displayName -endsWith "-1"',
                'device.displayName -contains "W-"',
                'device.displayName -notContains "kiosk" -and device.isCompliant -eq True',
                'device.displayName -eq "PAW-1"',
            ]
        return self.random.sample(rules, 2 if self.small else 6)

    def _facts(self) -> Iterator[Fact]:
        r = self.random
        if self.sparing_group:
            known = self.spared if self.maybe(0.85) else self.spared[1:]
            yield from (Fact("user", each, "within", self.sparing_group) for each in known)
        for _ in range(r.choice([0, 0, 1, 2])):
            kind = r.choice(["user", "group", "role"])
            subjects = {"user": self.users, "group": self.groups, "role": self.roles}[kind]
            subject, group = r.choice(subjects), r.choice(self.groups)
            if subject != group:
                yield Fact(kind, subject, r.choice(["within", "apartFrom"]), group)  # type: ignore[arg-type]

    # --- goals, and the policies that are to reach them

    def _goal(self, n: int) -> tuple[Goal, list[Policy]]:
        r = self.random
        then = self._then()
        lets_in = isinstance(then, (NeverBlocked, AsksAtMost))
        given, conditions = self._given(lets_in=lets_in)
        excused = [self._exception() for _ in range(r.choice([0, 1, 1, 2]))]
        exceptions = [
            GoalException(f"exception {place}", said, PLACE)
            for place, (said, _) in enumerate(excused)
        ]
        if exceptions and self.maybe(0.1):
            exceptions.pop()
        if self.spared and not lets_in:
            exceptions.append(GoalException("spared", SignIns(users=self.spared), PLACE))
        goal = Goal(f"goal-{n}", f"Goal {n}", given, tuple(exceptions), then, PLACE)
        if lets_in:
            # Who may use one flow is not let in by another that the same session may involve.
            of = replace(EVERYBODY, authentication_flows=("authenticationTransfer",))
            more = [Policy(UNSPARING, "", "enabled", of, BLOCK)] if self.maybe(0.15) else []
            return goal, more
        for _, without in excused:
            if self.maybe(0.7):
                conditions = without(conditions)
        parts = self._parts(conditions)
        return goal, [self._part(each, then) for each in parts]

    def _then(self) -> Then:
        r = self.random
        kind = r.random()
        if kind < 0.45:
            return Blocked()
        if kind < 0.7:
            return Requires(tuple(self._requirement() for _ in range(r.choice([1, 1, 2]))))
        if kind < 0.85:
            return NeverBlocked()
        return AsksAtMost(self._requirement() if self.maybe(0.7) else ())

    def _requirement(self) -> Requirement:
        controls = [
            Control("mfa"), Control("compliantDevice"), Control("domainJoinedDevice"),
            Control("termsOfUse", "terms"),
            *(Control("authenticationStrength", each) for each in STRENGTHS),
        ]  # fmt: skip
        return tuple(self.random.sample(controls, self.random.choice([1, 1, 2])))

    def _given(self, *, lets_in: bool) -> tuple[tuple[SignIns, ...], Conditions]:
        """Give what a goal is about, and conditions that cover it."""
        r = self.random
        of, conditions = SignIns(), EVERYBODY
        if self.maybe(0.6):
            flows = r.choice([("deviceCodeFlow",), ("authenticationTransfer", "deviceCodeFlow")])
            of = replace(of, authentication_flows=flows)
            if self.maybe(0.7):
                conditions = replace(conditions, authentication_flows=flows)
        if self.by_client in self.themes:
            of = replace(of, client_app_types=self.clients)
        if self.by_risk in self.themes:
            of = replace(of, sign_in_risk_levels=self.risks)
        if self.workloads and self.maybe(0.3):
            principals = r.choice([("All",), ("robot",)])
            mine = ClientApplications(("ServicePrincipalsInMyTenant",))
            conditions = replace(EVERYBODY, users=Users(("None",)), client_applications=mine)
            return (SignIns(service_principals=principals),), conditions
        if lets_in:
            if self.spared and self.maybe(0.8):
                of = replace(of, users=self.spared)
            elif self.maybe(0.5):
                of = replace(of, users=self.some(self.users))
            else:
                of = replace(of, groups=self.some(self.groups, 1))
            return (of,), conditions
        chance = r.random() if not self.small or self.maybe(0.2) else 1
        if chance < 0.1:
            of = replace(of, platforms=self.some(["windows", "iOS", "linux"], 2))
        elif chance < 0.2:
            of = replace(of, applications=self._targets())
        elif chance < 0.25 and self.by_guest in self.themes:
            of = replace(of, guests=("b2bCollaborationGuest",))
        elif chance < 0.3:
            of = replace(of, user_actions=("urn:user:registerdevice",))
        elif chance < 0.35:
            of = replace(of, roles=self.some(self.roles))
        elif chance < 0.4:
            of = replace(of, outside=(self._place(),))
        elif chance < 0.45:
            of = replace(of, device=r.choice(["unregistered", "compliant"]))
        elif chance < 0.5 and not self.small:
            return (of, replace(of, platforms=("windows",))), conditions
        return (of,), conditions

    def _place(self, *, anything: bool = True) -> str:
        words = ["AllTrusted", "compliant-network"] if anything else []
        return str(self.random.choice([*(each.key for each in self.locations), *words]))

    def _targets(self) -> tuple[str, ...]:
        return self.some(self.apps if self.small else [*self.apps, "Office365", AZURE])

    def _exception(self) -> tuple[SignIns, Callable[[Conditions], Conditions]]:
        """Give sign-ins that are excused, and how conditions leave them out."""
        match self.random.choice(self.excusable):
            case 0:
                key = self._place()
                return SignIns(locations=(key,)), lambda of: self._outside(of, (key,))
            case 1:
                state = self.random.choice(["compliant", "hybridJoined", "unregistered"])
                rule = {
                    "compliant": "device.isCompliant -eq True",
                    "hybridJoined": 'device.trustType -eq "ServerAD"',
                    "unregistered": "device.isCompliant -ne True",
                }[state]
                filter_ = Filter("exclude", rule)
                return SignIns(device=state), lambda of: replace(of, device_filter=filter_)
            case 2:
                groups = self.some(self.groups)
                return SignIns(groups=groups), lambda of: self._users(of, exclude_groups=groups)
            case 3:
                users = self.some(self.users)
                return SignIns(users=users), lambda of: self._users(of, exclude_users=users)
            case 4:
                roles = self.some(self.roles, 1)
                return SignIns(roles=roles), lambda of: self._users(of, exclude_roles=roles)
            case _:
                apps = self._targets()
                return SignIns(applications=apps), lambda of: replace(
                    of, applications=replace(of.applications, exclude_applications=apps)
                )

    def _parts(self, conditions: Conditions) -> list[Conditions]:
        r = self.random
        parts = [conditions]
        for _ in range(r.randint(0, 4 if self.small else 12)):
            place = r.randrange(len(parts))
            parts[place : place + 1] = r.choice(self.themes)(parts[place]) or [parts[place]]
        if self.twins and self.maybe(0.2):
            place = r.randrange(len(parts))
            parts[place : place + 1] = self.by_location(parts[place], exact=False) or [parts[place]]
        if self.maybe(0.4):
            place = r.randrange(len(parts))
            narrowed = self._narrowed(parts[place])
            parts[place : place + 1] = [narrowed] if narrowed else []
        return parts

    def _narrowed(self, of: Conditions) -> Conditions | None:
        """Give less of it; None for nothing."""
        match self.random.randrange(12):
            # All that have a name are not all there are.
            case 0 if of.platforms is None:
                return replace(of, platforms=Platforms(PLATFORMS))
            case 1 if of.client_app_types == ("all",):
                return replace(of, client_app_types=CLIENTS)
            case 2 if not of.sign_in_risk_levels:
                return replace(of, sign_in_risk_levels=RISKS)
            case 3:
                return replace(of, user_risk_levels=RISKS)
            case 4:
                return replace(of, insider_risk_levels=self.random.choice(["minor", "elevated"]))
            case 5:
                return replace(of, user_risk_levels=self.some(["none", "low", "high"]))
            case 6:
                apps = tuple(sorted({*of.applications.exclude_applications, *self._targets()}))
                applications = replace(of.applications, exclude_applications=apps)
                return replace(of, applications=applications)
            case 7:
                return self._users(of, exclude_groups=self.some(self.groups, 1))
            case _:
                split = self.random.choice(self.themes)(of)
                return self.random.choice(split) if split else None

    def _part(self, of: Conditions, then: Then) -> Policy:
        grant = BLOCK
        if isinstance(then, Requires) and self.maybe(0.8):
            grant = self._grant(then.requirements)
        state = "enabled" if self.maybe(0.97) else "enabledForReportingButNotEnforced"
        return Policy("", "", state, of, grant)  # type: ignore[arg-type]

    def _grant(self, wanted: Sequence[Requirement]) -> GrantControls:
        if len(wanted) > 1 and self.maybe(0.2):
            return BLOCK
        controls = [each[0] for each in wanted] if self.maybe(0.5) else list(wanted[0])
        strength = next(
            (each.id for each in controls if each.kind == "authenticationStrength"), None
        )
        if strength and self.maybe(0.4):
            strength = STRENGTHS[2]
        kinds = ("mfa", "compliantDevice", "domainJoinedDevice")
        built_in = tuple(sorted({each.kind for each in controls if each.kind in kinds}))
        if strength:
            built_in = tuple(each for each in built_in if each != "mfa")
        terms = ("terms",) if any(each.kind == "termsOfUse" for each in controls) else ()
        return GrantControls(
            self.random.choice(["AND", "AND", "OR"]),
            built_in,
            strength,
            terms,  # type: ignore[arg-type]
        )

    def _noise(self) -> Policy:
        """Give a policy that has nothing to do with any goal."""
        r = self.random
        of = EVERYBODY
        if self.workloads and self.maybe(0.5):
            of = self._workload()
        else:
            for _ in range(r.randint(1, 4)):
                split = r.choice(self.themes)(of)
                of = r.choice(split) if split else of
            rarely = 0.03 if self.small else 0.1
            if self.maybe(rarely):
                of = replace(of, insider_risk_levels=r.choice(["minor", "elevated"]))
            if self.maybe(rarely):
                of = replace(of, user_risk_levels=("high",))
            if self.maybe(rarely):
                of = replace(of, authentication_flows=("authenticationTransfer",))
            if self.maybe(rarely):
                actions = Applications((), (), ("urn:user:registerdevice",))
                of = replace(of, applications=actions)
            if self.maybe(0.5):
                of = self._users(of, exclude_users=self.some(self.users, 1))
        grants = [
            BLOCK, BLOCK, None, GrantControls("OR", ("compliantDevice", "mfa")),
            GrantControls("OR", ("mfa",)), GrantControls("AND", ("compliantDevice", "mfa")),
            GrantControls("OR", ("compliantDevice", "domainJoinedDevice")),
            GrantControls("OR", (), STRENGTHS[2]),
        ]  # fmt: skip
        states = ["enabled"] * 6 + ["disabled", "enabledForReportingButNotEnforced"]
        return Policy("", "", r.choice(states), of, r.choice(grants))  # type: ignore[arg-type]

    def _workload(self) -> Conditions:
        r = self.random
        rule = Filter(r.choice(["include", "exclude"]), f'{TAG} -startsWith "x"')
        principals = ClientApplications(
            r.choice([("ServicePrincipalsInMyTenant",), ("robot",), ("None",)]),
            r.choice([(), ("robot",), ("deployer",)]),
            rule if self.maybe(0.3) else None,
        )
        of = replace(EVERYBODY, users=Users(("None",)), client_applications=principals)
        if self.maybe(0.3):
            of = replace(of, service_principal_risk_levels=("high",))
        if self.maybe(0.3):
            return self._outside(of, (self._place(),))
        return of

    # --- conditions in two parts that together are the whole; None where there is one already

    def _users(self, of: Conditions, **changed: tuple[str, ...]) -> Conditions:
        had = {name: getattr(of.users, name) for name in changed}
        joined = {name: tuple(sorted({*had[name], *more})) for name, more in changed.items()}
        return replace(of, users=replace(of.users, **joined))  # type: ignore[arg-type]

    def _outside(self, of: Conditions, keys: tuple[str, ...]) -> Conditions:
        locations = of.locations or Locations(("All",))
        excluded = tuple(sorted({*locations.exclude_locations, *keys}))
        return replace(of, locations=replace(locations, exclude_locations=excluded))

    def by_platform(self, of: Conditions) -> Split | None:
        if of.platforms:
            return None
        platforms = self.some(["windows", "iOS"] if self.small else ["windows", "iOS", "linux"])
        return (
            replace(of, platforms=Platforms(platforms)),
            replace(of, platforms=Platforms(("all",), platforms)),
        )

    def by_location(self, of: Conditions, *, exact: bool = True) -> Split | None:
        if of.locations and of.locations.include_locations != ("All",):
            return None
        keys = tuple(sorted({self._place() for _ in range(self.random.choice([1, 1, 2]))}))
        excluded = of.locations.exclude_locations if of.locations else ()
        others = tuple(sorted({self.twins.get(each, each) for each in keys}))
        return (
            replace(of, locations=Locations(keys, excluded)),
            self._outside(of, keys if exact else others),
        )

    def by_group(self, of: Conditions) -> Split | None:
        if of.users.include_users != ("All",):
            return None
        groups = self.some(self.groups)
        users = replace(of.users, include_users=(), include_groups=groups)
        return replace(of, users=users), self._users(of, exclude_groups=groups)

    def by_role(self, of: Conditions) -> Split | None:
        if of.users.include_users != ("All",):
            return None
        roles = self.some(self.roles)
        users = replace(of.users, include_users=(), include_roles=roles)
        return replace(of, users=users), self._users(of, exclude_roles=roles)

    def by_user(self, of: Conditions) -> Split | None:
        if of.users.include_users != ("All",):
            return None
        users = self.some(self.users)
        included = replace(of.users, include_users=users)
        return replace(of, users=included), self._users(of, exclude_users=users)

    def by_guest(self, of: Conditions) -> Split | None:
        users = of.users
        if users.include_users != ("All",) or users.exclude_guests_or_external_users:
            return None
        if self.maybe(0.3):
            word = ("GuestsOrExternalUsers",)
            included = replace(users, include_users=word)
            return replace(of, users=included), self._users(of, exclude_users=word)
        tenants = self.random.choice([None, ExternalTenants(None), ExternalTenants(("partner",))])
        types = self.some(["internalGuest", "b2bCollaborationGuest", "serviceProvider"])
        guests = GuestsOrExternalUsers(types, tenants)
        included = replace(users, include_users=(), include_guests_or_external_users=guests)
        return (
            replace(of, users=included),
            replace(of, users=replace(users, exclude_guests_or_external_users=guests)),
        )

    def by_app(self, of: Conditions) -> Split | None:
        if of.applications != Applications(("All",)):
            return None
        apps = self._targets()
        return (
            replace(of, applications=Applications(apps)),
            replace(of, applications=Applications(("All",), apps)),
        )

    def by_app_filter(self, of: Conditions) -> Split | None:
        if of.applications != Applications(("All",)):
            return None
        rule = self.random.choice([f'{TAG} -eq "x"', f'{TAG} -ne "x"', f'{TAG} -contains "y"'])
        return (
            replace(of, applications=Applications(("None",), (), (), Filter("include", rule))),
            replace(of, applications=Applications(("All",), (), (), Filter("exclude", rule))),
        )

    def by_device(self, of: Conditions) -> Split | None:
        if of.device_filter is None:
            rule = self.random.choice(self.rules)
            return (
                replace(of, device_filter=Filter("include", rule)),
                replace(of, device_filter=Filter("exclude", rule)),
            )
        if of.device_filter.mode == "exclude" or of.device_filter.rule.count("-and") > 1:
            return None
        rule, other = of.device_filter.rule, self.random.choice(self.rules)
        return (
            replace(of, device_filter=Filter("include", f"({rule}) -and ({other})")),
            replace(of, device_filter=Filter("include", f"({rule}) -and -not ({other})")),
        )

    def by_risk(self, of: Conditions) -> Split | None:
        levels = of.sign_in_risk_levels or self.risks
        return self._divided(of, "sign_in_risk_levels", levels)

    def by_client(self, of: Conditions) -> Split | None:
        types = self.clients if of.client_app_types == ("all",) else of.client_app_types
        return self._divided(of, "client_app_types", types)

    def _divided(self, of: Conditions, name: str, values: Sequence[str]) -> Split | None:
        if len(values) == 1:
            return None
        at = self.random.randint(1, len(values) - 1)
        first, second = tuple(values[:at]), tuple(values[at:])
        return replace(of, **{name: first}), replace(of, **{name: second})  # type: ignore[arg-type]
