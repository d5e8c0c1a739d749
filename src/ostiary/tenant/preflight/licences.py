"""Which licence each policy needs, and whether the tenant has one with the service plan for it.

Plans by their names: https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ostiary.model.policy import Policy
from ostiary.model.resolve import Resolved
from ostiary.tenant.preflight.values import Finding, Observed, Severity, Unread

_CA = "https://learn.microsoft.com/entra/identity/conditional-access/"


@dataclass(frozen=True, slots=True)
class Licence:
    """What a policy may need: one of `plans`; `used_by` tells whether a policy does.

    Without what Graph itself asks for, an apply would stop half way: those `refuse`.
    """

    name: str
    plans: frozenset[str]
    used_by: Callable[[Policy], bool]
    page: str
    severity: Severity = Severity.REFUSE


def _asks_for_compliance(policy: Policy) -> bool:
    grant = policy.grant_controls
    return grant is not None and "compliantDevice" in grant.built_in_controls


def _asks_for_defender(policy: Policy) -> bool:
    return policy.session_controls is not None and bool(policy.session_controls.cloud_app_security)


LICENCES = (
    Licence(
        "Microsoft Entra ID P1",
        frozenset({"AAD_PREMIUM", "AAD_PREMIUM_P2"}),
        lambda _: True,
        f"{_CA}overview#license-requirements",
    ),
    Licence(
        "Microsoft Entra ID P2",
        frozenset({"AAD_PREMIUM_P2"}),
        lambda each: bool(each.conditions.sign_in_risk_levels or each.conditions.user_risk_levels),
        f"{_CA}overview#license-requirements",
    ),
    Licence(
        "Microsoft Entra Workload ID Premium",
        frozenset({"AAD_WRKLDID_P1", "AAD_WRKLDID_P2"}),
        lambda each: each.conditions.client_applications is not None,
        f"{_CA}workload-identity",
    ),
    # What follows, Graph is assumed to take without the licence: then no sign-in ever has the risk,
    # no device is ever compliant, and no session is ever controlled.
    Licence(
        "Microsoft Purview Insider Risk Management",
        frozenset({"INSIDER_RISK", "INSIDER_RISK_MANAGEMENT"}),
        lambda each: each.conditions.insider_risk_levels is not None,
        f"{_CA}policy-risk-based-insider-block",
        Severity.WARN,
    ),
    Licence(
        "Microsoft Intune",
        frozenset({"INTUNE_A"}),
        _asks_for_compliance,
        f"{_CA}concept-conditional-access-grant",
        Severity.WARN,
    ),
    Licence(
        "Microsoft Defender for Cloud Apps",
        frozenset({"ADALLOM_S_STANDALONE", "ADALLOM_S_STANDALONE_DOD"}),
        _asks_for_defender,
        f"{_CA}concept-conditional-access-session",
        Severity.WARN,
    ),
)


def licences(resolved: Resolved, observed: Observed) -> Iterator[Finding]:
    """Tell each licence that policies need and the tenant does not have.

    Where the licences cannot be read nothing is refused: Graph refuses what is not paid for, and
    takes nothing away.
    """
    if isinstance(observed.plans, Unread):
        yield Finding(
            "licence-unknown",
            Severity.UNKNOWN,
            "which licences the tenant has cannot be read",
            permission=observed.plans.permission,
        )
        return
    for each in LICENCES:
        using = [policy.key for policy in resolved.policies if each.used_by(policy)]
        if using and not each.plans & observed.plans:
            yield Finding(
                "licence-missing",
                each.severity,
                f"the tenant has no {each.name}, which {', '.join(f'`{key}`' for key in using)} "
                f"{'needs' if len(using) == 1 else 'need'}",
                "buy it, or leave out the policies for this environment",
                each.page,
            )
