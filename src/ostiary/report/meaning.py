"""What a goal means, in plain words: which sign-ins it is about, and what must be true of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ostiary.model.goal import AsksAtMost, Blocked, Goal, NeverBlocked, Requires, SignIns
from ostiary.report.words import (
    ACTIONS,
    CLIENTS,
    FLOWS,
    GUESTS,
    Names,
    control,
    joined,
    named,
    requirements,
)

_DEVICES = {
    "compliant": "on a compliant device",
    "hybridJoined": "on a hybrid joined device",
    "unregistered": "on a device that is not registered",
}


def meaning(of: Goal, names: Names) -> Iterator[str]:
    """Tell a goal in sentences."""
    given = joined([sign_ins(each, names) for each in of.given], "or")
    yield f"It is about every sign-in {given}."
    for each in of.exceptions:
        yield f"It says nothing of sign-ins {sign_ins(each.sign_ins, names)}."
    yield _then(of, names)


def _then(of: Goal, names: Names) -> str:
    match of.then:
        case Blocked():
            return (
                "Each must be blocked, by a policy that is enabled and blocks: "
                "a control that nobody can satisfy is not counted as one."
            )
        case NeverBlocked():
            return "None may be blocked, nor asked for what nobody can satisfy in it."
        case AsksAtMost(controls=()):
            return "None may be blocked, nor asked for anything."
        case AsksAtMost(controls=controls):
            most = joined([control(each, names) for each in controls], "or")
            return f"None may be blocked, nor asked for more than {most}."
        case Requires(requirements=wanted):
            return f"Each must be blocked, or be asked for {requirements(wanted, names)}."


def sign_ins(of: SignIns, names: Names) -> str:
    """Tell a set of sign-ins, as what follows after `every sign-in`."""
    return ", ".join(_properties(of, names)) or "by a user"


def _properties(of: SignIns, names: Names) -> Iterator[str]:
    if "All" in of.service_principals:
        yield "by a service principal"
    for attribute, words, told in _TOLD:
        values = [each for each in getattr(of, attribute) if each != "All"]
        if values:
            yield words.format(joined([told(each, names) for each in values], "or"))
    if of.device:
        yield _DEVICES[of.device]


def _as_written(value: str, _: Names) -> str:
    return f"`{value}`"


# The properties of sign-ins, how each is said, and how one of its values is.
_TOLD: tuple[tuple[str, str, Callable[[str, Names], str]], ...] = (
    ("service_principals", "by the service principal {}", named),
    ("users", "by {}", named),
    ("groups", "by a member of {}", named),
    ("roles", "by a holder of the role {}", named),
    ("guests", "by {}", lambda value, _: GUESTS[value]),
    ("applications", "to {}", named),
    ("user_actions", "in which a user {}", lambda value, _: ACTIONS[value]),
    (
        "authentication_flows",
        "by {} (itself, or in a session that began so)",
        lambda value, _: FLOWS[value],
    ),
    ("client_app_types", "with {}", lambda value, _: CLIENTS.get(value, value)),
    ("platforms", "on {}", _as_written),
    ("locations", "from {}", _as_written),
    ("outside", "from outside {}", _as_written),
    ("sign_in_risk_levels", "at sign-in risk {}", _as_written),
    ("user_risk_levels", "at user risk {}", _as_written),
)
