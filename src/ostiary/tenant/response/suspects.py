"""Who is suspected, as the user says it: on the command line, or in a file of findings or names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ostiary.errors import OstiaryError


@dataclass(frozen=True, slots=True)
class Suspect:
    """A user by id or principal name, the first suspicious sign-in if known, and what says so."""

    name: str
    since: datetime | None = None
    evidence: tuple[str, ...] = ()


class _Finding(BaseModel):
    """What a sign-in detection found; it may say more than is read here."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(validation_alias=AliasChoices("userId", "userPrincipalName"), min_length=1)
    since: str | None = None
    evidence: list[str] = []


_FINDINGS: TypeAdapter[list[_Finding]] = TypeAdapter(list[_Finding])


def read(file: Path) -> list[Suspect]:
    """Read a JSON list of `{userId or userPrincipalName, since, evidence}`, or one name a line.

    Empty lines and what follows a `#` do not count.  Raises OstiaryError where it is neither.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise OstiaryError(f"`{file}` cannot be read: {reason}") from None
    suspects = list(_findings(file, text) if text.lstrip()[:1] in ("[", "{") else _names(text))
    if not suspects:
        raise OstiaryError(f"`{file}` names nobody")
    return suspects


def moment(text: str) -> datetime:
    """Read an ISO 8601 time, UTC where it says nothing else; ValueError where it is none."""
    read_as = datetime.fromisoformat(text)
    return read_as if read_as.tzinfo else read_as.replace(tzinfo=UTC)


def _names(text: str) -> Iterator[Suspect]:
    for line in text.splitlines():
        # Only after a space: the principal names of guests hold `#EXT#`.
        name = f" {line}".partition(" #")[0].strip()
        if name:
            yield Suspect(name)


def _findings(file: Path, text: str) -> Iterator[Suspect]:
    try:
        findings = _FINDINGS.validate_json(text)
    except ValidationError as error:
        problem: Any = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise OstiaryError(
            f"`{file}` is no list of findings: {place}{': ' if place else ''}{problem['msg']}",
            hint='a finding is {"userId": …, "since": "2026-11-20T08:14:00Z", "evidence": […]}',
        ) from None
    for each in findings:
        try:
            since = moment(each.since) if each.since else None
        except ValueError:
            raise OstiaryError(f"`{file}`: `{each.since}` is no time") from None
        yield Suspect(each.name, since, tuple(each.evidence))
