"""Policies that change nothing: what they do, others do wherever they apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ostiary.proof.cover import Covered
from ostiary.proof.effects import Effect, at_least, effects
from ostiary.proof.prove import Prover


@dataclass(frozen=True, slots=True)
class Redundant:
    """An enabled policy without which every sign-in would be decided alike.

    `neverApplies`: its conditions contradict each other, or what is known of the directory;
    `shadowed`: whoever it asks something of is blocked; `redundant`: others do at least the same.
    `by` are the keys of those others.
    """

    kind: Literal["neverApplies", "shadowed", "redundant"]
    policy: str
    by: tuple[str, ...] = ()


def redundant(prover: Prover) -> Iterator[Redundant]:
    """Find the policies of a prover that change nothing; one that is not decided is not told.

    Each is told as the set is: of two that do the same, both are, and only one may go.
    """
    does = [effects(each) for each in prover.policies]
    for number, policy in enumerate(prover.policies):
        if policy.state != "enabled":
            continue
        if _covering(prover, number, 0) is not None:
            yield Redundant("neverApplies", policy.key)
            continue
        blocking = _others(does, number, "block")
        if does[number] != ("block",):
            by = _covering(prover, number, blocking)
            if by is not None:
                yield Redundant("shadowed", policy.key, by)
                continue
        needed: set[str] = set()
        for effect in does[number]:
            by = _covering(prover, number, _others(does, number, effect))
            if by is None:
                break
            needed.update(by)
        else:
            yield Redundant("redundant", policy.key, tuple(sorted(needed)))


def _others(does: list[tuple[Effect, ...]], number: int, effect: Effect) -> int:
    found = 0
    for other, own in enumerate(does):
        if other != number and any(at_least(each, effect) for each in own):
            found |= 1 << other
    return found


def _covering(prover: Prover, number: int, among: int) -> tuple[str, ...] | None:
    """Give the policies of `among` that cover everything policy `number` applies to, or None."""
    used: set[int] = set()
    for region in prover.regions.of_policy(prover.policies[number].conditions):
        answer = prover.index.gap(region, among | prover.impossible, budget=prover.budget)
        if not isinstance(answer, Covered):
            return None
        used |= answer.used
    return tuple(sorted(prover.policies[n].key for n in used if n < len(prover.policies)))
