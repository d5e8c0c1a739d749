"""What the user sees: progress and problems on stderr, results on stdout."""

from __future__ import annotations

import sys
from typing import NoReturn


def say(line: str) -> None:
    """Say what is being done."""
    print(f"==> {line}", file=sys.stderr, flush=True)  # noqa: T201 (the command line prints)


def show(line: str) -> None:
    """Print a line of the result."""
    print(line, flush=True)  # noqa: T201 (likewise)


def fail(error: Exception) -> NoReturn:
    """Print an error with its hint, and end with its exit code."""
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 (likewise)
    if hint := getattr(error, "hint", None):
        print(f"  hint: {hint}", file=sys.stderr)  # noqa: T201 (likewise)
    raise SystemExit(getattr(error, "exit_code", 1))
