"""Microsoft's published What If examples, rebuilt: the same policies apply.

https://learn.microsoft.com/graph/api/conditionalaccessroot-evaluate (examples 1 to 4) and
https://learn.microsoft.com/entra/identity/conditional-access/what-if-tool (key differences).
The answers there hold the policies that apply; that the rest does not is ours to add.  Graph's
`registerSecurityInformation` is the user action `urn:user:registersecurityinfo` of policies.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from ostiary.model.graph import GraphShapeError, policy_from_graph
from ostiary.model.policy import CountryNamedLocation, Policy, PolicySet
from ostiary.model.sign_in import (
    UNKNOWN,
    Application,
    ServicePrincipal,
    SignIn,
    User,
    UserAction,
)
from ostiary.proof.decision import Decision
from ostiary.proof.evaluate import evaluate
from ostiary.roles import ROLE_TEMPLATE_IDS

Json = dict[str, Any]

EXCLUDED = "f7ca74b0-8562-4083-b66c-0476f942cfd0"
SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"
MULTIFACTOR = "00000000-0000-0000-0000-000000000002"
ADDRESS = ip_address("40.77.182.32")
GLOBAL_ADMINISTRATOR = ROLE_TEMPLATE_IDS["Global Administrator"]
EVERYBODY_BUT_ONE = {"includeUsers": ["All"], "excludeUsers": [EXCLUDED]}
ALL_RESOURCES = {"includeApplications": ["All"]}
NOBODY = {"includeUsers": ["None"]}
ALL_PRINCIPALS = {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}
BLOCK = {"operator": "OR", "builtInControls": ["block"]}


def read(key: str, conditions: Json, **controls: Any) -> Policy:
    """Read a policy as Graph gives it; all of Microsoft's examples are report-only."""
    answer = {
        "displayName": key,
        "state": "enabledForReportingButNotEnforced",
        "conditions": {"clientAppTypes": ["all"], **conditions},
        **controls,
    }
    return policy_from_graph(answer, key)


TENANT = PolicySet(
    (
        read(
            "office 365: app enforced restrictions",
            {"users": EVERYBODY_BUT_ONE, "applications": {"includeApplications": ["Office365"]}},
            sessionControls={"applicationEnforcedRestrictions": {"isEnabled": True}},
        ),
        read(
            "high user risk: password change",
            {
                "users": EVERYBODY_BUT_ONE,
                "applications": ALL_RESOURCES,
                "userRiskLevels": ["high"],
            },
            grantControls={"operator": "AND", "builtInControls": ["mfa", "passwordChange"]},
        ),
        read(
            "administrators: mfa",
            {
                "users": {"includeRoles": [GLOBAL_ADMINISTRATOR], "excludeUsers": [EXCLUDED]},
                "applications": ALL_RESOURCES,
            },
            grantControls={"operator": "OR", "builtInControls": ["mfa"]},
        ),
        read(
            "registration: strength",
            {
                "users": EVERYBODY_BUT_ONE,
                "applications": {"includeUserActions": ["urn:user:registersecurityinfo"]},
            },
            grantControls={"operator": "OR", "authenticationStrength": {"id": MULTIFACTOR}},
        ),
        read(
            "service principals, any location: block",
            {
                "users": NOBODY,
                "applications": ALL_RESOURCES,
                "clientApplications": ALL_PRINCIPALS,
                "locations": {"includeLocations": ["All"]},
            },
            grantControls=BLOCK,
        ),
        read(
            "service principals: block",
            {
                "users": NOBODY,
                "applications": ALL_RESOURCES,
                "clientApplications": ALL_PRINCIPALS,
            },
            grantControls=BLOCK,
        ),
    )
)


def applying(decision: Decision) -> list[str]:
    return [each.policy.key for each in decision.report_only if each.applies is True]


def person(*roles: str) -> User:
    return User("15dc174b-f34c-4588-ac45-61d6e05dce93", frozenset(), frozenset(roles), None, None)


