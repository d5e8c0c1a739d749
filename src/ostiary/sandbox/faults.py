"""Faults that a test switches on: what they match, what they do, and how to switch them.

A fault matches requests by method, path and tenant; it lets the first `skip` of them pass and then
fires `times` times.  Every fault that matches fires; of several that answer in Graph's place, the
one added first does.  After-effects count reads, not seconds, so that no test needs a clock.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from ostiary.sandbox.lifecycle import Running

Kind = Literal[
    "throttle",
    "rate_limit",
    "status",
    "commit_then_status",
    "not_found_after_create",
    "stale_reads",
    "reordered_lists",
    "location_too_new",
    "slow",
    "drop_connection",
    "beta_only",
    "unknown_enum",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave; ValueError when the fields make no sense.

    `path` is a regular expression searched in the path of the request, `method` and `tenant` None
    mean any.  Which further field a kind reads:

    - throttle: 429 before anything happens; `retry_after` seconds, or no Retry-After at all
    - rate_limit: 429 without Retry-After when a tenant asks for Conditional Access more often than
      `per_second` times a second, 1 in Microsoft's documentation; each tenant has its own limit
    - status: `status` before anything happens
    - commit_then_status: `status` although the request was carried out
    - not_found_after_create: the next `reads` reads of what a matching POST creates say 404
    - stale_reads: the next `reads` reads after a matching PATCH alternate old and new; after a
      matching DELETE they say 200 with the old object.  After any matching write, the next `reads`
      lists alternate old and new
    - reordered_lists: lists inside the answer come in reverse order
    - location_too_new: a matching write of a policy that names a location is refused with 1040
    - slow: the answer waits for `seconds`; other requests do not
    - drop_connection: no answer; `committed` tells whether the request was carried out
    - beta_only: v1.0 reads of a matching policy say 400, as for one with preview features
    - unknown_enum: platform `linux` reads as `unknownFutureValue`, unless the request prefers
      include-unknown-enum-members
    """

    kind: Kind
    path: str = ""
    method: str | None = None
    tenant: str | None = None
    skip: int = 0
    times: int | None = None
    status: int = 503
    retry_after: int | None = None
    reads: int = 1
    seconds: float = 0.0
    committed: bool = False
    per_second: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"there is no fault `{self.kind}`")
        if self.status not in range(400, 600):
            raise ValueError(f"status {self.status} is not an error")
        if min(self.skip, self.reads, self.seconds, self.times or 0) < 0:
            raise ValueError("a fault cannot count below zero")
        if self.per_second <= 0:
            raise ValueError("a rate limit lets something pass")
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"`{self.path}` is not a regular expression: {error}") from error

    def matches(self, method: str, path: str, tenant: str | None) -> bool:
        """Tell whether a request is of the kind this fault is about."""
        return (
            self.method in {None, method}
            and self.tenant in {None, tenant}
            and re.search(self.path, path) is not None
        )

    def fires(self, seen: int) -> bool:
        """Tell whether it fires on a matching request when it has seen `seen` others before."""
        return seen >= self.skip and (self.times is None or seen < self.skip + self.times)


class Faults:
    """Switch the faults of a running sandbox; they outlast a restart until `clear` ends them."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        self._running.admin("POST", "faults", asdict(fault))

    def clear(self) -> None:
        """Switch all faults off, with what they left behind on objects."""
        self._running.admin("DELETE", "faults")
