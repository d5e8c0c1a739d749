"""Generated workspaces of any size, and the same resources as a hand-written Pulumi program.

Ids follow from the names of their environment and their object, so that two runs measure the same
and a benchmark can tell which id it has to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from uuid import NAMESPACE_URL, uuid5

from _shapes import POLICIES, Shape

_PROJECT = "name: benchmark\nruntime: python\n"
_PROGRAM = """
import pulumi
import pulumi_azuread as azuread

entra = pulumi.ResourceOptions(provider=azuread.Provider("entra", tenant_id="{tenant}"))
"""
_OURS = """
from pathlib import Path
from string import Template

from ostiary.program import run

run(Path(__file__).parent)
"""


def ids(policies: int, environment: str) -> Iterator[tuple[str, set[str]]]:
    """Give each policy's key with the ids that it must hold in an environment."""
    for shape, number in _copies(policies):
        names = _rows(shape, number)
        if "emergency-access" in shape.spec:
            names.append(("groups", "emergency-access"))
        yield f"{shape.key}-{number}", {_id(environment, *name) for name in names}


def tenant(environment: str) -> str:
    """Give the tenant id of an environment."""
    return _id(environment, "tenant", "")


def write_workspace(
    root: Path, policies: int, environments: Iterable[str], goals: Iterable[str] = ()
) -> None:
    """Write a workspace with so many policies, every fourth of them with a named location.

    Each environment enforces the goals, whose files are not written.
    """
    listed = ", ".join(goals)
    enforced = f"goals: [{listed}]\n" if listed else ""
    files = {"Pulumi.yaml": _PROJECT, "__main__.py": _OURS}
    for shape, number in _copies(policies):
        files[f"policies/{shape.key}-{number}.yaml"] = _filled(shape.spec, n=number)
        if place := shape.location:
            path = f"policies/named-locations/{place.key}-{number}.yaml"
            files[path] = _filled(place.spec, n=number)
    for name in environments:
        files[f"environments/{name}.yaml"] = _environment(name, policies) + enforced
    _write(root, files)


def write_program(root: Path, policies: int, environment: str) -> None:
    """Write the program by hand that declares what the workspace does in one environment."""
    parts = [_PROGRAM.format(tenant=tenant(environment))]
    for shape, number in _copies(policies):
        known: dict[str, str | int] = {
            name: _id(environment, table, f"{name}-{number}") for table, name in shape.names
        }
        known["n"] = number
        known["emergency"] = _id(environment, "groups", "emergency-access")
        known["range"] = _range(environment, number)
        if shape.location:
            parts.append(_filled(shape.location.program, **known))
        parts.append(_filled(shape.program, **known))
    _write(root, {"Pulumi.yaml": _PROJECT, "__main__.py": "".join(parts)})


def _write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _copies(policies: int) -> Iterator[tuple[Shape, int]]:
    for number in range(policies):
        yield POLICIES[number % len(POLICIES)], number // len(POLICIES)


def _rows(shape: Shape, number: int) -> list[tuple[str, str]]:
    return [(table, f"{name}-{number}") for table, name in shape.names]


def _filled(text: str, **holes: str | int) -> str:
    return Template(text).substitute(holes)


def _environment(name: str, policies: int) -> str:
    tables: dict[str, dict[str, str]] = {
        "groups": {"emergency-access": _id(name, "groups", "emergency-access")}
    }
    for shape, number in _copies(policies):
        for table, row in _rows(shape, number):
            tables.setdefault(table, {})[row] = _id(name, table, row)
        if place := shape.location:
            values = _filled(place.values, range=_range(name, number))
            tables.setdefault("namedLocations", {})[f"{place.key}-{number}"] = values
    lines = [f"tenantId: {tenant(name)}"]
    for table, rows in tables.items():
        lines += [f"{table}:", *(f"  {row}: {value}" for row, value in rows.items())]
    return "\n".join(lines) + "\n"


def _id(environment: str, table: str, name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{environment}/{table}/{name}"))


def _range(environment: str, number: int) -> str:
    second, third = uuid5(NAMESPACE_URL, f"{environment}/{number}").bytes[:2]
    return f"20.{second}.{third}.0/24"
