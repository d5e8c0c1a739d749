"""Policies of one environment in the ids of another, by the names that both have for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved

Value = TypeVar("Value")


def translated(of: Resolved, into: Resolved) -> PolicySet:
    """Give `of`'s policies with the ids that `into` has for the same names.

    An id whose name `into` does not have stays as it is: nobody there is meant by it.
    """
    known = {name: identity for identity, name in into.names.items()}
    ids = {
        identity: known.get(name, identity)
        for identity, name in of.names.items()
        if not any(identity == each.key for each in of.known_locations)
    }
    return PolicySet(tuple(_with_ids(each, ids) for each in of.policies), of.named_locations)


def _with_ids(value: Value, ids: Mapping[str, str]) -> Value:
    """Replace every id in a value, sorting the lists anew."""
    made: Any = value
    if isinstance(value, str):
        made = ids.get(value, value)
    elif isinstance(value, tuple):
        made = tuple(sorted(_with_ids(each, ids) for each in value))
    elif is_dataclass(value):
        made = replace(
            made, **{each.name: _with_ids(getattr(value, each.name), ids) for each in fields(value)}
        )
    return made  # type: ignore[no-any-return]
