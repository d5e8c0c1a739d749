"""Changes to a policy set that must not change an answer, or only in one direction."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from ostiary.model.goal import Blocked
from ostiary.model.policy import Policy, PolicySet
from ostiary.proof.prove import prove_all
from ostiary.proof.results import Result
from tests.engine.oracles.judge import said
from tests.engine.oracles.worlds import BLOCK, EVERYBODY, World, splits, world

WORLDS = range(50_000, 50_006)


def answers(of: World, *policies: Policy) -> list[str]:
    policy_set = PolicySet(policies, of.policy_set.named_locations)
    found: list[Result] = prove_all(policy_set, of.goals, of.facts)
    return [said(each) for each in found]


@pytest.mark.parametrize("seed", WORLDS)
def test_order_names_and_repetition_change_no_answer(seed: int) -> None:
    of = world(seed)
    policies = of.policy_set.policies
    shuffled = Random(seed).sample(policies, len(policies)) + list(policies[:2])
    renamed = [replace(each, key=f"{n}", display_name=f"{n}") for n, each in enumerate(shuffled)]
    assert answers(of, *renamed) == answers(of, *policies)


@pytest.mark.parametrize("seed", WORLDS)
def test_a_policy_in_two_parts_is_the_same_policy(seed: int) -> None:
    of = world(seed)
    policies = of.policy_set.policies
    parted: list[Policy] = []
    for each in policies:
        parts = next(splits(seed, each.conditions), (each.conditions,))
        parted += (replace(each, key=f"{each.key}-{n}", conditions=p) for n, p in enumerate(parts))
    assert len(parted) > len(policies)
    assert answers(of, *parted) == answers(of, *policies)


@pytest.mark.parametrize("seed", WORLDS)
def test_what_is_not_enforced_changes_no_answer(seed: int) -> None:
    of = world(seed)
    policies = of.policy_set.policies
    report_only = Policy("r", "R", "enabledForReportingButNotEnforced", EVERYBODY, BLOCK)
    assert answers(of, *policies, report_only) == answers(of, *policies)
    assert answers(of, *policies, replace(report_only, state="disabled")) == answers(of, *policies)


@pytest.mark.parametrize("seed", WORLDS)
def test_an_exclusion_more_closes_no_hole_of_a_block(seed: int) -> None:
    of = world(seed)
    policies = list(of.policy_set.policies)
    before = answers(of, *policies)
    for place, each in enumerate(policies):
        users = each.conditions.users
        excluded = tuple(sorted({*users.exclude_groups, "group-0"}))
        conditions = replace(each.conditions, users=replace(users, exclude_groups=excluded))
        changed = [*policies]
        changed[place] = replace(each, conditions=conditions)
        for goal, was, now in zip(of.goals, before, answers(of, *changed), strict=True):
            assert not (isinstance(goal.then, Blocked) and was == "gap") or now == "gap"


@pytest.mark.parametrize("seed", WORLDS)
def test_a_block_more_opens_no_hole_of_a_block(seed: int) -> None:
    of = world(seed)
    policies = of.policy_set.policies
    before = answers(of, *policies)
    for conditions in (EVERYBODY, *(each.conditions for each in policies)):
        block = Policy("more", "More", "enabled", conditions, BLOCK)
        for goal, was, now in zip(of.goals, before, answers(of, *policies, block), strict=True):
            assert not (isinstance(goal.then, Blocked) and was == "proof") or now == "proof"
