"""The part of OData's `$filter` that the sandbox knows: eq, ge and le, and, or, any.

https://learn.microsoft.com/graph/filter-query-parameter.  Everything else is refused, so that no
test passes because a filter was ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ostiary.sandbox.answers import Json, RefusalError, bad_request

if TYPE_CHECKING:
    from collections.abc import Collection

Test = Callable[[Any], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<moment>\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?)"
    r"|(?P<word>[A-Za-z][\w/]*|\d+)"
    r"|(?P<mark>[():]))"
)
_CONSTANTS = {"true": True, "false": False, "null": None}


def filtered(found: list[Json], wanted: str | None, properties: Collection[str]) -> list[Json]:
    """Keep what a `$filter` wants; RefusalError for what is not known or not in `properties`."""
    if wanted is None:
        return found
    test = _Parser(wanted, properties).whole()
    return [each for each in found if test(each)]


class _Parser:
    """One filter, read from left to right: `or` binds looser than `and`."""

    def __init__(self, text: str, properties: Collection[str]) -> None:
        self._properties = properties
        self._tokens: list[str] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise _invalid(f"at `{text[position:]}`")
            self._tokens.append(match[0].strip())
            position = match.end()

    def whole(self) -> Test:
        test = self._either()
        if self._tokens:
            raise _invalid(f"at `{self._tokens[0]}`")
        return test

    def _next(self, *expected: str) -> str:
        if not self._tokens:
            raise _invalid("at its end")
        token = self._tokens.pop(0)
        if expected and token not in expected:
            raise _invalid(f"at `{token}`")
        return token

    def _skip(self, token: str) -> bool:
        if self._tokens[:1] != [token]:
            return False
        self._tokens.pop(0)
        return True

    def _either(self, variable: str = "") -> Test:
        tests = [self._both(variable)]
        while self._skip("or"):
            tests.append(self._both(variable))
        return lambda value: any(test(value) for test in tests)

    def _both(self, variable: str) -> Test:
        tests = [self._term(variable)]
        while self._skip("and"):
            tests.append(self._term(variable))
        return lambda value: all(test(value) for test in tests)

    def _term(self, variable: str) -> Test:
        if self._skip("("):
            test = self._either(variable)
            self._next(")")
            return test
        place = self._next()
        if not variable and place.endswith("/any"):
            return self._any(place.removesuffix("/any"))
        steps = self._steps(place, variable)
        operator, token = self._next("eq", "ge", "le"), self._next()
        literal = _literal(token)
        if operator != "eq" and not isinstance(literal, datetime):
            raise _invalid(f"at `{token}`, as {operator} compares dates only")
        return lambda value: _compare(_follow(value, steps), operator, literal)

    def _any(self, place: str) -> Test:
        steps = self._steps(place, "")
        self._next("(")
        variable = self._next()
        self._next(":")
        test = self._either(variable)
        self._next(")")
        return lambda value: any(test(each) for each in _follow(value, steps) or ())

    def _steps(self, place: str, variable: str) -> list[str]:
        steps = place.split("/")
        if variable:
            if steps[0] != variable:
                raise _invalid(f"at `{place}`")
            return steps[1:]
        if place not in self._properties:
            raise RefusalError(
                400,
                "Request_UnsupportedQuery",
                f"Unsupported or invalid query filter clause specified for property '{place}'.",
            )
        return steps


def _literal(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'").casefold()
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    if token.isdecimal():
        return int(token)
    return _moment(token)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise _invalid(f"at `{text}`") from None


def _follow(value: Any, steps: list[str]) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _compare(value: Any, operator: str, literal: Any) -> bool:
    """Compare without regard to case, as the directory does; assumed of the logs."""
    if isinstance(literal, datetime):
        if value is None:
            return False
        value = datetime.fromisoformat(value)
        if operator != "eq":
            return bool(value >= literal if operator == "ge" else value <= literal)
    elif isinstance(value, str):
        value = value.casefold()
    return bool(value == literal)


def _invalid(place: str) -> RefusalError:
    return bad_request(f"Invalid filter clause {place}. (sandbox: see docs/sandbox.md)")
