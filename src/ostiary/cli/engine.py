"""`ostiary engine`: the Pulumi engine that ostiary uses."""

from __future__ import annotations

from typing import Annotated

import typer

from ostiary.cli.terminal import Format, Output, say, show, show_json
from ostiary.deploy.engine import find_or_install


def engine(
    *,
    print_path: Annotated[
        bool, typer.Option("--print-path", help="Print nothing but where it is.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Find the Pulumi engine, and get one first where there is none."""
    found = find_or_install(_unsaid if print_path else say)
    if output is Format.JSON:
        show_json({"command": str(found.command), "version": found.version})
    else:
        show(str(found.command) if print_path else f"pulumi {found.version} at {found.command}")


def _unsaid(line: str) -> None:
    """Keep progress to ourselves."""
