from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ostiary.errors import Location
from ostiary.model.goal import Blocked, Goal, NeverBlocked, SignIns, Then, Waiver
from ostiary.model.policy import (
    Applications,
    Conditions,
    GrantControls,
    Locations,
    Policy,
    Users,
)
from ostiary.model.resolve import Resolved
from ostiary.proof.examine import examine
from ostiary.proof.partial import partial
from ostiary.proof.results import Gap, NotDecided, Proof, Result

HERE = Location("goal.yaml")
BLOCK = Policy(
    "block",
    "Block",
    "enabled",
    Conditions(Users(("All",)), Applications(("All",)), ("all",)),
    GrantControls("OR", ("block",)),
)
UNREAD = {"unread": "it has a property that is not modelled"}
ANY = {"somewhere": "it is known only after `up`"}


def excluding(location: str) -> Policy:
    return replace(
        BLOCK, conditions=replace(BLOCK.conditions, locations=Locations(("All",), (location,)))
    )


def held(
    then: Then,
    *policies: Policy,
    unread: dict[str, str] | None = None,
    assumed: dict[str, str] | None = None,
    waived: bool = False,
) -> Result:
    goal = Goal("goal", "Says so.", (SignIns(),), (), then, HERE)
    waiver = Waiver("goal", "me", "because", date(2099, 1, 1), HERE)
    resolved = Resolved(
        "here", "tenant", policies, (), goals=(goal,), waivers=(waiver,) if waived else ()
    )
    found = partial(examine(resolved), unread or {}, assumed or {})
    assert bool(found.failed) == (not isinstance(found.results[0], Proof) and not waived)
    return found.results[0]


def test_a_block_that_is_proven_stays_whatever_else_there_is() -> None:
    assert isinstance(held(Blocked(), BLOCK, unread=UNREAD), Proof)


def test_a_gap_may_be_closed_by_what_could_not_be_read() -> None:
    found = held(Blocked(), unread=UNREAD)
    assert isinstance(found, NotDecided)
    assert "`unread`" in found.reason


def test_who_is_let_in_may_be_kept_out_by_what_could_not_be_read() -> None:
    assert isinstance(held(NeverBlocked(), unread=UNREAD), NotDecided)
    assert isinstance(held(NeverBlocked(), BLOCK, unread=UNREAD), Gap)


def test_a_hole_that_hangs_on_what_is_not_known_yet_is_not_decided() -> None:
    found = held(Blocked(), excluding("somewhere"), assumed=ANY)
    assert isinstance(found, NotDecided)
    assert "known only after `up`" in found.reason


def test_a_hole_that_does_not_is_one() -> None:
    report_only = replace(BLOCK, state="enabledForReportingButNotEnforced")
    assert isinstance(held(Blocked(), report_only, assumed=ANY), Gap)


@pytest.mark.parametrize("assumed", [{}, ANY])
def test_a_proof_that_does_not_need_what_is_not_known_holds(assumed: dict[str, str]) -> None:
    assert isinstance(held(Blocked(), BLOCK, excluding("somewhere"), assumed=assumed), Proof)


def test_a_waiver_waives_what_is_not_decided_too() -> None:
    assert isinstance(held(NeverBlocked(), unread=UNREAD, waived=True), NotDecided)
