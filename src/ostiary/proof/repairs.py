"""The smallest edits that close a gap, each proven to on the policies as they would be then.

No edit is given because it looks right: the goal is held against the edited policies again, and so
are the other goals, which an edit may break.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

from ostiary.model.controls import blocks
from ostiary.model.edits import Edit, edited
from ostiary.model.goal import AsksAtMost, Goal, NeverBlocked, Requires
from ostiary.proof.blame import blame
from ostiary.proof.candidates import Edits, candidates, size
from ostiary.proof.cover import Covered, Index
from ostiary.proof.cubes import Cube, meet, plainest
from ostiary.proof.prove import Prover
from ostiary.proof.results import Gap, Opening, Proof

MOST_REPAIRS = 3
# How to go on where one edit is not enough: close the whole of an opening, or at least the sign-in
# that is shown of it, with the smallest edit or with that which may close the most of others too.
Way = Literal["whole openings", "by smallest", "by widest"]

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
    if not any(each.proves and not each.breaks and len(each.edits) == 1 for each in found):
        for way in get_args(Way):
            found += (each for each in trial.several(gap, way) if each not in found)
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

    def several(self, gap: Gap, way: Way) -> Iterator[Repair]:
        """Close one opening after the other, until none is left or it takes too much."""
        prover = self._prover
        edits: Edits = ()
        rest: object = gap
        while isinstance(rest, Gap) and len(edits) < MOST_EDITS:
            step = self._step(prover, rest.openings[0], way)
            if step is None:
                return
            chosen, prover = step
            edits += chosen
            rest = prover.prove(self._goal)
        if isinstance(rest, Proof):
            yield self._repair(prover, edits, proves=True)

    def _step(self, prover: Prover, opening: Opening, way: Way) -> tuple[Edits, Prover] | None:
        """Take the first edits that break nothing, or else the first."""
        steps = [
            (edits, self._after(prover, edits))
            for edits in islice(self._closing(prover, opening, way), MOST_PROVEN)
        ]
        whole = (each for each in steps if not self._broken(each[1]))
        return next(whole, steps[0] if steps else None)

    def _repair(self, after: Prover, edits: Edits, *, proves: bool) -> Repair:
        broken = tuple(each.key for each in self._broken(after))
        return Repair(edits, proves, broken, self._reaches_further(after, edits))

    def _broken(self, after: Prover) -> list[Goal]:
        return [each for each in self._holding if not isinstance(after.prove(each), Proof)]

    def _after(self, prover: Prover, edits: Iterable[Edit]) -> Prover:
        every = tuple(edits)
        return prover.edited(tuple(edited(each, every) for each in prover.policies))

    def _closing(
        self, prover: Prover, opening: Opening, way: Way = "whole openings"
    ) -> Iterator[Edits]:
        """Give the suggestions that close the opening, and do not block whom nobody meant."""
        said = blame(prover.policy_set, self._goal, opening)
        found = candidates(self._goal, opening.sign_in, said)
        cube = opening.cube
        if way != "whole openings":
            point = plainest(prover.space, cube)
            cube = prover.space.cube({key: 1 << at for key, at in enumerate(point)}) or cube
        if way == "by widest":
            found.sort(key=lambda each: (len(each), -size(each)[1]))
        for edits in found:
            if self._closes(prover, cube, edits) and not self._overshoots(prover, edits):
                yield edits

    def _closes(self, prover: Prover, opening: Cube, edits: Edits) -> bool:
        """Tell whether no sign-in of the opening is left: no other policy decided one."""
        keys = {each.policy for each in edits}
        changed = [edited(each, edits) for each in prover.policies if each.key in keys]
        cubes = [cube for each in changed for cube in prover.regions.of_policy(each.conditions)]
        if self._wants_less:
            return all(meet(cube, opening) is None for cube in cubes)
        return _covers(prover, cubes, [opening])

    def _overshoots(self, prover: Prover, edits: Edits) -> bool:
        """Tell whether a policy that blocks would be made to block what the goal does not speak of.

        That an author left somebody out, or a policy off, can be undone; a list of theirs that is
        made to hold more changes what the policy is for.  To block is never asked where a control
        is: nobody needs a second factor who cannot sign in.
        """
        grown = {each.policy: each.kind for each in edits if each.kind not in {"remove", "enable"}}
        return any(
            isinstance(self._goal.then, Requires)
            or (grown[each.key] != "add" and self._beyond(prover, each.key, edits))
            for each in prover.policies
            if each.key in grown and blocks(each) and not self._wants_less
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
