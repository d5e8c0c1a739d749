"""What is to blame for a condition: the entries, of which none is there too much or too little."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from ostiary.model.policy import Filter, Locations, Platforms, Policy, PolicySet, Users
from ostiary.model.sign_in import SignIn
from ostiary.proof.clues import Clue, met_by, unmet
from ostiary.proof.conditions import Circumstances, reasons
from tests.engine.unit.proof.test_evaluate import LOCATIONS, PLAIN, RULES, Rule, member, policy


def circumstances(of: Policy, sign_in: SignIn) -> Circumstances:
    return Circumstances(PolicySet((of,), LOCATIONS), sign_in, "unavailable")


@pytest.mark.parametrize("rule", RULES, ids=[f"{each.page}: {each.says}" for each in RULES])
def test_every_condition_that_decides_has_a_clue(rule: Rule) -> None:
    of = policy(**rule.conditions)
    at = circumstances(of, rule.sign_in)
    failed = list(reasons(of, at))
    for each in failed:
        clues = unmet(each.condition, of, at)
        assert clues
        assert all(clue.condition == each.condition for clue in clues)
    if not failed:
        assert {"users", "workloadIdentities"} & {each.condition for each in met_by(of, at)}


@pytest.mark.parametrize(
    ("conditions", "sign_in", "condition", "expected"),
    [
        (
            {"users": Users(("All",), exclude_groups=("a", "b", "c"))},
            member(groups=frozenset({"a", "c"})),
            "users",
            [("excludeGroups", "a"), ("excludeGroups", "c")],
        ),
        (
            {"users": Users(include_groups=("a",), exclude_users=("anna",))},
            member(),
            "users",
            [("excludeUsers", "anna"), ("includeUsers", None)],
        ),
        (
            {"locations": Locations(("All",), ("office", "shop", "AllTrusted"))},
            replace(PLAIN, ip_address=ip_address("203.0.113.1")),
            "location",
            [("excludeLocations", "office"), ("excludeLocations", "AllTrusted")],
        ),
        (
            {"platforms": Platforms(("all",), ("windows",))},
            PLAIN,
            "devicePlatform",
            [("excludePlatforms", "windows")],
        ),
        (
            {"device_filter": Filter("include", "device.isCompliant -eq True")},
            PLAIN,
            "devices",
            [("deviceFilter", None)],
        ),
        (
            {"device_filter": Filter("exclude", "device.isCompliant -ne True")},
            PLAIN,
            "devices",
            [("deviceFilter", "device.isCompliant -ne True")],
        ),
        ({"authentication_flows": ("deviceCodeFlow",)}, PLAIN, "authenticationFlow",
         [("transferMethods", None)]),
    ],
)  # fmt: skip
def test_exactly_the_entries_that_matter_are_told(
    conditions: dict[str, Any], sign_in: SignIn, condition: Any, expected: list[tuple[str, Any]]
) -> None:
    of = policy(**conditions)
    clues = unmet(condition, of, circumstances(of, sign_in))
    assert sorted(clues, key=repr) == sorted(
        (Clue(condition, where, entry) for where, entry in expected), key=repr
    )


def test_a_policy_that_applies_tells_by_what_but_not_what_takes_everything_in() -> None:
    of = policy(
        platforms=Platforms(("all",)),
        client_app_types=("browser", "other"),
        device_filter=Filter("exclude", "device.isCompliant -eq True"),
        locations=Locations(("All",), ("shop",)),
    )
    assert [(each.of, each.entry) for each in met_by(of, circumstances(of, PLAIN))] == [
        ("includeUsers", "All"),
        ("includeApplications", "All"),
        ("clientAppTypes", "browser"),
    ]
