"""What `ostiary check` has proven, so that what a change does not touch is not proven twice.

Only the check asks here.  What stands before a tenant, `up` and the Pulumi program, proves anew
each time: a file in the working tree is no proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

import ostiary
from ostiary.errors import Diagnostic, Location, Severity
from ostiary.model.resolve import Resolved
from ostiary.spec.workspace import Workspace

_FILE = Path(".ostiary", "checked.json")
_WARNING = Severity.WARNING


class Entry(BaseModel):
    """What is known of one environment."""

    digest: str
    warnings: list[dict[str, Any]]


_ENTRIES = TypeAdapter(dict[str, Entry])


class Remembered:
    """Environments of which every goal was proven and no error found: digest and warnings."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file = workspace.root / _FILE
        self._known = _read(self._file)
        self._now: dict[str, Entry] = {}

    def warnings(self, resolved: Resolved) -> list[Diagnostic] | None:
        """Give the warnings of just this, if this version of ostiary proved it before."""
        known = self._known.get(resolved.environment)
        if known is None or known.digest != self._digest(resolved):
            return None
        return [_read_warning(each) for each in known.warnings]

    def keep(self, resolved: Resolved, warnings: Iterable[Diagnostic]) -> None:
        """Remember that everything was proven, and what was warned of."""
        self._now[resolved.environment] = Entry(
            digest=self._digest(resolved), warnings=[asdict(each) for each in warnings]
        )

    def save(self) -> None:
        """Write what is known now; a folder that cannot be written is no error."""
        known = {**self._known, **self._now}
        try:
            self._file.parent.mkdir(exist_ok=True)
            self._file.write_bytes(_ENTRIES.dump_json(known))
        except OSError:
            return

    def _digest(self, resolved: Resolved) -> str:
        environment = self._workspace.environments[resolved.environment]
        told = (
            _engine(),
            resolved.policies,
            resolved.named_locations,
            resolved.known_locations,
            resolved.goals,
            resolved.facts,
            resolved.waivers,
            resolved.emergency_access,
            [(each.key, each.spec.exceptions) for each in self._workspace.policies.values()],
            environment.spec.exclusions,
        )
        return sha256(repr(told).encode()).hexdigest()


@cache
def _engine() -> str:
    """Give a digest of ostiary's own code: another version may prove otherwise."""
    digest = sha256()
    for file in sorted(Path(ostiary.__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _read(file: Path) -> dict[str, Entry]:
    try:
        return _ENTRIES.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}


def _read_warning(of: dict[str, Any]) -> Diagnostic:
    return Diagnostic(**{**of, "location": Location(**of["location"]), "severity": _WARNING})