@pytest.mark.parametrize("reading", ["unavailable", "as given"])
def test_example_1_a_user_and_an_application(reading: Any) -> None:
    sign_in = SignIn(
        person(),
        Application(SHAREPOINT, frozenset({"Office365"})),
        authentication_flow="deviceCodeFlow",
        client_app_type="browser",
        platform="android",
        ip_address=ADDRESS,
        country="US",
        device={"device.isCompliant": True},
        sign_in_risk="high",
        user_risk="high",
        insider_risk="elevated",
    )
    decision = evaluate(TENANT, sign_in, device_code_device=reading)
    assert applying(decision) == [
        "office 365: app enforced restrictions",
        "high user risk: password change",
    ]
    assert decision.outcome == "allowed"


def test_example_2_a_policy_on_an_authentication_context_is_not_modelled() -> None:
    contexts = {"includeAuthenticationContextClassReferences": ["c1", "c37"]}
    with pytest.raises(GraphShapeError, match="includeAuthenticationContextClassReferences"):
        read("context", {"users": {"includeUsers": ["All"]}, "applications": contexts})


def test_example_3_a_user_action() -> None:
    sign_in = SignIn(
        person(GLOBAL_ADMINISTRATOR),
        UserAction("urn:user:registersecurityinfo"),
        authentication_flow="deviceCodeFlow",
        client_app_type="browser",
        platform="macOS",
        ip_address=ADDRESS,
        country="CA",
        sign_in_risk="low",
        user_risk="high",
        insider_risk="minor",
    )
    assert applying(evaluate(TENANT, sign_in)) == [
        "high user risk: password change",
        "administrators: mfa",
        "registration: strength",
    ]


def test_example_4_a_service_principal() -> None:
    sign_in = SignIn(
        ServicePrincipal("c65b94a5-0049-439a-a6fd-bce307077730", "high"),
        Application(SHAREPOINT, frozenset({"Office365"})),
        ip_address=ADDRESS,
        country="CA",
    )
    decision = evaluate(TENANT, sign_in)
    assert applying(decision) == [
        "service principals, any location: block",
        "service principals: block",
    ]
    assert [each.applies for each in decision.report_only[:4]] == [False] * 4


# A signal that is not given does not match in What If; here it leaves the policy undecided, and
# only the last of the four sign-ins is surely reached.
@pytest.mark.parametrize(
    ("known", "signals"),
    [
        ((), {"application.suites", "country", "sign_in_risk"}),
        (("target",), {"country", "sign_in_risk"}),
        (("target", "country"), {"sign_in_risk"}),
        (("target", "country", "sign_in_risk"), set()),
    ],
)
def test_the_tools_example_of_signals_that_are_not_given(
    known: tuple[str, ...], signals: set[str]
) -> None:
    given: Json = {
        "target": Application(SHAREPOINT, frozenset({"Office365"})),
        "country": "US",
        "sign_in_risk": "high",
    }
    sign_in = SignIn(
        User("00aa00aa-bb11-cc22-dd33-44ee44ee44ee"),
        **{"target": Application(UNKNOWN), **{each: given[each] for each in known}},
    )
    policy = policy_from_graph(
        {
            "displayName": "office 365 from the states at high risk",
            "state": "enabled",
            "conditions": {
                "users": {"includeUsers": ["All"]},
                "applications": {"includeApplications": ["Office365"]},
                "clientAppTypes": ["all"],
                "locations": {"includeLocations": ["states"]},
                "signInRiskLevels": ["high"],
            },
            "grantControls": BLOCK,
        },
        "the policy",
    )
    states = CountryNamedLocation("states", "United States", ("US",))
    decision = evaluate(PolicySet((policy,), (states,)), sign_in)
    assert decision.outcome == ("unknown" if signals else "blocked")
    assert decision.mattering == signals
