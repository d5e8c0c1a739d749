"""A row of a sign-in table in one environment, every name looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic.alias_generators import to_camel

from ostiary.errors import Diagnostic, Location
from ostiary.model.asked import Asked, sign_in
from ostiary.model.controls import Requirement, combined
from ostiary.model.goal import Then
from ostiary.model.names import Names
from ostiary.model.policy import NamedLocation, SessionControls
from ostiary.model.resolve_demands import Demands
from ostiary.model.resolve_policy import session_controls
from ostiary.model.sign_in import SignIn
from ostiary.spec.environment import EnvironmentSpec
from ostiary.spec.sign_in_tables import ExpectedSpec, RowSpec, TableSpec
from ostiary.spec.workspace import Sourced


@dataclass(frozen=True, slots=True)
class Granted:
    """The sign-in gets in once it satisfies these requirements, and is asked for no others."""

    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """The outcome hangs on what the row leaves unknown."""


@dataclass(frozen=True, slots=True)
class Row:
    """What shall become of one sign-in; `decided_by` and `session_controls` None say nothing."""

    says: str
    sign_in: SignIn
    expected: Then | Granted | Open
    decided_by: frozenset[str] | None
    session_controls: SessionControls | None
    place: Location


def rows_in(table: Sourced[TableSpec], environment: str) -> dict[str, int]:
    """Give the name and the index of each row that holds in an environment.

    A sentence that stands there again is counted, so that names tell rows apart.
    """
    named: dict[str, int] = {}
    for index, row in enumerate(table.spec.root):
        if row.environment is None or environment in row.environment:
            name, again = row.says, 2
            while name in named:
                name, again = f"{row.says} ({again})", again + 1
            named[name] = index
    return named


def resolve_row(
    table: Sourced[TableSpec],
    index: int,
    environment: Sourced[EnvironmentSpec],
    locations: Iterable[NamedLocation],
) -> tuple[Row, list[Diagnostic]]:
    """Resolve a row; of what is wrong with its names there is no use for the row."""
    spec = table.spec.root[index]
    names = Names(environment, [])
    said = {
        to_camel(name): tuple(values)
        for name, values in spec.sign_in
        if values is not None and name != "unknown"
    }
    asked = Asked(said, frozenset(spec.sign_in.unknown or ()), plain=True)
    made = sign_in(asked, names, lambda word: table.at(index, "signIn", word), locations)
    row = Row(
        spec.says,
        made,
        _expected(spec, names, lambda *route: lambda nth: table.at(index, "expect", *route, nth)),
        None if spec.decided_by is None else frozenset(spec.decided_by),
        session_controls(spec.session_controls),
        table.at(index),
    )
    return row, names.found


def _expected(
    row: RowSpec, names: Names, at: Callable[..., Callable[[int], Location]]
) -> Then | Granted | Open:
    demands = Demands(names, at)
    match row.expect:
        case "unknown":
            return Open()
        case ExpectedSpec(granted=list(wanted)):
            each = (demands.controls(one, at("granted", n)) for n, one in enumerate(wanted))
            return Granted(combined(each))
        case _:
            return demands.then(row.expect)
