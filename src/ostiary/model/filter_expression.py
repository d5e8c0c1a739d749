"""What a filter rule says, as a value: its canonical text, and for whom it is true.

A negative operator is the denial of its positive one, and null makes positive operators false:
https://learn.microsoft.com/entra/identity/conditional-access/concept-condition-filters-for-devices
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Operator = Literal[
    "-eq",
    "-ne",
    "-startsWith",
    "-notStartsWith",
    "-endsWith",
    "-notEndsWith",
    "-contains",
    "-notContains",
    "-in",
    "-notIn",
]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
POSITIVE_OF: dict[Operator, Operator] = dict(zip(OPERATORS[1::2], OPERATORS[::2], strict=True))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against a constant, all in Microsoft's spelling; lists only with `-in`."""

    attribute: str
    operator: Operator
    value: str | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when `operand` is false."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    """True when every one of two or more operands is; an `And` among them is merged into this."""

    operands: tuple[Expression, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", tuple(_merged(self)))


@dataclass(frozen=True, slots=True)
class Or:
    """True when one of two or more operands is; an `Or` among them is merged into this."""

    operands: tuple[Expression, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", tuple(_merged(self)))


Expression = Comparison | Not | And | Or


def _merged(chain: And | Or) -> Iterator[Expression]:
    for operand in chain.operands:
        if isinstance(operand, type(chain)):
            yield from operand.operands
        else:
            yield operand


def render(expression: Expression) -> str:
    """Give the canonical text; parsing it gives the same expression.

    An expression from a rule near the length limit may be longer than it: deploy the author's own
    text, compare canonical ones.
    """
    match expression:
        case Comparison(attribute, operator, value):
            return f"{attribute} {operator} {_constant(value)}"
        case Not(operand):
            return f"-not ({render(operand)})"
        case And(operands):
            return " -and ".join(
                f"({render(each)})" if isinstance(each, Or) else render(each) for each in operands
            )
        case Or(operands):
            return " -or ".join(render(each) for each in operands)


def truth(expression: Expression, subject: Mapping[str, object]) -> bool | None:
    """Decide the expression for a subject, or give None where that takes an unknown attribute.

    `subject` maps attribute names in Microsoft's spelling to text, a bool, a list of texts, or None
    for null; an attribute that is not in it is unknown.  Null makes positive operators false and
    negative ones true (for devices: Microsoft's table of policy behaviour).  Contains is about a
    part of a text, but about a whole entry of a list.  Values compare without regard to case, and
    `-not` merely denies: both assumed, as in dynamic membership rules.
    """
    match expression:
        case Comparison(attribute, operator, value):
            if attribute not in subject:
                return None
            if operator in POSITIVE_OF:
                return not _holds(POSITIVE_OF[operator], subject[attribute], value)
            return _holds(operator, subject[attribute], value)
        case Not(operand):
            inner = truth(operand, subject)
            return None if inner is None else not inner
        case And(operands):
            return _all(truth(each, subject) for each in operands)
        case Or(operands):
            # One is true unless all are false.
            none = _all(_denied(truth(each, subject)) for each in operands)
            return _denied(none)


def comparisons(expression: Expression) -> Iterator[Comparison]:
    """Give every comparison in the expression, in the order of its text."""
    match expression:
        case Comparison():
            yield expression
        case Not(operand):
            yield from comparisons(operand)
        case And(operands) | Or(operands):
            for each in operands:
                yield from comparisons(each)


def true_of_null(expression: Expression) -> bool:
    """Tell whether the expression is true when every attribute is null."""
    return truth(expression, dict.fromkeys(c.attribute for c in comparisons(expression))) is True


def _denied(value: bool | None) -> bool | None:  # noqa: FBT001 (a truth value, not a switch)
    return None if value is None else not value


def _all(values: Iterable[bool | None]) -> bool | None:
    unknown = False
    for value in values:
        if value is False:
            return False
        unknown = unknown or value is None
    return None if unknown else True


def _holds(operator: Operator, actual: object, value: str | bool | tuple[str, ...]) -> bool:  # noqa: FBT001 (a constant of the rule)
    if actual is None:
        return False
    entries = actual if isinstance(actual, (list, tuple, set, frozenset)) else (actual,)
    texts = [str(each).lower() for each in entries]
    wanted = [str(each).lower() for each in (value if isinstance(value, tuple) else (value,))]
    match operator:
        case "-startsWith":
            return any(text.startswith(wanted[0]) for text in texts)
        case "-endsWith":
            return any(text.endswith(wanted[0]) for text in texts)
        case "-contains" if entries is not actual:  # a text, not a list of entries
            return wanted[0] in texts[0]
        case _:
            return any(text in wanted for text in texts)


def _constant(value: str | bool | tuple[str, ...]) -> str:  # noqa: FBT001 (a constant of the rule)
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_constant, value))}]"
    if '"' in value or "`" in value:
        doubled = value.replace("'", "''")
        return f"'{doubled}'"
    return f'"{value}"'
