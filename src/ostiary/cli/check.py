"""`ostiary check`, `exceptions` and `guarantees`: what can be told without a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from ostiary.cli.remembered import Remembered
from ostiary.cli.terminal import show, slowly
from ostiary.cli.workspace import report, resolved_all_or_exit, workspace_root
from ostiary.errors import Diagnostic, DiagnosticsError, ProofError, errors_in
from ostiary.proof.examine import Examined, examine
from ostiary.proof.findings import Findings, findings
from ostiary.report.exceptions import exception
from ostiary.report.gate import failures, waived
from ostiary.report.goals import Tally, number
from ostiary.report.guarantees import guarantees as page
from ostiary.spec.workspace import Workspace

Environments = Annotated[
    list[str] | None, typer.Argument(help="The environments to check; by default all.")
]


def check(environments: Environments = None) -> None:
    """Check every file and prove every goal, in every environment; nothing is deployed."""
    workspace, every = resolved_all_or_exit(workspace_root(), environments)
    remembered, tally, tell = Remembered(workspace), Tally(), slowly()
    found: dict[Diagnostic, None] = {}
    stopping: list[str] = []
    known = 0
    for resolved in every:
        found |= dict.fromkeys(resolved.warnings)
        if (warnings := remembered.warnings(resolved)) is not None:
            found |= dict.fromkeys(warnings)
            tally.add_known(resolved)
            known += 1
            continue
        tell(f"proving {resolved.environment}")
        examined = examine(resolved)
        told = findings(workspace, examined).diagnostics
        found |= dict.fromkeys(told)
        failed = list(failures(workspace, examined))
        stopping += failed
        for line in waived(workspace, examined):
            show(line)
        for result in examined.results:
            tally.add(result, examined)
        if not (errors_in(told) or failed or examined.waivers):
            remembered.keep(resolved, told)
    remembered.save()
    report(found)
    for line in stopping:
        show(line)
    if errors_in(found):
        raise SystemExit(DiagnosticsError.exit_code)
    names = ", ".join(each.environment for each in every)
    show(f"{len(workspace.policies)} policies fit {len(every)} environments: {names}")
    show(tally.words)
    if known:
        show(f"{number(known, 'environment')} as proven before")
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
