from __future__ import annotations

from dataclasses import replace

import pytest

from ostiary.model.policy import (
    ClientApplications,
    Conditions,
    GrantControls,
    Policy,
    SessionControls,
)
from ostiary.model.resolve import Resolved
from ostiary.tenant.preflight.licences import LICENCES, licences
from ostiary.tenant.preflight.values import Severity, Unread
from tests.engine.unit.tenant.preflight.healthy import OBSERVED, RESOLVED, only

PLAIN = replace(
    RESOLVED.policies[0], grant_controls=GrantControls("OR", ("block",)), session_controls=None
)
EVERY_PLAN = frozenset(plan for each in LICENCES for plan in each.plans)


def with_conditions(**changes: object) -> Policy:
    conditions: Conditions = replace(PLAIN.conditions, **changes)  # type: ignore[arg-type]
    return replace(PLAIN, conditions=conditions)


def asking(policy: Policy) -> Resolved:
    return replace(RESOLVED, policies=(policy,))


@pytest.mark.parametrize(
    ("policy", "name", "severity"),
    [
        (PLAIN, "Microsoft Entra ID P1", Severity.REFUSE),
        (
            with_conditions(sign_in_risk_levels=("high",)),
            "Microsoft Entra ID P2",
            Severity.REFUSE,
        ),
        (with_conditions(user_risk_levels=("high",)), "Microsoft Entra ID P2", Severity.REFUSE),
        (
            with_conditions(client_applications=ClientApplications(("someone",))),
            "Microsoft Entra Workload ID Premium",
            Severity.REFUSE,
        ),
        (
            with_conditions(insider_risk_levels="elevated"),
            "Microsoft Purview Insider Risk Management",
            Severity.WARN,
        ),
        (
            replace(PLAIN, grant_controls=GrantControls("OR", ("compliantDevice",))),
            "Microsoft Intune",
            Severity.WARN,
        ),
        (
            replace(PLAIN, session_controls=SessionControls(cloud_app_security="monitorOnly")),
            "Microsoft Defender for Cloud Apps",
            Severity.WARN,
        ),
    ],
)
def test_what_a_policy_uses_must_be_paid_for(policy: Policy, name: str, severity: Severity) -> None:
    needed = next(each for each in LICENCES if each.name == name)
    without = replace(OBSERVED, plans=EVERY_PLAN - needed.plans | {"AAD_PREMIUM_P2"} - needed.plans)
    finding = only(tuple(licences(asking(policy), without)))
    assert (finding.code, finding.severity) == ("licence-missing", severity)
    assert f"the tenant has no {name}, which `{policy.key}` needs" in finding.message
    assert tuple(licences(asking(policy), replace(OBSERVED, plans=EVERY_PLAN))) == ()


def test_a_p2_tenant_needs_no_p1() -> None:
    p2 = replace(OBSERVED, plans=frozenset({"AAD_PREMIUM_P2"}))
    assert tuple(licences(asking(PLAIN), p2)) == ()


def test_licences_that_cannot_be_read_are_told_and_stop_nothing() -> None:
    finding = only(tuple(licences(RESOLVED, replace(OBSERVED, plans=Unread("Some.Read.All")))))
    assert (finding.code, finding.severity) == ("licence-unknown", Severity.UNKNOWN)
    assert finding.permission == "Some.Read.All"
