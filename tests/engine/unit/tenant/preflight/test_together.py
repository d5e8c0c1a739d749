from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostiary.model.resolve import Resolved, resolve
from ostiary.proof.blame import blame
from ostiary.proof.examine import Examined
from ostiary.proof.results import Gap, NotDecided, Proof
from ostiary.spec.workspace import load
from ostiary.tenant.preflight.checks import others_of
from ostiary.tenant.preflight.together import together
from ostiary.tenant.preflight.values import Observed, Unread
from tests.engine.shipped import TODAY, edit
from tests.engine.unit.tenant.preflight.healthy import (
    ANNA,
    DIRECTORY,
    EMERGENCY,
    OBSERVED,
    RECORDED,
    RESOLVED,
    SOMEBODY,
    block,
    ip_location,
    with_locations,
    with_policies,
)

ALL = {"includeUsers": ["All"]}
LOCKED_OUT = "emergency-access-is-never-locked-out"


def examined(observed: Observed, resolved: Resolved = RESOLVED) -> Examined:
    others = others_of(resolved, observed, RECORDED)
    return together(resolved, observed.directory, others)


def result(observed: Observed, goal: str, resolved: Resolved = RESOLVED) -> object:
    return next(each for each in examined(observed, resolved).results if each.goal.key == goal)


def test_alone_in_its_tenant_everything_is_proven_as_before() -> None:
    assert not examined(OBSERVED).failed


def test_a_foreign_block_can_lock_out() -> None:
    found = result(with_policies(block("theirs", ALL)), LOCKED_OUT)
    assert isinstance(found, Gap)
    assert [each.question.about for each in found.openings] == ["theirs"]


@pytest.mark.parametrize("state", ["disabled", "enabledForReportingButNotEnforced"])
def test_one_that_is_not_in_force_cannot(state: str) -> None:
    assert not examined(with_policies(block("theirs", ALL) | {"state": state})).failed


def test_a_foreign_grant_opens_nothing() -> None:
    grants = block("theirs", ALL) | {
        "grantControls": None,
        "sessionControls": {"persistentBrowser": {"isEnabled": True, "mode": "always"}},
    }
    assert not examined(with_policies(grants)).failed


def test_a_block_of_a_group_in_which_no_emergency_account_is_locks_nobody_out() -> None:
    theirs = with_policies(block("theirs", {"includeGroups": [SOMEBODY]}))
    assert isinstance(result(theirs, LOCKED_OUT), Proof)
    unknown = replace(DIRECTORY, emergency_access=Unread("User.Read.All"))
    assert isinstance(result(replace(theirs, directory=unknown), LOCKED_OUT), Gap)
    inside = (replace(ANNA, groups=ANNA.groups | {SOMEBODY}),)
    known = replace(DIRECTORY, emergency_access={EMERGENCY: inside})
    assert isinstance(result(replace(theirs, directory=known), LOCKED_OUT), Gap)


def test_a_block_that_excludes_a_group_in_which_all_of_them_are_locks_nobody_out() -> None:
    theirs = with_policies(block("theirs", {**ALL, "excludeGroups": [SOMEBODY]}))
    assert isinstance(result(theirs, LOCKED_OUT), Gap)
    inside = (replace(ANNA, groups=ANNA.groups | {SOMEBODY}),)
    known = replace(DIRECTORY, emergency_access={EMERGENCY: inside})
    assert isinstance(result(replace(theirs, directory=known), LOCKED_OUT), Proof)


def test_what_cannot_be_read_leaves_open_who_gets_in() -> None:
    found = result(with_policies(block("theirs", ALL, times={"all": True})), LOCKED_OUT)
    assert isinstance(found, NotDecided)
    assert found.reason == "`theirs` cannot be read here and may block"
    assert found.policies == ("theirs",)


def test_what_cannot_be_read_protects_nobody() -> None:
    unreadable = with_policies(block("theirs", ALL, times={"all": True}))
    off = replace(
        RESOLVED, policies=tuple(replace(each, state="disabled") for each in RESOLVED.policies)
    )
    assert isinstance(result(unreadable, "legacy-authentication-is-blocked", off), Gap)
    readable = with_policies(block("theirs"))
    assert isinstance(result(readable, "legacy-authentication-is-blocked", off), Proof)


def test_a_policy_that_beta_alone_lists_counts_as_unreadable() -> None:
    observed = replace(OBSERVED, beta_only=(block("theirs", ALL),))
    assert isinstance(result(observed, LOCKED_OUT), NotDecided)


def test_a_filter_that_cannot_be_read_makes_the_policy_unreadable() -> None:
    rule = {"deviceFilter": {"mode": "include", "rule": "device.nothing -is known"}}
    observed = with_policies(block("theirs", ALL, devices=rule))
    assert isinstance(result(observed, LOCKED_OUT), NotDecided)
    assert isinstance(result(observed, "legacy-authentication-is-blocked"), Proof)


def test_an_unreadable_policy_on_workloads_may_block_workloads() -> None:
    clients = {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}
    theirs = block("theirs", {"includeUsers": ["None"]}, clientApplications=clients, times={"a": 1})
    found = examined(with_policies(theirs))
    assert [each.goal.key for each in found.failed] == ["service-principals-keep-access"]


@pytest.fixture
def trusting(workspace: Any) -> Resolved:
    """Give the environment with `AllTrusted` for an exception, where it has head office."""
    file = workspace / "policies" / "block-device-code-flow.yaml"
    edit(file, "excludeLocations: [head-office]", "excludeLocations: [AllTrusted]")
    edit(file, "of: head-office", "of: AllTrusted")
    return resolve(load(workspace, ["sandbox"]), "sandbox", TODAY)


def opened_from(observed: Observed, resolved: Resolved) -> set[str]:
    """Give the named locations from which device code flow gets in."""
    found = examined(observed, resolved)
    gap = next(each for each in found.results if each.goal.key == "device-code-flow-is-blocked")
    assert isinstance(
        gap, Gap
    )  # by the trusted addresses of the service for MFA, if by nothing else
    return {
        key for each in gap.openings for key in blame(found.policy_set, gap.goal, each).locations
    }


def test_a_foreign_trusted_location_opens_what_trusts_all(trusting: Resolved) -> None:
    trusted = ip_location("branch", "198.51.100.0/24", trusted=True)
    assert "foreign-branch" in opened_from(with_locations(trusted), trusting)
    untrusted = ip_location("branch", "198.51.100.0/24")
    assert "foreign-branch" not in opened_from(with_locations(untrusted), trusting)


def test_foreign_policies_mean_our_locations_by_their_ids() -> None:
    ours = OBSERVED.listed.named_locations[0]["id"]
    at_the_office = {"includeLocations": [ours]}
    observed = with_policies(block("theirs", locations=at_the_office))
    found = result(observed, "device-code-flow-works-at-head-office")
    assert isinstance(found, Gap)


def test_two_foreign_policies_of_one_name_are_told_apart() -> None:
    one, two = block("require-mfa"), block("require-mfa") | {"id": "another"}
    keys = [each.key for each in others_of(RESOLVED, with_policies(one, two), RECORDED).enabled]
    assert keys == ["require-mfa (foreign-require-mfa)", "require-mfa (another)"]
