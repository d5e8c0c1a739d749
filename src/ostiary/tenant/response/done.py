"""What a response did for one user, and what failed, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ostiary.tenant.response.facts import Device
from ostiary.tenant.response.plan import UserPlan
from ostiary.tenant.response.verify import Expected

Step = Literal["devices", "membership", "sessions"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that failed; `device` is the one that is still enabled."""

    step: Step
    reason: str
    hint: str | None
    device: Device | None = None


@dataclass(slots=True)
class Contained:
    """What was done for one user, and what failed."""

    plan: UserPlan
    disabled: list[Device] = field(default_factory=list)
    joined: bool = False
    revoked: bool = False
    failures: list[Failure] = field(default_factory=list)

    @property
    def expected(self) -> Expected:
        """What a verification is to find."""
        return Expected(
            self.plan.since,
            self.plan.before,
            frozenset(each.id for each in self.disabled),
            self.joined,
            self.revoked,
        )
