"""What the user sees: progress and problems on stderr, results on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

# Progress is told of what takes longer, in seconds, and no more often than that.
SILENCE = 1.0


class Format(StrEnum):
    """What a command prints."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[
    Format, typer.Option("--format", help="For people, or for machines (docs/json.md).")
]

Sandbox = Annotated[bool, typer.Option("--sandbox", help="In the local sandbox tenant.")]


def say(line: str) -> None:
    """Say what is being done."""
    print(f"==> {line}", file=sys.stderr, flush=True)  # noqa: T201 (the command line prints)


def show(line: str) -> None:
    """Print a line of the result."""
    print(line, flush=True)  # noqa: T201 (likewise)


def show_json(value: Any) -> None:
    """Print the result as JSON."""
    show(json.dumps(value, indent=2, ensure_ascii=False))


def slowly() -> Callable[[str], None]:
    """Give a `say` that speaks only where something takes long."""
    last = time.monotonic()

    def tell(line: str) -> None:
        nonlocal last
        if time.monotonic() - last > SILENCE:
            last = time.monotonic()
            say(line)

    return tell


def fail(error: Exception) -> NoReturn:
    """Print an error with its hint, and end with its exit code."""
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 (likewise)
    if hint := getattr(error, "hint", None):
        print(f"  hint: {hint}", file=sys.stderr)  # noqa: T201 (likewise)
    raise SystemExit(getattr(error, "exit_code", 1))
