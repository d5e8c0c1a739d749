"""A device that is not registered is another thing than one of which nothing tells."""

from __future__ import annotations

import pytest

from ostiary.errors import Location
from ostiary.model.goal import Blocked, Goal, GoalException, SignIns
from ostiary.model.policy import (
    Applications,
    Conditions,
    Filter,
    GrantControls,
    Policy,
    PolicySet,
    Users,
)
from ostiary.model.sign_in import UNREGISTERED
from ostiary.proof.prove import prove
from ostiary.proof.results import Gap, Proof

PLACE = Location("goals/a.yaml")
FREE = GoalException("devices: unregistered", SignIns(device="unregistered"), PLACE)
GOAL = Goal("a", "A", (SignIns(client_app_types=("browser",)),), (FREE,), Blocked(), PLACE)


def blocking(rule: str | None) -> PolicySet:
    conditions = Conditions(
        Users(("All",)),
        Applications(("All",)),
        ("all",),
        device_filter=Filter("exclude", rule) if rule else None,
    )
    return PolicySet((Policy("p", "P", "enabled", conditions, GrantControls("OR", ("block",))),))


@pytest.mark.parametrize(
    "rule",
    [
        "device.isCompliant -ne True",
        'device.extensionAttribute1 -ne "SAW"',
        'device.deviceId -ne "6f3a0f3e-0b1c-4d2e-8f5a-000000000001"',
    ],
)
def test_excusing_unregistered_devices_does_not_excuse_others_that_a_rule_takes_for_alike(
    rule: str,
) -> None:
    gap = prove(blocking(rule), GOAL)
    assert isinstance(gap, Gap)
    assert all(each.sign_in.device is not UNREGISTERED for each in gap.openings)


def test_excusing_unregistered_devices_excuses_nobody_else_where_no_rule_is_about_devices() -> None:
    assert isinstance(prove(blocking(None), GOAL), Proof)


def test_an_unregistered_device_is_found_where_it_alone_gets_through() -> None:
    goal = Goal("a", "A", (SignIns(device="unregistered"),), (), Blocked(), PLACE)
    gap = prove(blocking("device.isCompliant -ne True"), goal)
    assert isinstance(gap, Gap)
    assert all(each.sign_in.device is UNREGISTERED for each in gap.openings)
    assert isinstance(prove(blocking("device.isCompliant -eq True"), goal), Proof)
