"""What was rolled out, so that the next run does only what is left.

An environment is done with just what it was given: another policy, value or goal makes it undone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ostiary.model.resolve import Resolved


class Entry(BaseModel):
    """What was done last in one environment: its digest, when, and what it came to."""

    digest: str
    at: str
    result: dict[str, Any]


_ENTRIES = TypeAdapter(dict[str, Entry])


def digest_of(resolved: Resolved) -> str:
    """Give a digest of all that an apply of this version of ostiary depends on."""
    told = (
        metadata.version("ostiary"),
        resolved.tenant_id,
        resolved.as_written,
        resolved.named_locations,
        sorted(resolved.protected),
        sorted(resolved.renamed_from.items()),
        resolved.goals,
        resolved.facts,
        resolved.waivers,
        resolved.emergency_access,
    )
    return sha256(repr(told).encode()).hexdigest()


class Record:
    """The environments that are done, in a file; one that cannot be read knows of none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries = _read(file)

    def done(self, resolved: Resolved) -> Entry | None:
        """Give what was done, if it was done with just this."""
        entry = self._entries.get(resolved.environment)
        return entry if entry and entry.digest == digest_of(resolved) else None

    def keep(self, environment: str, digest: str, at: str, result: Mapping[str, Any]) -> None:
        """Remember that an environment is done, at once and for good."""
        self._entries[environment] = Entry(digest=digest, at=at, result=dict(result))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        temporary.write_bytes(_ENTRIES.dump_json(self._entries, indent=1))
        temporary.replace(self._file)


def _read(file: Path) -> dict[str, Entry]:
    try:
        return _ENTRIES.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}
