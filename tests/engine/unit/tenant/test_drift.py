"""What deviates in a tenant, in which property, and what that does to sign-ins."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.environment import UnmanagedSpec
from ostiary.spec.workspace import load
from ostiary.tenant.deviations import Drift, Drifted, Listing
from ostiary.tenant.drift import drift
from ostiary.tenant.orphans import Managed
from tests.engine.shipped import ROOT, TODAY
from tests.engine.unit.tenant.test_orphans import managed, tenant

Json = dict[str, Any]
FLOW, MFA, OFFICE = "policy-block-device-code-flow", "policy-require-mfa", "location-head-office"


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return resolve(load(ROOT, ["sandbox"]), "sandbox", TODAY)


def found(resolved: Resolved, change: Callable[[dict[str, Json]], Any], **more: Any) -> Drift:
    """Give the drift once `change` was made to the tenant's objects, given by id."""
    policies, locations = tenant(resolved)
    objects = {each["id"]: copy.deepcopy(each) for each in (*policies, *locations)}
    change(objects)
    listing = Listing(
        [each for each in objects.values() if "conditions" in each],
        [each for each in objects.values() if "conditions" not in each],
        **more,
    )
    return drift(resolved, managed(resolved), listing)


def only(of: Drift) -> Drifted:
    (one,) = of.drifted
    return one


def kinds(of: Drifted) -> list[str]:
    return [each.kind for each in of.effect.changes]


def test_what_is_as_specified_is_in_line(resolved: Resolved) -> None:
    assert found(resolved, lambda _: None).in_line


def test_a_block_that_was_switched_off_opens(resolved: Resolved) -> None:
    def disable(objects: dict[str, Json]) -> None:
        objects[FLOW]["state"] = "disabled"

    of = found(resolved, disable)
    one = only(of)
    assert (one.kind, one.key, one.state) == ("changed", "block-device-code-flow", "disabled")
    assert [(each.path, each.specified, each.found) for each in one.properties] == [
        ("state", "enabled", "disabled")
    ]
    assert kinds(one) == ["opened"]
    assert of.broken == ("device-code-flow-is-blocked",)
    assert not of.in_line


def test_a_missing_policy_opens_and_is_restorable(resolved: Resolved) -> None:
    deleted = {"id": FLOW, "displayName": "", "deletedDateTime": "2026-11-01T08:00:00.123Z"}
    one = only(found(resolved, lambda objects: objects.pop(FLOW), deleted=[deleted]))
    assert (one.kind, kinds(one)) == ("missing", ["opened"])
    assert one.restorable_until == datetime(2026, 12, 1, 8, 0, 0, 123000, UTC)
    assert only(found(resolved, lambda objects: objects.pop(FLOW))).restorable_until is None


def test_a_wider_exception_opens_by_its_location(resolved: Resolved) -> None:
    def widen(objects: dict[str, Json]) -> None:
        objects[OFFICE]["ipRanges"].append({"cidrAddress": "198.51.100.0/24"})

    one = only(found(resolved, widen))
    assert (one.object, one.key) == ("named location", "head-office")
    assert one.properties[0].path == "ipRanges"
    assert "opened" in kinds(one)


def test_a_foreign_policy_closes(resolved: Resolved) -> None:
    def add(objects: dict[str, Json]) -> None:
        theirs = copy.deepcopy(objects[MFA]) | {"id": "theirs", "displayName": "Theirs"}
        theirs["grantControls"]["builtInControls"] = ["block"]
        objects["theirs"] = theirs

    of = found(resolved, add)
    one = only(of)
    assert (one.kind, one.key, one.name, one.same_name) == ("foreign", None, "Theirs", False)
    assert set(kinds(one)) == {"closed"}
    assert "device-code-flow-works-at-head-office" in of.broken


def test_a_foreign_location_that_is_trusted_has_an_effect_where_trust_is_meant(
    resolved: Resolved,
) -> None:
    def add(objects: dict[str, Json]) -> None:
        theirs = copy.deepcopy(objects[OFFICE]) | {"id": "theirs", "displayName": "Theirs"}
        theirs["ipRanges"] = [{"cidrAddress": "192.0.2.0/24"}]
        objects["theirs"] = theirs

    assert only(found(resolved, add)).effect.empty
    trusting = [
        replace(
            each,
            conditions=replace(
                each.conditions,
                locations=replace(each.conditions.locations, exclude_locations=("AllTrusted",)),
            ),
        )
        if each.conditions.locations
        else each
        for each in resolved.policies
    ]
    there = replace(resolved, policies=tuple(trusting), as_written=tuple(trusting))
    assert "opened" in kinds(only(found(there, add)))


