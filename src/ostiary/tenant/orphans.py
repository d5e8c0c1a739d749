"""What an interrupted run left in a tenant: objects that are as specified and unknown to the state.

The provider records an object only after it has waited for it, and sends a create again when the
answer was lost (https://github.com/hashicorp/terraform-provider-azuread/issues/1784): what it made
before is then an orphan, or has a twin.  Only what equals the specification in every property, or
what the state says was sent, or another of ours, is taken for such; anything else of a specified
name is somebody's work, and stops the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ostiary.errors import PreflightError
from ostiary.model.graph import (
    GraphShapeError,
    named_location_from_graph,
    policy_from_graph,
)
from ostiary.model.policy import NamedLocation, Policy
from ostiary.model.resolve import Resolved

Json = dict[str, Any]
Value = TypeVar("Value")

RENAME = "rename or remove them in the tenant, or choose another displayName"


@dataclass(frozen=True, slots=True)
class Managed:
    """Ids of what the stack's state holds, by key.

    `sent` is what a run was about to create when it was ended, each under an empty key and with
    locations by id.  The files may say otherwise since.
    """

    policies: Mapping[str, str]
    named_locations: Mapping[str, str]
    sent: AbstractSet[Policy | NamedLocation] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """All ids."""
        return frozenset((*self.policies.values(), *self.named_locations.values()))


@dataclass(slots=True)
class Orphans:
    """Ids to take over, by key, and twins: superfluous copies, and what was sent and is no more.

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
    places, twin_places, strange_places = _accounted(
        resolved.named_locations,
        managed.named_locations,
        _unmanaged(locations, managed, named_location_from_graph),
        named_location_from_graph,
    )
    keys = {identity: key for key, identity in {**managed.named_locations, **places}.items()}
    found, twins, strange = _accounted(
        resolved.policies,
        managed.policies,
        _unmanaged(policies, managed, policy_from_graph),
        lambda answer, key: policy_from_graph(answer, key, keys),
    )
    return Orphans(found, places, twins, twin_places, strange_places + strange)


def _accounted(
    specified: Iterable[Policy | NamedLocation],
    managed: Mapping[str, str],
    unmanaged: Iterable[tuple[Json, bool]],
    read: Callable[[Json, str], Policy | NamedLocation],
) -> tuple[dict[str, str], list[Json], list[Json]]:
    """Give the ids to take over by key, the twins, and what is strange.

    `unmanaged` tells of each object whether it was left by an interrupted run.
    """
    by_name = {each.display_name: each for each in specified}
    ids: dict[str, str] = {}
    twins: list[Json] = []
    strange: list[Json] = []
    for answer, left in unmanaged:
        one = by_name.get(answer["displayName"])
        as_specified = one is not None and one == _read(read, answer, one.key)
        if one and as_specified and one.key not in {*managed, *ids}:
            ids[one.key] = answer["id"]
        elif as_specified or left:
            twins.append(answer)
        elif one:
            strange.append(answer)
    return ids, twins, strange


def _unmanaged(
    objects: Sequence[Json], managed: Managed, read: Callable[..., Policy | NamedLocation]
) -> list[tuple[Json, bool]]:
    """Give what is not managed, and whether it is as what was sent or as a managed object."""
    contents = {each["id"]: _read(read, each, "") for each in objects}
    ours = {*managed.sent, *(contents.get(identity) for identity in managed.ids)} - {None}
    return [
        (each, contents[each["id"]] in ours) for each in objects if each["id"] not in managed.ids
    ]


def _there(managed: Managed, ids: set[str]) -> Managed:
    of_policies, of_locations = (
        {key: identity for key, identity in some.items() if identity in ids}
        for some in (managed.policies, managed.named_locations)
    )
    return replace(managed, policies=of_policies, named_locations=of_locations)


def _read(read: Callable[..., Value], answer: Json, *context: object) -> Value | None:
    """Read an object; what cannot be read is not as specified."""
    try:
        return read(answer, *context)
    except GraphShapeError:
        return None
