"""The user's own git, asked about the repository that the workspace is in."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ostiary.errors import OstiaryError


def git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a git command; a status other than 0 is an answer.  Raises OstiaryError without git."""
    try:
        return subprocess.run(  # noqa: S603 - no shell, and callers keep options apart
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=directory,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise OstiaryError("git was not found", hint="install git") from error
