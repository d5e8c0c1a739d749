"""How an object in a tenant differs from its specification, property by property.

A property differs in meaning, or in spelling only: the order of a list, the case of an id, spaces
between flags, a range written with host bits, nothing written as null, as an empty list, or not at
all.  What the objects mean is read by `model.graph`; the spelling is what that reading takes away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostiary.model.graph import (
    GraphShapeError,
    named_location_from_graph,
    named_location_to_graph,
    policy_from_graph,
    policy_to_graph,
)
from ostiary.model.policy import NamedLocation, Policy

Json = Mapping[str, Any]
Object = Policy | NamedLocation
# A text, number or truth, a list of texts, or None where nothing is said.
Value = str | int | list[str] | None

# What Graph tells of an object besides what it does.
_OF_THE_OBJECT = ("id", "createdDateTime", "modifiedDateTime", "deletedDateTime", "templateId")
_FLAGS = ("transferMethods", "guestOrExternalUserTypes")


@dataclass(frozen=True, slots=True)
class Property:
    """One property by its path in Graph's JSON; of locations in a policy, the keys.

    `not_applied` says that the tenant holds what was applied last: it is the files that changed.
    """

    path: str
    specified: Value
    found: Value
    spelling_only: bool = False
    not_applied: bool = False


def differences(
    specified: tuple[Object, Object],
    found: Object,
    answer: Json,
    location_ids: Mapping[str, str],
    applied: Object | None = None,
) -> tuple[Property, ...]:
    """Compare what is specified with what was `found`, which Graph shows as `answer`.

    `specified` is the object and the same as written, each list in its file's order;
    `location_ids` gives the id in the tenant for each location's key.
    """
    means, as_written = specified
    wanted, held = flattened(_graph(means, {})), flattened(_graph(found, {}))
    before = flattened(_graph(applied, {})) if applied else {}
    told = [
        Property(
            path,
            wanted.get(path),
            held.get(path),
            not_applied=applied is not None and before.get(path) == held.get(path),
        )
        for path in _paths(wanted, held)
    ]
    of_meaning = {each.path for each in told}
    written, shown = flattened(_graph(as_written, location_ids)), flattened(answer)
    told += [
        Property(path, written.get(path), shown.get(path), spelling_only=True)
        for path in _paths(written, shown)
        if path not in of_meaning
    ]
    return tuple(told)


def raw_differences(
    specified: Object, answer: Json, location_ids: Mapping[str, str]
) -> tuple[Property, ...]:
    """Compare with an answer that cannot be read: what differs is taken to differ in meaning."""
    written, shown = flattened(_graph(specified, location_ids)), flattened(answer)
    return tuple(
        Property(path, written.get(path), shown.get(path)) for path in _paths(written, shown)
    )


def meaning(answer: Json) -> object:
    """Give what an object is, however Graph spells it; what cannot be read is all that it says."""
    try:
        if "conditions" in answer:
            return policy_from_graph(answer, "")
        return named_location_from_graph(answer, "")
    except GraphShapeError:
        return repr(sorted(flattened(answer).items()))


def flattened(of: Json) -> dict[str, Value]:
    """Give every property that says something, by its path."""
    return {
        path: value
        for path, value in _leaves(of, "")
        if path not in _OF_THE_OBJECT and value not in (None, [], "", False)
    }


def _paths(one: Mapping[str, Value], other: Mapping[str, Value]) -> list[str]:
    return [path for path in dict.fromkeys((*one, *other)) if one.get(path) != other.get(path)]


def _leaves(of: Json, route: str) -> Iterator[tuple[str, Value]]:
    for name, value in of.items():
        path = f"{route}.{name}" if route else name
        if "@odata." in name:
            continue
        if name == "authenticationStrength" and isinstance(value, Mapping):
            yield path, value.get("id")  # all else describes it
        elif isinstance(value, Mapping):
            yield from _leaves(value, path)
        elif isinstance(value, list):
            yield path, [_entry(each) for each in value]
        elif name in _FLAGS and isinstance(value, str):
            yield path, value.split(",")
        else:
            yield path, value


def _entry(of: Any) -> str:
    return str(of.get("cidrAddress", of)) if isinstance(of, Mapping) else str(of)


def _graph(of: Object, location_ids: Mapping[str, str]) -> Json:
    return (
        policy_to_graph(of, location_ids) if isinstance(of, Policy) else named_location_to_graph(of)
    )
