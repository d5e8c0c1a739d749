"""What a policy does to the sign-ins that it applies to, one effect at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ostiary.model.controls import Requirement, blocks, requirements
from ostiary.model.policy import Policy, SessionControls


@dataclass(frozen=True, slots=True)
class Session:
    """A session control by its field in `SessionControls`, and its value."""

    control: str
    value: object


# What a policy does to a sign-in that it applies to.
Effect = Literal["block"] | Requirement | Session


def effects(policy: Policy) -> tuple[Effect, ...]:
    """Give what the policy does; nothing unless it is enabled.

    One that blocks does nothing else: controls come after.
    """
    if policy.state != "enabled":
        return ()
    if blocks(policy):
        return ("block",)
    return (*requirements(policy.grant_controls), *_session(policy.session_controls))


def at_least(own: Effect, effect: Effect) -> bool:
    """Tell whether one effect makes the other needless: a block any, a requirement a wider one."""
    if own in ("block", effect):
        return True
    return isinstance(own, tuple) and isinstance(effect, tuple) and set(own) <= set(effect)


def _session(of: SessionControls | None) -> list[Session]:
    if of is None:
        return []
    return [
        Session(name, value)
        for name in SessionControls.__slots__
        if (value := getattr(of, name)) not in (None, False)
    ]
