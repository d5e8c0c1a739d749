"""`ostiary check`, `exceptions` and `guarantees`: what can be told without a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ostiary.cli.remembered import Remembered
from ostiary.cli.terminal import Format, Output, show, show_json, slowly
from ostiary.cli.workspace import (
    report,
    resolved_all,
    resolved_all_or_exit,
    workspace_root,
)
from ostiary.errors import DiagnosticsError, ProofError, errors_in, in_order
from ostiary.model.places import Places
from ostiary.proof.examine import Examined, examine
from ostiary.proof.explain import explain
from ostiary.proof.findings import Findings, findings
from ostiary.report import goals_json
from ostiary.report.exceptions import exception, exception_json
from ostiary.report.gate import failures, waived
from ostiary.report.goals import Tally
from ostiary.report.guarantees import guarantees as page
from ostiary.report.guarantees import guarantees_json
from ostiary.spec.rollout import load_rollout
from ostiary.spec.workspace import Workspace

Environments = Annotated[
    list[str] | None, typer.Argument(help="The environments to check; by default all.")
]


def check(environments: Environments = None, *, output: Output = Format.TEXT) -> None:
    """Check every file and prove every goal, in every environment; nothing is deployed."""
    if output is Format.JSON:
        _check_for_machines(environments)
        return
    root = workspace_root()
    workspace, every = resolved_all_or_exit(root, environments)
    remembered, tally, tell = Remembered(workspace), Tally(), slowly()
    found = dict.fromkeys(load_rollout(root)[1])
    stopping: list[str] = []
    for resolved in every:
        found |= dict.fromkeys(resolved.warnings)
        if (warnings := remembered.warnings(resolved)) is not None:
            found |= dict.fromkeys(warnings)
            tally.add_known(resolved)
            continue
        tell(f"proving {resolved.environment}")
        examined = examine(resolved)
        told = findings(workspace, examined).diagnostics
        found |= dict.fromkeys(told)
        stopping += failures(workspace, examined)
        for line in waived(workspace, examined):
            show(line)
        tally.add(examined, examined.results)
        if not (errors_in(told) or examined.failed or examined.waivers):
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
    if stopping:
        raise SystemExit(ProofError.exit_code)


def _check_for_machines(environments: list[str] | None) -> None:
    root = workspace_root()
    workspace, every, found = resolved_all(root, environments)
    found += load_rollout(root)[1]
    results: list[dict[str, Any]] = []
    failed = False
    for resolved in every:
        examined = examine(resolved)
        found += [*resolved.warnings, *findings(workspace, examined).diagnostics]
        failed = failed or bool(examined.failed)
        places = Places(workspace, resolved.environment)
        for each in examined.results:
            explained = explain(examined, each)
            results.append(goals_json.result(each, explained, examined, places))
    valid = not errors_in(found)
    diagnostics = [goals_json.diagnostic(each) for each in dict.fromkeys(in_order(found))]
    told = {
        "valid": valid,
        "proven": valid and not failed,
        "diagnostics": diagnostics,
        "results": results,
    }
    show_json(told)
    if not valid:
        raise SystemExit(DiagnosticsError.exit_code)
    if failed:
        raise SystemExit(ProofError.exit_code)


def exceptions(environments: Environments = None, *, output: Output = Format.TEXT) -> None:
    """List every exception: what it opens, who answers for it, and until when."""
    listed: list[dict[str, Any]] = []
    for workspace, examined, told in _every(environments):
        for each in told.opened:
            if output is Format.JSON:
                listed.append(exception_json(each, workspace, examined))
                continue
            for line in exception(each, workspace, examined):
                show(line)
    if output is Format.JSON:
        show_json(listed)


def guarantees(environments: Environments = None, *, output: Output = Format.TEXT) -> None:
    """Write what the policies guarantee, and on what it rests, as a page of Markdown."""
    told = list(_every(environments))
    if not told:
        return
    workspace, every = told[0][0], [(examined, found) for _, examined, found in told]
    if output is Format.JSON:
        show_json(guarantees_json(workspace, every))
    else:
        show(page(workspace, every).rstrip())


def _every(environments: list[str] | None) -> Iterator[tuple[Workspace, Examined, Findings]]:
    workspace, every = resolved_all_or_exit(workspace_root(), environments)
    tell = slowly()
    for resolved in every:
        tell(f"proving {resolved.environment}")
        examined = examine(resolved)
        yield workspace, examined, findings(workspace, examined)
