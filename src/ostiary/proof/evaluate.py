"""One sign-in against every policy of a tenant: an offline What If, written to be read.

It is the meaning of a policy set, and proofs are checked against it: it asks each policy in turn.
What Entra does is told, with sources and assumptions, in docs/semantics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ostiary.model.policy import PolicySet
from ostiary.model.sign_in import UNREGISTERED, SignIn
from ostiary.proof.conditions import (
    Circumstances,
    DeviceCodeDevice,
    applies,
    in_device_code_flow,
    rules,
)
from ostiary.proof.decision import Decision, Verdict
from ostiary.proof.enforce import deciding, enforce, provable_by


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
    if in_device_code_flow(sign_in) is False or sign_in.device is UNREGISTERED:
        return decision  # there is no other device to see
    other: DeviceCodeDevice = "as given" if device_code_device == "unavailable" else "unavailable"
    if _under(policy_set, sign_in, other).effect == decision.effect:
        return decision
    return replace(decision, device_code_device=device_code_device)


def _under(policy_set: PolicySet, sign_in: SignIn, reading: DeviceCodeDevice) -> Decision:
    at = Circumstances(policy_set, sign_in, reading)
    for each in policy_set.policies:
        if each.state != "disabled":
            list(rules(each.conditions))  # what cannot be read is told, reached or not
    verdicts = [Verdict(each, applies(each, at), at) for each in policy_set.policies]
    return _decide(verdicts, sign_in)


def _decide(verdicts: Sequence[Verdict], sign_in: SignIn) -> Decision:
    report_only = "enabledForReportingButNotEnforced"
    enabled = [each for each in verdicts if each.policy.state == "enabled"]
    applying = [each.policy for each in enabled if each.applies is True]
    undecided = [each for each in enabled if each.applies is None]
    may_apply = [each.policy for each in undecided]
    provable = provable_by(sign_in.client_app_type, sign_in.authentication_flow)
    end = enforce(applying, may_apply, provable)
    keys = tuple(each.key for each in deciding(end, applying, may_apply))
    changing = [each for each in undecided if end.outcome == "unknown" and each.policy.key in keys]
    return Decision(
        outcome=end.outcome,
        requirements=end.requirements,
        unsatisfiable=end.unsatisfiable,
        session_controls=end.session_controls,
        deciding=keys,
        mattering=frozenset().union(
            *(reason.unknown for each in changing for reason in each.reasons)
        ),
        verdicts=tuple(each for each in verdicts if each.policy.state != report_only),
        report_only=tuple(each for each in verdicts if each.policy.state == report_only),
    )
