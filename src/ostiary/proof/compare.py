"""The semantic difference of two policy sets: the sign-ins that they decide differently.

Two sets mean the same just if, for each effect of a policy that only one has, the other has at
least that effect wherever the policy applies.  Where it has not is a change, found as a hole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ostiary.model.device_filter import FilterSyntaxError
from ostiary.model.goal import Fact
from ostiary.model.policy import PolicySet
from ostiary.model.sign_in import SignIn
from ostiary.proof.attributes import TooHardError
from ostiary.proof.conditions import DeviceCodeDevice
from ostiary.proof.cover import BUDGET, Hole, Index
from ostiary.proof.cubes import bits, contains, plainest
from ostiary.proof.decision import Decision
from ostiary.proof.effects import Effect
from ostiary.proof.evaluate import evaluate
from ostiary.proof.prove import restricted
from ostiary.proof.results import Restriction
from ostiary.proof.versions import Owners, meaning, split
from ostiary.proof.witness import sign_in

# What one effect of one policy changes is told by its largest parts.
MOST_PARTS = 4

# `opened` and `closed`: no longer and newly blocked; a requirement or session control that is
# demanded no longer (`eased`) or newly (`tightened`) of who is not blocked.
Kind = Literal["opened", "closed", "eased", "tightened"]


@dataclass(frozen=True)
class Change:
    """Sign-ins that are decided differently, as many as one set of conditions takes in.

    `sign_in` is a plain one of them; `effect` is what comes or goes; `policies` are the keys of
    those that have it in the version that has it.
    """

    kind: Kind
    effect: Effect
    policies: tuple[str, ...]
    restrictions: tuple[Restriction, ...]
    sign_in: SignIn
    device_code_device: DeviceCodeDevice
    ipv4: int
    ipv6: int
    sets: tuple[PolicySet, PolicySet] = field(repr=False, compare=False)

    @cached_property
    def before(self) -> Decision:
        """What `evaluate` decides for `sign_in` before; that takes longer than to find it."""
        return self._decided(self.sets[0])

    @cached_property
    def after(self) -> Decision:
        """What it decides after, under the same reading."""
        return self._decided(self.sets[1])

    def _decided(self, by: PolicySet) -> Decision:
        return evaluate(by, self.sign_in, device_code_device=self.device_code_device)


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes, those that open first; without any, and `complete`, both sets mean the same.

    `complete` is False where there are more than are told, or where `undecided` gives a reason.
    """

    changes: tuple[Change, ...]
    complete: bool
    undecided: str | None = None

    @property
    def empty(self) -> bool:
        """Whether the two sets surely decide every sign-in alike."""
        return self.complete and not self.changes


def compare(
    before: PolicySet,
    after: PolicySet,
    facts: Iterable[Fact] = (),
    *,
    parts: int = MOST_PARTS,
    budget: int = BUDGET,
) -> Difference:
    """Find what changes from one policy set to another, in `parts` at most for each effect."""
    try:
        return _Comparison(before, after, facts, budget).difference(parts)
    except (TooHardError, FilterSyntaxError) as error:
        return Difference((), complete=False, undecided=str(error))


class _Comparison:
    def __init__(
        self, before: PolicySet, after: PolicySet, facts: Iterable[Fact], budget: int
    ) -> None:
        self.sets = (before, after)
        self.budget = budget
        old_keys, new_keys, locations = split(before, after)
        told = [
            (side, policy.key, means)
            for side, keys in enumerate((old_keys, new_keys))
            for policy in self.sets[side].policies
            if (means := meaning(policy, keys)) is not None
        ]
        self.owners = Owners((means for _, _, means in told), locations, facts)
        # Of each version: which policies an owner stands for, by their keys.
        self.keys: tuple[dict[int, list[str]], dict[int, list[str]]] = ({}, {})
        for side, key, means in told:
            self.keys[side].setdefault(self.owners.number[means], []).append(key)
        self.index = Index(
            self.owners.space,
            [(owner, cube) for owner, cubes in enumerate(self.owners.cubes) for cube in cubes],
            self.owners.impossible.bit_length() - 1,
        )

    def difference(self, parts: int) -> Difference:
        changes: list[Change] = []
        complete = True
        for kind, effect, owner, among, keys in self._questions():
            found: list[Hole] = []
            for region in self.owners.cubes[owner]:
                holes = self.index.holes(region, among, limit=parts, budget=self.budget)
                complete = complete and holes.complete
                found += (
                    hole
                    for hole in holes.holes
                    if not any(contains(other.wide, hole.wide) for other in found)
                )
            complete = complete and len(found) <= parts
            largest = sorted(found, key=self._largeness)[:parts]
            changes += (self._change(kind, effect, tuple(keys), hole) for hole in largest)
        return self._told(changes, complete=complete)

    def _largeness(self, hole: Hole) -> tuple[int, int]:
        return len(hole.wide), -sum(self.owners.regions.addresses(hole.wide))

    def _told(self, changes: list[Change], *, complete: bool) -> Difference:
        order = ("opened", "eased", "closed", "tightened")
        changes.sort(key=lambda each: order.index(each.kind))
        gave_up = not complete and not changes
        return Difference(tuple(changes), complete, "the search gave up" if gave_up else None)

    def _questions(self) -> Iterator[tuple[Kind, Effect, int, int, list[str]]]:
        """Give what an owner of one version alone does, and those by which it makes no difference.

        Those are what does at least the same in the other version; and, unless it is about a block,
        what blocks in the one version: nothing is demanded then.
        """
        kinds: tuple[tuple[Kind, Kind], ...] = (("opened", "eased"), ("closed", "tightened"))
        effects = [each.effects for each in self.owners.number]
        owners = [sum(1 << owner for owner in keys) for keys in self.keys]
        for side, (harder, softer) in enumerate(kinds):
            own, other = owners[side], owners[1 - side]
            for owner in bits(own & ~other):
                for effect in effects[owner]:
                    among = self.owners.impossible | other & self.owners.doing(effect)
                    if effect != "block":
                        among |= own & self.owners.doing("block")
                    kind = harder if effect == "block" else softer
                    yield kind, effect, owner, among, self.keys[side][owner]

    def _change(self, kind: Kind, effect: Effect, policies: tuple[str, ...], hole: Hole) -> Change:
        owners = self.owners
        made, reading = sign_in(owners.partition, plainest(owners.space, hole.cube))
        restrictions = restricted(owners.partition, hole.wide, {})
        ipv4, ipv6 = owners.regions.addresses(hole.wide)
        return Change(kind, effect, policies, restrictions, made, reading, ipv4, ipv6, self.sets)
