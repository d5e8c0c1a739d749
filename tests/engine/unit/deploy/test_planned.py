from __future__ import annotations

from typing import Any

import pytest

from ostiary.deploy.planned import UNKNOWN, Planned, Resource, planned, without_computed
from ostiary.deploy.stack import NAMED_LOCATION, POLICY
from ostiary.model.policy import IpNamedLocation, SignInFrequency

Json = dict[str, Any]
OFFICE = IpNamedLocation("head-office", "Head office", ("203.0.113.0/24",), is_trusted=True)


def policy(*depends_on: str, name: str = "p", conditions: Json | None = None, **more: Any) -> Any:
    made = {
        "clientAppTypes": ["all"],
        "applications": {"includedApplications": ["All"]},
        "users": {"includedUsers": ["All"]},
    }
    properties = {"displayName": "P", "state": "enabled", "objectId": UNKNOWN, **more}
    properties["conditions"] = made | (conditions or {})
    properties.setdefault("grantControls", {"operator": "OR", "builtInControls": ["block"]})
    return Resource(
        f"urn:{name}", POLICY, name, properties, tuple(f"urn:{on}" for on in depends_on)
    )


def location(name: str, object_id: Any = UNKNOWN, **ip: Any) -> Resource:
    properties = {
        "displayName": name,
        "objectId": object_id,
        "ip": {"ipRanges": ["198.51.100.0/24"], "trusted": True} | ip,
    }
    return Resource(f"urn:{name}", NAMED_LOCATION, name, properties)


def excluding(*entries: Any, included: tuple[Any, ...] = ("All",)) -> Json:
    lists = {"includedLocations": [*included], "excludedLocations": [*entries]}
    return {"locations": lists}


def excluded(found: Planned) -> tuple[str, ...]:
    (read,) = found.policies
    assert read.conditions.locations
    return read.conditions.locations.exclude_locations


def test_an_id_that_is_not_known_yet_is_the_location_that_the_policy_depends_on() -> None:
    found = planned([location("a"), location("b"), policy("a", conditions=excluding(UNKNOWN))])
    assert excluded(found) == ("a",)
    assert not found.assumed_any


def test_as_many_locations_as_entries_of_one_list_are_those() -> None:
    stack = [location("a"), location("b"), policy("a", "b", conditions=excluding(UNKNOWN, UNKNOWN))]
    assert excluded(planned(stack)) == ("a", "b")


@pytest.mark.parametrize(
    "conditions",
    [
        excluding(UNKNOWN),
        excluding(UNKNOWN, included=(UNKNOWN,)),
        excluding(UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_an_entry_that_may_be_one_of_several_may_be_anything(conditions: Json) -> None:
    found = planned([location("a"), location("b"), policy("a", "b", conditions=conditions)])
    assert "excludedLocations[0] of p" in excluded(found)
    assert "excludedLocations[0] of p" in found.assumed_any


def test_a_group_that_is_not_known_yet_may_be_anything() -> None:
    users = {"includedUsers": ["All"], "excludedGroups": ["known", UNKNOWN]}
    found = planned([policy("group", conditions={"users": users})])
    assert found.policies[0].conditions.users.exclude_groups == (
        "excludedGroups[1] of p",
        "known",
    )
    assert list(found.assumed_any) == ["excludedGroups[1] of p"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"conditions": {"users": {"includedUsers": [UNKNOWN]}}}, "conditions.users.includedUsers"),
        ({"conditions": {"locations": {"excludedLocations": UNKNOWN}}}, "excludedLocations"),
        ({"conditions": {"clientAppTypes": UNKNOWN}}, "clientAppTypes"),
        ({"state": UNKNOWN}, "state"),
        ({"conditions": {"times": {"a": 1}}}, "times"),
        ({"conditions": {"users": {"includedUsers": ["All"], "agents": ["x"]}}}, "agents"),
        ({"sessionControls": {"secureSignInSession": True}}, "secureSignInSession"),
        ({"grantControls": {"operator": "OR", "builtInControls": ["approvedApplication"]}}, "appr"),
        ({"newProperty": "on"}, "newProperty"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_the_reason(changes: Json, told: str) -> None:
    found = planned([policy(**changes)])
    assert found.policies == ()
    assert told in found.set_aside["p"]


def test_what_cannot_be_read_and_is_not_enabled_is_left_out() -> None:
    found = planned([policy(state="disabled", newProperty="on")])
    assert found == Planned()


@pytest.mark.parametrize("ranges", [["203.0.113.7/24"], ["0.0.0.0/1"], [UNKNOWN], UNKNOWN])
def test_a_location_that_cannot_be_read_may_be_anywhere(ranges: Any) -> None:
    stack = [location("a", "id-of-a", ipRanges=ranges), policy(conditions=excluding("id-of-a"))]
    found = planned(stack)
    assert excluded(found) == ("a (not read)",)
    assert "a (not read)" in found.assumed_any
    assert found.named_locations == ()


def test_a_location_is_the_known_one_by_what_it_holds_and_not_by_its_name() -> None:
    stack = [
        location("ours", "1", ipRanges=["203.0.113.0/24"]),
        location("head-office", "2"),
        policy(conditions=excluding("1", "2", "elsewhere")),
    ]
    found = planned(stack, [OFFICE])
    assert excluded(found) == ("elsewhere", "head-office", "head-office (as planned)")
    assert OFFICE in found.named_locations


def test_what_the_provider_shows_of_what_is_not_set_is_not_set() -> None:
    session = {
        "applicationEnforcedRestrictionsEnabled": False,
        "cloudAppSecurityPolicy": "",
        "persistentBrowserMode": "",
        "signInFrequency": 0,
        "signInFrequencyPeriod": "",
        "signInFrequencyInterval": "timeBased",
        "signInFrequencyAuthenticationType": "primaryAndSecondaryAuthentication",
    }
    conditions: Json = {
        "insiderRiskLevels": "",
        "devices": {},
        "authenticationFlowTransferMethods": [],
    }
    plain = planned([policy()])
    assert planned([policy(conditions=conditions, sessionControls=session)]) == plain
    every = session | {"signInFrequencyInterval": "everyTime"}
    (read,) = planned([policy(sessionControls=every)]).policies
    assert read.session_controls
    assert read.session_controls.sign_in_frequency == SignInFrequency()


def test_two_resources_of_one_name_keep_apart() -> None:
    twins = [
        Resource(f"urn:{n}", each.type, "p", each.properties)
        for n, each in enumerate([policy()] * 2)
    ]
    assert [each.key for each in planned(twins).policies] == ["urn:0", "urn:1"]


def test_only_what_the_provider_will_set_is_left_out() -> None:
    outputs = {"a": UNKNOWN, "b": UNKNOWN, "c": [{"d": UNKNOWN, "e": 1}], "f": [UNKNOWN]}
    inputs = {"a": UNKNOWN, "c": [{"e": 1}], "f": [UNKNOWN]}
    assert without_computed(outputs, inputs) == {"a": UNKNOWN, "c": [{"e": 1}], "f": [UNKNOWN]}
