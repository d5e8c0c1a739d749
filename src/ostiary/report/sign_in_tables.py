"""A row of a sign-in table that does not come true, as text: what was expected, and what is so."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ostiary.model.goal import AsksAtMost, Blocked, NeverBlocked, Requires, Then
from ostiary.model.places import Places
from ostiary.model.rows import Granted, Open
from ostiary.proof.decision import CombinedSessionControls
from ostiary.proof.enforce import combined_session_controls
from ostiary.proof.examine import Examined
from ostiary.proof.rows import Judged
from ostiary.proof.what_if import what_if
from ostiary.report.what_if import text
from ostiary.report.words import Names, decision, joined, requirements


def judged(of: Judged, examined: Examined, places: Places) -> str:
    """Tell what of the row is not so, and why it is as it is."""
    resolved, row = examined.resolved, of.row
    answer = what_if(examined.policy_set, row.sign_in)
    # Of the many policies that have nothing to do with it, those count that the row hoped for.
    told = [
        each
        for each in answer.rulings
        if each.applies is not False or each.policy.key in (row.decided_by or ())
    ]
    lines = [*_contrasts(of, resolved.names), f"{row.place}: {row.says}"]
    lines += text(replace(answer, rulings=tuple(told)), resolved, places)
    return "\n".join(lines)


def _contrasts(of: Judged, names: Names) -> Iterator[str]:
    row, decided = of.row, of.decision
    for word in of.wrong:
        if word == "expect":
            expected, found = _outcome(row.expected, names), decision(decided, names)
        elif word == "decidedBy":
            expected = f"decided by {_policies(row.decided_by or ())}"
            found = f"by {_policies(decided.deciding)}"
        else:
            expected = (
                f"in the session {_session(combined_session_controls([row.session_controls]))}"
            )
            found = _session(decided.session_controls)
        yield f"expected: {expected}; but it is: {found}"


def _outcome(of: Then | Granted | Open, names: Names) -> str:
    match of:
        case Open():
            told = "unknown"
        case Blocked():
            told = "blocked"
        case NeverBlocked():
            told = "not blocked"
        case Granted(wanted):
            told = f"granted once {requirements(wanted, names)} is satisfied"
        case Requires(wanted):
            told = f"blocked, or asked for {requirements(wanted, names)}"
        case AsksAtMost(controls=()):
            told = "allowed: nothing is asked"
        case AsksAtMost(controls):
            told = f"asked for no more than {requirements([(each,) for each in controls], names)}"
    return told


def _policies(keys: Collection[str]) -> str:
    return joined([f"`{each}`" for each in sorted(keys)]) or "no policy"


def _session(of: CombinedSessionControls) -> str:
    said = ["application enforced restrictions"] * of.application_enforced_restrictions
    said += [f"cloud app security `{each}`" for each in of.cloud_app_security]
    said += ["no resilience defaults"] * of.disable_resilience_defaults
    said += [f"persistent browser `{each}`" for each in of.persistent_browser]
    for each in of.sign_in_frequency:
        often = f"after {each.value} {each.type}" if each.value else "every time"
        said.append(f"a sign-in {often} ({each.authentication_type})")
    return joined(said) or "nothing"
