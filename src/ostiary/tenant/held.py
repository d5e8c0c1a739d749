"""What a tenant holds now of what a stack manages: where a change begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostiary.model.graph import GraphShapeError, named_location_from_graph, policy_from_graph
from ostiary.model.policy import PolicySet
from ostiary.tenant.orphans import Managed

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """The managed objects, by the keys they have or had; `unreadable` are names of others.

    An unreadable policy uses what cannot be written here; no protection by it is counted on.
    """

    policy_set: PolicySet
    unreadable: tuple[str, ...] = ()


def held(
    managed: Managed,
    renamed_from: Mapping[str, tuple[str, ...]],
    policies: Iterable[Json],
    locations: Iterable[Json],
) -> Held:
    """Read the managed objects among what Graph lists, each under its newest key."""
    now = {former: key for key, every in renamed_from.items() for former in every}
    unreadable: list[str] = []

    def keys(ids: Mapping[str, str]) -> dict[str, str]:
        return {identity: now.get(key, key) for key, identity in ids.items()}

    location_keys, policy_keys = keys(managed.named_locations), keys(managed.policies)

    def read(objects: Iterable[Json], known: Mapping[str, str], reader: Any) -> Iterator[Any]:
        for each in objects:
            if each["id"] in known:
                try:
                    yield reader(each, known[each["id"]])
                except GraphShapeError:
                    unreadable.append(str(each["displayName"]))

    of_locations = tuple(read(locations, location_keys, named_location_from_graph))
    of_policies = tuple(
        read(policies, policy_keys, lambda each, key: policy_from_graph(each, key, location_keys))
    )
    return Held(PolicySet(of_policies, of_locations), tuple(unreadable))
