"""Property values as Pulumi puts them into a protobuf Struct, and back.

Secrets and unknowns travel as marked strings and objects; the marks are those of
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/rpc.go
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2  # type: ignore[import-untyped] # ships no types

_MARK = "4dabf18193072939515e22adb298388d"
_SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a constant of the protocol
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# One mark for each type that the unknown value will have.
_UNKNOWNS = frozenset(
    {
        _UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)

Properties = dict[str, Any]


class Unknown:
    """A value that only the deployment will tell; there is one, UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine must encrypt and never show."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def read(struct: struct_pb2.Struct) -> Properties:
    """Give the properties of a Struct; null is as good as absent."""
    return {
        name: value for name, field in struct.fields.items() if (value := _read(field)) is not None
    }


def _read(field: struct_pb2.Value) -> Any:
    match field.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if field.string_value in _UNKNOWNS else field.string_value
        case "bool_value":
            return field.bool_value
        case "number_value":
            number = field.number_value
            return int(number) if number.is_integer() else number
        case "list_value":
            return [_read(each) for each in field.list_value.values]
        case "struct_value":
            found = read(field.struct_value)
            return Secret(found.get("value")) if found.get(_MARK) == _SECRET_MARK else found
        case _:
            return None


def write(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Give the Struct of properties."""
    return struct_pb2.Struct(fields={name: _write(each) for name, each in properties.items()})


def _write(value: Any) -> struct_pb2.Value:  # noqa: PLR0911 - one return for each type
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case Unknown():
            return struct_pb2.Value(string_value=_UNKNOWN)
        case Secret(inner):
            return _write({_MARK: _SECRET_MARK, "value": inner})
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case list():
            values = [_write(each) for each in value]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=values))
        case dict():
            return struct_pb2.Value(struct_value=write(value))
        case _:
            raise TypeError(f"a property cannot be a {type(value).__name__}")


def reveal(value: Any) -> Any:
    """Give a value without its secret marks, at any depth."""
    match value:
        case Secret(inner):
            return reveal(inner)
        case list():
            return [reveal(each) for each in value]
        case dict():
            return {name: reveal(each) for name, each in value.items()}
        case _:
            return value


def conceal(value: Any, like: Any) -> Any:
    """Mark secret in `value` what is secret at the same place in `like`."""
    match like:
        case Secret():
            return value if value is None else Secret(value)
        case dict() if isinstance(value, dict):
            return {name: conceal(each, like.get(name)) for name, each in value.items()}
        case list() if isinstance(value, list):
            # A list may have grown or shrunk: one secret in it makes the whole of it secret.
            return Secret(value) if reveal(like) != like else value
        case _:
            return value
