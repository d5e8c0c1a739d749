"""Edits close what they are said to close, proven anew; gaps are blamed on somebody."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ostiary.errors import Location
from ostiary.model.controls import Control
from ostiary.model.edits import edited
from ostiary.model.goal import (
    AsksAtMost,
    Blocked,
    Goal,
    GoalException,
    NeverBlocked,
    Requires,
    SignIns,
    Then,
)
from ostiary.model.policy import Conditions, GrantControls, Policy, PolicySet
from ostiary.proof.blame import blame
from ostiary.proof.evaluate import evaluate
from ostiary.proof.prove import Prover, holds, prove
from ostiary.proof.repairs import repairs
from ostiary.proof.results import Gap, Proof
from tests.engine.property.examples import examples
from tests.engine.property.test_evaluate import CONDITIONS
from tests.engine.property.test_evaluate import LOCATIONS as NAMED_LOCATIONS

GRANTS = st.sampled_from(
    [
        GrantControls("OR", ("block",)),
        GrantControls("OR", ("block",)),
        GrantControls("OR", ("mfa",)),
        GrantControls("OR", ("compliantDevice", "mfa")),
        GrantControls("AND", ("compliantDevice",)),
    ]
)
STATES = st.sampled_from(
    ["enabled", "enabled", "enabled", "disabled", "enabledForReportingButNotEnforced"]
)
GIVEN = st.sampled_from(
    [
        SignIns(authentication_flows=("deviceCodeFlow",)),
        SignIns(groups=("staff",)),
        SignIns(users=("anna",), platforms=("iOS",)),
        SignIns(guests=("b2bCollaborationGuest",), locations=("office",)),
        SignIns(applications=("mail",), outside=("office",)),
        SignIns(device="compliant"),
        SignIns(),
    ]
)
THEN: st.SearchStrategy[Then] = st.sampled_from(
    [
        Blocked(),
        NeverBlocked(),
        Requires(((Control("mfa"),),)),
        AsksAtMost(),
        AsksAtMost((Control("mfa"),)),
    ]
)
NOWHERE = Location("goal.yaml")


def policies(conditions: list[tuple[Conditions, GrantControls, str]]) -> tuple[Policy, ...]:
    return tuple(
        Policy(f"p{n}", f"p{n}", state, of, grant)  # type: ignore[arg-type]
        for n, (of, grant, state) in enumerate(conditions)
    )


@settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.filter_too_much]
)
@given(
    st.lists(st.tuples(CONDITIONS, GRANTS, STATES), min_size=1, max_size=4).map(policies),
    GIVEN,
    THEN,
    st.booleans(),
)
def test_what_is_proven_of_an_edit_holds_when_proven_anew(
    every: tuple[Policy, ...],
    of: SignIns,
    then: Then,
    but_for_out: bool,  # noqa: FBT001 (drawn)
) -> None:
    exceptions = (GoalException("out", SignIns(groups=("out",)), NOWHERE),) if but_for_out else ()
    goal = Goal("goal", "says", (of,), exceptions, then, NOWHERE)
    kept = Goal("kept", "says", (SignIns(users=("bob",)),), (), NeverBlocked(), NOWHERE)
    policy_set = PolicySet(every, NAMED_LOCATIONS)
    prover = Prover(policy_set, [goal, kept])
    gap = prover.prove(goal)
    assume(isinstance(gap, Gap))
    assert isinstance(gap, Gap)
    for opening in gap.openings:
        said = blame(policy_set, goal, opening)
        if isinstance(then, (NeverBlocked, AsksAtMost)):
            assert opening.question.about == said.culprits[0].policy.key
        for miss in said.near_misses:
            assert miss.clues
    holding = [kept] if isinstance(prover.prove(kept), Proof) else []
    for repair in repairs(prover, gap, holding):
        after = PolicySet(tuple(edited(each, repair.edits) for each in every), NAMED_LOCATIONS)
        assert after.policies != every
        assert isinstance(prove(after, goal), Proof) is repair.proves
        assert bool(repair.breaks) is (bool(holding) and not isinstance(prove(after, kept), Proof))
        first = gap.openings[0]
        decision = evaluate(after, first.sign_in, device_code_device=first.device_code_device)
        if repair.proves or not isinstance(then, (NeverBlocked, AsksAtMost)):
            assert holds(goal, decision)
