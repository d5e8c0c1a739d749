"""What is told to be redundant, and what is not, against the semantic difference without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings

from ostiary.model.policy import (
    Applications,
    Conditions,
    GrantControls,
    Locations,
    Policy,
    PolicySet,
    SessionControls,
    Users,
)
from ostiary.proof.compare import compare
from ostiary.proof.prove import Prover
from ostiary.proof.redundancy import Redundant, redundant
from tests.engine.property.examples import examples
from tests.engine.property.test_evaluate import LOCATIONS, POLICIES

BLOCK, MFA = (GrantControls("OR", (control,)) for control in ("block", "mfa"))  # type: ignore[arg-type]


def found(*policies: Policy) -> list[Redundant]:
    return list(redundant(Prover(PolicySet(policies, LOCATIONS))))


@settings(max_examples=examples(150), deadline=None)
@given(POLICIES)
def test_just_the_redundant_can_go_without_a_difference(policies: list[Policy]) -> None:
    told = {each.policy for each in found(*policies)}
    whole = PolicySet(tuple(policies), LOCATIONS)
    for policy in policies:
        rest = PolicySet(tuple(each for each in policies if each is not policy), LOCATIONS)
        if policy.state == "enabled":
            assert compare(whole, rest).empty is (policy.key in told)


def policy(
    key: str, grant: GrantControls | None, groups: tuple[str, ...] = (), **more: Any
) -> Policy:
    users = Users(() if groups else ("All",), (), groups)
    conditions = Conditions(users, Applications(("All",)), ("all",), **more)
    return Policy(key, key, "enabled", conditions, grant)


def test_a_block_inside_another_names_it() -> None:
    every, some = policy("every", BLOCK), policy("some", BLOCK, ("staff",))
    assert found(every, some) == [Redundant("redundant", "some", ("every",))]


def test_a_demand_on_whom_another_blocks_is_shadowed() -> None:
    assert found(policy("every", BLOCK), policy("mfa", MFA, ("staff",))) == [
        Redundant("shadowed", "mfa", ("every",))
    ]


def test_conditions_that_contradict_each_other_never_apply() -> None:
    nowhere = Locations(("office",), ("AllTrusted",))
    assert found(policy("nowhere", BLOCK, locations=nowhere)) == [
        Redundant("neverApplies", "nowhere")
    ]


def test_a_session_control_of_its_own_is_not_redundant() -> None:
    one, other = policy("one", MFA), policy("other", MFA, ("staff",))
    assert [each.policy for each in found(one, other)] == ["other"]
    browser = replace(other, session_controls=SessionControls(persistent_browser="never"))
    assert found(one, browser) == []