def test_what_the_environment_knows_is_no_drift(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    theirs = policies[0] | {"id": str(uuid4()), "displayName": "Theirs"}
    listing = Listing([*policies, theirs], locations)
    for known in ({"displayName": "Theirs"}, {"displayName": "As it was", "id": theirs["id"]}):
        entry = UnmanagedSpec.model_validate({**known, "reason": "a script writes it"})
        of = drift(resolved, managed(resolved), listing, unmanaged=[entry])
        assert of.in_line
        assert of.known == ("Theirs",)


def test_a_foreign_policy_of_a_specified_name_is_told_as_such(resolved: Resolved) -> None:
    def add(objects: dict[str, Json]) -> None:
        objects["theirs"] = copy.deepcopy(objects[MFA]) | {"id": "theirs", "state": "disabled"}

    one = only(found(resolved, add))
    assert (one.kind, one.same_name) == ("foreign", True)


def test_a_second_copy_is_a_twin_and_an_unknown_one_an_orphan(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    twin = policies[0] | {"id": "twin"}
    of = drift(resolved, managed(resolved), Listing([*policies, twin], locations))
    assert (only(of).kind, only(of).id) == ("twin", "twin")
    unknown = {key: each for key, each in managed(resolved).policies.items() if each != MFA}
    left = Managed(unknown, managed(resolved).named_locations)
    of = drift(resolved, left, Listing(policies, locations))
    assert (only(of).kind, only(of).key) == ("orphan", "require-mfa")
    assert not of.not_applied


def test_what_cannot_be_read_counts_as_no_protection(resolved: Resolved) -> None:
    def more(objects: dict[str, Json]) -> None:
        objects[FLOW]["conditions"]["times"] = {"includedRanges": ["09:00"]}

    one = only(found(resolved, more))
    assert [each.path for each in one.properties] == ["conditions.times.includedRanges"]
    assert "times" in str(one.unreadable)
    assert kinds(one) == ["opened"]
    assert one.effect.undecided == one.unreadable


def spell(objects: dict[str, Json]) -> None:
    """Write everything otherwise, and mean the same."""
    flow, office = objects[FLOW], objects[OFFICE]
    conditions = flow["conditions"]
    for lists in (conditions["users"], conditions["applications"]):
        for name, each in lists.items():
            lists[name] = [entry.upper() if "-" in entry else entry for entry in each or ()] or None
    conditions["authenticationFlows"]["transferMethods"] = "deviceCodeFlow, none"
    del conditions["userRiskLevels"]
    flow["@odata.context"] = "https://graph.microsoft.com"
    flow["sessionControls"] = {"disableResilienceDefaults": False, "persistentBrowser": None}
    office["ipRanges"] = [
        {"cidrAddress": each} for each in ("2001:0DB8:0010::/48", "203.0.113.7/24")
    ]


def test_what_is_spelled_otherwise_is_in_line_and_told(resolved: Resolved) -> None:
    of = found(resolved, spell)
    assert of.in_line
    told = {each.key: {one.path for one in each.properties} for each in of.spelled}
    assert told == {
        "block-device-code-flow": {
            "conditions.users.excludeGroups",
            "conditions.authenticationFlows.transferMethods",
        },
        "head-office": {"ipRanges"},
    }
    assert all(one.spelling_only for each in of.spelled for one in each.properties)


def test_a_change_of_meaning_among_spellings_is_drift(resolved: Resolved) -> None:
    def both(objects: dict[str, Json]) -> None:
        spell(objects)
        objects[FLOW]["conditions"]["users"]["excludeGroups"].append("theirs")

    properties = {each.path: each.spelling_only for each in only(found(resolved, both)).properties}
    assert properties == {
        "conditions.users.excludeGroups": False,
        "conditions.authenticationFlows.transferMethods": True,
    }


def test_what_opens_comes_before_what_closes_and_what_does_nothing(resolved: Resolved) -> None:
    def everything(objects: dict[str, Json]) -> None:
        objects["quiet"] = copy.deepcopy(objects[MFA]) | {"id": "quiet", "displayName": "Quiet"}
        objects["loud"] = copy.deepcopy(objects[MFA]) | {"id": "loud", "displayName": "Loud"}
        objects["quiet"]["state"] = "enabledForReportingButNotEnforced"
        objects["loud"]["grantControls"]["builtInControls"] = ["block"]
        objects[FLOW]["state"] = "disabled"
        objects["named"] = copy.deepcopy(objects[MFA]) | {"id": "named", "displayName": "Named"}

    of = found(resolved, everything)
    assert [each.name for each in of.drifted] == [
        *("Block device code flow", "Loud", "Named", "Quiet")
    ]


def test_what_two_deviations_open_only_together_shows_in_the_whole(resolved: Resolved) -> None:
    """Each of two blocks suffices, so that one that is gone changes nothing."""
    twice = next(each for each in resolved.policies if each.key == "block-device-code-flow")
    again = replace(twice, key="again", display_name="Again")
    both = replace(
        resolved, policies=(*resolved.policies, again), as_written=(*resolved.as_written, again)
    )
    one = found(both, lambda objects: objects.pop(FLOW))
    assert only(one).effect.empty

    def neither(objects: dict[str, Json]) -> None:
        del objects[FLOW]
        del objects["policy-again"]

    of = found(both, neither)
    assert "opened" in [each.kind for each in of.together.changes]


def test_what_was_not_applied_yet_is_told_apart_from_drift(resolved: Resolved) -> None:
    """The files have a new state and a new policy, and lack an old one."""
    policies, locations = tenant(resolved)
    applied = PolicySet(resolved.policies, resolved.named_locations)
    mfa = next(each for each in resolved.policies if each.key == "require-mfa")
    rest = [
        each
        for each in resolved.policies
        if each.key not in {"require-mfa", "confine-suspected-users"}
    ]
    edited = (
        *rest,
        replace(mfa, state="enabledForReportingButNotEnforced"),
        replace(mfa, key="new", display_name="New"),
    )
    files = replace(resolved, policies=edited, as_written=edited)
    of = drift(files, managed(resolved), Listing(policies, locations), applied=applied)
    assert of.drifted == ()
    assert [(each.operation, each.key) for each in of.not_applied] == [
        ("delete", "confine-suspected-users"),
        ("change", "require-mfa"),
        ("create", "new"),
    ]
    assert not of.in_line


def test_what_is_unsettled_is_no_drift_and_not_in_line(resolved: Resolved) -> None:
    of = found(resolved, lambda objects: objects.pop(FLOW), unsettled=frozenset({FLOW}))
    assert (of.drifted, of.unsettled) == ((), ("block-device-code-flow",))
    assert not of.in_line
