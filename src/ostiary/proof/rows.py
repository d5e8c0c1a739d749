"""A row of a sign-in table held against the policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ostiary.model.policy import PolicySet
from ostiary.model.rows import Granted, Open, Row
from ostiary.proof.decision import Decision
from ostiary.proof.enforce import combined_session_controls
from ostiary.proof.evaluate import evaluate
from ostiary.proof.prove import fulfils

Word = Literal["expect", "decidedBy", "sessionControls"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A row, what becomes of its sign-in, and the row's words that are not true of that."""

    row: Row
    decision: Decision
    wrong: tuple[Word, ...]


def judge(policy_set: PolicySet, row: Row) -> Judged:
    """Decide a row's sign-in; raises FilterSyntaxError for a rule that cannot be read."""
    decision = evaluate(policy_set, row.sign_in)
    wrong: list[Word] = []
    if not _as_expected(row, decision):
        wrong.append("expect")
    if row.decided_by is not None and row.decided_by != set(decision.deciding):
        wrong.append("decidedBy")
    if row.session_controls is not None:
        wanted = combined_session_controls([row.session_controls])
        if wanted != decision.session_controls:
            wrong.append("sessionControls")
    return Judged(row, decision, tuple(wrong))


def _as_expected(row: Row, decision: Decision) -> bool:
    match row.expected:
        case Open():
            return decision.outcome == "unknown"
        case Granted(requirements):
            return (
                decision.outcome == "granted"
                and not decision.unsatisfiable
                and decision.requirements == requirements
            )
        case then:
            # Of what hangs on the unknown nothing can be said to be so.
            return decision.outcome != "unknown" and fulfils(then, decision)
