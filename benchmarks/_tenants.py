"""Tenants drawn from seeds, each with a goal that holds and a change by which it does not.

Four families.  `partition`: device code flow outside the exceptions, parted at random in all the
ways that conditions can, so that nearly every policy is needed; `realistic`: a few policies for
everybody and many for personas, as public baselines have them; `groups`: every policy excludes
many of 300 groups, and others block those; `addresses`: every location has 60 ranges.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any, get_args

from ostiary import catalog
from ostiary.errors import Location
from ostiary.model.goal import Blocked, Goal, GoalException, SignIns
from ostiary.model.policy import (
    Applications,
    Conditions,
    CountryNamedLocation,
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

PLACE = Location("goals/device-code-flow-is-blocked.yaml")
BLOCK = GrantControls("OR", ("block",))
RISKS = get_args(catalog.RiskLevel)
CLIENTS = get_args(catalog.ClientAppType)[1:]
PLATFORMS = tuple(each for each in get_args(catalog.DevicePlatform) if each != "all")
GUESTS = get_args(catalog.GuestOrExternalUserType)
EMERGENCY = ("emergency-1", "emergency-2")
COUNTRIES = tuple(f"{a}{b}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXY")


@dataclass(frozen=True)
class Tenant:
    """A policy set for which the goal holds, and other versions of it, each by a seed.

    `narrow` has one needed policy narrowed, `refactor` 5 % of all policies in two parts each that
    mean the same, `change` 5 % narrowed.
    """

    family: str
    policy_set: PolicySet
    goal: Goal
    narrow: Callable[[int], PolicySet]
    refactor: Callable[[int], PolicySet]
    change: Callable[[int], PolicySet]


def tenant(family: str, policies: int, seed: int) -> Tenant:
    """Draw one tenant."""
    return _Draw(family, policies, seed).tenant()


def pigeons(holes: int) -> tuple[PolicySet, Goal]:
    """Give a question that is hard for every search of this kind: pigeons that share a hole.

    Each of so many attributes of a device has one of `holes` values, and no two have the same: of
    `holes` + 1 attributes that cannot be, so all sign-ins are blocked.
    """
    names = [f"device.extensionAttribute{n + 1}" for n in range(holes + 1)]
    values = [f"hole-{n}" for n in range(holes)]
    listed = ", ".join(f'"{each}"' for each in values)
    rules = [f"{name} -notIn [{listed}]" for name in names]
    rules += [
        f'{one} -eq "{value}" -and {other} -eq "{value}"'
        for place, one in enumerate(names)
        for other in names[:place]
        for value in values
    ]
    everybody = Conditions(Users(("All",)), Applications(("All",)), ("all",))
    policies = tuple(
        Policy(
            f"policy-{n}", f"Policy {n}", "enabled",
            replace(everybody, device_filter=Filter("include", rule)), BLOCK,
        )
        for n, rule in enumerate(rules)
    )  # fmt: skip
    given = SignIns(client_app_types=("browser",))
    return PolicySet(policies), Goal("hard", "Hard", (given,), (), Blocked(), PLACE)


class _Draw:
    def __init__(self, family: str, policies: int, seed: int) -> None:
        self.family, self.count = family, policies
        self.random = random.Random(f"{family} {policies} {seed}")
        most = 300 if family == "groups" else max(6, min(300, policies // 2))
        self.groups = [f"group-{n}" for n in range(most)]
        self.apps = [f"app-{n}" for n in range(max(8, min(250, policies // 2)))]
        self.users = [f"user-{n}" for n in range(12)]
        self.texts = [f"text-{n}" for n in range(6)]
        self.locations = [self._location(n) for n in range(max(6, min(195, policies // 3)))]
        self.keys = [each.key for each in self.locations]

    def tenant(self) -> Tenant:
        draw = {
            "partition": self._partition,
            "addresses": self._partition,
            "realistic": self._realistic,
            "groups": self._many_groups,
        }[self.family]
        parts = draw()
        policies = [self._policy(f"needed-{n}", each) for n, each in enumerate(parts)]
        while len(policies) < self.count:
            policies.append(self._other(len(policies)))
        self.random.shuffle(policies)
        locations = tuple(self.locations)

        def version(
            of: Callable[[Sequence[Policy]], Iterator[Policy]],
        ) -> Callable[[int], PolicySet]:
            def drawn(seed: int) -> PolicySet:
                self.random = random.Random(seed)
                return PolicySet(tuple(of(policies)), locations)

            return drawn

        return Tenant(
            self.family,
            PolicySet(tuple(policies), locations),
            self._goal(),
            version(self._narrowed),
            version(self._refactored),
            version(self._changed),
        )

    def some(self, values: Sequence[Any], most: int, least: int = 1) -> tuple[Any, ...]:
        count = self.random.randint(least, max(least, min(len(values), most)))
        return tuple(sorted(self.random.sample(values, count)))

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def _goal(self) -> Goal:
        """Ask about device code flow; named values only, as all of them are parted."""
        given = SignIns(
            authentication_flows=("deviceCodeFlow",),
            client_app_types=CLIENTS,
            sign_in_risk_levels=RISKS,
            user_risk_levels=RISKS,
        )
        exceptions = (
            GoalException("trusted locations", SignIns(locations=("AllTrusted",)), PLACE),
            GoalException("compliant devices", SignIns(device="compliant"), PLACE),
            GoalException("emergency access", SignIns(users=EMERGENCY), PLACE),
        )
        says = "Device code flow is blocked"
        return Goal("device-code-flow-is-blocked", says, (given,), exceptions, Blocked(), PLACE)

    def _location(self, number: int) -> NamedLocation:
        key, r = f"location-{number}", self.random
        if number > 1 and self.maybe(0.25) and self.family != "addresses":
            return CountryNamedLocation(key, key, self.some(COUNTRIES, 12))
        count = 60 if self.family == "addresses" else r.randint(1, 16)
        ranges = tuple(sorted({self._range() for _ in range(count)}))
        return IpNamedLocation(key, key, ranges, number in (0, 1) or self.maybe(0.2))

    def _range(self) -> str:
        r = self.random
        if self.maybe(0.75):
            length = r.choice((8, 16, 20, 22, 24, 24, 28, 32))
            host = 32 - length
            return f"{IPv4Address(r.getrandbits(32) >> host << host)}/{length}"
        length = r.choice((32, 48, 56, 64))
        host = 128 - length
        return f"{IPv6Address((0x2 << 124 | r.getrandbits(124)) >> host << host)}/{length}"

    def _everything(self) -> Conditions:
        """Give all device code flow outside of the exceptions."""
        return Conditions(
            Users(("All",), EMERGENCY),
            Applications(("All",)),
            ("all",),
            locations=Locations(("All",), ("AllTrusted",)),
            device_filter=Filter("include", "device.isCompliant -ne True"),
            authentication_flows=("deviceCodeFlow",),
        )

    # --- what is needed

    def _partition(self) -> list[Conditions]:
        ways = [
            self._by_platform, self._by_client, self._by_sign_in_risk, self._by_user_risk,
            self._by_app, self._by_location, self._by_location, self._by_group, self._by_group,
            self._by_guest, self._by_text,
        ]  # fmt: skip
        if self.family == "addresses":
            ways += [self._by_location] * 10
        parts = [self._everything()]
        for _ in range(20 * self.count):
            if len(parts) >= max(2, self.count * 3 // 10):
                break
            place = self.random.randrange(len(parts))
            parts[place : place + 1] = self.random.choice(ways)(parts[place])
        return parts

    def _realistic(self) -> list[Conditions]:
        """Block for everybody, and once more for some platforms and countries."""
        everything = self._everything()
        by_platform = self._by_platform(everything)
        return [*by_platform, self._by_location(everything)[0]]

    def _many_groups(self) -> list[Conditions]:
        """Exclude groups from each policy, and block what those are in by another."""
        parts = [self._everything()]
        goal = max(2, self.count * 3 // 10)
        while len(parts) < goal // 4:
            place = self.random.randrange(len(parts))
            ways = [self._by_platform, self._by_app, self._by_location]
            parts[place : place + 1] = self.random.choice(ways)(parts[place])
        for place in range(len(parts)):
            current = parts[place]
            for _ in range(3):
                excluded = self.some(self.groups, 50, 5)
                outside = replace(current, users=replace(current.users, exclude_groups=excluded))
                inside = replace(
                    current,
                    users=replace(
                        current.users, include_users=(), include_groups=excluded, exclude_groups=()
                    ),
                )
                parts[place] = outside if parts[place] is current else parts[place]
                parts.append(inside)
                current = inside
                if len(parts) >= goal or current.users.include_users != ("All",):
                    break
        return parts

    def _by_platform(self, of: Conditions) -> list[Conditions]:
        platforms = of.platforms or Platforms(("all",))
        named = platforms.include_platforms
        if named == ("all",):
            left = [each for each in PLATFORMS if each not in platforms.exclude_platforms]
            if not left:
                return [of]
            taken = self.some(left, 3)
            rest = Platforms(("all",), tuple(sorted({*platforms.exclude_platforms, *taken})))
            return [replace(of, platforms=Platforms(taken)), replace(of, platforms=rest)]
        return self._halves(of, named, lambda half: replace(of, platforms=Platforms(half)))

    def _by_client(self, of: Conditions) -> list[Conditions]:
        named = CLIENTS if of.client_app_types == ("all",) else of.client_app_types
        # `exchangeActiveSync` takes in `easSupported`: the two stay together.
        named = tuple(each for each in named if each != "easSupported")
        return self._halves(of, named, lambda half: replace(of, client_app_types=half))

    def _by_sign_in_risk(self, of: Conditions) -> list[Conditions]:
        named = of.sign_in_risk_levels or RISKS
        return self._halves(of, named, lambda half: replace(of, sign_in_risk_levels=half))

    def _by_user_risk(self, of: Conditions) -> list[Conditions]:
        named = of.user_risk_levels or RISKS
        return self._halves(of, named, lambda half: replace(of, user_risk_levels=half))

    def _halves(
        self, of: Conditions, values: Sequence[Any], half: Callable[[tuple[Any, ...]], Conditions]
    ) -> list[Conditions]:
        if len(values) == 1:
            return [of]
        taken = self.some(values, min(12, len(values) - 1))
        rest = tuple(sorted(set(values).difference(taken)))
        return [half(taken), half(rest)]

    def _by_app(self, of: Conditions) -> list[Conditions]:
        apps = of.applications
        if apps.include_applications == ("All",):
            left = [each for each in self.apps if each not in apps.exclude_applications]
            if not left:
                return [of]
            taken = self.some(left, 12)
            rest = Applications(("All",), tuple(sorted({*apps.exclude_applications, *taken})))
            return [
                replace(of, applications=Applications(taken)),
                replace(of, applications=rest),
            ]
        named = apps.include_applications
        return self._halves(of, named, lambda half: replace(of, applications=Applications(half)))

    def _by_location(self, of: Conditions) -> list[Conditions]:
        locations = of.locations or Locations(("All",))
        if locations.include_locations != ("All",):
            return [of]
        keys = self.some(self.keys, 3)
        excluded = tuple(sorted({*locations.exclude_locations, *keys}))
        return [
            replace(of, locations=Locations(keys, locations.exclude_locations)),
            replace(of, locations=Locations(("All",), excluded)),
        ]

    def _by_group(self, of: Conditions) -> list[Conditions]:
        left = [each for each in self.groups if each not in of.users.exclude_groups]
        if of.users.include_users != ("All",) or not left:
            return [of]
        groups = self.some(left, 3)
        excluded = tuple(sorted({*of.users.exclude_groups, *groups}))
        inside = replace(of.users, include_users=(), include_groups=groups)
        outside = replace(of.users, exclude_groups=excluded)
        return [replace(of, users=inside), replace(of, users=outside)]

    def _by_guest(self, of: Conditions) -> list[Conditions]:
        users = of.users
        if users.include_users != ("All",) or users.exclude_guests_or_external_users:
            return [of]
        guests = GuestsOrExternalUsers(self.some(GUESTS, 5))
        inside = replace(users, include_users=(), include_guests_or_external_users=guests)
        outside = replace(users, exclude_guests_or_external_users=guests)
        return [replace(of, users=inside), replace(of, users=outside)]

    def _by_text(self, of: Conditions) -> list[Conditions]:
        rule = of.device_filter.rule if of.device_filter else ""
        if rule.count("-and") > 2:
            return [of]
        text = self.random.choice(self.texts)
        return [
            replace(of, device_filter=Filter("include", f"{rule} -and {each}"))
            for each in (
                f'device.extensionAttribute1 -eq "{text}"',
                f'device.extensionAttribute1 -ne "{text}"',
            )
        ]

    # --- what is not

    def _policy(self, key: str, of: Conditions) -> Policy:
        return Policy(key, key, "enabled", of, BLOCK)

    def _other(self, number: int) -> Policy:
        r = self.random
        block = number < self.count * 0.4
        of = Conditions(Users(("All",), EMERGENCY), Applications(("All",)), ("all",))
        if block or self.maybe(0.6):
            of = replace(of, applications=Applications(self.some(self.apps, 6)))
        if self.maybe(0.3):
            of = replace(of, platforms=Platforms(self.some(PLATFORMS, 3)))
        if block or self.maybe(0.3):
            of = replace(of, client_app_types=(r.choice(CLIENTS),))
        if self.maybe(0.15):
            of = replace(of, sign_in_risk_levels=self.some(RISKS, 3))
        if self.maybe(0.6):
            of = replace(of, users=self._people())
        if self.maybe(0.3):
            excluded = self.some(self.keys, 4)
            included = self.some(self.keys, 4) if self.maybe(0.4) else ("All",)
            of = replace(of, locations=Locations(included, excluded))
        if self.maybe(0.2):
            rules = [
                "device.isCompliant -eq True",
                f'device.extensionAttribute1 -eq "{r.choice(self.texts)}"',
                'device.trustType -eq "ServerAD"',
            ]
            rule = " -or ".join(r.sample(rules, r.randint(1, 2)))
            of = replace(of, device_filter=Filter(r.choice(("include", "exclude")), rule))
        grant = BLOCK if block else GrantControls("AND", r.choice((("mfa",), ("compliantDevice",))))
        return Policy(f"other-{number}", f"Other {number}", "enabled", of, grant)

    def _people(self) -> Users:
        many = 50 if self.family == "groups" else 3
        return Users(
            self.some(self.users, 3) if self.maybe(0.3) else (),
            EMERGENCY,
            self.some(self.groups, 5),
            self.some(self.groups, many) if self.maybe(0.5) else (),
        )

    # --- other versions

    def _narrowed(self, policies: Sequence[Policy]) -> Iterator[Policy]:
        """Narrow one needed policy a little; whether that matters is another question."""
        needed = [each.key for each in policies if each.key.startswith("needed")]
        chosen = self.random.choice(needed)
        yield from (self._narrower(each) if each.key == chosen else each for each in policies)

    def _changed(self, policies: Sequence[Policy]) -> Iterator[Policy]:
        chosen = self._some_of(policies)
        yield from (self._narrower(each) if each.key in chosen else each for each in policies)

    def _refactored(self, policies: Sequence[Policy]) -> Iterator[Policy]:
        chosen = self._some_of(policies)
        for each in policies:
            parts = self._by_platform(each.conditions) if each.key in chosen else []
            if len(parts) > 1:
                yield from (
                    replace(each, key=f"{each.key}-{n}", conditions=part)
                    for n, part in enumerate(parts)
                )
            else:
                yield each

    def _some_of(self, policies: Sequence[Policy]) -> set[str]:
        count = max(1, len(policies) // 20)
        return {each.key for each in self.random.sample(policies, count)}

    def _narrower(self, policy: Policy) -> Policy:
        of, r = policy.conditions, self.random
        if self.maybe(0.5):
            excluded = tuple(sorted({*of.users.exclude_groups, r.choice(self.groups)}))
            return replace(
                policy, conditions=replace(of, users=replace(of.users, exclude_groups=excluded))
            )
        excluded = tuple(sorted({*of.applications.exclude_applications, r.choice(self.apps)}))
        apps = replace(of.applications, exclude_applications=excluded)
        return replace(policy, conditions=replace(of, applications=apps))
