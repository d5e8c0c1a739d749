"""What went wrong, where, and what to do about it: the one shape every step reports in.

Messages are lower case without a final period, with the user's input in backticks; advice stands
apart in `hint`.  Codes are stable slugs, each a heading in docs/diagnostics.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Severity(StrEnum):
    """Whether a diagnostic stops the run."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file; line and column count from 1, and 0 means the file as a whole."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about what the user wrote.

    `page` is the address of the documentation that a claim about Entra rests on.
    """

    code: str
    message: str
    location: Location
    hint: str | None = None
    severity: Severity = Severity.ERROR
    page: str | None = None

    def __str__(self) -> str:
        mark = "warning: " if self.severity is Severity.WARNING else ""
        lines = [f"{self.location}: {mark}{self.code}: {self.message}"]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        if self.page:
            lines.append(f"  see: {self.page}")
        return "\n".join(lines)


class OstiaryError(Exception):
    """The base of everything ostiary raises on purpose; the command ends with `exit_code`."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class DiagnosticsError(OstiaryError):
    """All diagnostics of a run, raised once; warnings ride along with the errors."""

    exit_code = 3

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_order(diagnostics)
        super().__init__("\n".join(str(each) for each in self.diagnostics))


class SpecError(DiagnosticsError):
    """A YAML file says something it may not say."""


class ResolveError(DiagnosticsError):
    """A policy does not fit the environment: a name that finds nothing, or two things."""


class EngineError(OstiaryError):
    """The Pulumi engine could not be had, or could not do its work."""


class TenantError(OstiaryError):
    """Microsoft Graph could not be reached, or refused."""


class ProofError(OstiaryError):
    """A goal does not hold, or it is not decided whether it does."""

    exit_code = 4


class PreflightError(OstiaryError):
    """Something about the tenant makes it unsafe to go on."""

    exit_code = 5


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Give each diagnostic once, sorted by place and code."""
    return sorted(set(diagnostics), key=lambda each: (each.location, each.code, each.message))


def errors_in(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Give those that stop the run."""
    return [each for each in diagnostics if each.severity is Severity.ERROR]
