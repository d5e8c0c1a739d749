"""How verdicts combine: grants, states, session controls, and what nobody can satisfy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostiary.model.controls import Control, requirements
from ostiary.model.policy import (
    ClientApplications,
    Filter,
    GrantControls,
    SessionControls,
    SignInFrequency,
)
from ostiary.model.sign_in import UNKNOWN, UNREGISTERED, ServicePrincipal
from ostiary.proof.decision import CombinedSessionControls
from tests.engine.unit.proof.test_evaluate import (
    BLOCK,
    COMPLIANT,
    MFA,
    PLAIN,
    decide,
    places,
    platforms,
    policy,
    users,
)

STRENGTH = "00000000-0000-0000-0000-000000000004"
DEVICE_CODE = replace(PLAIN, authentication_flow="deviceCodeFlow")


def words(demanded: Any) -> list[str]:
    return [" or ".join(control.words for control in each) for each in demanded]


@pytest.mark.parametrize(
    ("grant", "demanded"),
    [
        (None, []),
        (MFA, ["mfa"]),
        (GrantControls("OR", ("compliantDevice", "mfa")), ["mfa or compliantDevice"]),
        (GrantControls("AND", ("compliantDevice", "mfa")), ["mfa", "compliantDevice"]),
        (GrantControls("AND", ("mfa", "passwordChange")), ["mfa", "passwordChange"]),
        (
            GrantControls("OR", ("mfa",), STRENGTH, (), ("f",)),
            [f"mfa or authenticationStrength {STRENGTH} or customAuthenticationFactor f"],
        ),
        (
            GrantControls("AND", (), STRENGTH, ("guests", "staff")),
            [f"authenticationStrength {STRENGTH}", "termsOfUse guests", "termsOfUse staff"],
        ),
    ],
)
def test_controls_of_one_policy_are_combined_by_its_operator(
    grant: GrantControls | None, demanded: list[str]
) -> None:
    # concept-conditional-access-grant: all the selected controls, or one of them
    decision = decide(policy(grant=grant, session=SessionControls()))
    assert words(decision.requirements) == demanded
    assert decision.outcome == ("granted" if demanded else "allowed")
    assert decision.deciding == (("the policy",) if demanded else ())


def test_every_policy_that_applies_must_be_satisfied() -> None:
    # concept-conditional-access-policies: MFA and a compliant device, each asked by one policy
    decision = decide(
        (
            policy("device", grant=GrantControls("OR", ("compliantDevice",))),
            policy("mfa", grant=MFA),
            policy("elsewhere", grant=GrantControls("OR", (), STRENGTH), **places("shop")),
        )
    )
    assert (decision.outcome, words(decision.requirements)) == (
        "granted",
        ["mfa", "compliantDevice"],
    )
    assert decision.deciding == ("device", "mfa")


def test_a_requirement_that_another_implies_is_not_repeated() -> None:
    either = GrantControls("OR", ("compliantDevice", "mfa"))
    decision = decide((policy("either", grant=either), policy("mfa", grant=MFA)))
    assert words(decision.requirements) == ["mfa"]
    assert decision.effect == decide(policy("mfa", grant=MFA)).effect


def test_a_block_ends_it() -> None:
    # concept-conditional-access-policies: enforcement stops at a policy that blocks
    session = SessionControls(application_enforced_restrictions=True)
    decision = decide((policy("mfa", grant=MFA, session=session), policy("no")))
    assert (decision.outcome, decision.deciding, decision.shut) == ("blocked", ("no",), True)
    assert decision.requirements == ()
    assert decision.session_controls == CombinedSessionControls()


def test_report_only_and_disabled_policies_protect_nobody() -> None:
    # concept-conditional-access-report-only; concept-conditional-access-policies, phase 2
    decision = decide(
        (
            policy("report", state="enabledForReportingButNotEnforced"),
            policy("off", state="disabled"),
            policy("missed", state="enabledForReportingButNotEnforced", **places("shop")),
        )
    )
    assert (decision.outcome, decision.shut) == ("allowed", False)
    assert [(each.policy.key, each.applies) for each in decision.report_only] == [
        ("report", True),
        ("missed", False),
    ]
    (off,) = decision.verdicts
    assert [each.condition for each in off.reasons] == ["policyNotEnabled"]


def test_a_report_only_policy_hangs_on_nothing_that_matters() -> None:
    decision = decide(
        policy(state="enabledForReportingButNotEnforced", **platforms("iOS")),
        replace(PLAIN, platform=UNKNOWN),
    )
    assert (decision.outcome, decision.mattering) == ("allowed", frozenset())


def test_session_controls_of_all_policies_that_apply_come_together() -> None:
    # concept-conditional-access-policies: session controls are applied after the grants
    hourly, always = SignInFrequency(1, "hours"), SignInFrequency()
    decision = decide(
        (
            policy(
                "one",
                grant=None,
                session=SessionControls(
                    application_enforced_restrictions=True, sign_in_frequency=hourly
                ),
            ),
            policy(
                "two",
                grant=MFA,
                session=SessionControls(
                    cloud_app_security="monitorOnly",
                    disable_resilience_defaults=True,
                    persistent_browser="never",
                    sign_in_frequency=always,
                ),
            ),
            policy(
                "elsewhere",
                grant=None,
                session=SessionControls(persistent_browser="always"),
                **places("shop"),
            ),
        )
    )
    assert decision.session_controls == CombinedSessionControls(
        application_enforced_restrictions=True,
        cloud_app_security=("monitorOnly",),
        disable_resilience_defaults=True,
        persistent_browser=("never",),
        sign_in_frequency=tuple(sorted((hourly, always), key=repr)),
    )
    assert decision.outcome == "granted"


@pytest.mark.parametrize("client", ["exchangeActiveSync", "easSupported", "other"])
@pytest.mark.parametrize("control", ["mfa", "compliantDevice", "compliantApplication"])
def test_legacy_clients_satisfy_nothing(client: Any, control: Any) -> None:
    # concept-conditional-access-conditions: legacy clients are blocked by grant controls
    decision = decide(
        policy(grant=GrantControls("OR", (control,))), replace(PLAIN, client_app_type=client)
    )
    assert (decision.outcome, decision.shut) == ("granted", True)
    assert words(decision.unsatisfiable) == [control]


@pytest.mark.parametrize(
    ("grant", "unsatisfiable"),
    [
        (MFA, []),
        (GrantControls("OR", ("compliantDevice",)), ["compliantDevice"]),
        (GrantControls("OR", ("domainJoinedDevice",)), ["domainJoinedDevice"]),
        (
            GrantControls("OR", ("compliantDevice", "domainJoinedDevice")),
            ["compliantDevice or domainJoinedDevice"],
        ),
        (GrantControls("AND", ("compliantDevice", "mfa")), ["compliantDevice"]),
        (GrantControls("OR", ("compliantDevice", "mfa")), []),
    ],
)
@pytest.mark.parametrize("reading", ["unavailable", "as given"])
def test_no_device_proves_itself_in_device_code_flow(
    grant: GrantControls, unsatisfiable: list[str], reading: Any
) -> None:
    # concept-conditional-access-grant: the managed device control isn't supported in this flow
    of, compliant = policy(grant=grant), replace(DEVICE_CODE, device=COMPLIANT)
    decision = decide(of, compliant, device_code_device=reading)
    assert decision.outcome == "granted"
    assert words(decision.unsatisfiable) == unsatisfiable
    assert decision.shut is bool(unsatisfiable)
    assert decide(of, replace(compliant, authentication_flow="none")).unsatisfiable == ()


def test_what_may_be_a_legacy_client_is_not_called_unsatisfiable() -> None:
    decision = decide(policy(grant=MFA), replace(PLAIN, client_app_type=UNKNOWN))
    assert (decision.outcome, decision.unsatisfiable) == ("granted", ())


@pytest.mark.parametrize(
    ("rule", "device", "unavailable", "as_given"),
    [
        ("device.isCompliant -eq True", COMPLIANT, "blocked", "allowed"),
        ("device.isCompliant -ne True", COMPLIANT, "allowed", "blocked"),
        ("device.isCompliant -eq True", UNREGISTERED, "blocked", "blocked"),
        ("device.isCompliant -eq True", UNKNOWN, "blocked", "unknown"),
    ],
)
def test_both_readings_of_the_device_in_device_code_flow(
    rule: str, device: Any, unavailable: str, as_given: str
) -> None:
    # concept-conditional-access-grant against conditionalaccessroot-evaluate, example 1
    of = policy(device_filter=Filter("exclude", rule))
    sign_in = replace(DEVICE_CODE, device=device)
    default, other = decide(of, sign_in), decide(of, sign_in, device_code_device="as given")
    assert (default.outcome, other.outcome) == (unavailable, as_given)
    told = unavailable != as_given
    assert default.device_code_device == ("unavailable" if told else None)
    assert other.device_code_device == ("as given" if told else None)


def test_the_reading_is_not_told_where_another_policy_blocks_anyway() -> None:
    of = policy(device_filter=Filter("exclude", "device.isCompliant -eq True"))
    decision = decide((of, policy("all")), replace(DEVICE_CODE, device=COMPLIANT))
    assert (decision.outcome, decision.device_code_device) == ("blocked", None)


def test_the_device_of_a_later_sign_in_of_the_session_is_seen() -> None:
    # assumed: concept-authentication-flows speaks of policies on flows only
    of = policy(
        device_filter=Filter("exclude", "device.isCompliant -eq True"),
        authentication_flows=("deviceCodeFlow",),
    )
    later = replace(PLAIN, session_flow="deviceCodeFlow", device=COMPLIANT)
    assert decide(of, later).outcome == "allowed"
    assert decide(of, replace(later, device=UNREGISTERED)).outcome == "blocked"


# --- what is unknown


@pytest.mark.parametrize(
    ("conditions", "unknown", "signals"),
    [
        (users(include_users=("anna",)), {"identity": {"id": UNKNOWN}}, {"user.id"}),
        (users(include_groups=("x",)), {"identity": {"groups": UNKNOWN}}, {"user.groups"}),
        (users(include_roles=("x",)), {"identity": {"roles": UNKNOWN}}, {"user.roles"}),
        (platforms("iOS"), {"platform": UNKNOWN}, {"platform"}),
        (places("shop"), {"ip_address": UNKNOWN}, {"ip_address"}),
        (places("north"), {"country": UNKNOWN}, {"country"}),
        (places("by-gps"), {"gps_country": UNKNOWN}, {"gps_country"}),
        (places("compliant"), {"other_locations": UNKNOWN}, {"other_locations"}),
        (
            places("AllTrusted"),
            {"ip_address": UNKNOWN, "in_mfa_trusted_ips": UNKNOWN},
            {"ip_address", "in_mfa_trusted_ips"},
        ),
        ({"client_app_types": ("other",)}, {"client_app_type": UNKNOWN}, {"client_app_type"}),
        ({"sign_in_risk_levels": ("high",)}, {"sign_in_risk": UNKNOWN}, {"sign_in_risk"}),
        ({"user_risk_levels": ("high",)}, {"user_risk": UNKNOWN}, {"user_risk"}),
        ({"insider_risk_levels": "minor"}, {"insider_risk": UNKNOWN}, {"insider_risk"}),
        (
            {"authentication_flows": ("deviceCodeFlow",)},
            {"authentication_flow": UNKNOWN},
            {"authentication_flow"},
        ),
        (
            {"authentication_flows": ("deviceCodeFlow",)},
            {"session_flow": UNKNOWN},
            {"session_flow"},
        ),
        (
            {"device_filter": Filter("include", "device.isCompliant -eq True")},
            {"device": UNKNOWN},
            {"device.isCompliant"},
        ),
        (
            {"device_filter": Filter("include", "device.isCompliant -eq True")},
            {"device": COMPLIANT, "client_app_type": UNKNOWN},
            {"client_app_type"},
        ),
    ],
)
def test_an_unknown_signal_leaves_the_outcome_unknown_and_is_named(
    conditions: dict[str, Any], unknown: dict[str, Any], signals: set[str]
) -> None:
    who = replace(PLAIN.identity, **unknown.get("identity", {}))
    rest = {key: value for key, value in unknown.items() if key != "identity"}
    decision = decide(policy(**conditions), replace(PLAIN, identity=who, **rest))
    assert (decision.outcome, decision.mattering) == ("unknown", frozenset(signals))
    assert decision.deciding == ("the policy",)
    (verdict,) = decision.verdicts
    assert verdict.applies is None
    assert verdict.words == f"`the policy` may apply, depending on {', '.join(sorted(signals))}"


def test_an_unknown_signal_does_not_matter_where_another_condition_fails() -> None:
    of = policy(**platforms("iOS"), **places("shop"))
    decision = decide(of, replace(PLAIN, platform=UNKNOWN))
    assert (decision.outcome, decision.mattering) == ("allowed", frozenset())


def test_an_unknown_signal_does_not_matter_where_another_policy_blocks() -> None:
    decision = decide(
        (policy("phones", **platforms("iOS")), policy("all")), replace(PLAIN, platform=UNKNOWN)
    )
    assert (decision.outcome, decision.mattering) == ("blocked", frozenset())


def test_an_undecided_policy_that_demands_nothing_new_does_not_matter() -> None:
    either = GrantControls("OR", ("mfa", "compliantDevice"))
    policies = (policy("phones", grant=either, **platforms("iOS")), policy("all", grant=MFA))
    decision = decide(policies, replace(PLAIN, platform=UNKNOWN))
    assert (decision.outcome, words(decision.requirements)) == ("granted", ["mfa"])
    decision = decide(
        (policy("phones", grant=MFA, **platforms("iOS")), policy("all", grant=either)),
        replace(PLAIN, platform=UNKNOWN),
    )
    assert (decision.outcome, decision.deciding) == ("unknown", ("phones",))
    assert words(decision.requirements) == ["mfa or compliantDevice"]


def test_the_signals_of_a_service_principal() -> None:
    of = policy(
        client_applications=ClientApplications(("robot",)),
        service_principal_risk_levels=("high",),
    )
    decision = decide(of, replace(PLAIN, identity=ServicePrincipal(UNKNOWN)))
    assert decision.mattering == {"service_principal.id", "service_principal.risk"}


def test_block_is_no_requirement() -> None:
    assert requirements(BLOCK) == ()
    assert requirements(MFA) == ((Control("mfa"),),)
