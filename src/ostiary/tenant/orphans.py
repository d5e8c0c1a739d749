"""What an interrupted run left in a tenant: objects that are as specified and unknown to the state.

The provider records an object only after it has waited for it, and sends a create again when the
answer was lost (https://github.com/hashicorp/terraform-provider-azuread/issues/1784): what it made
before is then an orphan, or has a twin.  Only what equals the specification in every property is
taken for such; anything else of the same name is somebody's work, and stops the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ostiary.errors import PreflightError
from ostiary.model.graph import (
    GraphShapeError,
    named_location_from_graph,
    policy_from_graph,
)
from ostiary.model.resolve import Resolved

Json = dict[str, Any]
Value = TypeVar("Value")

RENAME = "rename or remove them in the tenant, or choose another displayName"


@dataclass(frozen=True, slots=True)
class Managed:
    """Ids of what the stack's state holds, by key."""

    policies: Mapping[str, str]
    named_locations: Mapping[str, str]

    @property
    def ids(self) -> frozenset[str]:
        """All ids."""
        return frozenset((*self.policies.values(), *self.named_locations.values()))


@dataclass(slots=True)
class Orphans:
    """Ids to take over, by key, and twins: superfluous copies of managed objects.

    `strange` are objects that bear the name of a specified one, differ, and are not managed.
    """

    policies: dict[str, str] = field(default_factory=dict)
    named_locations: dict[str, str] = field(default_factory=dict)
    twin_policies: list[Json] = field(default_factory=list)
    twin_named_locations: list[Json] = field(default_factory=list)
    strange: list[Json] = field(default_factory=list)

    @property
    def imports(self) -> dict[str, dict[str, str]]:
        """What the Pulumi program shall import."""
        return {"policies": self.policies, "namedLocations": self.named_locations}

    @property
    def strangers(self) -> str:
        """What is strange, in words."""
        kinds = {True: "policy", False: "named location"}
        return ", ".join(
            f"{kinds['conditions' in each]} `{each['displayName']}` ({each['id']})"
            for each in self.strange
        )

    @property
    def twins(self) -> list[Json]:
        """All superfluous copies."""
        return self.twin_policies + self.twin_named_locations


def find(
    resolved: Resolved, managed: Managed, policies: Iterable[Json], locations: Iterable[Json]
) -> Orphans:
    """Find the orphans and twins among what Graph lists.

    Raises PreflightError when an object that the state does not know bears the name of one that is
    specified and differs from it.
    """
    found = look(resolved, managed, policies, locations)
    if found.strange:
        raise PreflightError(
            "the tenant holds objects that this stack did not make and that bear its names: "
            + found.strangers,
            hint=RENAME,
        )
    return found


def look(
    resolved: Resolved, managed: Managed, policies: Iterable[Json], locations: Iterable[Json]
) -> Orphans:
    """Tell whose the objects are that bear a specified name and that the state does not know.

    What the state knows and the tenant lacks is no reason to call another a copy of it.
    """
    policies, locations = list(policies), list(locations)
    managed = _there(managed, {each["id"] for each in (*policies, *locations)})
    found = Orphans()
    location_keys = {identity: key for key, identity in managed.named_locations.items()}
    for location in resolved.named_locations:
        for each in _unmanaged(locations, managed.named_locations, location.display_name):
            if location != _read(named_location_from_graph, each, location.key):
                found.strange.append(each)
            elif location.key in managed.named_locations or location.key in found.named_locations:
                found.twin_named_locations.append(each)
            else:
                found.named_locations[location.key] = each["id"]
                location_keys[each["id"]] = location.key
    for policy in resolved.policies:
        for each in _unmanaged(policies, managed.policies, policy.display_name):
            if policy != _read(policy_from_graph, each, policy.key, location_keys):
                found.strange.append(each)
            elif policy.key in managed.policies or policy.key in found.policies:
                found.twin_policies.append(each)
            else:
                found.policies[policy.key] = each["id"]
    return found


def _there(managed: Managed, ids: set[str]) -> Managed:
    of_policies, of_locations = (
        {key: identity for key, identity in some.items() if identity in ids}
        for some in (managed.policies, managed.named_locations)
    )
    return Managed(of_policies, of_locations)


def _unmanaged(objects: Iterable[Json], managed: Mapping[str, str], name: str) -> list[Json]:
    known = set(managed.values())
    return [each for each in objects if each["displayName"] == name and each["id"] not in known]


def _read(read: Callable[..., Value], answer: Json, *context: object) -> Value | None:
    """Read an object; what cannot be read is not as specified."""
    try:
        return read(answer, *context)
    except GraphShapeError:
        return None
