"""`ostiary check`, and how every verb finds the workspace and reports what is wrong in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.terminal import say, show
from ostiary.errors import Diagnostic, DiagnosticsError, OstiaryError, in_order
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import Workspace, environment_names, load


def check(
    environments: Annotated[
        list[str] | None, typer.Argument(help="The environments to check; by default all.")
    ] = None,
) -> None:
    """Check every policy against every environment; nothing is deployed."""
    workspace, every = resolved_all_or_exit(workspace_root(), environments)
    warn(every)
    names = [each.environment for each in every]
    show(f"{len(workspace.policies)} policies fit {len(names)} environments: {', '.join(names)}")


def workspace_root() -> Path:
    """Give the folder with the workspace: this one, or the nearest above with a Pulumi.yaml."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise OstiaryError("there is no Pulumi.yaml here or above", hint="change to the repository")


def resolved_all_or_exit(
    root: Path, environments: list[str] | None
) -> tuple[Workspace, list[Resolved]]:
    """Resolve environments, by default all; prints all that is wrong, and ends with 3, if it is."""
    names = environments or environment_names(root)
    workspace = load(root, environments or None)
    found: list[Diagnostic] = []
    every: list[Resolved] = []
    for name in names:
        try:
            every.append(resolve(workspace, name, today()))
            found += every[-1].warnings
        except DiagnosticsError as error:
            found += error.diagnostics
    if len(every) < len(names):
        _report(found)
        raise SystemExit(DiagnosticsError.exit_code)
    return workspace, every


def warn(every: Iterable[Resolved]) -> None:
    """Print the warnings of environments, each once."""
    _report(warning for each in every for warning in each.warnings)


def resolved_or_exit(root: Path, environment: str) -> Resolved:
    """Resolve one environment; prints what is wrong, and ends with 3 if that stops the run."""
    try:
        resolved = resolve(load(root, [environment]), environment, today())
    except DiagnosticsError as error:
        _report(error.diagnostics)
        say("nothing was changed: the specs are not valid")
        raise SystemExit(error.exit_code) from None
    _report(resolved.warnings)
    return resolved


def today() -> date:
    """Give the day by which exceptions expire: that of the machine's own clock and zone."""
    return date.today()  # noqa: DTZ011 (an exception ends where its owner lives)


def _report(diagnostics: Iterable[Diagnostic]) -> None:
    for each in in_order(diagnostics):
        print(each, file=sys.stderr)  # noqa: T201 (the command line prints)
