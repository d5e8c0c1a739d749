"""Sign-ins of gaps as rows of a sign-in table, so that a gap that was closed stays closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ostiary.model.goal import AsksAtMost, Blocked, Goal, NeverBlocked, Requires
from ostiary.model.resolve import Resolved
from ostiary.model.signals import words
from ostiary.proof.results import Gap, Opening, Result
from ostiary.report.words import Names


def row(goal: Goal, opening: Opening, names: Names) -> dict[str, Any]:
    """Give a row: the sign-in in the words of `ostiary what-if`, and what the goal wants of it.

    What a row does not say of its sign-in is plain.  `expect` is in the words of goals.
    """
    return {
        "says": goal.says,
        "signIn": words(opening.sign_in, names),
        "expect": _expected(goal, opening, names),
    }


def texts(of: Result, resolved: Resolved) -> Iterator[str]:
    """Give the rows of a gap, each an entry of a YAML list."""
    for opening in of.openings if isinstance(of, Gap) else ():
        made = row(of.goal, opening, resolved.names)
        says = made.pop("says")
        whole = [{"says": says, "environment": resolved.environment, **made}]
        yield yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100)


def _expected(goal: Goal, opening: Opening, names: Names) -> str | dict[str, list[str]]:
    match goal.then:
        case Blocked():
            return "blocked"
        case NeverBlocked():
            return "never blocked"
        case AsksAtMost(controls=()):
            return "allowed"
        case AsksAtMost(controls=controls):
            return {"asksAtMost": [_word(each.id or each.kind, names) for each in controls]}
        case Requires():
            about = opening.question.about
            wanted = about if isinstance(about, tuple) else ()
            return {"requiresOneOf": [_word(each.id or each.kind, names) for each in wanted]}


def _word(control_id: str, names: Names) -> str:
    return names.get(control_id, control_id)
