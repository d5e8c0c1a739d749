from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ostiary.sandbox.lifecycle import SandboxError
from tests.engine.unit.sandbox.wire import (
    CONDITIONAL_ACCESS,
    LOCATIONS,
    POLICIES,
    Graph,
    block,
    listed,
    office,
)

AUDITS, SIGN_INS = "/v1.0/auditLogs/directoryAudits", "/v1.0/auditLogs/signIns"
BETA_SIGN_INS = SIGN_INS.replace("v1.0", "beta")
EVA = {"id": "eeeeeeee-0000-4000-8000-000000000000", "userPrincipalName": "eva@contoso.com"}


def as_person(graph: Graph) -> Graph:
    token = graph.running.token(graph.tenant, user=EVA)
    return Graph(graph.running, graph.client, graph.tenant, token)


def as_app(graph: Graph, name: str) -> Graph:
    token = graph.running.token(graph.tenant, app=name)
    return Graph(graph.running, graph.client, graph.tenant, token)


def activities(graph: Graph, query: str = "") -> list[str]:
    return [each["activityDisplayName"] for each in listed(graph, f"{AUDITS}{query}")]


# Who changed what


def test_every_write_leaves_an_entry_and_a_refused_one_none(graph: Graph) -> None:
    policy, location = graph.create(POLICIES, block()), graph.create(LOCATIONS, office())
    graph.ask("PATCH", f"{POLICIES}/{policy}", {"state": "disabled"})
    graph.ask("PATCH", f"{POLICIES}/{policy}", {"state": "no such"})
    graph.ask("PATCH", f"{LOCATIONS}/{location}", {"displayName": "Moved"})
    for kind, object_id in (("policies", policy), ("namedLocations", location)):
        graph.ask("DELETE", f"{CONDITIONAL_ACCESS}/{kind}/{object_id}")
        graph.ask("POST", f"{CONDITIONAL_ACCESS}/deletedItems/{kind}/{object_id}/restore")
    assert activities(graph)[::-1] == [
        "Add conditional access policy",
        "Add named location",
        "Update conditional access policy",
        "Update named location",
        "Delete conditional access policy",
        "Restore conditional access policy",
        "Delete named location",
        "Restore named location",
    ]


def test_an_entry_holds_the_policy_before_and_after_without_null(graph: Graph) -> None:
    policy = graph.create(POLICIES, block("Old"))
    graph.ask("PATCH", f"{POLICIES}/{policy}", {"displayName": "New"})
    update, add = listed(graph, AUDITS)
    (target,) = update["targetResources"]
    (change,) = target["modifiedProperties"]
    assert (target["id"], target["displayName"], target["type"]) == (policy, "New", "Policy")
    assert change["displayName"] == "ConditionalAccessPolicy"
    old, new = json.loads(change["oldValue"]), json.loads(change["newValue"])
    assert (old["displayName"], new["displayName"]) == ("Old", "New")
    assert "templateId" not in old
    assert "devices" not in old["conditions"]
    assert old["conditions"]["users"]["excludeUsers"] == []
    assert add["targetResources"][0]["modifiedProperties"][0]["oldValue"] is None
    assert (update["result"], update["loggedByService"]) == ("success", "Conditional Access")


def test_an_entry_names_a_person_or_an_application(graph: Graph) -> None:
    policy = graph.create(POLICIES, block())
    as_person(graph).ask("PATCH", f"{POLICIES}/{policy}", {"state": "disabled"})
    as_app(graph, "CIPP").ask("PATCH", f"{POLICIES}/{policy}", {"state": "enabled"})
    app, person, own = (each["initiatedBy"] for each in listed(graph, AUDITS))
    assert (app["app"]["displayName"], app["user"]) == ("CIPP", None)
    assert person["user"]["userPrincipalName"] == EVA["userPrincipalName"]
    assert (person["user"]["id"], person["app"]) == (EVA["id"], None)
    client = graph.running.environment(graph.tenant)["ARM_CLIENT_ID"]
    assert own["app"]["appId"] == client != app["app"]["appId"]


def test_somebody_else_may_do_no_more_than_the_client(graph: Graph) -> None:
    graph.running.set_roles(graph.tenant, "Policy.Read.All")
    for other in (as_person(graph), as_app(graph, "CIPP")):
        assert other.ask("GET", POLICIES).status_code == 200
        assert other.ask("POST", POLICIES, block()).status_code == 403


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("$filter=activityDisplayName eq 'Add named location'", 1),
        ("$filter=loggedByService eq 'Conditional Access' and activityDateTime ge 2000-01-01", 3),
        ("$filter=activityDateTime le 2000-01-01T00:00:00Z", 0),
        ("$filter=category eq 'Policy'&$top=2", 3),
        (f"$filter=initiatedBy/user/id eq '{EVA['id']}'", 1),
        ("$filter=targetResources/any(t: t/id eq '{policy}')", 2),
        ("$orderby=activityDateTime asc", 3),
    ],
)
def test_the_audit_log_is_filtered(graph: Graph, query: str, count: int) -> None:
    graph.create(LOCATIONS, office())
    policy = graph.create(POLICIES, block())
    as_person(graph).ask("PATCH", f"{POLICIES}/{policy}", {"state": "disabled"})
    found = listed(graph, f"{AUDITS}?{query.replace('{policy}', policy)}")
    assert len(found) == count
    moments = [each["activityDateTime"] for each in found]
    assert moments == sorted(moments, reverse="asc" not in query)


