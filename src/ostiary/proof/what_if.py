"""One sign-in decided, with what in each policy decided it: an offline What If that shows why."""

from __future__ import annotations

from dataclasses import dataclass

from ostiary.model.policy import Policy, PolicySet
from ostiary.model.sign_in import SignIn
from ostiary.proof.clues import Clue, met_by, unmet
from ostiary.proof.conditions import Circumstances, Reason
from ostiary.proof.decision import Decision
from ostiary.proof.evaluate import evaluate


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of one policy: `clues` are the entries by which it applies, or does not.

    A policy that may apply has `reasons`, which say on which unknown signals its conditions hang.
    """

    policy: Policy
    applies: bool | None
    reasons: tuple[Reason, ...]
    clues: tuple[Clue, ...]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The decision of a sign-in, and the ruling of each policy in the order of the policy set.

    `locations` are keys of the named locations that the sign-in surely comes from, None where its
    address is not known.
    """

    sign_in: SignIn
    decision: Decision
    rulings: tuple[Ruling, ...]
    locations: tuple[str, ...] | None


def what_if(policy_set: PolicySet, sign_in: SignIn) -> WhatIf:
    """Decide a sign-in and say why; raises FilterSyntaxError for a rule that cannot be read."""
    decision = evaluate(policy_set, sign_in)
    at = Circumstances(policy_set, sign_in, "unavailable")
    by_key = {each.policy.key: each for each in (*decision.verdicts, *decision.report_only)}
    rulings = []
    for policy in policy_set.policies:
        verdict = by_key[policy.key]
        if verdict.applies is True:
            clues = met_by(policy, at)
        else:
            failed = [each.condition for each in verdict.reasons if each.met is False]
            clues = tuple(clue for each in failed for clue in unmet(each, policy, at))
        rulings.append(Ruling(policy, verdict.applies, verdict.reasons, clues))
    inside = [at.in_location(each.key) for each in policy_set.named_locations]
    known = all(isinstance(each, bool) for each in inside)
    keys = tuple(
        each.key
        for each, within in zip(policy_set.named_locations, inside, strict=True)
        if within is True
    )
    return WhatIf(sign_in, decision, tuple(rulings), keys if known or keys else None)
