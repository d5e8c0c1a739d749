from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostiary.errors import PreflightError
from ostiary.model.graph import (
    named_location_from_graph,
    named_location_to_graph,
    policy_from_graph,
    policy_to_graph,
)
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import load
from ostiary.tenant.orphans import Managed, find, look
from tests.engine.shipped import ROOT, TODAY

Json = dict[str, Any]
NOTHING = Managed({}, {})


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return resolve(load(ROOT, ["sandbox"]), "sandbox", TODAY)


def tenant(resolved: Resolved, suffix: str = "") -> tuple[list[Json], list[Json]]:
    """Give everything the environment specifies as Graph would list it; ids are keys."""
    ids = {each.key: f"location-{each.key}{suffix}" for each in resolved.named_locations}
    policies = [
        {"id": f"policy-{each.key}{suffix}", **policy_to_graph(each, ids)}
        for each in resolved.as_written
    ]
    locations = [
        {"id": ids[each.key], **named_location_to_graph(each)} for each in resolved.named_locations
    ]
    return policies, locations


def managed(resolved: Resolved) -> Managed:
    return Managed(
        {each.key: f"policy-{each.key}" for each in resolved.policies},
        {each.key: f"location-{each.key}" for each in resolved.named_locations},
    )


def test_what_is_as_specified_and_unknown_is_taken_over(resolved: Resolved) -> None:
    found = find(resolved, NOTHING, *tenant(resolved))
    assert found.imports == {
        "policies": managed(resolved).policies,
        "namedLocations": managed(resolved).named_locations,
    }
    assert (found.twin_policies, found.twin_named_locations) == ([], [])


def test_what_is_managed_is_left_alone(resolved: Resolved) -> None:
    found = find(resolved, managed(resolved), *tenant(resolved))
    assert found.imports == {"policies": {}, "namedLocations": {}}
    assert (found.twin_policies, found.twin_named_locations) == ([], [])


def test_a_copy_beside_a_managed_object_is_a_twin(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    copy = {**policies[0], "id": "copy"}
    other = {**locations[0], "id": "other"}
    found = find(resolved, managed(resolved), [*policies, copy], [*locations, other])
    assert found.twin_policies == [copy]
    assert found.twin_named_locations == [other]


def test_of_two_unmanaged_copies_one_is_taken_over(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    copy = {**policies[0], "id": "copy"}
    found = find(resolved, NOTHING, [*policies, copy], locations)
    assert found.policies[resolved.policies[0].key] == policies[0]["id"]
    assert found.twin_policies == [copy]


def test_somebody_elses_policy_of_the_same_name_stops_the_run(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    policies[0]["state"] = "disabled"
    with pytest.raises(PreflightError, match=policies[0]["id"]) as caught:
        find(resolved, NOTHING, policies, locations)
    assert caught.value.exit_code == 5


def test_what_cannot_be_read_is_not_taken_for_ours(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    policies[0]["conditions"]["times"] = {"includeRanges": ["09:00-17:00"]}
    with pytest.raises(PreflightError, match=policies[0]["id"]):
        find(resolved, NOTHING, policies, locations)


def test_policies_of_other_names_do_not_matter(resolved: Resolved) -> None:
    other = {"id": "other", "displayName": "Somebody's", "conditions": None}
    found = find(resolved, NOTHING, [other], [other])
    assert found.imports == {"policies": {}, "namedLocations": {}}


def test_what_was_sent_and_is_specified_no_more_is_a_twin(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    former = {**policies[0], "displayName": "Former", "id": "former"}
    place = {**locations[0], "displayName": "Former place", "id": "place"}
    sent = frozenset({policy_from_graph(former, ""), named_location_from_graph(place, "")})
    everything = [*policies, former], [*locations, place]
    found = find(resolved, replace(managed(resolved), sent=sent), *everything)
    assert found.twin_policies == [former]
    assert found.twin_named_locations == [place]
    assert find(resolved, managed(resolved), *everything).twins == []  # somebody else's


def test_a_copy_of_what_the_tenant_still_holds_is_a_twin_whatever_the_files_say(
    resolved: Resolved,
) -> None:
    policies, locations = tenant(resolved)
    policies[0]["state"] = "disabled"  # the files say `enabled` since
    copy = {**policies[0], "id": "copy"}
    found = find(resolved, managed(resolved), [*policies, copy], locations)
    assert found.twin_policies == [copy]


def test_what_cannot_be_read_is_no_copy(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    first, second = ({**policies[0], "id": each, "displayName": each, "?": 1} for each in "ab")
    held = Managed({"some": "a"}, {})
    assert look(resolved, held, [first, second], locations).twins == []
