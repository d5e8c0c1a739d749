"""Kinds of values in Graph's JSON, and what follows from a kind alone.

`check` refuses what does not fit a kind, `complete` writes every unset property the way Graph
returns it, and `merge` is PATCH: nested objects merge, lists are replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostiary.sandbox.answers import Json


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `longest` characters."""

    longest: int | None = None


@dataclass(frozen=True, slots=True)
class Id:
    """A GUID, or one of the keywords that stand for themselves."""

    keywords: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration, or if `joined` several in one comma-separated string."""

    values: frozenset[str]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean; `unset` is what Graph returns when it was never sent."""

    unset: bool | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """An integer."""


@dataclass(frozen=True, slots=True)
class Many:
    """A list; Graph returns `[]` for one that was never set."""

    of: Text | Id | Choice | Shape


@dataclass(frozen=True, slots=True)
class Shape:
    """An object: its properties, the `@odata.type` values it may carry, and whether it may be null.

    `whole` objects are replaced by a PATCH as a list is, because they are references.
    """

    properties: Mapping[str, Kind]
    types: tuple[str, ...] = ()
    nullable: bool = True
    whole: bool = False


Kind = Text | Id | Choice | Flag | Number | Many | Shape


class MismatchError(Exception):
    """A value does not fit its kind; the message names the place."""


def check(kind: Kind, value: Any, place: str) -> None:
    """Raise MismatchError unless `value` fits; `place` is its path, for the message."""
    match kind:
        case Shape():
            _check_shape(kind, value, place)
        case _ if value is None:
            return
        case Many():
            _check_list(kind, value, place)
        case Flag() if not isinstance(value, bool):
            raise MismatchError(f"`{place}` is not a boolean")
        case Number() if not isinstance(value, int) or isinstance(value, bool):
            raise MismatchError(f"`{place}` is not an integer")
        case Text() | Id() | Choice():
            _check_text(kind, value, place)


def _check_list(many: Many, value: Any, place: str) -> None:
    if not isinstance(value, list):
        raise MismatchError(f"`{place}` is not a list")
    for each in value:
        if each is None:
            raise MismatchError(f"`{place}` holds null")
        check(many.of, each, place)


def _check_text(kind: Text | Id | Choice, value: Any, place: str) -> None:
    if not isinstance(value, str):
        raise MismatchError(f"`{place}` is not a string")
    match kind:
        case Text(longest=longest):
            if longest is not None and len(value) > longest:
                raise MismatchError(f"`{place}` is longer than {longest} characters")
        case Choice(values=values, joined=joined):
            for each in value.split(",") if joined else (value,):
                if (each.strip() if joined else each) not in values:
                    raise MismatchError(f"`{place}` may not be `{each}`")
        case Id(keywords=keywords):
            if value not in keywords and not is_guid(value):
                raise MismatchError(f"`{place}` holds `{value}`, which is not an id")


def _check_shape(shape: Shape, value: Any, place: str) -> None:
    if value is None:
        if not shape.nullable:
            raise MismatchError(f"`{place}` is null")
        return
    if not isinstance(value, dict):
        raise MismatchError(f"`{place}` is not an object")
    named = value.get("@odata.type")
    if named is not None and shape.types and named not in shape.types:
        raise MismatchError(f"`{place}` is of type `{named}`")
    for name, each in value.items():
        if "@odata." in name:
            continue
        inner = f"{place}.{name}" if place else name
        if name not in shape.properties:
            raise MismatchError(f"`{inner}` is not a property")
        check(shape.properties[name], each, inner)


def complete(kind: Kind, value: Any) -> Any:
    """Give `value` as Graph returns it: every list present, every other unset property null."""
    match kind:
        case Many(of=of):
            return [complete(of, each) for each in value or []]
        case Flag(unset=unset):
            return unset if value is None else value
        case Choice(joined=True) if value is not None:
            return ",".join(part.strip() for part in value.split(","))
        case Shape():
            if value is None:
                return None if kind.nullable else complete(kind, {})
            annotations = {name: each for name, each in value.items() if name == "@odata.type"}
            kept = annotations if len(kind.types) > 1 else {}
            return kept | {
                name: complete(each, value.get(name)) for name, each in kind.properties.items()
            }
        case _:
            return value


def merge(shape: Shape, old: Json, patch: Json) -> Json:
    """Apply a PATCH to a complete object: nested objects merge, lists and everything else replace.

    That a key left out of a nested object keeps its old value is reported in
    https://github.com/microsoft/Microsoft365DSC/issues/6218
    """
    merged = dict(old)
    for name, value in patch.items():
        kind = shape.properties.get(name)
        if kind is None:
            continue
        before = old.get(name)
        if (
            isinstance(kind, Shape)
            and not kind.whole
            and isinstance(before, dict)
            and value is not None
        ):
            merged[name] = merge(kind, before, value)
        else:
            merged[name] = complete(kind, value)
    return merged


def is_guid(text: str) -> bool:
    """Tell whether `text` is a GUID in its canonical form of 36 characters."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
