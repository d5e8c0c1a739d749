"""Policies that apply, or may → what they make of a sign-in together.

One that blocks ends it; else what each demands must be satisfied, and session controls come after
(https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-policies).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ostiary.model.controls import Requirement, blocks, combined, requirements
from ostiary.model.policy import Policy, SessionControls
from ostiary.model.sign_in import ClientApp, Flow, Unknown
from ostiary.proof.conditions import LEGACY_CLIENTS
from ostiary.proof.decision import CombinedSessionControls, Outcome

# What somebody who signs in one way may be able to prove.
Provable = Literal["everything", "no device", "nothing"]

_DEVICE_CONTROLS = {"compliantDevice", "domainJoinedDevice"}


@dataclass(frozen=True, slots=True)
class Enforced:
    """What enabled policies do to a sign-in; the fields are those of `Decision`."""

    outcome: Outcome
    requirements: tuple[Requirement, ...]
    unsatisfiable: tuple[Requirement, ...]
    session_controls: CombinedSessionControls

    @property
    def shut(self) -> bool:
        """Whether surely nobody gets in this way: blocked, or asked for what cannot be given."""
        return self.outcome == "blocked" or bool(self.unsatisfiable)


def enforce(
    applying: Sequence[Policy], undecided: Iterable[Policy], provable: Provable
) -> Enforced:
    """Join enabled policies: those that surely apply, and those that may.

    Policies of one `kind` do the same as one of them.
    """
    if any(map(blocks, applying)):
        return Enforced("blocked", (), (), CombinedSessionControls())
    demanded = combined(_demands(applying))
    changing = any(_changes(each, demanded) for each in undecided)
    return Enforced(
        outcome="unknown" if changing else "granted" if demanded else "allowed",
        requirements=demanded,
        unsatisfiable=tuple(each for each in demanded if not _satisfiable(each, provable)),
        session_controls=combined_session_controls(each.session_controls for each in applying),
    )


def deciding(
    enforced: Enforced, applying: Iterable[Policy], undecided: Iterable[Policy]
) -> list[Policy]:
    """Give the policies that the outcome rests on, as `Decision` has them."""
    match enforced.outcome:
        case "blocked":
            return [each for each in applying if blocks(each)]
        case "unknown":
            return [each for each in undecided if _changes(each, enforced.requirements)]
        case _:
            return [each for each in applying if requirements(each.grant_controls)]


def kind(policy: Policy) -> Hashable:
    """Give what the policy does to sign-ins that it applies to."""
    if blocks(policy):
        return "block"
    return requirements(policy.grant_controls), policy.session_controls


def provable_by(client: ClientApp | Unknown, flow: Flow | Unknown) -> Provable:
    """Tell what may be proven by this kind of client in this flow; of unknown ones, everything.

    Legacy clients can satisfy nothing
    (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-conditions),
    and in device code flow no device can prove itself, whoever signs in
    (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant).
    """
    if client in LEGACY_CLIENTS:
        return "nothing"
    return "no device" if flow == "deviceCodeFlow" else "everything"


def _demands(policies: Iterable[Policy]) -> list[Requirement]:
    return [each for policy in policies for each in requirements(policy.grant_controls)]


def _changes(policy: Policy, demanded: tuple[Requirement, ...]) -> bool:
    """Tell whether the policy would change an outcome that so far demands this."""
    more = requirements(policy.grant_controls)
    return blocks(policy) or combined([*demanded, *more]) != demanded


def _satisfiable(requirement: Requirement, provable: Provable) -> bool:
    if provable == "no device":
        return not all(each.kind in _DEVICE_CONTROLS for each in requirement)
    return provable == "everything"


def combined_session_controls(of: Iterable[SessionControls | None]) -> CombinedSessionControls:
    """Give the session controls of several policies as they hold together."""
    every = [each for each in of if each]
    frequencies = {each.sign_in_frequency for each in every if each.sign_in_frequency}
    return CombinedSessionControls(
        any(each.application_enforced_restrictions for each in every),
        tuple(sorted({each.cloud_app_security for each in every if each.cloud_app_security})),
        any(each.disable_resilience_defaults for each in every),
        tuple(sorted({each.persistent_browser for each in every if each.persistent_browser})),
        tuple(sorted(frequencies, key=repr)),
    )
