"""Decide sign-ins of a tenant with many policies: by reading, from tables, and in batches.

The time for one from tables is that of `Tables.decide` with a `SignIn` in hand; in a batch, that
with the number of every value in hand.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from itertools import product
from random import Random
from statistics import median
from typing import Any, get_args

import numpy as np
from _machine import disagree, report, table

from ostiary import catalog
from ostiary.model.policy import (
    Applications,
    Conditions,
    CountryNamedLocation,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    IpNamedLocation,
    Locations,
    Platforms,
    Policy,
    PolicySet,
    Users,
)
from ostiary.model.sign_in import UNKNOWN, UNREGISTERED, Application, SignIn, User
from ostiary.proof.batch import Batch
from ostiary.proof.columns import Columns, address_classes, numbered
from ostiary.proof.evaluate import evaluate
from ostiary.proof.tables import Tables

POLICIES, USERS, GROUPS, APPLICATIONS, OFFICES, RANGES = 240, 5_000, 300, 100, 60, 40
SEED = 7
NOWHERE: frozenset[str] = frozenset()
TARGETS = {
    "tables": "2 us",
    "batch, blocked or not": "8 M",
    "batch, policies that apply": "8 M",
    "batch, what is enforced": "8 M",
}
Ways = dict[str, tuple[int, Callable[[], object]]]
# So many are read in each run; so many are read to check tables, and so many to check batches.
FEW, SAMPLE, ALIKE = 10, 100, 20_000
COUNTRIES = ("NO", "SE", "DK", "DE", "FR", "US", "BR", "IN", "CN", "RU")
CLIENTS = ("browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other")
FLOWS = ("none", *get_args(catalog.AuthenticationFlow))
PLATFORMS = [each for each in get_args(catalog.DevicePlatform) if each != "all"]
RISKS = ("none", "low", "medium", "high")
RULES = (
    "device.isCompliant -eq True",
    'device.trustType -eq "ServerAD" -or device.isCompliant -eq True',
    'device.model -startsWith "Surface"',
    'device.extensionAttribute1 -notIn ["SAW", "PAW"]',
)
DEVICES: list[Any] = [
    UNREGISTERED,
    *(
        {
            "device.isCompliant": compliant,
            "device.trustType": trust,
            "device.model": model,
            "device.extensionAttribute1": label,
        }
        for compliant, trust, model, label in product(
            (True, False),
            ("AzureAD", "ServerAD", "Workplace"),
            ("Surface Hub", "X1"),
            (None, "SAW"),
        )
    ),
]
GRANTS = (
    GrantControls("OR", ("mfa",)),
    GrantControls("OR", ("compliantDevice", "mfa")),
    GrantControls("AND", ("compliantDevice", "mfa")),
    GrantControls("OR", (), catalog.AUTHENTICATION_STRENGTHS["Phishing-resistant MFA"]),
    GrantControls("OR", (), None, ("terms",)),
)


def main() -> None:
    """Measure every way on the same sign-ins, in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="times that each way is measured")
    parser.add_argument("--events", type=int, default=300_000, help="sign-ins")
    options = parser.parse_args()
    random = Random(SEED)
    policy_set = _tenant(random)
    known = list(_events(random, policy_set, options.events))
    partly = [
        replace(each, in_mfa_trusted_ips=UNKNOWN, gps_country=UNKNOWN, insider_risk=UNKNOWN)
        for each in known
    ]
    with report(f"{POLICIES} policies, {USERS} users, {len(known)} sign-ins"):
        print(f"numpy {np.__version__}, one thread")
        ways = {
            **_reading(policy_set, known),
            **_ways(policy_set, known, ""),
            **_ways(policy_set, partly, ", 3 signals unknown"),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.runs):
            for name, (count, way) in ways.items():
                started = time.process_time()
                way()
                times[name].append((time.process_time() - started) / count)
        rows = [
            [
                name,
                _micro(median(took)),
                _micro(max(took)),
                _rate(median(took)),
                TARGETS.get(name, ""),
            ]
            for name, took in times.items()
        ]
        table(["a sign-in takes", "median", "slowest", "in a second", "target"], *rows)


