"""Data → validated model, with pydantic's findings told in the user's words and places."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from ostiary.errors import Diagnostic
from ostiary.spec import unsupported
from ostiary.spec.source import Route, Source

Model = TypeVar("Model", bound=BaseModel)

_SHOWN = 60
# Steps of a finding's route that are none of the file's: pydantic's own, and tags of unions.
_ADDED = {"[key]", "[word]", "[mapping]"}
_KINDS = {
    "string_type": "text",
    "bool_type": "`true` or `false`",
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def validate(model: type[Model], source: Source) -> tuple[Model | None, list[Diagnostic]]:
    """Check data against a model; gives the model, or None and everything that is wrong."""
    try:
        return model.model_validate(source.data), []
    except ValidationError as error:
        # A key without a value is told by the rule that holds everywhere.
        told = (each for each in error.errors(include_url=False) if each["input"] is not None)
        return None, [_told(each, model, source) for each in told]


def did_you_mean(text: str, known: Iterable[str]) -> str | None:
    """Give a hint that names the known word nearest to `text`, or None."""
    folded = {word.casefold(): word for word in known}
    near = get_close_matches(text.casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean `{folded[near[0]]}`?" if near else None


def _told(error: ErrorDetails, model: type[BaseModel], source: Source) -> Diagnostic:
    route: Route = tuple(step for step in error["loc"] if step not in _ADDED)
    key = route[-1] if route else ""
    value = error.get("input")
    context = error.get("ctx", {})
    kind = error["type"]
    place = source.at_key(*route) if "[key]" in error["loc"] else source.at(*route)
    if kind == "extra_forbidden":
        return _unknown_key(str(key), route, model, source)
    if kind == "missing":
        within = [step for step in route[:-1] if isinstance(step, str)]
        known = f" in `{within[-1]}`" if within else ""
        return Diagnostic(
            "missing-key",
            f"`{key}` is missing{known}",
            source.at(*route[:-1]),
            _HINTS.get(str(key)),
        )
    if kind == "literal_error":
        return _unknown_value(value, route, source, context)
    if kind in _KINDS:
        hint = _type_hint(kind, value)
        return Diagnostic(
            "wrong-type", f"expected {_KINDS[kind]}, found {_found(value)}", place, hint
        )
    if kind == "too_short":
        return Diagnostic("empty-list", f"`{key}` lists nothing", place)
    code, message = kind, error["msg"]
    if "hint" not in context:
        code, message = "wrong-value", f"{_lower(message)}, found {_found(value)}"
    return Diagnostic(code, message, place, context.get("hint"))


_HINTS = {
    "clientAppTypes": "`[all]` covers every client app type",
    "applications": "for example `{includeApplications: [All]}`",
    "users": "for example `{includeUsers: [All], excludeGroups: [emergency-access]}`",
    "expires": "an exception ends on a day; write it as 2027-03-31",
    "type": "`ipNamedLocation` or `countryNamedLocation`",
    "says": "one sentence that a reader understands without the code",
    "signIn": "for example `{flow: deviceCodeFlow, client: mobileAppsAndDesktopClients}`",
    "expect": "`blocked`, `allowed`, or for example `{granted: [mfa]}`",
    "then": "`blocked`, `never blocked`, `allowed`, or for example `{requires: [mfa]}`",
}


def _unknown_key(key: str, route: Route, model: type[BaseModel], source: Source) -> Diagnostic:
    place = source.at_key(*route)
    reason = unsupported.KEYS.get(".".join(str(step) for step in route if isinstance(step, str)))
    if reason:
        return Diagnostic("not-supported", f"`{key}` is not supported", place, reason)
    owner = _route_model(model, route[:-1])
    known = [field.alias or name for name, field in owner.model_fields.items()] if owner else []
    hint = did_you_mean(key, known) or (f"known keys: {', '.join(known)}" if known else None)
    return Diagnostic("unknown-key", f"unknown key `{key[:80]}`", place, hint)


def _unknown_value(
    value: object, route: Route, source: Source, context: dict[str, Any]
) -> Diagnostic:
    expected = str(context.get("expected", ""))
    known = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
    place = source.at(*route)
    if isinstance(value, str) and value in unsupported.VALUES:
        return Diagnostic(
            "not-supported", f"`{value}` is not supported", place, unsupported.VALUES[value]
        )
    if value is False and route[-1:] == ("isEnabled",):
        return Diagnostic(
            "wrong-value",
            "a session control cannot be written as switched off",
            place,
            "leave the whole session control out",
        )
    hint = (did_you_mean(value, known) if isinstance(value, str) else None) or (
        f"known values: {', '.join(known)}"
    )
    return Diagnostic("unknown-value", f"unknown value {_found(value)}", place, hint)


def _route_model(model: type[BaseModel], route: Route) -> type[BaseModel] | None:
    """Find the model that describes the mapping at `route`."""
    current: type[BaseModel] | None = model
    if issubclass(model, RootModel):
        current = _model_in(model.model_fields["root"].annotation)
    for step in route:
        if current is None:
            return None
        if isinstance(step, int):
            continue
        field = next(
            (each for name, each in current.model_fields.items() if (each.alias or name) == step),
            None,
        )
        if field is None:
            continue  # a key of a table, whose values the table's own model describes
        current = _model_in(field.annotation)
    return current


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in typing.get_args(annotation):
        if found := _model_in(part):
            return found
    return None


def _type_hint(kind: str, value: object) -> str | None:
    if kind == "string_type" and isinstance(value, (int, bool)):
        return f'quote it: "{str(value).lower() if isinstance(value, bool) else value}"'
    if kind == "list_type" and isinstance(value, str):
        return f"write a list: [{', '.join(part.strip() for part in value.split(','))}]"[:120]
    if kind == "list_type" and isinstance(value, dict):
        return "begin each entry of the list with `- `"
    if kind == "bool_type" and str(value).casefold() in {"yes", "no", "on", "off"}:
        return "write `true` or `false`"
    return None


def _found(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f"`{text[:_SHOWN]}...`" if len(text) > _SHOWN else f"`{text}`"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
