from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostiary.model.graph import named_location_to_graph, policy_to_graph
from ostiary.model.resolve import Resolved, resolve
from ostiary.proof.results import Gap, Proof
from ostiary.spec.workspace import load
from ostiary.tenant.response.meaning import Meaning, meaning
from tests.engine.shipped import ROOT, TODAY

Json = dict[str, Any]


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return resolve(load(ROOT, ["contoso-prod"]), "contoso-prod", TODAY)


def meant(
    resolved: Resolved, *, without: str = "", foreign: tuple[Json, ...] = (), ranges: int = 0
) -> Meaning:
    """What membership means where the tenant lacks a policy, or holds others."""
    ids = {each.key: f"id of {each.key}" for each in resolved.named_locations}
    locations = [
        {"id": ids[each.key], **named_location_to_graph(each)} for each in resolved.named_locations
    ]
    if ranges:
        cidr = {"@odata.type": "#microsoft.graph.iPv4CidrRange"}
        locations[0]["ipRanges"] = [cidr | {"cidrAddress": f"198.51.100.0/{ranges}"}]
    policies = [
        {"id": f"id of {each.key}", **policy_to_graph(each, ids)}
        for each in resolved.policies
        if each.key != without
    ]
    group = resolved.suspected_users
    assert group is not None
    return meaning(resolved, group, [*policies, *foreign], locations)


def test_members_get_in_from_trusted_places_only(resolved: Resolved) -> None:
    found = meant(resolved)
    assert found.confined
    assert [each.goal.key for each in found.goals] == [
        "suspected-users-are-confined",
        "suspected-users-are-verified",
    ]
    assert isinstance(found.blocked, Gap)
    assert all(each.ipv4 == 256 for each in found.blocked.openings)


def test_places_are_what_the_tenant_holds_and_not_what_files_say(resolved: Resolved) -> None:
    found = meant(resolved, ranges=25)
    assert isinstance(found.blocked, Gap)
    assert all(each.ipv4 == 128 for each in found.blocked.openings)


def test_without_the_policy_they_are_not_confined(resolved: Resolved) -> None:
    found = meant(resolved, without="confine-suspected-users")
    assert not found.confined
    assert isinstance(found.blocked, Gap)
    assert any(each.ipv4 > 2**31 for each in found.blocked.openings)


def test_a_policy_that_somebody_made_by_hand_counts(resolved: Resolved) -> None:
    confine = next(each for each in resolved.policies if each.key == "confine-suspected-users")
    by_hand = policy_to_graph(confine, {"head-office": "id of head-office"})
    by_hand |= {"id": "by hand", "displayName": "Nobody suspected gets in"}
    by_hand["conditions"]["locations"] = None
    found = meant(resolved, foreign=(by_hand,))
    assert isinstance(found.blocked, Proof)
    assert found.blocked.policies == ("by hand",)


def test_what_cannot_be_read_protects_nobody(resolved: Resolved) -> None:
    strange: Json = {"id": "x", "displayName": "Strange", "state": "enabled", "conditions": {}}
    strange["grantControls"] = {"operator": "OR", "builtInControls": ["telepathy"]}
    assert meant(resolved, foreign=(strange,)).unreadable == ("Strange",)


def test_an_environment_without_a_goal_says_nothing(resolved: Resolved) -> None:
    assert not meant(replace(resolved, goals=())).confined
