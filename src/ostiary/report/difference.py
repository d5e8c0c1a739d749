"""The semantic difference of two policy sets, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from ostiary.model.policy import SignInFrequency
from ostiary.proof.compare import Change, Difference
from ostiary.proof.effects import Session
from ostiary.report.goals import filled
from ostiary.report.openings import extent
from ostiary.report.words import Names, decision, joined, requirements, sign_in


def difference(of: Difference, names: Names) -> Iterator[str]:
    """Tell every change, what opened first; or that there is none."""
    if of.empty:
        yield "no sign-in is decided differently"
        return
    for headline, changes in groupby(of.changes, lambda each: _headline(each, names)):
        yield from filled(headline, 0)
        for each in changes:
            yield from filled(extent(each, names), 2)
            yield from filled(f"for example {sign_in(each.sign_in, names, None)}", 4)
            yield f"      before: {decision(each.before, names)}"
            yield f"      after:  {decision(each.after, names)}"
    if of.undecided:
        yield f"not decided whether that is all: {of.undecided}"
    elif not of.complete:
        yield "and more like these"


def difference_json(of: Difference, names: Names) -> dict[str, Any]:
    """Give what `--format json` prints."""
    return {
        "same": of.empty,
        "complete": of.complete,
        "undecided": of.undecided,
        "changes": [
            {
                "kind": each.kind,
                "effect": _effect(each, names),
                "policies": list(each.policies),
                "extent": extent(each, names),
                "example": sign_in(each.sign_in, names, None),
                "before": decision(each.before, names),
                "after": decision(each.after, names),
                "ipv4": str(each.ipv4),
                "ipv6": str(each.ipv6),
            }
            for each in of.changes
        ],
    }


def _headline(of: Change, names: Names) -> str:
    by = joined([f"`{key}`" for key in of.policies])
    return {
        "opened": f"no longer blocked (by {by})",
        "closed": f"newly blocked (by {by})",
        "eased": f"no longer asked for {_effect(of, names)} (by {by})",
        "tightened": f"newly asked for {_effect(of, names)} (by {by})",
    }[of.kind]


def _effect(of: Change, names: Names) -> str:
    if isinstance(of.effect, Session):
        return f"{of.effect.control} ({_session(of.effect.value)})"
    return of.effect if isinstance(of.effect, str) else requirements([of.effect], names)


def _session(value: object) -> str:
    if not isinstance(value, SignInFrequency):
        return str(value)
    return "every time" if value.value is None else f"every {value.value} {value.type}"