def _reading(policy_set: PolicySet, events: list[SignIn]) -> Ways:
    sample = events[:FEW]
    return {"evaluate": (len(sample), lambda: [evaluate(policy_set, each) for each in sample])}


def _ways(policy_set: PolicySet, events: list[SignIn], kind: str) -> Ways:
    """Give the ways to decide the sign-ins from tables, after seeing that they are right."""
    tables = Tables(policy_set)
    values, columns = numbered(tables, events)
    batch = Batch(tables, values)
    _agree(policy_set, events, tables, batch, columns)
    # A log's reader may make a new object of the same user or device for each sign-in.
    fresh = [
        replace(
            each,
            identity=replace(each.identity),
            device=dict(each.device) if isinstance(each.device, dict) else each.device,
        )
        for each in events
    ]
    addresses = np.array([int(each.ip_address) for each in events], dtype=np.uint32)  # type: ignore[arg-type]
    ways: dict[str, Callable[[], object]] = {
        "tables": lambda: [tables.decide(each) for each in events],
        "tables, compiled in the run": lambda: list(map(Tables(policy_set).decide, events)),
        "the same, users and devices as new objects": lambda: list(
            map(Tables(policy_set).decide, fresh)
        ),
        "batch, blocked or not": lambda: batch.blocked(columns),
        "batch, policies that apply": lambda: batch.applying(columns),
        "batch, what is enforced": lambda: batch.decide(columns),
        "address to its class, by numpy": lambda: address_classes(
            tables.places.addresses, addresses
        ),
    }
    return {name + kind: (len(events), way) for name, way in ways.items()}


