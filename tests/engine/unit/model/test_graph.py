from __future__ import annotations

import json
from typing import Any

import pytest

from ostiary.model.graph import (
    GraphShapeError,
    named_location_from_graph,
    policy_from_graph,
    policy_to_graph,
)
from tests.engine.unit.test_golden import GOLDEN

Json = dict[str, Any]


@pytest.fixture
def answer() -> Json:
    text = (GOLDEN / "valid" / "policy-every-condition.json").read_text(encoding="utf-8")
    made: Json = json.loads(text)
    return made


def test_what_graph_adds_changes_nothing(answer: Json) -> None:
    policy = policy_from_graph(answer, "case")
    noise = {
        "id": "1", "createdDateTime": "2026-01-01T00:00:00Z", "modifiedDateTime": None,
        "templateId": None, "@odata.context": "https://graph.microsoft.com/v1.0/$metadata",
    }  # fmt: skip
    answer["conditions"]["applications"]["includeAuthenticationContextClassReferences"] = []
    answer["grantControls"]["authenticationStrength@odata.context"] = "https://graph"
    assert policy_from_graph({**answer, **noise}, "case") == policy


def test_order_and_spaces_after_commas_change_nothing(answer: Json) -> None:
    policy = policy_from_graph(answer, "case")
    answer["conditions"]["authenticationFlows"]["transferMethods"] = (
        "deviceCodeFlow, authenticationTransfer"
    )
    answer["conditions"]["users"]["excludeGroups"].reverse()
    assert policy_from_graph(answer, "case") == policy


@pytest.mark.parametrize(
    ("route", "value", "told"),
    [
        (["conditions", "times"], {"a": 1}, "times"),
        (["conditions", "agentIdRiskLevels"], "high", "agentIdRiskLevels"),
        (["conditions", "users", "includeAgents"], ["x"], "includeAgents"),
        (["sessionControls", "secureSignInSession"], {"isEnabled": True}, "secureSignInSession"),
        (["conditions", "clientAppTypes"], ["unknownFutureValue"], "unknownFutureValue"),
        (["conditions", "authenticationFlows", "transferMethods"], "deviceCodeFlow,qr", "qr"),
        (["conditions", "userRiskLevels"], "high", "userRiskLevels"),
        (["state"], "paused", "paused"),
        (["conditions"], None, "conditions"),
        (["displayName"], None, "displayName"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(
    answer: Json, route: list[str], value: object, told: str
) -> None:
    *parents, last = route
    place = answer
    for key in parents:
        place = place[key]
    place[last] = value
    with pytest.raises(GraphShapeError, match=told):
        policy_from_graph(answer, "case")


def test_a_session_control_that_is_switched_off_counts_as_absent(answer: Json) -> None:
    answer["sessionControls"] = {"persistentBrowser": {"isEnabled": False, "mode": None}}
    policy = policy_from_graph(answer, "case")
    assert policy.session_controls is None
    assert policy_to_graph(policy, {})["sessionControls"] is None


def test_a_location_of_another_kind_is_refused() -> None:
    answer = {"@odata.type": "#microsoft.graph.compliantNetworkNamedLocation", "displayName": "x"}
    with pytest.raises(GraphShapeError, match="compliantNetworkNamedLocation"):
        named_location_from_graph(answer, "x")
