"""The search behind `cover`: a point of a region that no cube contains, or a proof of none.

Depth first over shrinking regions, in the manner of a SAT solver.  A cube that restricts what is
left of the region in a single key takes its part out of that key (unit propagation).  When there is
none, the region is split along a key of a tightest cube.  Where both parts turn out to be covered,
the two cubes that show it are joined along the key (consensus), and the cube so derived takes part
from then on.  Every join is a step of the certificate.

Two packings make it fast in plain Python.  What concerns all cubes at once is an int with one bit
per cube: those that still meet the region, and, in bit planes, how many keys each still restricts.
What concerns all keys of one cube is an int with one field per key, so that a join is four
operations, whatever the number of keys.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ostiary.proof.cubes import Cube, Mask, Space, bits

Derived = tuple[int, int]
"""A cube that is covered: its masks, packed one field per key, and its number in the proof."""

Trail = list[tuple[int, Mask, Derived]]
"""What units took out of a region: the key, its mask before, the cube that took its part out."""

_LEARNED = 2_000
"""Derived cubes that take part at a time; when there are more, the older half is forgotten."""

_EXCLUDED = -1

_CANDIDATES = 12
"""Tightest cubes that are looked at for the key of a split, and a third of them for its mask."""

_EFFECTS = 2_000
"""Effects of masks that are remembered for one key."""


class Table:
    """Cubes as the search takes them: what holds for every question, prepared once."""

    def __init__(self, space: Space, cubes: Sequence[Cube]) -> None:
        self.full = [(1 << size) - 1 for size in space.sizes]
        self.cubes = cubes
        self.by_mask: defaultdict[int, dict[Mask, int]] = defaultdict(dict)
        by_length: defaultdict[int, int] = defaultdict(int)
        for number, cube in enumerate(cubes):
            bit = 1 << number
            by_length[len(cube)] |= bit
            for key, mask in cube.items():
                same = self.by_mask[key]
                same[mask] = same.get(mask, 0) | bit
        self.planes = [0] * max(4, max(by_length, default=0).bit_length())
        for length, numbers in by_length.items():
            for place in bits(length):
                self.planes[place] |= numbers
        self.offset: list[int] = []
        end = 0
        for size in space.sizes:
            self.offset.append(end)
            end += size + 1  # the bit above each field is for `restricted` to carry into
        self.field = [full << at for full, at in zip(self.full, self.offset, strict=True)]
        self.all = sum(self.field)
        self._key_of = {
            1 << at + size: key
            for key, (at, size) in enumerate(zip(self.offset, space.sizes, strict=True))
        }
        self._carries = sum(self._key_of)
        self._lacks: dict[tuple[int, Mask], int] = {}  # what a mask does not allow, in its field
        self._effects: list[dict[Mask, tuple[int, int]]] = [{} for _ in space.sizes]

    def packed(self, cube: Cube) -> int:
        """Return the masks of `cube` in one int."""
        packed, lacks = self.all, self._lacks
        for literal in cube.items():
            lack = lacks.get(literal)
            if lack is None:
                key, mask = literal
                lack = lacks[literal] = (mask ^ self.full[key]) << self.offset[key]
            packed ^= lack
        return packed

    def restricted(self, packed: int) -> int:
        """Return an int with one bit set for each key that `packed` restricts."""
        return ((self.all & ~packed) + self.all) & self._carries

    def unpacked(self, packed: int) -> list[tuple[int, Mask]]:
        """Return the keys that `packed` restricts, and its masks."""
        literals = []
        restricted = self.restricted(packed)
        while restricted:
            carry = restricted & -restricted
            restricted ^= carry
            key = self._key_of[carry]
            literals.append((key, packed >> self.offset[key] & self.full[key]))
        return literals

    def effect(self, key: int, mask: Mask) -> tuple[int, int]:
        """Return which cubes miss a region with `mask` at `key`, and which contain it there.

        Of those that do not restrict the key, it says nothing.
        """
        effects = self._effects[key]
        effect = effects.get(mask)
        if effect is None:
            missed = inside = 0
            for each, cubes in self.by_mask[key].items():
                if not each & mask:
                    missed |= cubes
                elif not mask & ~each:
                    inside |= cubes
            if len(effects) >= _EFFECTS:
                effects.clear()
            effect = effects[mask] = missed, inside
        return effect


@dataclass(slots=True)
class _State:
    """What is left of the region, and of the cubes in it."""

    masks: list[Mask]  # key -> classes that are left
    alive: int  # the cubes that meet it
    planes: list[int]  # bit i of plane j: bit j of the number of keys that cube i restricts
    fresh: int  # the cubes whose number has changed since units were last sought
    inside: dict[int, int]  # key that is narrowed -> the cubes that do not restrict it any more

    def copy(self) -> _State:
        """Return the same, once units have been sought, to be changed on its own."""
        return _State(self.masks.copy(), self.alive, self.planes.copy(), 0, self.inside.copy())


@dataclass(slots=True)
class _Split:
    """A region in two parts along `key`; `first` shows that the first part is covered."""

    state: _State  # of the whole, to go on with in the second part
    cubes: list[Cube]  # those there were, of which the state knows so many
    known: int
    trail: Trail
    key: int
    mask: Mask  # of the whole, at `key`
    first: Derived | None = None


def _subtract(planes: list[int], cubes: int) -> None:
    """Subtract one from the number of each of `cubes`."""
    place = 0
    while cubes:
        plane = planes[place]
        planes[place] = plane ^ cubes
        cubes &= ~plane
        place += 1


def _highest(cubes: int, most: int) -> Iterator[int]:
    """Yield the numbers of up to `most` cubes, the highest first."""
    while cubes and most:
        number = cubes.bit_length() - 1
        yield number
        cubes ^= 1 << number
        most -= 1


class Search:
    """Some cubes of a table and a region; parts of it can be searched, what is learned is kept.

    Cubes are numbered as in the table, and from there on those that are learned.
    """

    def __init__(self, table: Table, region: Cube, cubes: int) -> None:
        self.region = table.full.copy()
        planes = table.planes.copy()
        for key, mask in region.items():
            self.region[key] = mask
            missed, inside = table.effect(key, mask)
            cubes &= ~missed
            _subtract(planes, inside)
        self.meeting = cubes
        self.nodes = 0
        self.effort: dict[int, int] = {}  # cube -> how often the region was split along it
        self.lefts, self.rights, self.keys = array("q"), array("q"), array("q")
        self._table = table
        self._given = len(table.cubes)
        # Outside of the region all classes count as allowed: what does not matter looks alike.
        self._outside = table.all & ~table.packed(region)
        self._planes_given = planes
        self._derived_given: dict[int, Derived] = {}
        self._reset(())

    def run(self, masks: Sequence[Mask], budget: int) -> list[Mask] | Derived | None:
        """Return masks inside `masks` that no cube meets, or a covered cube that contains `masks`.

        `masks` lie in the region.  None when `budget` nodes were not enough.
        """
        self._splits: list[_Split] = []
        return self._search(self._state(masks), budget)

    def beyond(self, cube: Cube, budget: int) -> list[Mask] | Derived | None:
        """Go on from the masks that were found last, all of which are in `cube`.

        It counts as covered from now on; what is derived from it proves nothing.
        """
        excluded = self._table.packed(cube) | self._outside, _EXCLUDED
        self._add(excluded)
        rest = self._back(excluded)
        return rest if isinstance(rest, tuple) else self._search(rest, budget)

    def _search(self, state: _State, budget: int) -> list[Mask] | Derived | None:
        limit = self.nodes + budget
        self._trail: Trail = []
        while self.nodes < limit:
            self.nodes += 1
            derived = self._propagate(state, self._trail)
            if derived is not None:
                rest = self._back(derived)
                if isinstance(rest, tuple):
                    return rest
                state = rest
            elif not state.alive:
                return state.masks
            else:
                key, mask = self._choose(state)
                cubes, whole = self._literals, state.masks[key]
                split = _Split(state.copy(), cubes, len(cubes), self._trail, key, whole)
                self._splits.append(split)
                self._narrow(state, key, whole & ~mask)
            self._trail = []
        return None

    def _back(self, derived: Derived) -> _State | Derived:
        """Return the part that is next, once `derived` covers this one; or what covers all."""
        derived = self._explain(derived, self._trail)
        while self._splits:
            split = self._splits[-1]
            key = split.key
            rest = split.mask & ~(derived[0] >> self._table.offset[key])
            if rest and split.first is None:
                split.first = derived
                state = self._resumed(split)
                fresh = state.fresh
                self._narrow(state, key, rest)
                state.fresh |= fresh
                return state
            self._splits.pop()
            if rest and split.first is not None:
                derived = self._explain(self._join(derived, split.first, key), split.trail)
                self._learn(derived)
            else:  # what covers this part covers the other as well
                derived = self._explain(derived, split.trail)
        return derived

    def _state(self, masks: Sequence[Mask]) -> _State:
        alive = self._alive
        state = _State(self.region.copy(), alive, self._planes.copy(), alive, {})
        if masks is not self.region:  # mostly it is, and there may be hundreds of keys
            for key, (mask, whole) in enumerate(zip(masks, self.region, strict=True)):
                if mask != whole:
                    self._narrow(state, key, mask)
        state.fresh = state.alive
        return state

    def _resumed(self, split: _Split) -> _State:
        """Return the state before a split, which was whole then, with what is learned since."""
        state = split.state
        if split.cubes is not self._literals:  # some were forgotten, and the others renumbered
            return self._state(state.masks)
        for number in range(split.known, len(self._literals)):
            bit, keys = 1 << number, 0
            for key, mask in self._literals[number].items():
                left = state.masks[key]
                if not left & mask:
                    break
                if left & ~mask:
                    keys += 1
                else:
                    state.inside[key] = state.inside.get(key, 0) | bit
            else:
                state.alive |= bit
                state.fresh |= bit
                for place in bits(keys):
                    state.planes[place] |= bit
        return state

    def _narrow(self, state: _State, key: int, mask: Mask) -> None:
        _, missed, inside = self._effect(key, mask)
        before = state.inside.get(key, 0)
        state.inside[key] = inside
        state.masks[key] = mask
        state.alive &= ~missed
        state.fresh = changed = (inside ^ before) & state.alive
        _subtract(state.planes, changed)

    def _effect(self, key: int, mask: Mask) -> list[int]:
        """Return what `mask` at `key`, as a part of what the region allows there, does to cubes.

        That is: how many of the learned cubes have been looked at, which cubes miss it, and which
        contain it though they do not contain what the region allows.
        """
        added = self._added[key]
        effects = self._effects[key]
        effect = effects.get(mask)
        if effect is None:
            missed = inside = 0
            for each, cubes in self._masks_at(key).items():
                if not each & mask:
                    missed |= cubes
                elif not mask & ~each:
                    inside |= cubes
            if len(effects) >= _EFFECTS:
                effects.clear()
            effect = effects[mask] = [0, missed, inside]
        if effect[0] < len(added):
            for cube, each in added[effect[0] :]:
                if not each & mask:
                    effect[1] |= cube
                elif not mask & ~each:
                    effect[2] |= cube
            effect[0] = len(added)
        return effect

    def _masks_at(self, key: int) -> dict[Mask, int]:
        """Return the masks that restrict `key` in the region, each with the cubes that have it."""
        found = self._given_masks.get(key)
        if found is None:
            whole = self.region[key]
            found = self._given_masks[key] = {
                mask: meeting
                for mask, cubes in self._table.by_mask[key].items()
                if whole & ~mask and (meeting := cubes & self.meeting)
            }
            for cubes in found.values():
                self._restricting[key] |= cubes
        return found

    def _propagate(self, state: _State, trail: Trail) -> Derived | None:
        """Take out what units cover, until none is left or a cube contains all: return that."""
        units = 0
        planes = state.planes
        while True:
            if state.fresh:
                many = 0
                for plane in planes[1:]:
                    many |= plane
                few = state.fresh & state.alive & ~many
                if few:
                    containing = few & ~planes[0]
                    if containing:
                        return self._derived((containing & -containing).bit_length() - 1)
                    units |= few
            units &= state.alive
            if not units:
                return None
            cube = (units & -units).bit_length() - 1
            for key, mask in self._literals[cube].items():
                before = state.masks[key]
                if before & ~mask:
                    trail.append((key, before, self._derived(cube)))
                    self._narrow(state, key, before & ~mask)
                    break

    def _choose(self, state: _State) -> tuple[int, Mask]:
        """Return a key and a mask of a tightest cube: what is outside of it is searched first.

        The key is one that restricts many cubes, above all of the tightest; the mask, one that
        leaves few cubes outside of it.  Of all that would do, what was learned last goes first:
        it tells of the corner that the search is in.
        """
        tightest = state.alive
        for plane in reversed(state.planes):
            tightest = tightest & ~plane or tightest
        best, best_key, best_cubes = -1, -1, 0
        seen: set[int] = set()
        for cube in _highest(tightest, _CANDIDATES):
            for key, mask in self._literals[cube].items():
                left = state.masks[key]
                if key in seen or not left & ~mask:
                    continue
                seen.add(key)
                inside = self._effect(key, left)[2]  # not later: `_restricting` is made there
                cubes = self._restricting[key] & ~inside & state.alive
                score = 4 * (cubes & tightest).bit_count() + cubes.bit_count()
                if score > best:
                    best, best_key, best_cubes = score, key, cubes & tightest
        left, best, best_mask, best_cube = state.masks[best_key], -1, 0, -1
        for cube in _highest(best_cubes, _CANDIDATES // 3):
            mask = self._literals[cube][best_key]
            gone = (self._effect(best_key, left & ~mask)[1] & state.alive).bit_count()
            if gone > best:
                best, best_mask, best_cube = gone, mask, cube
        self.effort[best_cube] = self.effort.get(best_cube, 0) + 1
        return best_key, best_mask

    def _derived(self, cube: int) -> Derived:
        if cube >= self._given:
            return self._learned[cube - self._given]
        derived = self._derived_given.get(cube)
        if derived is None:
            packed = self._table.packed(self._table.cubes[cube]) | self._outside
            derived = self._derived_given[cube] = packed, cube
        return derived

    def _join(self, left: Derived, right: Derived, key: int) -> Derived:
        one, other = left[0], right[0]
        number = self._given + len(self.keys)
        self.lefts.append(left[1])
        self.rights.append(right[1])
        self.keys.append(key)
        return (one & other) | ((one | other) & self._table.field[key]), number

    def _explain(self, derived: Derived, trail: Trail) -> Derived:
        """Widen what covers the region to what covers it as it was before the units of `trail`."""
        for key, before, unit in reversed(trail):
            if before & ~(derived[0] >> self._table.offset[key]):
                derived = self._join(derived, unit, key)
        return derived

    def _learn(self, derived: Derived) -> None:
        if len(self._learned) >= _LEARNED:
            older, newer = self._learned[: _LEARNED // 2], self._learned[_LEARNED // 2 :]
            self._reset([each for each in older if each[1] == _EXCLUDED] + newer)
        keys = self._table.restricted(derived[0]).bit_count()
        if not keys >> len(self._table.planes):  # a long one would seldom be of use
            self._add(derived)

    def _add(self, derived: Derived) -> None:
        literals = dict(self._table.unpacked(derived[0]))
        number = len(self._literals)
        bit = 1 << number
        self._literals.append(literals)
        self._learned.append(derived)
        self._alive |= bit
        for key, mask in literals.items():
            self._masks_at(key)  # not before: `_restricting` is made there
            self._restricting[key] |= bit
            self._added[key].append((bit, mask))
        for place in bits(len(literals)):
            while place >= len(self._planes):
                self._planes.append(0)
            self._planes[place] |= bit

    def _reset(self, learned: Iterable[Derived]) -> None:
        """Forget what was learned, but for `learned`."""
        self._literals = list(self._table.cubes)
        self._learned: list[Derived] = []
        self._alive = self.meeting
        self._planes = self._planes_given.copy()
        # By key; most questions are settled by a few of them.
        self._given_masks: dict[int, dict[Mask, int]] = {}
        self._restricting: defaultdict[int, int] = defaultdict(int)
        self._added: defaultdict[int, list[tuple[int, Mask]]] = defaultdict(list)
        self._effects: defaultdict[int, dict[Mask, list[int]]] = defaultdict(dict)
        for each in learned:
            self._add(each)
