"""Is a region inside the union of cubes?  A hole if not, a certificate if so.

This is the one question that all proofs reduce to; it knows nothing of policies.  It is sound,
complete and deterministic: the same question has the same answer, whatever was asked before.  Its
cost is exponential in the worst case, therefore the budget, beyond which nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ostiary.proof.certificate import Certificate
from ostiary.proof.cubes import Cube, Mask, Space, bits, meet, volume
from ostiary.proof.search import Derived, Search, Table

BUDGET = 200_000
"""Nodes of the search that one question may take, unless it says otherwise."""

_NAMED = 5
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Covered:
    """Every point of the region is in one of the cubes; `used` are the owners the proof needs."""

    certificate: Certificate
    used: frozenset[int]


@dataclass(frozen=True, slots=True)
class Hole:
    """No point of `cube` is in any of the cubes, and it cannot be made larger in the region.

    `wide` is larger, with fewer conditions: it reaches into what is impossible, and into no cube
    else.
    """

    cube: Cube
    wide: Cube


@dataclass(frozen=True, slots=True)
class Undecided:
    """The budget ran out; `owners` are those on whose cubes most of it went, the worst first."""

    nodes: int
    owners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Holes:
    """Maximal holes, the largest first; together they are all there is if `complete`.

    Where there is none, `answer` says why: the region is covered, or that is not decided.
    """

    holes: tuple[Hole, ...]
    complete: bool
    answer: Covered | Undecided | None = None


class Index:
    """Cubes and their owners (whose number is any int from 0), prepared once and asked often.

    An owner may have several cubes and counts as their union.  The cubes of the owner `impossible`
    are points that there are none of.  Raises ValueError for a cube that does not keep the rules of
    `Cube`.
    """

    def __init__(
        self, space: Space, cubes: Sequence[tuple[int, Cube]], impossible: int | None = None
    ) -> None:
        self.space = space
        self._full = [space.full(key) for key in range(len(space.sizes))]
        self.owners = [owner for owner, _ in cubes]
        self.cubes = [cube for _, cube in cubes]
        self._table = Table(space, self.cubes)
        for key, masks in self._table.by_mask.items():
            for mask in masks:
                self._check(key, mask)
        self._cubes_of: dict[int, int] = {}
        for number, owner in enumerate(self.owners):
            if owner < 0:
                raise ValueError(f"an owner is a number from 0, not {owner}")
            self._cubes_of[owner] = self._cubes_of.get(owner, 0) | 1 << number
        self._impossible = 0 if impossible is None else self._cubes_of.get(impossible, 0)
        self._owned: dict[int, int] = {}
        self._all = (1 << len(cubes)) - 1
        # Few classes first: a hole that does not depend on a group is worth more than one which
        # is wider in addresses.
        self._growing = sorted(range(len(space.sizes)), key=space.sizes.__getitem__)

    def gap(
        self,
        region: Cube,
        among: int | None = None,
        *,
        budget: int = BUDGET,
        prefer: Sequence[int] = (),
    ) -> Covered | Hole | Undecided:
        """Find a hole of the cubes in `region`, or prove that there is none.

        `among` has bit i set if the cubes of owner i count; None counts all.  `prefer` asks for a
        plain hole: of all points in no cube the returned one contains the plainest, which is
        decided key by key in the order given, a lower class before a higher.  That costs a question
        or two for each key; they share the budget, and when it runs out the hole is only less
        plain.  Raises ValueError for a region that does not keep the rules of `Cube`.
        """
        for key in prefer:
            self._check_key(key)
        search = Search(self._table, self._checked(region), self._owned_by(among))
        found = search.run(search.region, budget)
        if found is None:
            return self._undecided(search)
        if isinstance(found, tuple):
            return self._covered(search, found)
        hole = self._grown(search, found)
        if prefer:
            hole = self._grown(search, _plainest(search, hole, prefer, budget))
        return self._hole(search, hole)

    def covers(
        self, region: Cube, among: int | None = None, *, budget: int = BUDGET
    ) -> bool | None:
        """Tell whether the cubes cover a region, without saying why; None: not decided."""
        search = Search(self._table, self._checked(region), self._owned_by(among))
        found = search.run(search.region, budget)
        return None if found is None else isinstance(found, tuple)

    def holes(
        self, region: Cube, among: int | None = None, *, limit: int = 100, budget: int = BUDGET
    ) -> Holes:
        """Find up to `limit` maximal holes, largest first, whose union is the whole gap.

        They may overlap.  `budget` holds for each of them.
        """
        search = Search(self._table, self._checked(region), self._owned_by(among))
        holes: list[Hole] = []
        found = search.run(search.region, budget)
        while isinstance(found, list) and len(holes) < limit:
            holes.append(self._hole(search, self._grown(search, found)))
            found = search.beyond(holes[-1].wide, budget)
        if not holes and found is None:
            return Holes((), complete=False, answer=self._undecided(search))
        if not holes and isinstance(found, tuple):
            return Holes((), complete=True, answer=self._covered(search, found))
        holes.sort(key=lambda hole: volume(self.space, hole.wide), reverse=True)
        return Holes(tuple(holes), complete=isinstance(found, tuple))

    def lost_without(
        self, owner: int, region: Cube, among: int | None = None, *, budget: int = BUDGET
    ) -> Hole | Undecided | None:
        """Find a part of `region` that, of the owners that count, only `owner` covers.

        None: they cover the same without it, that is, in `region` the owner is redundant.
        `budget` holds for each cube of the owner.
        """
        self._checked(region)
        others = (-1 if among is None else among) & ~(1 << owner)
        undecided: Undecided | None = None
        for number in bits(self._cubes_of.get(owner, 0)):
            if (part := meet(region, self.cubes[number])) is not None:
                answer = self.gap(part, others, budget=budget)
                if isinstance(answer, Hole):
                    return answer
                if isinstance(answer, Undecided):
                    undecided = answer
        return undecided

    def near(self, hole: Cube, among: int | None = None) -> list[tuple[int, int]]:
        """Return (number of a cube, key) of the cubes that `hole` escapes by this one key alone."""
        once = twice = 0
        for key, mask in self._checked(hole).items():
            missed = self._table.effect(key, mask)[0]
            twice |= once & missed
            once |= missed
        return [
            (number, next(key for key, mask in hole.items() if not self._meets(number, key, mask)))
            for number in bits(once & ~twice & self._owned_by(among))
        ]

    def _meets(self, number: int, key: int, mask: Mask) -> bool:
        return self.cubes[number].get(key, mask) & mask != 0

    def _checked(self, cube: Cube) -> Cube:
        for key, mask in cube.items():
            self._check(key, mask)
        return cube

    def _check_key(self, key: int) -> None:
        if not 0 <= key < len(self._full):
            raise ValueError(f"key {key} is none of the {len(self._full)}")

    def _check(self, key: int, mask: Mask) -> None:
        self._check_key(key)
        if not 0 < mask < self._full[key]:
            raise ValueError(f"mask {mask} of key {key} allows nothing, or all and more")

    def _owned_by(self, among: int | None) -> int:
        """Return the cubes of the owners in `among`."""
        if among is None:
            return self._all
        owned = self._owned.get(among)
        if owned is None:
            owned = 0
            for owner, cubes in self._cubes_of.items():
                if among >> owner & 1:
                    owned |= cubes
            if len(self._owned) >= _REMEMBERED:
                self._owned.clear()
            self._owned[among] = owned
        return owned

    def _cube(self, masks: Sequence[Mask]) -> Cube:
        restricted = zip(masks, self._full, strict=True)
        return {key: mask for key, (mask, full) in enumerate(restricted) if mask != full}

    def _hole(self, search: Search, masks: list[Mask]) -> Hole:
        cube = self._cube(masks)
        if not self._impossible:
            return Hole(cube, cube)
        return Hole(cube, self._cube(self._grown(search, masks, into=self._impossible)))

    def _grown(self, search: Search, hole: Sequence[Mask], into: int = 0) -> list[Mask]:
        """Widen a hole until that is no longer possible in any key, a key at a time.

        It may grow into the cubes of `into`.  A key can be widened up to the cubes that the hole
        escapes by that key alone.  One pass is enough: what is widened later only leaves less room.
        """
        masks = list(search.region)
        keys = [key for key in self._growing if hole[key] != masks[key]]
        missed = [self._table.effect(key, hole[key])[0] for key in keys]
        by_later = [*accumulate(reversed(missed[1:]), int.__or__, initial=0)]
        by_earlier = 0
        for key, by_key in zip(keys, missed, strict=True):
            alone = search.meeting & ~into & by_key & ~by_earlier & ~by_later.pop()
            if alone:
                for mask, cubes in self._table.by_mask[key].items():
                    if cubes & alone:
                        masks[key] &= ~mask
                by_earlier |= self._table.effect(key, masks[key])[0]
        return masks

    def _covered(self, search: Search, derived: Derived) -> Covered:
        """Keep of the steps of `search` those that lead to `derived`."""
        given = len(self.cubes)
        needed = {derived[1]}
        for number in range(derived[1], given - 1, -1):
            if number in needed:
                needed.add(search.lefts[number - given])
                needed.add(search.rights[number - given])
        order = sorted(needed)
        position = {number: place for place, number in enumerate(order)}
        premises = tuple(number for number in order if number < given)
        steps = tuple(
            (
                position[search.lefts[number - given]],
                position[search.rights[number - given]],
                search.keys[number - given],
            )
            for number in order[len(premises) :]
        )
        used = frozenset(self.owners[number] for number in premises)
        return Covered(Certificate(premises, steps), used)

    def _undecided(self, search: Search) -> Undecided:
        # Before the first split none has taken effort: then it is the owners that are involved.
        effort = dict.fromkeys((self.owners[number] for number in bits(search.meeting)), 0)
        for number, times in search.effort.items():
            if number < len(self.owners):  # and not a derived cube
                effort[self.owners[number]] += times
        worst = sorted(effort, key=lambda owner: (-effort[owner], owner))
        return Undecided(search.nodes, tuple(worst[:_NAMED]))


def _plainest(search: Search, hole: list[Mask], prefer: Sequence[int], budget: int) -> list[Mask]:
    """Return a hole all of whose points are as plain as any in the keys of `prefer`."""
    rest = list(search.region)
    for key in prefer:
        while plainer := rest[key] & (_lowest(hole[key]) - 1):
            within = rest.copy()
            within[key] = plainer
            found = search.run(within, budget - search.nodes)
            if not isinstance(found, list):  # it is covered, or the budget ran out
                break
            hole = found
        rest[key] = _lowest(hole[key])
    return [mask & whole for mask, whole in zip(hole, rest, strict=True)]


def _lowest(mask: Mask) -> Mask:
    return mask & -mask
