"""One sign-in against every policy of a tenant: an offline What If, written to be read.

It is the meaning of a policy set, and proofs are checked against it, so it takes no short cut.
What Entra does is told, with sources and assumptions, in docs/semantics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ostiary.model.controls import Requirement, blocks, combined, requirements
from ostiary.model.policy import Policy, PolicySet, SessionControls
from ostiary.model.sign_in import SignIn
from ostiary.proof.conditions import (
    LEGACY_CLIENTS,
    Circumstances,
    DeviceCodeDevice,
    in_device_code_flow,
    reasons,
)
from ostiary.proof.decision import CombinedSessionControls, Decision, Outcome, Verdict

_DEVICE_CONTROLS = {"compliantDevice", "domainJoinedDevice"}


def evaluate(
    policy_set: PolicySet, sign_in: SignIn, *, device_code_device: DeviceCodeDevice = "unavailable"
) -> Decision:
    """Decide one sign-in.

    What is unknown stays so: an outcome is definite only if it is the same for everything that the
    unknown signals may be.  The reverse does not hold: two policies that together block on every
    platform leave the outcome unknown where the platform is (see `conditions.reasons`).

    `device_code_device` says which device the filters of policies see in device code flow.
    Microsoft says that the device's state is not supported there, and What If takes one; which of
    the two sign-ins obey is not known, so the default is assumed, and the decision says where it
    matters.

    Raises FilterSyntaxError for a filter rule that cannot be read.
    """
    decision = _under(policy_set, sign_in, device_code_device)
    if in_device_code_flow(sign_in) is False:
        return decision
    other: DeviceCodeDevice = "as given" if device_code_device == "unavailable" else "unavailable"
    if _under(policy_set, sign_in, other).effect == decision.effect:
        return decision
    return replace(decision, device_code_device=device_code_device)


def _under(policy_set: PolicySet, sign_in: SignIn, reading: DeviceCodeDevice) -> Decision:
    at = Circumstances(policy_set, sign_in, reading)
    verdicts = [Verdict(each, tuple(reasons(each, at))) for each in policy_set.policies]
    return _decide(verdicts, sign_in)


def _decide(verdicts: Sequence[Verdict], sign_in: SignIn) -> Decision:
    report_only = "enabledForReportingButNotEnforced"
    enabled = [each for each in verdicts if each.policy.state == "enabled"]
    applying = [each for each in enabled if each.applies is True]
    undecided = [each for each in enabled if each.applies is None]
    blocking = [each for each in applying if blocks(each.policy)]
    demanded: tuple[Requirement, ...] = ()
    session = CombinedSessionControls()
    changing: list[Verdict] = []
    outcome: Outcome = "blocked"
    deciding = blocking
    if not blocking:
        demanded = combined(_demands(applying))
        session = combined_session_controls(each.policy.session_controls for each in applying)
        changing = [each for each in undecided if _changes(each.policy, demanded)]
        outcome = "unknown" if changing else "granted" if demanded else "allowed"
        deciding = changing or [
            each for each in applying if requirements(each.policy.grant_controls)
        ]
    return Decision(
        outcome=outcome,
        requirements=demanded,
        unsatisfiable=tuple(each for each in demanded if not _satisfiable(each, sign_in)),
        session_controls=session,
        deciding=tuple(each.policy.key for each in deciding),
        mattering=frozenset().union(
            *(reason.unknown for each in changing for reason in each.reasons)
        ),
        verdicts=tuple(each for each in verdicts if each.policy.state != report_only),
        report_only=tuple(each for each in verdicts if each.policy.state == report_only),
    )


def _demands(verdicts: Iterable[Verdict]) -> list[Requirement]:
    return [each for verdict in verdicts for each in requirements(verdict.policy.grant_controls)]


def _changes(policy: Policy, demanded: tuple[Requirement, ...]) -> bool:
    """Tell whether the policy would change an outcome that so far demands this."""
    more = requirements(policy.grant_controls)
    return blocks(policy) or combined([*demanded, *more]) != demanded


def _satisfiable(requirement: Requirement, sign_in: SignIn) -> bool:
    """Tell whether somebody may be able to satisfy a requirement in such a sign-in.

    Legacy clients can satisfy none
    (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-conditions),
    and in device code flow no device can prove itself, whoever signs in
    (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant).
    """
    if sign_in.client_app_type in LEGACY_CLIENTS:
        return False
    in_flow = in_device_code_flow(sign_in) is True
    return not (in_flow and all(each.kind in _DEVICE_CONTROLS for each in requirement))


def combined_session_controls(of: Iterable[SessionControls | None]) -> CombinedSessionControls:
    """Put the session controls of policies that apply together."""
    every = [each for each in of if each]
    frequencies = {each.sign_in_frequency for each in every if each.sign_in_frequency}
    return CombinedSessionControls(
        any(each.application_enforced_restrictions for each in every),
        tuple(sorted({each.cloud_app_security for each in every if each.cloud_app_security})),
        any(each.disable_resilience_defaults for each in every),
        tuple(sorted({each.persistent_browser for each in every if each.persistent_browser})),
        tuple(sorted(frequencies, key=repr)),
    )
