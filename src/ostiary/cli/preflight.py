"""`ostiary preflight`: whether anything in the tenant forbids to deploy to it."""

from __future__ import annotations

from typing import Annotated

import typer

from ostiary.apply import recorded_in, target
from ostiary.cli.terminal import Format, Output, Sandbox, say, show, show_json
from ostiary.cli.up import stack_of
from ostiary.cli.workspace import resolved_all_or_exit, warn, workspace_root
from ostiary.errors import PreflightError, ProofError
from ostiary.report import preflight as report
from ostiary.spec.workspace import SANDBOX
from ostiary.tenant.preflight.run import preflight as look


def preflight(
    environment: Annotated[str, typer.Argument(help="The environment whose tenant is looked at.")],
    *,
    sandbox: Sandbox = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Do not ask for the permissions to write.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Check a tenant before anything is written to it, and prove the goals on all that is in it.

    Ends with 5 where something forbids to deploy, else with 4 where a goal does not hold.
    """
    root = workspace_root()
    workspace, (resolved,) = resolved_all_or_exit(root, [environment])
    warn([resolved])
    stack = stack_of(root, resolved, local=sandbox or environment == SANDBOX)
    stack.select()
    recorded = recorded_in(stack.state(), stack)
    with target(stack, resolved, say) as of:
        found = look(resolved, of.client, stack.environ, recorded, writing=not read_only)
    if output is Format.JSON:
        show_json(report.as_json(workspace, found))
    else:
        for line in (*report.lines(found), *report.goals_failed(workspace, found)):
            show(line)
        show(report.summary(found))
    if found.refused:
        raise SystemExit(PreflightError.exit_code)
    if found.examined is None or found.examined.failed:
        raise SystemExit(ProofError.exit_code)
