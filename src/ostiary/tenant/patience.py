"""How long to wait for Microsoft Graph, and when to ask again.

The loop is our own, not tenacity's: when it ends depends on a clock that tests hand in, and how
long it waits on what each answer says; tenacity reads `time.monotonic` itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

from ostiary.errors import TenantError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, and waiting for it."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = random.random  # 0 to 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client keeps at it, in seconds.

    `call` bounds one request with all its repetitions, `budget` all requests of one client
    together, `attempt` one try; `tries_to_reach` is how often it is tried to reach anybody at all.
    `spacing` keeps to the limit of one request a second for Conditional Access and identity
    protection in a tenant, all applications together
    (https://learn.microsoft.com/graph/throttling-limits); None means that limit, and none for a
    sandbox, whose tenants nobody else uses.
    """

    call: float = 120.0
    budget: float = 900.0
    attempt: float = 30.0
    first_wait: float = 1.0
    longest_wait: float = 30.0
    tries_to_reach: int = 4
    spacing: float | None = None

    def wait(self, tries: int, jitter: float) -> float:
        """Say how long to wait after so many tries: twice as long each time, less up to a half.

        The half is drawn, so that clients that were refused together do not return together.
        """
        longest = min(self.longest_wait, self.first_wait * 2 ** (tries - 1))
        return float(longest * (1 - jitter / 2))


class AgainError(Exception):
    """An attempt failed in a way that another may not.

    `after` is how long the answer asks to wait; `unreached` tells that nobody was reached at all,
    which more than a few tries seldom mend: a wrong name, no network.
    """

    def __init__(self, said: str, after: float | None = None, *, unreached: bool = False) -> None:
        super().__init__(said)
        self.after = after
        self.unreached = unreached


@dataclass(slots=True)
class Pacer:
    """Lets requests through one after another, `spacing` seconds apart."""

    spacing: float
    clock: Clock
    _next: float = field(default=float("-inf"), init=False)

    def take_turn(self) -> None:
        """Wait until the next request may be sent."""
        early = self._next - self.clock.monotonic()
        if early > 0:
            self.clock.sleep(early)
        self._next = self.clock.monotonic() + self.spacing


class Persistence:
    """Tries again until it works, is refused, or patience ends."""

    def __init__(self, patience: Patience, clock: Clock) -> None:
        self._patience = patience
        self._clock = clock
        self._left = patience.budget

    def carry_out(self, what: str, attempt: Callable[[float], Value]) -> Value:
        """Give what `attempt` gives, which is told how many seconds there are for one try.

        It raises AgainError when another try may help.  Raises TenantError when patience ends.
        """
        started = self._clock.monotonic()
        allowed = min(self._patience.call, self._left)
        try:
            return self._repeat(what, attempt, started, started + allowed)
        finally:
            self._left -= self._clock.monotonic() - started

    def _repeat(
        self, what: str, attempt: Callable[[float], Value], started: float, ends: float
    ) -> Value:
        tries, said, pause = 0, "", 0.0
        while self._clock.monotonic() + pause < ends:
            if pause:
                self._clock.sleep(pause)
            tries += 1
            try:
                return attempt(min(self._patience.attempt, ends - self._clock.monotonic()))
            except AgainError as again:
                said, after, unreached = str(again), again.after, again.unreached
            if unreached and tries >= self._patience.tries_to_reach:
                pause = 0.0
                break
            # Also where the answer asks for no wait at all, lest this goes in circles.
            pause = after or self._patience.wait(tries, self._clock.jitter())
        if not tries:
            raise TenantError(
                f"{what} was not tried: the {self._patience.budget:.0f} seconds of this run for"
                " waiting on Microsoft Graph are over"
            )
        seconds = self._clock.monotonic() - started
        times = "once" if tries == 1 else f"{tries} times"
        asked = f", and the next try was to wait {pause:.0f} seconds" if pause else ""
        raise TenantError(
            f"{what} was tried {times} in {seconds:.0f} seconds; in the end {said}{asked}",
            hint="nothing more was tried; run it again when the trouble is over",
        )


def passes(status: int) -> bool:
    """Tell whether an HTTP status is of a trouble that may pass by itself."""
    server = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    return server or status in {408, 424, 429}


def retry_after(value: str, date: str, now: datetime) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date; None when it says neither.

    A date is held against the answer's own `date`, as the clocks of two machines differ.
    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    if value.isascii() and value.isdecimal():
        return float(value)
    until = _http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(date) or now)).total_seconds())


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
