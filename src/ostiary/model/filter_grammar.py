"""The grammar that Conditional Access filter rules share: text → expression.

Which attributes exist, and what they may be compared with, is the business of `device_filter` and
`attribute_filter`.  Microsoft refers to the syntax of dynamic membership rules
(https://learn.microsoft.com/entra/identity/users/groups-dynamic-membership), so precedence, quotes
and the optional hyphen are taken from there; that filters follow it in every detail is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

from ostiary.catalog import DEVICE_FILTER_LENGTH
from ostiary.errors import OstiaryError
from ostiary.model.filter_expression import (
    OPERATORS,
    And,
    Comparison,
    Expression,
    Not,
    Operator,
    Or,
)
from ostiary.spec.environment import GUID
from ostiary.spec.validate import did_you_mean

# Brackets and `-not` within each other; ours, so that no rule can exhaust the stack.
MAX_DEPTH = 32
_SHOWN_LENGTH = 60


class FilterSyntaxError(OstiaryError):
    """A filter rule cannot be read; `offset` counts characters from the start of the rule."""

    exit_code = 3

    def __init__(self, message: str, offset: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a rule may say about one attribute; an empty `values` admits any text."""

    name: str
    operators: tuple[Operator, ...] = OPERATORS
    values: tuple[str, ...] = ()
    kind: Literal["text", "boolean", "guid"] = "text"


# Gives the attribute for a word at an offset, or raises FilterSyntaxError.
Finder = Callable[[str, int], Attribute]


def shown(text: str) -> str:
    """Give user input fit for a message: in backticks, short, without control characters."""
    short = text if len(text) <= _SHOWN_LENGTH else f"{text[: _SHOWN_LENGTH - 3]}..."
    return "`" + "".join(each if each.isprintable() else "\ufffd" for each in short) + "`"


def parse(rule: str, find: Finder) -> Expression:
    """Parse a rule about the attributes that `find` knows.

    Raises FilterSyntaxError.  The time is bounded: rules longer than 3072 characters are refused,
    as Microsoft does, and so is nesting deeper than MAX_DEPTH.
    """
    if len(rule) > DEVICE_FILTER_LENGTH:
        raise FilterSyntaxError(
            f"the rule has {len(rule)} characters",
            DEVICE_FILTER_LENGTH,
            f"Microsoft Entra takes at most {DEVICE_FILTER_LENGTH}",
        )
    return _Parser(list(_tokens(rule)), find).rule()


class _Token(NamedTuple):
    kind: Literal["(", ")", "[", "]", ",", "text", "word", "end"]
    text: str
    offset: int

    def __str__(self) -> str:
        return "the end of the rule" if self.kind == "end" else shown(self.text)


_TOKEN = re.compile(
    r"""\s*(?: (?P<mark>[()\[\],])
             | "(?P<double>(?:`"|[^"])*+)"
             | '(?P<single>(?:''|[^'])*+)'
             | (?P<word>[^\s()\[\],"']+) )""",
    re.VERBOSE,
)


def _tokens(rule: str) -> Iterator[_Token]:
    position, end = 0, len(rule.rstrip())
    while position < end:
        found = _TOKEN.match(rule, position, end)
        if found is None:  # only a quote without its partner fits nothing
            start = end - len(rule[position:end].lstrip())
            raise FilterSyntaxError("this quote is never closed", start)
        kind = cast("str", found.lastgroup)
        text, offset = found[kind], found.start(kind)
        if kind == "mark":
            yield _Token(cast("Literal['(', ')', '[', ']', ',']", text), text, offset)
        elif kind == "word":
            yield _Token("word", text, offset)
        else:
            unescaped = text.replace('`"', '"') if kind == "double" else text.replace("''", "'")
            yield _Token("text", unescaped, offset - 1)
        position = found.end()
    yield _Token("end", "", len(rule))


_OPERATOR_BY_WORD = {each.lower().lstrip("-"): each for each in OPERATORS}
# What people write who know the portal's names or another language.
_FOREIGN = {
    "=": "-eq",
    "==": "-eq",
    "equals": "-eq",
    "!=": "-ne",
    "<>": "-ne",
    "notequals": "-ne",
    "&&": "-and",
    "||": "-or",
}


def _plain(word: str) -> str:
    return word.lower().removeprefix("-")