def _agree(
    policy_set: PolicySet, events: list[SignIn], tables: Tables, batch: Batch, columns: Columns
) -> None:
    """See that tables say what `evaluate` does, and batches what tables do."""
    for each in events[:: max(1, len(events) // SAMPLE)]:
        decision = evaluate(policy_set, each)
        found = tables.decide(each)
        said = (found.outcome, found.requirements, found.unsatisfiable, found.session_controls)
        applying = {each.key for each in tables.named(tables.applying(each))}
        verdicts = (*decision.verdicts, *decision.report_only)
        if (said, applying) != (
            decision.effect,
            {each.policy.key for each in verdicts if each.applies},
        ):
            disagree("tables and evaluate", each, found, decision)
    applying, numbers = batch.applying(columns), batch.decide(columns)
    blocked = batch.blocked(columns)
    for at, each in enumerate(events[:ALIKE]):
        surely, possible = tables.applying(each), tables.possible(each)
        if (
            _bits(applying.surely[at]) != surely
            or _bits(applying.possible[at]) != possible
            or numbers[1][numbers[0][at]] != tables.decide(each)
            or bool(blocked[0][at]) != bool(surely & tables.blocking)
            or bool(blocked[1][at]) != bool(possible & tables.blocking)
        ):
            disagree("a batch and tables", each)
    shares = Counter(numbers[1][number].outcome for number in numbers[0].tolist())
    print(
        ", ".join(
            f"{count / len(events):.0%} {outcome}" for outcome, count in sorted(shares.items())
        ),
        f"in {len(numbers[1])} kinds",
    )


def _bits(row: Any) -> int:
    return int.from_bytes(row.tobytes(), sys.byteorder)


def _tenant(random: Random) -> PolicySet:
    offices = [
        IpNamedLocation(
            f"office-{number}",
            f"Office {number}",
            tuple(
                str(
                    ip_network(
                        (random.randrange(1 << 24) << 8, random.choice((22, 24, 28))), strict=False
                    )
                )
                for _ in range(RANGES)
            ),
            is_trusted=number % 3 == 0,
        )
        for number in range(OFFICES)
    ]
    countries = [
        CountryNamedLocation(f"countries-{number}", "", tuple(random.sample(COUNTRIES, 3)))
        for number in range(12)
    ]
    places = [each.key for each in (*offices, *countries)]
    policies = [
        Policy(
            f"policy-{number}",
            f"Policy {number}",
            "enabled" if number % 12 else "enabledForReportingButNotEnforced",
            _conditions(random, places, blocking=number % 5 < 2),
            GrantControls("OR", ("block",)) if number % 5 < 2 else random.choice(GRANTS),
        )
        for number in range(POLICIES)
    ]
    return PolicySet(tuple(policies), (*offices, *countries))


def _conditions(random: Random, places: list[str], *, blocking: bool) -> Conditions:
    def sometimes(share: float, made: Any, otherwise: Any = None) -> Any:
        return made if random.random() < share else otherwise

    everybody = random.random() < 0.4
    # Blocks are narrow in one more way: else nearly every sign-in would be blocked.
    narrow = random.randrange(4) if blocking else -1
    groups = [f"group-{random.randrange(GROUPS)}" for _ in range(6)]
    return Conditions(
        Users(
            include_users=("All",) if everybody else (),
            exclude_groups=tuple(groups[:3]),
            include_groups=() if everybody else tuple(groups[3:]),
            exclude_guests_or_external_users=sometimes(
                0.2, GuestsOrExternalUsers(("b2bCollaborationGuest",))
            ),
        ),
        Applications(
            ("All",)
            if random.random() < 0.5 and narrow != 0
            else tuple(f"app-{random.randrange(APPLICATIONS)}" for _ in range(3)),
            tuple(f"app-{random.randrange(APPLICATIONS)}" for _ in range(2)),
        ),
        sometimes(0.7, ("all",), (random.choice(CLIENTS),)),
        platforms=sometimes(0.3, Platforms(("all",), (random.choice(PLATFORMS),))),
        locations=Locations(tuple(random.sample(places, 4)))
        if narrow == 1
        else sometimes(0.4, Locations(("All",), ("AllTrusted", *random.sample(places, 2)))),
        device_filter=sometimes(0.3, Filter("exclude", random.choice(RULES))),
        authentication_flows=sometimes(
            1.0 if narrow == 2 else 0.1,
            (random.choice(FLOWS[1:]),),
            (),
        ),
        sign_in_risk_levels=sometimes(1.0 if narrow == 3 else 0.1, ("high",), ()),
        insider_risk_levels=sometimes(0.05, "elevated"),
    )


def _events(random: Random, policy_set: PolicySet, count: int) -> Iterator[SignIn]:
    users = [
        User(
            f"user-{number}",
            frozenset(f"group-{random.randrange(GROUPS)}" for _ in range(random.randrange(12))),
            frozenset(),
            "b2bCollaborationGuest" if number % 10 == 0 else None,
            None,
        )
        for number in range(USERS)
    ]
    applications = [Application(f"app-{number}", frozenset(), {}) for number in range(APPLICATIONS)]
    offices = [
        ip_network(cidr)
        for office in policy_set.named_locations
        if isinstance(office, IpNamedLocation)
        for cidr in office.ip_ranges
    ]
    for _ in range(count):
        office = random.choice(offices)
        anywhere = IPv4Address(random.randrange(1 << 32))
        yield SignIn(
            random.choice(users),
            random.choice(applications),
            random.choices(FLOWS, (90, 8, 2))[0],
            "none",
            random.choices(CLIENTS, (50, 40, 5, 5))[0],
            random.choice(PLATFORMS),
            random.choice((anywhere, office[random.randrange(office.num_addresses)])),
            in_mfa_trusted_ips=False,
            country=random.choice(COUNTRIES),
            gps_country=None,
            other_locations=NOWHERE,
            device=random.choice(DEVICES),
            sign_in_risk=random.choices(RISKS, (90, 5, 3, 2))[0],
            user_risk="none",
            insider_risk="none",
        )


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:,.3f} us" if seconds < 1e-6 else f"{seconds * 1e6:,.1f} us"


def _rate(seconds: float) -> str:
    return f"{1 / seconds / 1e6:.1f} M" if seconds < 1e-6 else f"{1 / seconds:,.0f}"


if __name__ == "__main__":
    main()
