"""What a tenant holds now: where a change begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ostiary.model.graph import GraphShapeError, named_location_from_graph, policy_from_graph
from ostiary.model.policy import PolicySet
from ostiary.tenant.orphans import Managed

Json = Mapping[str, Any]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Held:
    """What a tenant holds; `unreadable` are the names of objects that use what we cannot express.

    No protection by those is counted on.
    """

    policy_set: PolicySet
    unreadable: tuple[str, ...] = ()


def everything(policies: Iterable[Json], locations: Iterable[Json]) -> Held:
    """Read all that a tenant holds, whoever made it: policies by display name, locations by id."""
    unreadable: list[str] = []
    of_locations = {each["id"]: each for each in locations}
    keys = {identity: identity for identity in of_locations}
    return Held(
        PolicySet(
            tuple(
                _read(
                    ((each, (each["displayName"], keys)) for each in policies),
                    policy_from_graph,
                    unreadable,
                )
            ),
            tuple(
                _read(
                    ((each, (identity,)) for identity, each in of_locations.items()),
                    named_location_from_graph,
                    unreadable,
                )
            ),
        ),
        tuple(unreadable),
    )


def held(
    managed: Managed,
    renamed_from: Mapping[str, tuple[str, ...]],
    policies: Iterable[Json],
    locations: Iterable[Json],
) -> Held:
    """Read the managed objects among what Graph lists, each under its newest key."""
    now = {former: key for key, every in renamed_from.items() for former in every}
    location_keys, policy_keys = (
        {identity: now.get(key, key) for key, identity in ids.items()}
        for ids in (managed.named_locations, managed.policies)
    )
    unreadable: list[str] = []
    of_locations = _read(
        ((each, (location_keys[each["id"]],)) for each in locations if each["id"] in location_keys),
        named_location_from_graph,
        unreadable,
    )
    of_policies = _read(
        (
            (each, (policy_keys[each["id"]], location_keys))
            for each in policies
            if each["id"] in policy_keys
        ),
        policy_from_graph,
        unreadable,
    )
    return Held(PolicySet(tuple(of_policies), tuple(of_locations)), tuple(unreadable))


def _read(
    objects: Iterable[tuple[Json, tuple[Any, ...]]],
    reader: Callable[..., Value],
    unreadable: list[str],
) -> Iterator[Value]:
    for each, context in objects:
        try:
            yield reader(each, *context)
        except GraphShapeError:
            unreadable.append(str(each["displayName"]))
