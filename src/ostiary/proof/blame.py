"""Why the policies decide a sign-in otherwise than a goal wants: who is to blame, and by what.

Where a goal wants more, these are near misses: policies that would have decided it, but for one of
their conditions or few.  Where it wants less, they are the policies that keep out or ask too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ostiary.model.controls import Requirement, blocks, ensures, requirements, satisfied_by
from ostiary.model.goal import AsksAtMost, Blocked, Goal, NeverBlocked, Requires
from ostiary.model.policy import Policy, PolicySet
from ostiary.model.sign_in import SignIn, User
from ostiary.proof.clues import Clue, met_by, named, unmet
from ostiary.proof.conditions import (
    LEGACY_CLIENTS,
    Circumstances,
    Reason,
    ReasonWord,
    in_device_code_flow,
    reasons,
)
from ostiary.proof.decision import Decision
from ostiary.proof.questions import only_devices
from ostiary.proof.results import Opening

# A policy that fails in more conditions than this is about something else.
MOST_UNMET = 3
MOST_MISSES = 12


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A policy that would have decided a sign-in as the goal wants, and what is in its way.

    `conditions` are those not met, in Graph's words; `clues` say by which entries, a report-only or
    disabled policy by its state too.  `distance` orders near misses: by how many conditions fail,
    by how many the policy shares with the goal, by whether somebody left the sign-in out on purpose
    or the policy was never about it.
    """

    policy: Policy
    conditions: tuple[ReasonWord, ...]
    clues: tuple[Clue, ...]
    distance: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Culprit:
    """A policy that applies to a sign-in and keeps it out, or asks more than the goal allows.

    `by` are the entries of its lists that take the sign-in in; `demanded` is what it asks too much,
    empty where it blocks.
    """

    policy: Policy
    by: tuple[Clue, ...]
    demanded: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Blame:
    """Near misses, the nearest first, or culprits: a goal has one or the other.

    `locations` are the keys of the named locations that the sign-in comes from.
    """

    near_misses: tuple[NearMiss, ...] = ()
    culprits: tuple[Culprit, ...] = ()
    locations: tuple[str, ...] = ()

    @property
    def nearest(self) -> tuple[NearMiss, ...]:
        """The near misses at the least distance."""
        return tuple(
            each for each in self.near_misses if each.distance == self.near_misses[0].distance
        )


def blame(policy_set: PolicySet, goal: Goal, opening: Opening) -> Blame:
    """Say why the policies let the opening's sign-in through, or keep it out, against the goal."""
    at = Circumstances(policy_set, opening.sign_in, opening.device_code_device)
    inside = tuple(each.key for each in policy_set.named_locations if at.in_location(each.key))
    if isinstance(goal.then, (Blocked, Requires)):
        order = sorted(
            _near_misses(goal, opening, at), key=lambda each: (each.distance, each.policy.key)
        )
        return Blame(near_misses=tuple(order[:MOST_MISSES]), locations=inside)
    culprits = sorted(
        _culprits(goal.then, opening.decision, at),
        key=lambda each: (each.policy.key != opening.question.about, each.policy.key),
    )
    return Blame(culprits=tuple(culprits), locations=inside)


def _near_misses(goal: Goal, opening: Opening, at: Circumstances) -> Iterator[NearMiss]:
    """Give those that share most with the goal, of those that fail in the fewest conditions."""
    said = set(_said(goal))
    failing = []
    for policy, failed in _failing(opening, at):
        shared = said.intersection(named(policy.conditions)).difference(failed)
        failing.append((len(failed), -len(shared), policy.key, policy, failed))
    failing.sort(key=lambda each: each[:3])
    for conditions, shared_less, _, policy, failed in failing[: 2 * MOST_MISSES]:
        clues = tuple(clue for each in failed for clue in unmet(each, policy, at))
        on_purpose = sum(1 if each.entry is not None else 3 for each in clues)
        yield NearMiss(policy, failed, clues, (conditions, shared_less, on_purpose))


def _failing(
    opening: Opening, at: Circumstances
) -> Iterator[tuple[Policy, tuple[ReasonWord, ...]]]:
    """Give the policies that would decide as the goal wants, and in which conditions they fail."""
    about = opening.question.about
    user = isinstance(opening.sign_in.identity, User)
    for verdict in (*opening.decision.verdicts, *opening.decision.report_only):
        policy = verdict.policy
        wanted = blocks(policy) or (isinstance(about, tuple) and _demands(policy, about))
        # Policies on workloads never reach people, nor the reverse: no edit changes that.
        if not wanted or user is not (policy.conditions.client_applications is None):
            continue
        failed = _unmet_if_enabled(policy, verdict.reasons, at)
        if len(failed) <= MOST_UNMET:
            yield policy, failed


def _unmet_if_enabled(
    policy: Policy, known: tuple[Reason, ...], at: Circumstances
) -> tuple[ReasonWord, ...]:
    if policy.state == "disabled":
        known = tuple(reasons(replace(policy, state="enabled"), at))
    failed = tuple(each.condition for each in known)
    return failed if policy.state == "enabled" else ("policyNotEnabled", *failed)


def _demands(policy: Policy, wanted: Requirement) -> bool:
    return any(ensures(each, wanted) for each in requirements(policy.grant_controls))


# The condition that each property of a goal's sign-ins is about.
_CONDITIONS: dict[str, ReasonWord] = {
    "users": "users",
    "groups": "users",
    "roles": "users",
    "guests": "users",
    "service_principals": "workloadIdentities",
    "applications": "application",
    "user_actions": "userActions",
    "authentication_flows": "authenticationFlow",
    "client_app_types": "clientApps",
    "platforms": "devicePlatform",
    "locations": "location",
    "outside": "location",
    "device": "devices",
    "sign_in_risk_levels": "signInRisk",
    "user_risk_levels": "userRisk",
}


def _said(goal: Goal) -> Iterator[ReasonWord]:
    for given in goal.given:
        yield from (word for name, word in _CONDITIONS.items() if getattr(given, name))


def _culprits(
    then: NeverBlocked | AsksAtMost, decision: Decision, at: Circumstances
) -> Iterator[Culprit]:
    for verdict in decision.verdicts:
        policy = verdict.policy
        if policy.state != "enabled" or verdict.applies is not True:
            continue
        demanded = () if blocks(policy) else requirements(policy.grant_controls)
        too_much = tuple(
            each
            for each in demanded
            if _hopeless(each, at.sign_in)
            or (isinstance(then, AsksAtMost) and not satisfied_by(each, then.controls))
        )
        if blocks(policy) or too_much:
            yield Culprit(policy, met_by(policy, at), too_much)


def _hopeless(requirement: Requirement, sign_in: SignIn) -> bool:
    """Tell whether nobody can satisfy it in such a sign-in (`evaluate`, of who is not blocked)."""
    in_flow = in_device_code_flow(sign_in) is True
    return sign_in.client_app_type in LEGACY_CLIENTS or (in_flow and only_devices(requirement))
