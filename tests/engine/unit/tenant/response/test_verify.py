from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.tenant.response.facts import Account, Logged
from ostiary.tenant.response.verify import Aftermath, Expected, Verification, aftermath, verify
from tests.engine.unit.tenant.response.people import (
    ABROAD,
    OFFICE,
    START,
    TRUSTED,
    account,
    at,
    device,
    logged,
    user,
)

EXPECTED = Expected(START, None)
REFUSED = logged(40, error_code=50173)
OFF = device("evil", 5, enabled=False)
DONE = account(user(valid=30), OFF, member=True, sign_ins=(logged(10), REFUSED))


def verified(of: Account, expected: Expected = EXPECTED, *, confined: bool = True) -> Verification:
    return verify(of, expected, TRUSTED, confined=confined)


def test_a_user_is_contained_when_all_is_so_and_an_old_token_was_refused() -> None:
    found = verified(DONE)
    assert (found.devices, found.membership, found.sessions) == ("yes", "yes", "yes")
    assert found.aftermath is not None
    assert (found.aftermath.answer, found.aftermath.refused) == ("yes", (REFUSED,))
    assert found.verdict == "contained"


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"sign_ins": ()}, "pending"),
        ({"sign_ins": None, "no_log": "403"}, "pending"),
        ({"devices": (OFF, device("attic", None))}, "pending"),
        ({"devices": (device("evil", 5),)}, "not contained"),
        ({"member": False}, "not contained"),
        ({"user": user()}, "not contained"),
        ({"user": user(valid=-1)}, "not contained"),
        ({"sign_ins": (logged(10), REFUSED, logged(50))}, "not contained"),
    ],
)
def test_whatever_is_missing_is_told(changed: dict[str, Any], verdict: str) -> None:
    assert verified(replace(DONE, **changed)).verdict == verdict


def test_a_group_that_confines_nobody_settles_nothing() -> None:
    found = verified(DONE, confined=False)
    assert (found.membership, found.verdict) == ("unknown", "pending")


def test_what_was_changed_just_now_may_be_shown_later() -> None:
    stale = account(user(valid=-5), device("evil", 5), sign_ins=())
    now = Expected(START, at(-5), frozenset({"evil"}), joined=True, revoked=True)
    found = verified(stale, now)
    answers = (found.devices, found.membership, found.sessions, found.verdict)
    assert answers == ("unknown", "unknown", "unknown", "pending")
    assert verified(stale, Expected(START, at(-5))).verdict == "not contained"


def test_a_revocation_before_the_response_is_none_of_it() -> None:
    assert verified(DONE, Expected(START, at(30))).sessions == "no"
    assert verified(DONE, Expected(START, at(29))).sessions == "yes"


@pytest.mark.parametrize(
    ("entry", "sort", "answer"),
    [
        ({}, "carried_on", "no"),
        ({"interactive": True}, "carried_on", "no"),
        ({"error_code": 50173}, "refused", "yes"),
        ({"error_code": 53003, "interactive": True}, "refused", "yes"),
        ({"error_code": 70008, "session": None}, "refused", "yes"),
        ({"error_code": 50126, "session": None, "interactive": True}, "failed", "unknown"),
        ({"session": "new", "interactive": True}, "outside", "no"),
        ({"session": "new", "interactive": True, "address": OFFICE}, "inside", "yes"),
        ({"session": "new", "interactive": True, "address": None}, "unclear", "unknown"),
        ({"session": "new"}, "unclear", "unknown"),
        ({"session": None, "address": OFFICE}, "unclear", "unknown"),
    ],
)
def test_a_sign_in_since_is_sorted(entry: dict[str, Any], sort: str, answer: str) -> None:
    later = logged(31, **entry)
    found = aftermath((logged(10), later), at(30), TRUSTED)
    assert getattr(found, sort) == (later,)
    assert found.answer == answer


def test_a_session_that_began_anew_goes_on() -> None:
    begun = logged(31, session="new", interactive=True, address=OFFICE)
    goes_on = logged(32, session="new", address=OFFICE)
    assert aftermath((begun, goes_on), at(30), TRUSTED).inside == (begun, goes_on)


ENTRIES = st.lists(
    st.builds(
        logged,
        st.integers(0, 60),
        interactive=st.booleans(),
        error_code=st.sampled_from([0, 0, 50126, 50173]),
        session=st.sampled_from([None, "a", "b"]),
        address=st.sampled_from([OFFICE, ABROAD, None]),
    ),
    unique_by=lambda each: each.id,
)


@given(ENTRIES)
def test_each_sign_in_since_is_sorted_once_and_none_from_before(entries: list[Logged]) -> None:
    found = aftermath(tuple(entries), at(30), TRUSTED)
    every = [each for sort in fields(Aftermath) for each in getattr(found, sort.name)]
    later = [each for each in entries if each.at > at(30)]
    assert sorted(each.id for each in every) == sorted(each.id for each in later)


@given(ENTRIES)
def test_nobody_is_contained_while_somebody_gets_in_unexplained(entries: list[Logged]) -> None:
    """Whoever got in since did so from a trusted place, in a session that began since."""
    of = account(user(valid=30), OFF, member=True, sign_ins=tuple(entries))
    if verified(of).verdict == "contained":
        before = {each.session for each in entries if each.at <= at(30)}
        for each in entries:
            if each.at > at(30) and each.error_code == 0:
                assert TRUSTED.hold(each.address)
                assert each.session is None or each.session not in before
