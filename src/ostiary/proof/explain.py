"""Why a goal of an environment does not hold, and what would make it hold."""

from __future__ import annotations

from dataclasses import dataclass

from ostiary.proof.blame import Blame, blame
from ostiary.proof.examine import Examined
from ostiary.proof.repairs import Repair, repairs
from ostiary.proof.results import Gap, Proof, Result


@dataclass(frozen=True, slots=True)
class Explained:
    """A gap with who is to blame for each of its openings, and edits that close it.

    `repairs` is None where none were sought.
    """

    gap: Gap
    blames: tuple[Blame, ...]
    repairs: tuple[Repair, ...] | None


def explain(examined: Examined, result: Result, *, seek_repairs: bool = True) -> Explained | None:
    """Say who is to blame for each opening, and find edits that break no goal that holds.

    To seek these takes longer than all else.  None for what is no gap.
    """
    if not isinstance(result, Gap):
        return None
    blames = tuple(blame(examined.policy_set, result.goal, each) for each in result.openings)
    if not seek_repairs:
        return Explained(result, blames, None)
    holding = [each.goal for each in examined.results if isinstance(each, Proof)]
    found = repairs(examined.prover, result, holding) if examined.prover else ()
    return Explained(result, blames, found)
