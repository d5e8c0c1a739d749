"""`ostiary promote`: which policy may take its next step, as an edit to review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.rings import rollout_or_exit
from ostiary.cli.terminal import Format, Output, say, show, show_json, slowly
from ostiary.cli.workspace import resolved_all_or_exit, today, workspace_root
from ostiary.promotion.promote import Promoter, Promotion
from ostiary.promotion.sign_ins import read_log
from ostiary.report.promotion import diff, promotion_json, steps
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import SANDBOX, Workspace, environment_names

PROPOSED = 2


def promote(
    environments: Annotated[
        list[str] | None, typer.Argument(help="The environments; by default all.")
    ] = None,
    *,
    policy: Annotated[
        list[str] | None, typer.Option(help="Only this policy; may be repeated.", metavar="KEY")
    ] = None,
    sign_ins: Annotated[
        list[Path] | None,
        typer.Option(
            help="Sign-ins as Graph lists them, as JSON; may be repeated.", metavar="FILE"
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Make the edit in the environment's file.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Propose the next step of policies whose conditions in rollout.yaml are met, as an edit.

    Nothing is deployed by it. Ends with 2 if there is something to propose.
    """
    root = workspace_root()
    named = environments or [each for each in environment_names(root) if each != SANDBOX]
    rollout = rollout_or_exit(root)
    workspace, _ = resolved_all_or_exit(root, named)
    keys = _policies(policy or [], workspace)
    log = read_log(sign_ins) if sign_ins else None
    promoter, tell = Promoter(workspace, rollout.spec, log, today()), slowly()
    found: list[Promotion] = []
    for name in named:
        tell(f"judging {name}")
        found.append(promoter.promote(name, keys))
    if output is Format.JSON:
        show_json([promotion_json(each) for each in found])
    else:
        for each in found:
            for line in steps(each):
                show(line)
        for each in found:
            if each.proposed:
                show(diff(each).rstrip("\n"))
    if write:
        for each in found:
            _write(root, each)
    if any(each.proposed for each in found):
        raise SystemExit(PROPOSED)


def _policies(asked: list[str], workspace: Workspace) -> list[str]:
    for key in asked:
        if key not in workspace.policies:
            hint = did_you_mean(key, workspace.policies)
            raise typer.BadParameter(
                f"no policy `{key}`" + (f"; {hint}" if hint else ""), param_hint="--policy"
            )
    return asked or sorted(workspace.policies)


def _write(root: Path, of: Promotion) -> None:
    if not of.proposed:
        return
    (root / of.path).write_text(of.after, encoding="utf-8", newline="")
    say(f"edited {of.path}: review and commit it")
