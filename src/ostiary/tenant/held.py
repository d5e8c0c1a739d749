"""What a tenant holds now: where a change begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ostiary.model.graph import GraphShapeError, named_location_from_graph, policy_from_graph
from ostiary.model.policy import NamedLocation, Policy, PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.examine import Examined
from ostiary.proof.results import Proof
from ostiary.tenant.orphans import Managed

Json = Mapping[str, Any]
Value = TypeVar("Value")
_NOTHING = Managed({}, {})


@dataclass(frozen=True, slots=True)
class Held:
    """What a tenant holds; `unreadable` are the names of objects that use what we cannot express.

    No protection by those is counted on.
    """

    policy_set: PolicySet
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that a tenant holds by id, and the reason why an object cannot be read.

    What is managed has its key; of the rest, a policy has its display name for one, and a location
    its id.
    """

    policies: Mapping[str, Policy]
    named_locations: Mapping[str, NamedLocation]
    unreadable: Mapping[str, str]

    @property
    def policy_set(self) -> PolicySet:
        """What decides the tenant's sign-ins, as far as it can be read."""
        return PolicySet(tuple(self.policies.values()), tuple(self.named_locations.values()))


def inventory(
    policies: Iterable[Json],
    locations: Iterable[Json],
    managed: Managed = _NOTHING,
    renamed_from: Mapping[str, tuple[str, ...]] | None = None,
) -> Inventory:
    """Read all that Graph lists, what is managed under its newest key."""
    policies, locations = list(policies), list(locations)
    policy_keys, location_keys = newest_keys(managed, renamed_from or {})
    location_keys = {each["id"]: each["id"] for each in locations} | location_keys
    taken = set(policy_keys.values())
    for each in policies:
        if each["id"] not in policy_keys:
            name = each["displayName"]
            policy_keys[each["id"]] = key = f"{name} ({each['id']})" if name in taken else name
            taken.add(key)
    unreadable: dict[str, str] = {}
    return Inventory(
        _read(
            ((each, (policy_keys[each["id"]], location_keys)) for each in policies),
            policy_from_graph,
            unreadable,
        ),
        _read(
            ((each, (location_keys[each["id"]],)) for each in locations),
            named_location_from_graph,
            unreadable,
        ),
        unreadable,
    )


def everything(policies: Iterable[Json], locations: Iterable[Json]) -> Held:
    """Read all that a tenant holds, whoever made it: policies by display name, locations by id."""
    policies, locations = list(policies), list(locations)
    return _held(inventory(policies, locations), [*policies, *locations])


def held(
    managed: Managed,
    renamed_from: Mapping[str, tuple[str, ...]],
    policies: Iterable[Json],
    locations: Iterable[Json],
) -> Held:
    """Read the managed objects among what Graph lists, each under its newest key."""
    ours, places = (
        [each for each in some if each["id"] in managed.ids] for some in (policies, locations)
    )
    return _held(inventory(ours, places, managed, renamed_from), [*ours, *places])


def newest_keys(
    managed: Managed, renamed_from: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Give the newest key for the id of each managed policy, and of each named location."""
    now = {former: key for key, every in renamed_from.items() for former in every}
    of_policies, of_locations = (
        {identity: now.get(key, key) for key, identity in ids.items()}
        for ids in (managed.policies, managed.named_locations)
    )
    return of_policies, of_locations


def as_found(resolved: Resolved, found: PolicySet) -> Resolved:
    """Give the environment with what is in the tenant instead of what is specified, to prove it."""
    there = {each.key for each in found.named_locations}
    known = [each for each in resolved.known_locations if each.key not in there]
    return replace(
        resolved,
        policies=found.policies,
        named_locations=found.named_locations,
        known_locations=(*found.named_locations, *known),
    )


def broken(before: Examined, after: Examined) -> tuple[str, ...]:
    """Give the keys of the goals that are proven before and not after."""
    proven = {each.goal.key for each in before.results if isinstance(each, Proof)}
    return tuple(
        each.goal.key
        for each in after.results
        if each.goal.key in proven and not isinstance(each, Proof)
    )


def _held(found: Inventory, objects: Iterable[Json]) -> Held:
    names = (str(each["displayName"]) for each in objects if each["id"] in found.unreadable)
    return Held(found.policy_set, tuple(names))


def _read(
    objects: Iterable[tuple[Json, tuple[Any, ...]]],
    reader: Callable[..., Value],
    unreadable: dict[str, str],
) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for each, context in objects:
        try:
            found[each["id"]] = reader(each, *context)
        except GraphShapeError as error:
            unreadable[each["id"]] = str(error)
    return found
