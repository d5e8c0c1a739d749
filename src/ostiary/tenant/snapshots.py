"""Snapshots: every policy and named location of a tenant as Graph shows them, in a file.

They hold no secret, but tell how a tenant is protected, and are readable by their owner only.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from ostiary.errors import OstiaryError
from ostiary.tenant.client import GraphClient

Json = dict[str, Any]

KEPT = 30


class Snapshot(BaseModel):
    """What a tenant held at a time, as JSON."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    environment: str
    tenant_id: str
    taken_at: AwareDatetime
    policies: list[Json]
    named_locations: list[Json]


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of one environment, in a folder of a workspace."""

    folder: Path

    @classmethod
    def of(cls, root: Path, environment: str) -> Snapshots:
        """Give those of an environment of the workspace in `root`."""
        return cls(root / ".ostiary" / "snapshots" / environment)

    def take(self, client: GraphClient, environment: str, tenant_id: str) -> Path:
        """Write what a tenant holds now; gives the file.  Only the last `KEPT` stay.

        Raises OstiaryError where it cannot be written: nothing is changed that cannot be undone.
        """
        made = Snapshot(
            environment=environment,
            tenant_id=tenant_id,
            taken_at=datetime.now(UTC),
            policies=client.policies(),
            named_locations=client.named_locations(),
        )
        file = self.folder / f"{made.taken_at:%Y-%m-%dT%H-%M-%S.%fZ}.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(file, made.model_dump_json(by_alias=True, indent=2))
            for old in self.files()[:-KEPT]:
                old.unlink()
        except OSError as error:
            raise OstiaryError(f"no snapshot can be written to {self.folder}: {error}") from None
        return file

    def files(self) -> list[Path]:
        """Give all of them, the oldest first."""
        return sorted(self.folder.glob("*.json"))


def read(file: Path) -> Snapshot:
    """Read a snapshot; raises OstiaryError for a file that is none."""
    try:
        return Snapshot.model_validate_json(file.read_bytes())
    except OSError as error:
        raise OstiaryError(f"{file} cannot be read: {error.strerror}") from None
    except ValidationError:
        raise OstiaryError(f"{file} is no snapshot") from None


def _write(file: Path, text: str) -> None:
    """Write a file for its owner only, all of it or nothing."""
    handle, unfinished = tempfile.mkstemp(dir=file.parent)  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(handle)
        Path(unfinished).replace(file)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
