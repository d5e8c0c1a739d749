from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.errors import TenantError
from ostiary.tenant.patience import (
    AgainError,
    Pacer,
    Patience,
    Persistence,
    passes,
    retry_after,
)
from tests.engine.unit.tenant.elsewhere import Time

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", "", 7),
        ("0", "", 0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", "", 30),
        ("Tue, 24 Nov 2026 12:00:30 GMT", "Tue, 24 Nov 2026 12:00:20 GMT", 10),
        ("Tue, 24 Nov 2026 11:00:00 GMT", "", 0),
        ("Tuesday, 24-Nov-26 12:00:30 GMT", "", 30),
        ("", "", None),
        ("-1", "", None),
        ("soon", "", None),
        ("7.5", "", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, date: str, seconds: float | None) -> None:
    assert retry_after(value, date, NOW) == seconds


@given(st.text())
def test_no_header_brings_it_down(value: str) -> None:
    seconds = retry_after(value, value, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    "status", [200, 301, 400, 401, 403, 404, 408, 409, 424, 429, 500, 501, 502, 503, 504, 507]
)
def test_what_passes_by_itself(status: int) -> None:
    assert passes(status) is (status in {408, 424, 429, 500, 502, 503, 504, 507})


@given(st.integers(1, 1000), st.floats(0, 1))
def test_waits_grow_and_stay_within_bounds(tries: int, jitter: float) -> None:
    patience = Patience()
    wait = patience.wait(tries, jitter)
    longest = min(30.0, 2.0 ** (tries - 1))
    assert longest / 2 <= wait <= longest


def test_requests_are_a_second_apart() -> None:
    time = Time()
    pacer = Pacer(1.0, time.clock)
    pacer.take_turn()
    pacer.take_turn()
    time.passed += 0.25
    pacer.take_turn()
    time.passed += 5
    pacer.take_turn()
    assert time.waits == [1.0, 0.75]


def never(_: float) -> str:
    raise AgainError("it rained")


def test_a_call_ends_in_bounded_time_and_says_what_it_did() -> None:
    time = Time()
    with pytest.raises(TenantError) as caught:
        Persistence(Patience(), time.clock).carry_out("GET /v1.0/x", never)
    assert str(caught.value) == (
        "GET /v1.0/x was tried 8 times in 91 seconds; in the end it rained, and the next try was to"
        " wait 30 seconds"
    )
    assert time.waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_client_has_a_budget_for_all_its_calls() -> None:
    time = Time()
    persistence = Persistence(Patience(budget=150), time.clock)
    for _ in range(2):
        with pytest.raises(TenantError, match="in the end it rained"):
            persistence.carry_out("GET /v1.0/x", never)
    assert time.passed <= 150
    time.passed += 1000  # what is done between calls does not count
    assert persistence.carry_out("GET /v1.0/x", lambda seconds: seconds) == 28


def test_nothing_is_tried_when_the_budget_is_spent() -> None:
    time = Time()
    persistence = Persistence(Patience(budget=10), time.clock)

    def slow(_: float) -> str:
        time.passed += 60
        return "done"

    assert persistence.carry_out("GET /v1.0/x", slow) == "done"
    with pytest.raises(TenantError, match="was not tried: the 10 seconds"):
        persistence.carry_out("GET /v1.0/y", slow)


def test_a_wait_that_is_asked_for_is_kept_or_not_begun() -> None:
    time = Time()

    def busy(_: float) -> str:
        if not time.waits:
            raise AgainError("busy", 17)
        raise AgainError("busy", 3600)

    with pytest.raises(TenantError, match=r"tried 2 times in 17 seconds.*to wait 3600 seconds"):
        Persistence(Patience(), time.clock).carry_out("GET /v1.0/x", busy)
    assert time.waits == [17]


def test_one_try_has_no_more_time_than_is_left() -> None:
    time = Time()
    given: list[float] = []

    def record(seconds: float) -> str:
        given.append(seconds)
        raise AgainError("busy", 50)

    with pytest.raises(TenantError):
        Persistence(Patience(), time.clock).carry_out("GET /v1.0/x", record)
    assert given == [30, 30, 20]


def test_nobody_is_called_for_long_who_cannot_be_reached() -> None:
    time = Time()

    def unreached(_: float) -> str:
        raise AgainError("there is no network", unreached=True)

    with pytest.raises(TenantError) as caught:
        Persistence(Patience(), time.clock).carry_out("GET /v1.0/x", unreached)
    assert str(caught.value) == (
        "GET /v1.0/x was tried 4 times in 7 seconds; in the end there is no network"
    )


def test_who_asks_for_no_wait_is_given_one() -> None:
    time = Time()

    def hasty(_: float) -> str:
        raise AgainError("busy", 0)

    with pytest.raises(TenantError, match="tried 8 times"):
        Persistence(Patience(), time.clock).carry_out("GET /v1.0/x", hasty)
