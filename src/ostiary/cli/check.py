"""`ostiary check`, `exceptions` and `guarantees`: what can be told without a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from ostiary.cli.terminal import show, slowly
from ostiary.cli.workspace import report, resolved_all_or_exit, workspace_root
from ostiary.errors import Diagnostic, DiagnosticsError, ProofError, errors_in
from ostiary.proof.examine import Examined, examine
from ostiary.proof.findings import Findings, findings
from ostiary.report.exceptions import exception
from ostiary.report.gate import failures, waived
from ostiary.report.goals import Tally
from ostiary.report.guarantees import guarantees as page
from ostiary.spec.workspace import Workspace

Environments = Annotated[
    list[str] | None, typer.Argument(help="The environments to check; by default all.")
]


def check(environments: Environments = None) -> None:
    """Check every file and prove every goal, in every environment; nothing is deployed."""
    found: dict[Diagnostic, None] = {}
    stopping: list[str] = []
    tally = Tally()
    names: list[str] = []
    for workspace, examined, told in _every(environments):
        names.append(examined.resolved.environment)
        found |= dict.fromkeys((*examined.resolved.warnings, *told.diagnostics))
        stopping += failures(workspace, examined)
        for line in waived(workspace, examined):
            show(line)
        for result in examined.results:
            tally.add(result, examined)
    report(found)
    for line in stopping:
        show(line)
    if errors_in(found):
        raise SystemExit(DiagnosticsError.exit_code)
    show(f"{len(workspace.policies)} policies fit {len(names)} environments: {', '.join(names)}")
    show(tally.words)
    if stopping:
        raise SystemExit(ProofError.exit_code)


def exceptions(environments: Environments = None) -> None:
    """List every exception: what it opens, who answers for it, and until when."""
    for workspace, examined, told in _every(environments):
        for each in told.opened:
            for line in exception(each, workspace, examined):
                show(line)


def guarantees(environments: Environments = None) -> None:
    """Write what the policies guarantee, and on what it rests, as a page of Markdown."""
    every = list(_every(environments))
    if every:
        workspace = every[0][0]
        show(page(workspace, [(examined, told) for _, examined, told in every]).rstrip())


def _every(environments: list[str] | None) -> Iterator[tuple[Workspace, Examined, Findings]]:
    workspace, every = resolved_all_or_exit(workspace_root(), environments)
    tell = slowly()
    for resolved in every:
        tell(f"proving {resolved.environment}")
        examined = examine(resolved)
        yield workspace, examined, findings(workspace, examined)
