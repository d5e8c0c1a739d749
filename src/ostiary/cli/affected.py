"""`ostiary affected`: the environments that a commit touches, for a pipeline's matrix."""

from __future__ import annotations

import json
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ostiary.affected import affected_environments
from ostiary.cli.terminal import show
from ostiary.errors import OstiaryError
from ostiary.git import git
from ostiary.spec.workspace import SANDBOX, environment_names


class Format(StrEnum):
    """What the command prints."""

    JSON = "json"
    LINES = "lines"
    GITHUB = "github"


def affected(
    base: Annotated[
        str,
        typer.Option(
            help="The revision to compare with; without one, every environment.", metavar="REV"
        ),
    ] = "",
    output: Annotated[
        Format,
        typer.Option("--format", help="A JSON list, one name a line, or a GitHub Actions matrix."),
    ] = Format.JSON,
) -> None:
    """Print the environments that the commits since BASE touch.

    Environments are the files of `environments/` in the current directory, but for the sandbox,
    which no pipeline deploys.  What changed on the base's own branch since the two parted does not
    count, nor does uncommitted work.
    """
    here = Path()
    environments = [name for name in environment_names(here) if name != SANDBOX]
    if not environments:
        raise OstiaryError(
            "no environments in `environments/`",
            hint="run this in the directory that holds Pulumi.yaml",
        )
    names = affected_environments(changed_paths(here, base), environments) if base else environments
    match output:
        case Format.JSON:
            show(json.dumps(names))
        case Format.LINES:
            for name in names:
                show(name)
        case Format.GITHUB:
            show(json.dumps({"include": [{"environment": name} for name in names]}))


def changed_paths(directory: Path, base: str) -> list[str]:
    """Give the paths that differ between HEAD and where it parted from `base`.

    Paths are relative to `directory`; what lies outside it is left out.  A renamed file counts
    under both of its names.  Raises `OstiaryError` where git cannot tell.
    """
    commit = _resolve(directory, base)
    diff = git(
        directory, "diff", "--name-only", "--no-renames", "--relative", "-z", f"{commit}...HEAD"
    )
    if diff.returncode:
        raise OstiaryError(
            f"`{base}` and HEAD have no common commit: {_reason(diff)}",
            hint=_depth_hint(directory),
        )
    return [path for path in diff.stdout.split("\0") if path]


def _resolve(directory: Path, base: str) -> str:
    inside = git(directory, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        raise OstiaryError(
            f"git cannot read this directory: {_reason(inside)}",
            hint="run this in a checkout of the tenant repository",
        )
    # --end-of-options: a revision that starts with a dash stays a revision
    found = git(
        directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"
    )
    if found.returncode:
        raise OstiaryError(f"no commit `{base}`", hint=_depth_hint(directory))
    return found.stdout.strip()


def _depth_hint(directory: Path) -> str | None:
    if git(directory, "rev-parse", "--is-shallow-repository").stdout.strip() != "true":
        return None
    return "this clone is shallow: fetch all history (`fetch-depth: 0` in actions/checkout)"


def _reason(failed: subprocess.CompletedProcess[str]) -> str:
    lines = failed.stderr.strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else f"git ended with {failed.returncode}"