@pytest.mark.parametrize("query", ["$orderby=result", "$filter=result eq", "$top=1001"])
def test_a_log_refuses_what_it_does_not_know(graph: Graph, query: str) -> None:
    assert graph.ask("GET", f"{AUDITS}?{query}").status_code == 400


@pytest.mark.parametrize("path", [AUDITS, SIGN_INS, BETA_SIGN_INS])
def test_reading_a_log_needs_its_own_role(graph: Graph, path: str) -> None:
    graph.running.set_roles(graph.tenant, "Directory.Read.All")
    answer = graph.sign_in().ask("GET", path)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Authentication_MSGraphPermissionMissing"
    assert "permission(s): AuditLog.Read.All" in answer.json()["error"]["message"]


# Who signed in


def sign_in(number: int, *kinds: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{number:08}-0000-4000-8000-000000000000",
        "createdDateTime": f"2026-11-{number:02}T08:00:00Z",
        "userId": EVA["id"],
        "authenticationProtocol": "deviceCode",
        "signInEventTypes": list(kinds) or ["interactiveUser"],
        **more,
    }


Put = Callable[..., Graph]


@pytest.fixture
def put(graph: Graph) -> Put:
    def put(*entries: dict[str, Any]) -> Graph:
        graph.running.furnish(graph.tenant, {"signIns": list(entries)})
        return graph

    return put


def days(graph: Graph, path: str) -> list[int]:
    return [int(each["createdDateTime"][8:10]) for each in listed(graph, path)]


def test_v1_shows_interactive_sign_ins_without_their_protocol(put: Put) -> None:
    graph = put(sign_in(1), sign_in(3), sign_in(2, "nonInteractiveUser"))
    assert days(graph, SIGN_INS) == [3, 1]
    assert "authenticationProtocol" not in listed(graph, SIGN_INS)[0]
    assert listed(graph, BETA_SIGN_INS)[0]["authenticationProtocol"] == "deviceCode"


KIND = "signInEventTypes/any(t: t eq '{}')"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (KIND.format("nonInteractiveUser"), [2]),
        (f"({KIND.format('nonInteractiveUser')} or {KIND.format('interactiveUser')})", [3, 2, 1]),
        (f"createdDateTime ge 2026-11-02T08:00:00Z and userId eq '{EVA['id']}'", [3]),
        ("status/errorCode eq 53003", [3]),
        ("createdDateTime ge 2026-11-01 and createdDateTime le 2026-11-02T00:00:00+00:00", [1]),
    ],
)
def test_beta_shows_the_kinds_that_are_asked_for(put: Put, wanted: str, found: list[int]) -> None:
    failed = sign_in(3, status={"errorCode": 53003})
    graph = put(sign_in(1), failed, sign_in(2, "nonInteractiveUser"))
    query = f"{BETA_SIGN_INS}?$filter={wanted.replace('+', '%2B')}"
    assert days(graph, query) == found


def test_v1_does_not_know_the_kinds(put: Put) -> None:
    query = f"$filter={KIND.format('interactiveUser')}"
    assert put(sign_in(1)).refusal("GET", f"{SIGN_INS}?{query}")[0] == 400


def test_the_policies_of_a_sign_in_are_for_who_may_read_policies(put: Put) -> None:
    graph = put(sign_in(1, appliedConditionalAccessPolicies=[{"displayName": "Block"}]))
    assert listed(graph, SIGN_INS)[0]["appliedConditionalAccessPolicies"] != []
    graph.running.set_roles(graph.tenant, "AuditLog.Read.All")
    graph.sign_in()
    assert listed(graph, SIGN_INS)[0]["appliedConditionalAccessPolicies"] == []


@pytest.mark.parametrize("licences", [[], ["INTUNE_A"]])
def test_sign_ins_are_for_tenants_that_pay(put: Put, licences: list[str]) -> None:
    graph = put(sign_in(1))
    graph.running.furnish(graph.tenant, {"licences": licences})
    answer = graph.ask("GET", SIGN_INS)
    assert answer.status_code == 403
    assert "premium license" in answer.json()["error"]["message"]
    assert graph.ask("GET", AUDITS).status_code == 200


def test_a_sign_in_without_its_time_is_refused(put: Put) -> None:
    with pytest.raises(SandboxError, match="one of the signIns has no createdDateTime"):
        put({"id": "1"})
