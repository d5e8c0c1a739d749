"""The names that a tenant's directory has for ids, by the tables of an environment's file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from ostiary.model.written import Table
from ostiary.tenant.directory import Directory
from ostiary.tenant.graph import GraphError

_TABLES: dict[str, Table] = {
    "user": "users",
    "group": "groups",
    "servicePrincipal": "servicePrincipals",
}


Name = tuple[Table, str, str | None]


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Names by id and table; `refused` is what Graph would not tell, with its words."""

    tables: dict[Table, dict[str, str]] = field(default_factory=dict)
    refused: list[GraphError] = field(default_factory=list)


def known_names(directory: Directory, asked: Mapping[Table, Iterable[str]]) -> KnownNames:
    """Ask for the names of ids; what the token may not read is left without one."""
    objects = [each for table in _TABLES.values() for each in asked.get(table, ())]
    questions: tuple[tuple[Iterable[str], Callable[[], Iterable[Name]]], ...] = (
        (objects, lambda: _of_objects(directory, objects)),
        (asked.get("applications", ()), lambda: _of_applications(directory, asked)),
        (
            asked.get("termsOfUse", ()),
            lambda: (("termsOfUse", *each) for each in directory.agreements().items()),
        ),
        (
            asked.get("authenticationStrengths", ()),
            lambda: (
                ("authenticationStrengths", *each)
                for each in directory.authentication_strengths().items()
            ),
        ),
    )
    known = KnownNames()
    for ids, question in questions:
        try:
            for table, identity, name in question() if ids else ():
                if name:
                    known.tables.setdefault(table, {})[identity.lower()] = name
        except GraphError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            known.refused.append(error)
    return known


def _of_objects(directory: Directory, ids: Iterable[str]) -> Iterator[Name]:
    for identity, each in directory.look_up(ids).found.items():
        if each.kind in _TABLES:
            yield _TABLES[each.kind], identity, each.user_principal_name or each.display_name


def _of_applications(directory: Directory, asked: Mapping[Table, Iterable[str]]) -> Iterator[Name]:
    for identity, each in directory.service_principals(asked["applications"]).items():
        yield "applications", identity, each.display_name
