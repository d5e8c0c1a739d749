"""The shape of a sign-in table: rows that each say of one sign-in what becomes of it.

A sign-in is told in the words of `ostiary what-if`, and what is expected of it in those of goals.
What a row does not say of its sign-in is plain: an ordinary member in no group, a browser, ...
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, RootModel, Tag
from pydantic.alias_generators import to_camel

from ostiary.errors import Diagnostic, Location
from ostiary.spec import rules
from ostiary.spec.goals import DemandsSpec, OneOrMore
from ostiary.spec.models import SessionControlsSpec, SpecModel, Text
from ostiary.spec.source import Source, read
from ostiary.spec.validate import did_you_mean, validate
from ostiary.spec.workspace import Sourced, Workspace

FOLDER = "tests/policies"

# The words of a sign-in, each a field of `SignInSpec`; `model.signals` tells what they mean.
Word = Literal[
    "user", "group", "role", "guest", "externalTenant", "servicePrincipal", "servicePrincipalRisk",
    "app", "userAction", "flow", "sessionFlow", "client", "platform", "ip", "country", "gpsCountry",
    "location", "deviceAttribute", "signInRisk", "userRisk", "insiderRisk",
]  # fmt: skip
Outcome = Literal["blocked", "never blocked", "allowed", "unknown"]
Values = OneOrMore[Text] | None


class SignInSpec(SpecModel):
    """A sign-in; the words under `unknown` are not known, beyond what else is said of them."""

    user: Values = None
    group: Values = None
    role: Values = None
    guest: Values = None
    external_tenant: Values = None
    service_principal: Values = None
    service_principal_risk: Values = None
    app: Values = None
    user_action: Values = None
    flow: Values = None
    session_flow: Values = None
    client: Values = None
    platform: Values = None
    ip: Values = None
    country: Values = None
    gps_country: Values = None
    location: Values = None
    device_attribute: Values = None
    sign_in_risk: Values = None
    user_risk: Values = None
    insider_risk: Values = None
    unknown: OneOrMore[Word] | None = None


class ExpectedSpec(DemandsSpec):
    """What is asked of the sign-in.

    `granted` lists exactly what must be satisfied, a list within it meaning one of these; the words
    of goals say the least or the most of it.
    """

    granted: Annotated[list[OneOrMore[Text]], Field(min_length=1)] | None = None


def _kind(value: object) -> str:
    return "[mapping]" if isinstance(value, (dict, ExpectedSpec)) else "[word]"


class RowSpec(SpecModel):
    """A row; `says` is its name as a test, `decidedBy` are all the policies that decide it."""

    says: Text
    environment: OneOrMore[Text] | None = None
    sign_in: SignInSpec
    expect: Annotated[
        Annotated[Outcome, Tag("[word]")] | Annotated[ExpectedSpec, Tag("[mapping]")],
        Discriminator(_kind),
    ]
    decided_by: OneOrMore[Text] | None = None
    session_controls: SessionControlsSpec | None = None


class TableSpec(RootModel[list[RowSpec]]):
    """A table is the list of its rows, so that another can be added at its end."""

    model_config = ConfigDict(strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Tables:
    """The sign-in tables of a workspace by file name, and what is wrong with them."""

    tables: Mapping[str, Sourced[TableSpec]]
    found: tuple[Diagnostic, ...] = ()


def load_tables(workspace: Workspace) -> Tables:
    """Read and validate the YAML files in `tests/policies/`; other files there are not ours."""
    tables: dict[str, Sourced[TableSpec]] = {}
    found: list[Diagnostic] = []
    folder = workspace.root / FOLDER
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        path = f"{FOLDER}/{file.name}"
        if file.suffix in {".yml", ".YAML", ".YML"}:
            hint = f"rename it to `{file.stem}.yaml`"
            found.append(
                Diagnostic("stray-file", "this file would not be read", Location(path), hint)
            )
        if file.suffix != ".yaml" or not file.is_file():
            continue
        table, wrong = _table(file, path)
        if table is not None:
            tables[file.name] = table
            wrong += check(table.spec, table.source, workspace)
        found += wrong
    return Tables(tables, tuple(found))


def _table(file: Path, path: str) -> tuple[Sourced[TableSpec] | None, list[Diagnostic]]:
    source, found = read(file, path)
    if source is None:
        return None, found
    spec, wrong = validate(TableSpec, source)
    found += [*wrong, *rules.lists_and_values(source)]
    return (Sourced(file.stem, spec, source) if spec else None), found


def check(table: TableSpec, source: Source, workspace: Workspace) -> Iterator[Diagnostic]:
    """Give everything that is wrong with the rows of one table, whatever the environment."""
    # What is wrong with a file that cannot be read is told of that file.
    broken = {path.rpartition("/")[2].removesuffix(".yaml") for path in workspace.broken}
    environments, policies = (
        {*known, *broken} for known in (workspace.environments, workspace.policies)
    )
    for index, row in enumerate(table.root):
        yield from _unknown("environment", row.environment, environments, source, index)
        yield from _unknown("policy", row.decided_by, policies, source, index)
        if isinstance(row.expect, ExpectedSpec):
            said = [to_camel(name) for name, value in row.expect if value is not None]
            if not said:
                yield Diagnostic(
                    "says-nothing",
                    "`expect` asks for nothing",
                    source.at(index, "expect"),
                    "write `allowed`, or `{granted: [mfa]}`",
                )
            for other in said[1:]:
                yield Diagnostic(
                    "word-not-alone",
                    f"`{other}` stands beside `{said[0]}`",
                    source.at_key(index, "expect", other),
                    "write a row for each",
                )


def _unknown(
    kind: str, names: list[str] | None, known: Collection[str], source: Source, index: int
) -> Iterator[Diagnostic]:
    key = {"environment": "environment", "policy": "decidedBy"}[kind]
    for nth, name in enumerate(names or ()):
        if name not in known:
            yield Diagnostic(
                f"unknown-{kind}",
                f"no {kind} `{name}`",
                source.at(index, key, nth),
                did_you_mean(name, known) or f"known: {', '.join(sorted(known)) or 'none'}",
            )
