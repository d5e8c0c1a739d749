"""The semantic difference, against what `evaluate` says of sign-ins before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.model.policy import (
    Applications,
    Conditions,
    GrantControls,
    IpNamedLocation,
    Locations,
    Policy,
    PolicySet,
    Users,
)
from ostiary.model.sign_in import SignIn
from ostiary.proof.compare import compare
from ostiary.proof.evaluate import evaluate
from tests.engine.property.examples import examples
from tests.engine.property.test_evaluate import CONDITIONS, GRANTS, LOCATIONS, POLICIES
from tests.engine.property.test_regions import READINGS, SIGN_INS

OFFICES = [
    LOCATIONS[0],
    IpNamedLocation("office", "Office", ("203.0.113.0/25",), is_trusted=True),
    IpNamedLocation("office", "Office", ("203.0.113.0/24",), is_trusted=False),
    IpNamedLocation("office", "Office", ("192.0.2.0/24",), is_trusted=True),
]


@st.composite
def versions(draw: st.DrawFn) -> tuple[PolicySet, PolicySet]:
    """Two versions of a few policies: shared, edited, added and removed ones."""
    before = draw(POLICIES)
    after: list[Policy] = []
    for policy in before:
        match draw(st.sampled_from(["keep", "keep", "edit", "remove", "rename"])):
            case "keep":
                after.append(policy)
            case "edit":
                after.append(replace(policy, conditions=draw(CONDITIONS)))
            case "rename":
                after.append(replace(policy, key=policy.key + "x", grant_controls=draw(GRANTS)))
    if before and draw(st.booleans()):
        after.append(replace(draw(st.sampled_from(before)), key="again"))
    if len(after) > 1 and draw(st.booleans()):
        after[:2] = [replace(after[0], key=after[1].key), replace(after[1], key=after[0].key)]
    old, new = draw(st.sampled_from(OFFICES)), draw(st.sampled_from(OFFICES))
    rest = LOCATIONS[1:]
    return PolicySet(tuple(before), (old, *rest)), PolicySet(tuple(after), (new, *rest))


@settings(max_examples=examples(100), deadline=None)
@given(versions(), st.lists(SIGN_INS, min_size=6, max_size=12), READINGS)
def test_no_difference_means_that_every_sign_in_is_decided_alike(
    pair: tuple[PolicySet, PolicySet], sign_ins: list[SignIn], reading: Any
) -> None:
    before, after = pair
    difference = compare(before, after)
    assert difference.undecided is None
    differs = [
        each
        for each in sign_ins
        if evaluate(before, each, device_code_device=reading).effect
        != evaluate(after, each, device_code_device=reading).effect
    ]
    assert not (difference.empty and differs)
    for change in difference.changes:
        assert change.before.effect != change.after.effect
        blocked = (change.before.outcome == "blocked", change.after.outcome == "blocked")
        assert {
            "opened": blocked == (True, False),
            "closed": blocked == (False, True),
            "eased": blocked == (False, False),
            "tightened": blocked == (False, False),
        }[change.kind]


@settings(max_examples=examples(100), deadline=None)
@given(POLICIES, st.randoms(use_true_random=False))
def test_a_refactoring_makes_no_difference(policies: list[Policy], random: Any) -> None:
    before = PolicySet(tuple(policies), LOCATIONS)
    after: list[Policy] = []
    for policy in random.sample(policies, len(policies)):
        halves = [
            replace(policy, key=f"{policy.key}-{name}", conditions=replace(
                policy.conditions, locations=Locations(*lists)
            ))
            for name, lists in (
                ("inside", (("office",), ())), ("outside", (("All",), ("office",))),
            )
        ]  # fmt: skip
        after += halves if policy.conditions.locations is None else [policy]
    assert compare(before, PolicySet(tuple(after), LOCATIONS)).empty


def test_a_difference_told_in_part_is_not_complete() -> None:
    def block(*groups: str) -> Policy:
        conditions = Conditions(Users(include_groups=groups), Applications(("All",)), ("all",))
        return Policy("block", "block", "enabled", conditions, GrantControls("OR", ("block",)))

    before = PolicySet((block("staff", "out"),))
    whole = compare(before, PolicySet(()))
    assert (len(whole.changes), whole.complete, whole.empty) == (2, True, False)
    part = compare(before, PolicySet(()), parts=1)
    assert (len(part.changes), part.complete, part.empty) == (1, False, False)
