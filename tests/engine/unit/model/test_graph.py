from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.model.graph import (
    GraphShapeError,
    named_location_from_graph,
    policy_as_listed,
    policy_from_graph,
    policy_to_graph,
)
from ostiary.model.policy import canonical
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


def location(*ranges: str) -> Json:
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": "Office",
        "ipRanges": [{"cidrAddress": each} for each in ranges],
    }


def test_a_range_with_host_bits_is_the_one_around_it() -> None:
    read = named_location_from_graph(location("12.34.221.11/22", "12.34.220.0/22"), "office")
    assert read.ip_ranges == ("12.34.220.0/22",)  # type: ignore[union-attr] # it is one by address


@pytest.mark.parametrize("wrong", ["8.0.0.0/7", "198.51.100.7", "x/24", "203.0.113.0/99"])
def test_a_range_that_cannot_be_read_is_not_left_out(wrong: str) -> None:
    with pytest.raises(GraphShapeError, match="Office"):
        named_location_from_graph(location("203.0.113.0/24", wrong), "office")


def test_ids_are_the_same_in_capitals_and_twice(answer: Json) -> None:
    policy = policy_from_graph(answer, "case")
    groups = answer["conditions"]["users"]["excludeGroups"]
    answer["conditions"]["users"]["excludeGroups"] = [each.upper() for each in [*groups, *groups]]
    assert policy_from_graph(answer, "case") == policy


def test_lists_are_read_in_their_order_where_that_is_asked_for(answer: Json) -> None:
    answer["conditions"]["clientAppTypes"] = ["mobileAppsAndDesktopClients", "browser"]
    listed = policy_as_listed(answer, "case")
    assert listed.conditions.client_app_types == ("mobileAppsAndDesktopClients", "browser")
    assert canonical(listed) == policy_from_graph(answer, "case") != listed


def test_the_legacy_word_for_guests_means_every_type(answer: Json) -> None:
    answer["conditions"]["users"]["excludeUsers"] = ["GuestsOrExternalUsers"]
    guests = policy_from_graph(answer, "case").conditions.users.exclude_guests_or_external_users
    assert guests is not None
    assert len(guests.types) == 6
    answer["conditions"]["users"]["excludeGuestsOrExternalUsers"] = {
        "guestOrExternalUserTypes": "internalGuest"
    }
    with pytest.raises(GraphShapeError, match="stands beside guests by type"):
        policy_from_graph(answer, "case")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("all"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_graph_sends_is_read_or_refused_by_name(data: st.DataObject) -> None:
    text = (GOLDEN / "valid" / "policy-every-condition.json").read_text(encoding="utf-8")
    places: list[tuple[Json, str]] = []
    answer: Json = json.loads(text)
    stack = [answer]
    while stack:
        of = stack.pop()
        places += ((of, key) for key in of)
        stack += (each for each in of.values() if isinstance(each, dict))
    of, key = data.draw(st.sampled_from(places))
    of[key] = data.draw(JSON)
    assert read_or_refused(answer)


def read_or_refused(answer: Json) -> str:
    try:
        return repr(policy_from_graph(answer, "case"))
    except GraphShapeError as error:
        return str(error)
