from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ostiary.errors import Location
from ostiary.model.goal import Fact, SignIns, Waiver
from ostiary.model.policy import ClientApplications, GrantControls, Policy
from ostiary.model.resolve import Resolved
from ostiary.tenant.preflight.values import Severity, Unread
from tests.engine.unit.tenant.preflight.healthy import (
    ANNA,
    EMERGENCY,
    RESOLVED,
    SOMEBODY,
    block,
    findings,
    only,
    with_directory,
    with_policies,
)

REFUSE, WARN, UNKNOWN = Severity.REFUSE, Severity.WARN, Severity.UNKNOWN
ALL = {"includeUsers": ["All"]}
WRONG = "fact-not-true"


def with_policy(**changes: Any) -> Resolved:
    """Give the environment with one more policy, which names somebody."""
    of: Policy = RESOLVED.policies[0]
    conditions = replace(of.conditions, **changes.pop("conditions", {}))
    users = replace(conditions.users, **changes.pop("users", {}))
    applications = replace(conditions.applications, **changes.pop("applications", {}))
    conditions = replace(conditions, users=users, applications=applications)
    policy = replace(of, conditions=conditions, **changes)
    return replace(RESOLVED, policies=(policy, *RESOLVED.policies[1:]))


ROWS = [
    ("groups", with_policy(users={"exclude_groups": (EMERGENCY, SOMEBODY)}), REFUSE, REFUSE),
    ("users", with_policy(users={"exclude_users": (SOMEBODY,)}), REFUSE, REFUSE),
    (
        "service_principals",
        with_policy(conditions={"client_applications": ClientApplications((SOMEBODY,))}),
        REFUSE,
        REFUSE,
    ),
    (
        "applications",
        with_policy(applications={"exclude_applications": (SOMEBODY,)}),
        WARN,
        UNKNOWN,
    ),
    (
        "strengths",
        with_policy(grant_controls=GrantControls("OR", authentication_strength=SOMEBODY)),
        REFUSE,
        UNKNOWN,
    ),
    (
        "terms_of_use",
        with_policy(grant_controls=GrantControls("OR", terms_of_use=(SOMEBODY,))),
        REFUSE,
        UNKNOWN,
    ),
]


@pytest.mark.parametrize(("kind", "resolved", "if_missing", "if_unread"), ROWS)
def test_what_is_named_must_be_there(
    kind: str, resolved: Resolved, if_missing: Severity, if_unread: Severity
) -> None:
    about_ids = {
        (each.code, each.severity)
        for each in findings(resolved=resolved)
        if each.code.startswith("id-") and SOMEBODY in each.message
    }
    assert about_ids == {("id-missing", if_missing)}
    unread = with_directory(**{kind: Unread("Some.Read.All")})
    finding = next(
        each for each in findings(unread, resolved=resolved) if each.code == "id-unknown"
    )
    assert (finding.severity, finding.permission) == (if_unread, "Some.Read.All")


def test_an_emergency_access_group_must_have_somebody_who_can_sign_in() -> None:
    nobody = only(findings(with_directory(emergency_access={EMERGENCY: ()})))
    assert (nobody.code, nobody.severity) == ("emergency-access-disabled", REFUSE)
    disabled = replace(ANNA, enabled=False)
    only(findings(with_directory(emergency_access={EMERGENCY: (disabled,)})))
    assert findings(with_directory(emergency_access={EMERGENCY: (disabled, ANNA)})) == ()


@pytest.mark.parametrize(
    ("accounts", "words"),
    [((), "has been deleted"), ((replace(ANNA, enabled=False),), "has been disabled")],
)
def test_an_emergency_access_account_must_be_enabled(accounts: tuple[Any, ...], words: str) -> None:
    resolved = replace(RESOLVED, emergency_access=(SignIns(users=(ANNA.id,)),))
    observed = with_directory(users=frozenset({ANNA.id}), emergency_access={ANNA.id: accounts})
    assert words in only(findings(observed, resolved=resolved)).message


def test_not_to_know_of_emergency_access_refuses() -> None:
    finding = only(findings(with_directory(emergency_access=Unread("User.Read.All"))))
    assert (finding.code, finding.severity) == ("emergency-access-unknown", REFUSE)
    assert finding.permission == "User.Read.All"


