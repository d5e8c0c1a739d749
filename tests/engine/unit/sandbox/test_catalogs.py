from __future__ import annotations

import pytest

from tests.engine.unit.sandbox.wire import POLICIES, Graph, block, listed

OWN = "cccccccc-0000-4000-8000-000000000000"
STRENGTHS = "/v1.0/policies/authenticationStrengthPolicies"


def plans(graph: Graph) -> set[str]:
    return {
        plan["servicePlanName"]
        for sku in listed(graph, "/v1.0/subscribedSkus")
        for plan in sku["servicePlans"]
    }


def test_a_new_tenant_is_licensed_for_everything(graph: Graph) -> None:
    assert plans(graph) == {"AAD_PREMIUM", "AAD_PREMIUM_P2"}


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        ([], set()),
        (["AAD_PREMIUM"], {"AAD_PREMIUM"}),
        (["AAD_PREMIUM", "INTUNE_A"], {"AAD_PREMIUM", "INTUNE_A"}),
    ],
)
def test_licences_are_what_an_admin_says(
    graph: Graph, licences: list[str], expected: set[str]
) -> None:
    graph.running.furnish(graph.tenant, {"licences": licences})
    assert plans(graph) == expected


def test_a_subscription_can_have_run_out(graph: Graph) -> None:
    ended = {"id": "e5", "skuPartNumber": "SPE_E5", "capabilityStatus": "Suspended"}
    graph.running.furnish(graph.tenant, {"licences": [], "subscribedSkus": [ended]})
    (found,) = listed(graph, "/v1.0/subscribedSkus")
    assert (found["skuPartNumber"], found["capabilityStatus"]) == ("SPE_E5", "Suspended")


@pytest.mark.parametrize("path", ["subscribedSkus", "directoryRoleTemplates"])
def test_some_lists_take_no_page_size(graph: Graph, path: str) -> None:
    answer = graph.ask("GET", f"/v1.0/{path}?$top=5")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")


def test_an_organization_is_verified_and_can_be_synchronised(graph: Graph) -> None:
    (new,) = listed(graph, "/v1.0/organization")
    assert new["verifiedDomains"][0]["isDefault"] is True
    assert new["onPremisesSyncEnabled"] is None
    organization = {"displayName": "Contoso", "onPremisesSyncEnabled": True}
    graph.running.furnish(graph.tenant, {"organization": organization})
    (found,) = listed(graph, "/v1.0/organization")
    assert found == new | organization


def test_roles_are_the_same_everywhere_and_a_tenants_own_come_after(graph: Graph) -> None:
    path = "/v1.0/roleManagement/directory/roleDefinitions"
    wanted = f"{path}?$filter=displayName eq 'Global Administrator'"
    (found,) = listed(graph, wanted)
    assert found["templateId"] == "62e90394-69f5-4237-9190-012177145e10"
    graph.running.furnish(
        graph.tenant, {"roleDefinitions": [{"id": OWN, "displayName": "Door keeper"}]}
    )
    assert [each["id"] for each in listed(graph, path)][-1] == OWN
    assert len(listed(graph, "/v1.0/directoryRoleTemplates")) == len(listed(graph, path)) - 1


def test_strengths_are_three_and_the_tenants_own(graph: Graph) -> None:
    assert [each["displayName"] for each in listed(graph, STRENGTHS)] == [
        "Multifactor authentication",
        "Passwordless MFA",
        "Phishing-resistant MFA",
    ]
    own = {"id": OWN, "displayName": "Keys only", "allowedCombinations": ["fido2"]}
    graph.running.furnish(graph.tenant, {"authenticationStrengths": [own]})
    assert graph.get(f"{STRENGTHS}/{OWN}")["allowedCombinations"] == ["fido2"]
    (found,) = listed(graph, f"{STRENGTHS}?$filter=policyType eq 'custom'")
    assert found["id"] == OWN
    assert graph.ask("GET", f"{STRENGTHS}/{'f' * 8}-0000-4000-8000-{'f' * 12}").status_code == 404
    policy = block() | {"grantControls": {"operator": "OR", "authenticationStrength": {"id": OWN}}}
    made = graph.get(f"{POLICIES}/{graph.create(POLICIES, policy)}")
    assert made["grantControls"]["authenticationStrength"]["displayName"] == "Keys only"


def test_terms_of_use_are_what_an_admin_put(graph: Graph) -> None:
    path = "/v1.0/identityGovernance/termsOfUse/agreements"
    assert listed(graph, path) == []
    graph.running.furnish(graph.tenant, {"agreements": [{"id": OWN, "displayName": "Terms"}]})
    assert [each["displayName"] for each in listed(graph, path)] == ["Terms"]
