"""The smallest edits that close a gap, each proven to on the policies as they would be then.

No edit is given because it looks right: the goal is held against the edited policies again, and so
are the other goals, which an edit may break.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ostiary.model.controls import blocks
from ostiary.model.edits import Edit, edited
from ostiary.model.goal import AsksAtMost, Goal, NeverBlocked
from ostiary.proof.blame import blame
from ostiary.proof.candidates import Edits, candidates, size
from ostiary.proof.cover import Covered, Index
from ostiary.proof.cubes import Cube, meet
from ostiary.proof.prove import Gap, Opening, Proof, Prover

MOST_REPAIRS = 3
# Of the edits that close the opening, so many are held against every goal.
MOST_PROVEN = 6
# An edit of more parts than this is no advice any more.
MOST_EDITS = 12


@dataclass(frozen=True, slots=True)
class Repair:
    """Edits after which the goal is proven, or, if not `proves`, its first opening is closed.

    `breaks` are keys of goals that hold now and would not then.  `reaches_further`: the edits also
    change what happens to sign-ins that the goal says nothing of.
    """

    edits: Edits
    proves: bool
    breaks: tuple[str, ...] = ()
    reaches_further: bool = False


def repairs(prover: Prover, gap: Gap, holding: Sequence[Goal] = ()) -> tuple[Repair, ...]:
    """Give edits that close the gap, the best first; none where no edit that is tried does.

    `holding` are goals of the prover that are proven, to be kept so.  An edit that proves the goal
    and breaks no other stands before one that does less, a smaller before a larger one.
    """
    trial = _Trial(prover, gap.goal, holding)
    found = list(trial.single(gap.openings[0]))
    if not any(each.proves and not each.breaks for each in found):
        found += trial.several(gap)
    found.sort(
        key=lambda each: (
            not each.proves,
            len(each.breaks),
            each.reaches_further,
            size(each.edits),
        )
    )
    return tuple(found[:MOST_REPAIRS])


class _Trial:
    """Tries edits against one goal and those that hold."""

    def __init__(self, prover: Prover, goal: Goal, holding: Sequence[Goal]) -> None:
        self._prover = prover
        self._goal = goal
        self._holding = holding
        self._given = [cube for each in goal.given for cube in prover.regions.of_sign_ins(each)]
        self._wants_less = isinstance(goal.then, (NeverBlocked, AsksAtMost))

    def single(self, opening: Opening) -> Iterator[Repair]:
        """Give the edits of one suggestion that close the opening."""
        for edits in islice(self._closing(self._prover, opening), MOST_PROVEN):
            after = self._after(self._prover, edits)
            proves = isinstance(after.prove(self._goal), Proof)
            yield self._repair(after, edits, proves=proves)

    def several(self, gap: Gap) -> Iterator[Repair]:
        """Close one opening after the other, until none is left or it takes too much."""
        prover = self._prover
        edits: Edits = ()
        rest: object = gap
        while isinstance(rest, Gap) and len(edits) < MOST_EDITS:
            chosen = next(self._closing(prover, rest.openings[0]), None)
            if chosen is None:
                return
            edits += chosen
            prover = self._after(prover, chosen)
            rest = prover.prove(self._goal)
        if isinstance(rest, Proof):
            yield self._repair(prover, edits, proves=True)

    def _repair(self, after: Prover, edits: Edits, *, proves: bool) -> Repair:
        broken = (each.key for each in self._holding if not isinstance(after.prove(each), Proof))
        return Repair(edits, proves, tuple(broken), self._reaches_further(after, edits))

    def _after(self, prover: Prover, edits: Iterable[Edit]) -> Prover:
        every = tuple(edits)
        return prover.edited(tuple(edited(each, every) for each in prover.policies))

    def _closing(self, prover: Prover, opening: Opening) -> Iterator[Edits]:
        """Give the suggestions that close the opening, and do not block whom nobody meant."""
        said = blame(prover.policy_set, self._goal, opening)
        for edits in candidates(self._goal, opening.sign_in, said):
            if self._closes(prover, opening, edits) and not self._overshoots(prover, edits):
                yield edits

    def _closes(self, prover: Prover, opening: Opening, edits: Edits) -> bool:
        """Tell whether no sign-in of the opening is left: it had none that a policy decided."""
        keys = {each.policy for each in edits}
        changed = [edited(each, edits) for each in prover.policies if each.key in keys]
        cubes = [cube for each in changed for cube in prover.regions.of_policy(each.conditions)]
        if self._wants_less:
            return all(meet(cube, opening.cube) is None for cube in cubes)
        return _covers(prover, cubes, [opening.cube])

    def _overshoots(self, prover: Prover, edits: Edits) -> bool:
        """Tell whether a policy that blocks would be made to block what the goal does not speak of.

        That an author left somebody out, or a policy off, can be undone; a list of theirs that is
        made to hold everything changes what the policy is for.
        """
        widened = [each.policy for each in edits if each.kind in {"widen", "drop"}]
        return any(
            each.key in widened and blocks(each) and self._beyond(prover, each.key, edits)
            for each in prover.policies
        )

    def _reaches_further(self, after: Prover, edits: Edits) -> bool:
        return any(self._beyond(after, each.policy, edits) for each in edits)

    def _beyond(self, prover: Prover, key: str, edits: Edits) -> bool:
        """Tell whether sign-ins that the goal does not speak of change sides."""
        policy = next(each for each in self._prover.policies if each.key == key)
        of = prover.regions.of_policy
        before, then = of(policy.conditions), of(edited(policy, edits).conditions)
        if self._wants_less:
            return not _covers(prover, [*then, *self._given], before)
        return not _covers(prover, [*before, *self._given], then)


def _covers(prover: Prover, cubes: Sequence[Cube], regions: Iterable[Cube]) -> bool:
    index = Index(prover.space, [(0, each) for each in cubes])
    return all(isinstance(index.gap(each), Covered) for each in regions)