@pytest.mark.parametrize(
    ("fact", "groups", "codes"),
    [
        (Fact("group", EMERGENCY, "apartFrom", SOMEBODY), frozenset[str](), []),
        (Fact("group", EMERGENCY, "apartFrom", SOMEBODY), frozenset({SOMEBODY}), [WRONG]),
        (Fact("group", SOMEBODY, "apartFrom", EMERGENCY), frozenset({SOMEBODY}), [WRONG]),
        (Fact("group", EMERGENCY, "within", SOMEBODY), frozenset({SOMEBODY}), []),
        (Fact("group", EMERGENCY, "within", SOMEBODY), frozenset[str](), [WRONG]),
    ],
)
def test_facts_about_emergency_access_must_be_true(
    fact: Fact, groups: frozenset[str], codes: list[str]
) -> None:
    resolved = replace(RESOLVED, facts=(fact,))
    accounts = (replace(ANNA, groups=ANNA.groups | groups),)
    found = findings(
        with_directory(
            groups=frozenset({EMERGENCY, SOMEBODY}) | frozenset(RESOLVED.names),
            emergency_access={EMERGENCY: accounts},
        ),
        resolved=resolved,
    )
    assert [each.code for each in found] == codes


def test_a_foreign_policy_that_blocks_emergency_access_is_refused() -> None:
    finding = only(findings(with_policies(block("theirs", ALL))))
    assert (finding.code, finding.severity) == ("emergency-access-not-excluded", REFUSE)
    assert "`theirs`, which is not managed here, blocks" in finding.message
    assert "`anna`" in finding.message


def test_a_foreign_policy_that_asks_emergency_access_for_something_is_told() -> None:
    asks = block("theirs", ALL) | {"grantControls": {"operator": "OR", "builtInControls": ["mfa"]}}
    finding = only(findings(with_policies(asks)))
    assert (finding.code, finding.severity) == ("emergency-access-not-excluded", WARN)


def test_a_foreign_policy_that_cannot_be_read_may_block() -> None:
    finding = only(findings(with_policies(block("theirs", ALL, times={"all": True}))))
    assert finding.severity is REFUSE
    assert "cannot be read here and may block" in finding.message
    excluding = {**ALL, "excludeGroups": [EMERGENCY]}
    assert findings(with_policies(block("theirs", excluding, times={"all": True}))) == ()


@pytest.mark.parametrize("state", ["disabled", "enabledForReportingButNotEnforced"])
def test_a_foreign_policy_that_is_not_in_force_does_nothing(state: str) -> None:
    assert findings(with_policies(block("theirs", ALL) | {"state": state})) == ()


@pytest.mark.parametrize(
    "users",
    [
        {**ALL, "excludeUsers": [ANNA.id]},
        {**ALL, "excludeGroups": [EMERGENCY]},
        {**ALL, "excludeRoles": ["role"]},
        {"includeGroups": [SOMEBODY]},
        {"includeUsers": [SOMEBODY]},
        {"includeRoles": ["another role"]},
    ],
)
def test_what_leaves_emergency_access_out_is_fine(users: dict[str, Any]) -> None:
    accounts = (replace(ANNA, roles=frozenset({"role"})),)
    observed = with_directory(emergency_access={EMERGENCY: accounts})
    assert findings(with_policies(block("theirs", users), observed=observed)) == ()


@pytest.mark.parametrize(
    "users",
    [{"includeUsers": [ANNA.id]}, {"includeGroups": [EMERGENCY]}, {"includeRoles": ["role"]}],
)
def test_every_way_in_which_a_policy_reaches_an_account_counts(users: dict[str, Any]) -> None:
    accounts = (replace(ANNA, roles=frozenset({"role"})),)
    observed = with_directory(emergency_access={EMERGENCY: accounts})
    assert (
        only(findings(with_policies(block("theirs", users), observed=observed))).severity is REFUSE
    )


def test_a_waiver_of_the_goal_lets_it_pass_and_is_told() -> None:
    waiver = Waiver(
        "emergency-access-is-never-locked-out", "o", "r", date(2027, 1, 1), Location("x")
    )
    waived = replace(RESOLVED, waivers=(waiver,))
    finding = only(findings(with_policies(block("theirs", ALL)), resolved=waived))
    assert finding.severity is WARN
