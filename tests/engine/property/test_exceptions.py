"""What exclusions are said to open, against the difference that each makes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from ostiary.model.edits import Edit, edited
from ostiary.model.policy import Policy, PolicySet
from ostiary.proof.compare import compare
from ostiary.proof.exceptions import exclusions, opened
from ostiary.proof.prove import Prover
from tests.engine.property.examples import examples
from tests.engine.property.test_evaluate import LOCATIONS, POLICIES
from tests.engine.property.test_regions import WORKLOADS


@settings(max_examples=examples(80), deadline=None)
@given(POLICIES, WORKLOADS)
def test_an_exclusion_opens_something_just_if_it_makes_a_difference(
    policies: list[Policy], conditions: object
) -> None:
    every = [
        *policies,
        *(replace(each, key="more", conditions=conditions) for each in policies[:1]),  # type: ignore[arg-type]
    ]
    policy_set = PolicySet(tuple(every), LOCATIONS)
    prover = Prover(policy_set)
    for policy in every:
        for exclusion in exclusions(policy) if policy.state == "enabled" else ():
            whole = "Guests" in exclusion.of or exclusion.of.endswith("Filter")
            edit = Edit(policy.key, "drop" if whole else "remove", exclusion.of, exclusion.entry)
            without = tuple(edited(each, [edit]) for each in every)
            assert without != policy_set.policies
            found = opened(prover, exclusion)
            difference = compare(policy_set, PolicySet(without, LOCATIONS))
            assert (found is None) == difference.empty
            for each in found.openings if found else ():
                assert each.decision.outcome != "blocked"
