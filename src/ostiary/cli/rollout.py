"""`ostiary rollout`: preview or apply a ring of environments, several at a time."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ostiary.cli.ring_run import RingRun
from ostiary.cli.rings import rollout_or_exit
from ostiary.cli.terminal import Format, Output, Sandbox, show, show_json
from ostiary.cli.up import only_one
from ostiary.cli.workspace import workspace_root
from ostiary.errors import OstiaryError
from ostiary.report.rollout import rollout_json, table
from ostiary.spec.validate import did_you_mean

# Each takes an engine and a plugin, and waits for Entra most of its time (docs/rollout.md).
PARALLEL = 4


def rollout(  # noqa: PLR0913 (each is an option of the command)
    *,
    ring: Annotated[str, typer.Option(help="The ring, by name or number from 1.", metavar="RING")],
    preview: Annotated[
        bool, typer.Option("--preview", help="Say what would change, and change nothing.")
    ] = False,
    sandbox: Sandbox = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Apply to real tenants without being asked.")
    ] = False,
    parallel: Annotated[
        int, typer.Option(min=1, help="So many tenants at a time.", metavar="N")
    ] = PARALLEL,
    again: Annotated[
        bool, typer.Option("--again", help="Also those that are done with the same content.")
    ] = False,
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Even if an earlier ring is not done.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Preview or apply every environment of a ring of rollout.yaml, several at a time.

    It stops after as many failures as rollout.yaml says; the same command does what is left.
    """
    root = workspace_root()
    spec = rollout_or_exit(root).spec
    name = _ring(ring, list(spec.rings))
    run = RingRun(root, spec, name, local=sandbox, preview=preview)
    if not (preview or out_of_order):
        run.see_earlier_rings_done()
    left = run.left(again=again)
    if left and not (preview or sandbox or yes):
        _confirm(name, len(left))
    if preview:
        run.go(left, parallel)
    else:
        with only_one(root, "ostiary rollout"):
            run.go(left, parallel)
    if output is Format.JSON:
        show_json(rollout_json(name, run.table(), preview=preview))
    else:
        for line in table(run.table()):
            show(line)
    raise SystemExit(run.exit_code)


def _ring(asked: str, rings: list[str]) -> str:
    if asked in rings:
        return asked
    if asked.isdecimal() and 0 < int(asked) <= len(rings):
        return rings[int(asked) - 1]
    hint = did_you_mean(asked, rings) or f"rings: {', '.join(rings)}"
    raise typer.BadParameter(f"no ring `{asked}`; {hint}", param_hint="--ring")


def _confirm(ring: str, tenants: int) -> None:
    """Have a person type the ring's name; without a terminal, refuse."""
    if not sys.stdin.isatty():
        raise OstiaryError(
            f"{tenants} tenants of ring `{ring}` wait for a confirmation",
            hint="there is no terminal to ask on; pass --yes",
        )
    typed = typer.prompt(f"Type {ring} to apply to {tenants} tenants", default="")
    if typed.strip() != ring:
        raise OstiaryError("nothing was applied")
