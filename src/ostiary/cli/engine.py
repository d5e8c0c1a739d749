"""`ostiary engine`: the Pulumi engine that ostiary uses."""

from __future__ import annotations

from typing import Annotated

import typer

from ostiary.cli.terminal import say, show
from ostiary.deploy.engine import find_or_install


def engine(
    *,
    print_path: Annotated[
        bool, typer.Option("--print-path", help="Print nothing but where it is.")
    ] = False,
) -> None:
    """Find the Pulumi engine, and get one first where there is none."""
    found = find_or_install(_unsaid if print_path else say)
    show(str(found.command) if print_path else f"pulumi {found.version} at {found.command}")


def _unsaid(line: str) -> None:
    """Keep progress to ourselves."""
