"""How every verb finds the workspace, and reports what is wrong in it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from ostiary.cli.terminal import say, show
from ostiary.errors import (
    Diagnostic,
    DiagnosticsError,
    OstiaryError,
    ProofError,
    errors_in,
    in_order,
)
from ostiary.model.resolve import Resolved, resolve
from ostiary.proof.examine import examine
from ostiary.proof.findings import findings
from ostiary.report.gate import failures, waived
from ostiary.spec.workspace import Workspace, environment_names, load


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
    workspace, every, found = resolved_all(root, environments)
    if found:
        report([*found, *(warning for each in every for warning in each.warnings)])
        raise SystemExit(DiagnosticsError.exit_code)
    return workspace, every


def resolved_all(
    root: Path, environments: list[str] | None
) -> tuple[Workspace, list[Resolved], list[Diagnostic]]:
    """Resolve environments, by default all; gives those that can be, and what is wrong else."""
    names = environments or environment_names(root)
    workspace = load(root, environments or None)
    every: list[Resolved] = []
    found: list[Diagnostic] = []
    for name in names:
        try:
            every.append(resolve(workspace, name, today()))
        except DiagnosticsError as error:
            found += error.diagnostics
    return workspace, every, found


def warn(every: Iterable[Resolved]) -> None:
    """Print the warnings of environments, each once."""
    report(warning for each in every for warning in each.warnings)


def resolved_or_exit(root: Path, environment: str) -> Resolved:
    """Resolve one environment; prints what is wrong, and ends with 3 if that stops the run."""
    return _loaded_or_exit(root, environment)[1]


def proven_or_exit(root: Path, environment: str) -> Resolved:
    """Resolve one environment and prove it, before anything else is done.

    Prints what is wrong; ends with 3 where files are, with 4 where a goal does not hold.
    """
    workspace, resolved = _loaded_or_exit(root, environment)
    examined = examine(resolved)
    found = findings(workspace, examined).diagnostics
    report(found)
    for line in (*waived(workspace, examined), *failures(workspace, examined)):
        show(line)
    if errors_in(found):
        say("nothing was changed: the specs are not valid")
        raise SystemExit(DiagnosticsError.exit_code)
    if examined.failed:
        raise ProofError(
            "nothing was changed: not every goal is proven",
            hint="close what is open, or waive the goal in the environment's file",
        )
    return resolved


def _loaded_or_exit(root: Path, environment: str) -> tuple[Workspace, Resolved]:
    workspace = load(root, [environment])
    try:
        resolved = resolve(workspace, environment, today())
    except DiagnosticsError as error:
        report(error.diagnostics)
        say("nothing was changed: the specs are not valid")
        raise SystemExit(error.exit_code) from None
    report(resolved.warnings)
    return workspace, resolved


def today() -> date:
    """Give the day by which exceptions expire: that of the machine's own clock and zone."""
    return date.today()  # noqa: DTZ011 (an exception ends where its owner lives)


def report(diagnostics: Iterable[Diagnostic]) -> None:
    """Print diagnostics, in the order of their places."""
    for each in in_order(diagnostics):
        print(each, file=sys.stderr)  # noqa: T201 (the command line prints)
