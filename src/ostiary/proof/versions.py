"""Two versions of a tenant's policies as one set of owners over one partition.

A named location that differs between the two has a key for each, and `AllTrusted` is spelled out
where it differs, so that a condition means the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ostiary.model.goal import Fact, SignIns
from ostiary.model.policy import (
    Conditions,
    IpNamedLocation,
    Locations,
    NamedLocation,
    Policy,
    PolicySet,
)
from ostiary.proof.conditions import MFA_TRUSTED_IPS
from ostiary.proof.cubes import Cube, Space
from ostiary.proof.effects import Effect, at_least, effects
from ostiary.proof.partition import Partition
from ostiary.proof.regions import Regions


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an enabled policy does, its name aside: two policies of one meaning are one owner."""

    conditions: Conditions
    effects: tuple[Effect, ...]


def named(key: str, version: str) -> str:
    """Give the key of a named location's version, where the versions differ."""
    return f"{key} ({version})"


def meaning(policy: Policy, keys: Mapping[str, Sequence[str]]) -> Meaning | None:
    """Give what a policy does, None if nothing; `keys` replaces keys of locations by others."""
    does = effects(policy)
    return Meaning(_with(policy.conditions, keys), does) if does else None


def _with(conditions: Conditions, keys: Mapping[str, Sequence[str]]) -> Conditions:
    of = conditions.locations
    if of is None:
        return conditions
    included, excluded = (
        tuple(sorted({key for each in some for key in keys.get(each, (each,))}))
        for some in (of.include_locations, of.exclude_locations)
    )
    if (included, excluded) == (of.include_locations, of.exclude_locations):
        return conditions
    return replace(conditions, locations=Locations(included, excluded))


def trusted(locations: Iterable[NamedLocation]) -> list[str]:
    """Give the keys of what `AllTrusted` stands for."""
    ips = [each.key for each in locations if isinstance(each, IpNamedLocation) and each.is_trusted]
    return [*ips, MFA_TRUSTED_IPS]


class Owners:
    """Meanings as owners over one partition, each with its cubes."""

    def __init__(
        self,
        meanings: Iterable[Meaning],
        locations: Iterable[NamedLocation],
        facts: Iterable[Fact] = (),
        sign_ins: Iterable[SignIns] = (),
    ) -> None:
        self.number: dict[Meaning, int] = {}
        for each in meanings:
            self.number.setdefault(each, len(self.number))
        self.partition = Partition(
            (each.conditions for each in self.number),
            {each.key: each for each in locations},
            sign_ins,
            facts,
        )
        self.regions = Regions(self.partition)
        self.space = Space(tuple(len(each.classes) for each in self.partition.dimensions))
        self.cubes: list[Sequence[Cube]] = [
            self.regions.of_policy(each.conditions) for each in self.number
        ]
        self.cubes.append(self.regions.impossible())
        self.impossible = 1 << len(self.number)
        self._doing: dict[Effect, int] = {}

    def doing(self, effect: Effect) -> int:
        """Give the owners, a bit each, that do at least this."""
        if effect not in self._doing:
            self._doing[effect] = sum(
                1 << owner
                for each, owner in self.number.items()
                if any(at_least(own, effect) for own in each.effects)
            )
        return self._doing[effect]


def split(
    before: PolicySet, after: PolicySet
) -> tuple[dict[str, Sequence[str]], dict[str, Sequence[str]], list[NamedLocation]]:
    """Give, for each version, the keys to replace, and all locations under their new keys."""
    old = {each.key: each for each in before.named_locations}
    new = {each.key: each for each in after.named_locations}
    differing = {key for key in old.keys() & new.keys() if old[key] != new[key]}
    locations: list[NamedLocation] = []
    keys: list[dict[str, Sequence[str]]] = []
    spelled: list[Sequence[str]] = []
    for version, of in (("before", old), ("after", new)):
        renamed: dict[str, Sequence[str]] = {key: (named(key, version),) for key in differing}
        keys.append(renamed)
        spelled.append([key for each in trusted(of.values()) for key in renamed.get(each, (each,))])
        locations += [replace(of[key], key=named(key, version)) for key in sorted(differing)]
    locations += [each for key, each in (old | new).items() if key not in differing]
    if spelled[0] != spelled[1]:
        for renamed, trusts in zip(keys, spelled, strict=True):
            renamed["AllTrusted"] = trusts
    return keys[0], keys[1], locations
