"""The states that a tenant passes through while it is changed, and the order that keeps it shut.

Each policy and named location changes on its own, at its own time, so an `up` passes through states
that are neither what was nor what shall be.  Whether something is new already is one more dimension
of a sign-in here, and one proof is about every sign-in in every state that can be reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import Literal

from ostiary.model.device_filter import FilterSyntaxError
from ostiary.model.goal import Fact, SignIns
from ostiary.model.policy import IpNamedLocation, NamedLocation, Policy, PolicySet
from ostiary.model.sign_in import SignIn
from ostiary.proof.attributes import TooHardError
from ostiary.proof.conditions import DeviceCodeDevice
from ostiary.proof.cover import BUDGET, Covered, Hole, Index
from ostiary.proof.cubes import Cube, Space, contains, meet, plainest
from ostiary.proof.decision import Decision
from ostiary.proof.effects import Effect, at_least
from ostiary.proof.evaluate import evaluate
from ostiary.proof.versions import Meaning, Owners, meaning, named, trusted
from ostiary.proof.witness import sign_in

# A policy is judged with each combination of the locations that change under it.
MOST_LOCATIONS = 6

Kind = Literal["opens", "eases", "locksOut"]

_OLD, _NEW = 0b01, 0b10


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """What changes on its own: a policy or a named location, by its key."""

    kind: Literal["named location", "policy"]
    key: str


@dataclass(frozen=True, slots=True)
class Passing:
    """Sign-ins that fare worse in some state on the way than both before and after.

    They are let in (`opens`), asked for less (`eases`) or, those of emergency access, kept out
    (`locksOut`), once all of `new` has changed and nothing of `old` has.
    """

    kind: Kind
    new: tuple[Resource, ...]
    old: tuple[Resource, ...]
    sign_in: SignIn
    device_code_device: DeviceCodeDevice
    before: Decision
    during: Decision
    after: Decision


@dataclass(frozen=True, slots=True)
class Transition:
    """`order` has pairs, the first of which must change before the second.

    With it nothing passes that is in `passing`; that has what no order can prevent.  `undecided`
    gives the reason where nothing can be said.
    """

    order: tuple[tuple[Resource, Resource], ...] = ()
    passing: tuple[Passing, ...] = ()
    undecided: str | None = None

    @property
    def safe(self) -> bool:
        """Whether it is proven that the change, in this order, is safe in every state."""
        return not self.passing and self.undecided is None


def transition(
    before: PolicySet,
    after: PolicySet,
    emergency_access: Iterable[SignIns] = (),
    facts: Iterable[Fact] = (),
    *,
    budget: int = BUDGET,
) -> Transition:
    """Find the order of changes in which no state is worse than both ends.

    Creations and updates come in any order, but a location before the policies that name it, and
    deletions last, as Pulumi has them
    (https://www.pulumi.com/docs/iac/concepts/how-pulumi-works/).
    """
    try:
        return _Changes(before, after, tuple(emergency_access), tuple(facts), budget).ordered()
    except (TooHardError, FilterSyntaxError) as error:
        return Transition(undecided=str(error))


@dataclass(frozen=True, slots=True)
class _Variant:
    """One version of a policy under one choice of the locations that change."""

    key: str
    means: Meaning
    state: Mapping[Resource, int]


class _Changes:
    def __init__(
        self,
        before: PolicySet,
        after: PolicySet,
        emergency_access: Sequence[SignIns],
        facts: Sequence[Fact],
        budget: int,
    ) -> None:
        self.before, self.after = before, after
        self.budget = budget
        self.emergency_access = emergency_access
        self.policies = tuple({each.key: each for each in of.policies} for of in (before, after))
        self.locations = tuple(
            {each.key: each for each in of.named_locations} for of in (before, after)
        )
        self.moving = {
            key
            for key in self.locations[0].keys() | self.locations[1].keys()
            if self.locations[0].get(key) != self.locations[1].get(key)
        }
        self.variants = [
            variant
            for key in self.policies[0].keys() | self.policies[1].keys()
            for variant in self._variants(key)
        ]
        self.variants.sort(key=lambda each: (each.key, sorted(each.state.items())))
        ends = [self._end(side) for side in (0, 1)]
        every = [each.means for each in self.variants]
        every += [means for end in ends for _, means in end]
        self.owners = Owners(every, self._all_locations(), facts, emergency_access)
        self.ends = [
            [each for each in end if each not in ends[1 - n]] for n, end in enumerate(ends)
        ]
        self.resources = sorted({resource for each in self.variants for resource in each.state})
        classes = len(self.owners.partition.dimensions)
        self.number = {each: classes + n for n, each in enumerate(self.resources)}
        self.space = Space(self.owners.space.sizes + (2,) * len(self.resources))
        self.natural = list(self._natural_order())
        self._known: dict[tuple[int, str, Effect], Sequence[Cube]] = {}

    # --- versions

    def _variants(self, key: str) -> Iterator[_Variant]:
        old, new = (some.get(key) for some in self.policies)
        changes = old != new
        for policy, version in ((old, _OLD), (new, _NEW)):
            if policy is None or (not changes and version == _OLD):
                continue
            named_ = _names(policy)
            for choice in self._choices(named_):
                state = {Resource("named location", each): mask for each, mask in choice.items()}
                if changes:
                    state[Resource("policy", key)] = version
                if (
                    version == _NEW
                    and changes
                    and any(choice[each] == _OLD for each in choice.keys() & named_)
                ):
                    continue  # the location changes first
                if (means := meaning(policy, self._keys(choice))) is not None:
                    yield _Variant(key, means, state)

    def _choices(self, names: set[str]) -> list[dict[str, int]]:
        moving = self.moving & names
        if "AllTrusted" in names:
            moving |= {
                key
                for key in self.moving
                if any(_is_trusted(some.get(key)) for some in self.locations)
            }
        if len(moving) > MOST_LOCATIONS:
            raise TooHardError(f"{len(moving)} named locations of one policy change at once")
        every = sorted(moving)
        return [
            dict(zip(every, masks, strict=True))
            for masks in product((_OLD, _NEW), repeat=len(every))
        ]

    def _keys(self, choice: Mapping[str, int]) -> dict[str, Sequence[str]]:
        """Give the keys that stand for locations when these have changed and those not."""
        keys: dict[str, Sequence[str]] = {
            key: (named(key, "before" if mask == _OLD else "after"),)
            for key, mask in choice.items()
        }
        present = {
            key: some
            for side in (0, 1)
            for key, some in self.locations[side].items()
            if key not in self.moving or choice.get(key) == (_OLD, _NEW)[side]
        }
        spelled = trusted(present.values())
        return {**keys, "AllTrusted": [new for each in spelled for new in keys.get(each, (each,))]}

    def _end(self, side: int) -> list[tuple[str, Meaning]]:
        """Give what each policy does before (0) or after (1) all changes."""
        keys = self._keys(dict.fromkeys(self.moving, (_OLD, _NEW)[side]))
        every = ((key, meaning(each, keys)) for key, each in self.policies[side].items())
        return [(key, means) for key, means in every if means is not None]

    def _all_locations(self) -> Iterator[NamedLocation]:
        for side, version in enumerate(("before", "after")):
            for key, each in self.locations[side].items():
                if key in self.moving:
                    yield replace(each, key=named(key, version))
                elif side:
                    yield each

    def _natural_order(self) -> Iterator[tuple[Resource, Resource]]:
        """Give what Pulumi keeps to anyway."""
        kept: list[Resource] = []
        gone: list[Resource] = []
        for each in self.resources:
            of = self.policies[1] if each.kind == "policy" else self.locations[1]
            (kept if each.key in of else gone).append(each)
        yield from product(kept, gone)
        for then in kept:
            if then.kind == "policy":
                locations = sorted(_names(self.policies[1][then.key]))
                first = (Resource("named location", key) for key in locations)
                yield from ((each, then) for each in first if each in self.number)

    # --- proof

    def ordered(self) -> Transition:
        """Ask, and add to the order what keeps an answer from being no, until all are yes."""
        order: list[tuple[Resource, Resource]] = []
        passing: list[Passing] = []
        index = self._index(order)
        for kind, region, among in self._questions():
            while True:
                answer = index.gap(region, among, budget=self.budget)
                if isinstance(answer, Covered):
                    break
                if not isinstance(answer, Hole):
                    return Transition(undecided=f"the search gave up after {answer.nodes} nodes")
                pair = self._preventing(answer.cube, order)
                if pair is None:
                    passing.append(self._passing(kind, answer.cube))
                    break
                order.append(pair)
                index = self._index(order)
        return Transition(tuple(order), tuple(passing))

    def _index(self, order: Iterable[tuple[Resource, Resource]]) -> Index:
        owned: list[tuple[int, Cube]] = [
            (owner, {**cube, **{self.number[each]: mask for each, mask in variant.state.items()}})
            for owner, variant in enumerate(self.variants)
            for cube in self._cubes(variant.means)
        ]
        self.impossible = len(self.variants)
        owned += [(self.impossible, cube) for cube in self.owners.regions.impossible()]
        owned += [
            (self.impossible, {self.number[first]: _OLD, self.number[then]: _NEW})
            for first, then in (*self.natural, *order)
        ]
        owned += [
            (self.impossible + 1, cube)
            for end in (self._end(0), self._end(1))
            for _, means in end
            if means.effects == ("block",)
            for cube in self._cubes(means)
        ]
        return Index(self.space, owned)

    def _questions(self) -> Iterator[tuple[Kind, Cube, int]]:
        """Give what must hold in every state, and the owners by which it then does."""
        impossible = 1 << len(self.variants)
        for least, region in self._held():
            holding = impossible
            for owner, variant in enumerate(self.variants):
                if any(at_least(each, least) for each in variant.means.effects):
                    holding |= 1 << owner
            yield "opens" if least == "block" else "eases", region, holding
        yield from (("locksOut", each, impossible | impossible << 1) for each in self._lockouts())

    def _held(self) -> Iterator[tuple[Effect, Cube]]:
        """Give what policies that change do both before and after, and to which sign-ins.

        What one policy does by itself both before and after needs no proof.
        """
        for (before, old), (after, new) in product(*self.ends):
            for one, other in product(old.effects, new.effects):
                least = _weaker(one, other)
                if least is None:
                    continue
                settled = [*self._at_end(1, before, least), *self._at_end(0, after, least)]
                for left, right in product(self._cubes(old), self._cubes(new)):
                    region = meet(left, right)
                    if region is not None and not any(contains(each, region) for each in settled):
                        yield least, region

    def _at_end(self, side: int, key: str, least: Effect) -> Sequence[Cube]:
        """Give the sign-ins to which the policy does at least this at one end.

        None where locations change under it: then there is more than its two versions.
        """
        asked = side, key, least
        if asked not in self._known:
            means = dict(self.ends[side]).get(key)
            moves = any(each.key == key and len(each.state) > 1 for each in self.variants)
            does = means and any(at_least(each, least) for each in means.effects)
            self._known[asked] = self._cubes(means) if means and does and not moves else ()
        return self._known[asked]

    def _lockouts(self) -> Iterator[Cube]:
        """Give the sign-ins of emergency access that some version of a policy blocks."""
        emergency = [
            cube for each in self.emergency_access for cube in self.owners.regions.of_sign_ins(each)
        ]
        for variant in self.variants:
            if variant.means.effects == ("block",):
                state = {self.number[each]: mask for each, mask in variant.state.items()}
                for left, right in product(self._cubes(variant.means), emergency):
                    if (met := meet(left, right)) is not None:
                        yield {**met, **state}

    def _cubes(self, means: Meaning) -> Sequence[Cube]:
        return self.owners.cubes[self.owners.number[means]]

    def _preventing(
        self, hole: Cube, order: Sequence[tuple[Resource, Resource]]
    ) -> tuple[Resource, Resource] | None:
        """Find a pair whose order makes a state of the hole unreachable, and has no cycle."""
        old, new = self._state(hole)
        for pair in product(old, new):
            graph: dict[Resource, set[Resource]] = {}
            for first, then in (*self.natural, *order, pair):
                graph.setdefault(then, set()).add(first)
            try:
                TopologicalSorter(graph).prepare()
            except CycleError:
                continue
            return pair
        return None

    def _state(self, hole: Cube) -> tuple[list[Resource], list[Resource]]:
        masks = {each: hole.get(self.number[each]) for each in self.resources}
        return (
            [each for each, mask in masks.items() if mask == _OLD],
            [each for each, mask in masks.items() if mask == _NEW],
        )

    def _passing(self, kind: Kind, hole: Cube) -> Passing:
        old, new = self._state(hole)
        point = plainest(self.space, hole)
        classes = len(self.owners.partition.dimensions)
        made, reading = sign_in(self.owners.partition, point[:classes])
        changed = {each for each in self.resources if point[self.number[each]]}
        before, during, after = (
            evaluate(each, made, device_code_device=reading)
            for each in (self.before, self._during(changed), self.after)
        )
        return Passing(kind, tuple(new), tuple(old), made, reading, before, during, after)

    def _during(self, changed: set[Resource]) -> PolicySet:
        """Give the tenant once these have changed and nothing else has."""
        policies = (
            self.policies[Resource("policy", key) in changed].get(key)
            for key in sorted(self.policies[0].keys() | self.policies[1].keys())
        )
        locations = (
            self.locations[Resource("named location", key) in changed].get(key)
            for key in sorted(self.locations[0].keys() | self.locations[1].keys())
        )
        return PolicySet(tuple(filter(None, policies)), tuple(filter(None, locations)))


def _names(policy: Policy) -> set[str]:
    of = policy.conditions.locations
    return {*of.include_locations, *of.exclude_locations} if of else set()


def _is_trusted(location: NamedLocation | None) -> bool:
    return isinstance(location, IpNamedLocation) and location.is_trusted


def _weaker(one: Effect, other: Effect) -> Effect | None:
    """Give what both effects do at least; None for nothing, or for session controls."""
    for least, more in ((one, other), (other, one)):
        if at_least(more, least) and (least == "block" or isinstance(least, tuple)):
            return least
    return None