class _Parser:
    """Recursive descent, one level of MAX_DEPTH for each bracket and each `-not`."""

    def __init__(self, tokens: list[_Token], find: Finder) -> None:
        self._tokens = tokens
        self._find = find
        self._next = 0
        self._depth = 0

    def rule(self) -> Expression:
        if self._peek().kind == "end":
            raise FilterSyntaxError("the rule is empty", 0)
        expression = self._or()
        if self._peek().kind != "end":
            raise self._stray("the end of the rule")
        return expression

    def _stray(self, closing: str) -> FilterSyntaxError:
        token = self._peek()
        return FilterSyntaxError(
            f"expected `-and`, `-or` or {closing}, found {token}",
            token.offset,
            _operator_hint(token.text, ("-and", "-or")),
        )

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _is(self, connective: str) -> bool:
        token = self._peek()
        return token.kind == "word" and _plain(token.text) == connective

    def _or(self) -> Expression:
        operands = [self._and()]
        while self._is("or"):
            self._take()
            operands.append(self._and())
        return Or(tuple(operands)) if len(operands) > 1 else operands[0]

    def _and(self) -> Expression:
        operands = [self._not()]
        while self._is("and"):
            self._take()
            operands.append(self._not())
        return And(tuple(operands)) if len(operands) > 1 else operands[0]

    def _not(self) -> Expression:
        token = self._peek()
        if self._is("not"):
            self._take()
            return Not(self._deeper(token, self._not))
        if token.kind != "(":
            return self._comparison()
        self._take()
        inner = self._deeper(token, self._or)
        if self._peek().kind == "end":
            raise FilterSyntaxError("this bracket is never closed", token.offset)
        if self._peek().kind != ")":
            raise self._stray("`)`")
        self._take()
        return inner

    def _deeper(self, token: _Token, rule: Callable[[], Expression]) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterSyntaxError(f"nested more than {MAX_DEPTH} levels deep", token.offset)
        inner = rule()
        self._depth -= 1
        return inner

    def _comparison(self) -> Expression:
        token = self._take()
        if token.kind != "word":
            raise FilterSyntaxError(f"expected an attribute, found {token}", token.offset)
        attribute = self._find(token.text, token.offset)
        operator = self._operator(attribute)
        if operator in ("-in", "-notIn"):
            return Comparison(attribute.name, operator, self._list(attribute, operator))
        return Comparison(attribute.name, operator, self._value(attribute, operator))

    def _operator(self, attribute: Attribute) -> Operator:
        token = self._take()
        operator = _OPERATOR_BY_WORD.get(_plain(token.text)) if token.kind == "word" else None
        if operator is None:
            raise FilterSyntaxError(
                f"expected an operator after `{attribute.name}`, found {token}",
                token.offset,
                _operator_hint(token.text, attribute.operators)
                or f"`{attribute.name}` takes {_listed(attribute.operators)}",
            )
        if operator not in attribute.operators:
            raise FilterSyntaxError(
                f"`{attribute.name}` cannot be compared with `{operator}`",
                token.offset,
                f"it takes {_listed(attribute.operators)}",
            )
        return operator

    def _list(self, attribute: Attribute, operator: Operator) -> tuple[str, ...]:
        token = self._take()
        if token.kind != "[":
            raise FilterSyntaxError(
                f"expected a list after `{operator}`, found {token}",
                token.offset,
                'write the values in square brackets: ["a", "b"]',
            )
        values: list[str] = []
        separator = ","
        while separator == ",":
            values.append(str(self._value(attribute, operator)))
            last = self._take()
            separator = last.kind
        if separator != "]":
            raise FilterSyntaxError(f"expected `,` or `]`, found {last}", last.offset)
        return tuple(values)

    def _value(self, attribute: Attribute, operator: Operator) -> str | bool:
        token = self._take()
        if token.kind == "[":
            raise FilterSyntaxError(
                f"`{operator}` takes one value, not a list",
                token.offset,
                "use `-in` or `-notIn`" if "-in" in attribute.operators else None,
            )
        if token.kind == "word" and token.text.lower() in ("null", "$null"):
            raise FilterSyntaxError(
                "`null` is not a value here",
                token.offset,
                "Microsoft documents no comparison with null for filters; an attribute without a"
                " value makes `-eq` false and `-ne` true",
            )
        quoted = token.kind == "text"
        if not quoted and not (token.kind == "word" and attribute.kind == "boolean"):
            raise FilterSyntaxError(
                f"expected a value after `{operator}`, found {token}",
                token.offset,
                "put the value in double quotes" if token.kind == "word" else None,
            )
        return _checked(attribute, token)


def _checked(attribute: Attribute, token: _Token) -> str | bool:
    if attribute.kind == "guid":
        if GUID.match(token.text.lower()):
            return token.text.lower()
        raise FilterSyntaxError(
            f"`{attribute.name}` is a GUID, and {token} is not",
            token.offset,
            "for example 00000000-0000-0000-0000-000000000000",
        )
    if not attribute.values:
        return token.text
    by_lower = {each.lower(): each for each in attribute.values}
    value = by_lower.get(token.text.lower())
    if value is None:
        raise FilterSyntaxError(
            f"`{attribute.name}` is never {token}",
            token.offset,
            did_you_mean(token.text, attribute.values) or f"it is {_listed(attribute.values)}",
        )
    return value == "True" if attribute.kind == "boolean" else value


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in words)


def _operator_hint(word: str, known: tuple[str, ...]) -> str | None:
    if word[:1] in ("\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}"):
        return "this is a dash, not a hyphen: operators begin with `-`"
    foreign = _FOREIGN.get(_plain(word))
    return f"did you mean `{foreign}`?" if foreign in known else did_you_mean(word, known)
