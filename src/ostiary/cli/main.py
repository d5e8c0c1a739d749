"""The command `ostiary`: the only place that prints and exits."""

from __future__ import annotations

import sys

import typer

from ostiary.cli import affected, engine, sandbox, up, workspace
from ostiary.cli.terminal import fail
from ostiary.errors import OstiaryError
from ostiary.sandbox.lifecycle import SandboxError

app = typer.Typer(
    name="ostiary",
    help="Microsoft Entra Conditional Access policies as code.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(workspace.check)
app.command()(up.up)
app.command(context_settings={"ignore_unknown_options": True})(up.pulumi)
app.command()(affected.affected)
app.command()(engine.engine)
app.add_typer(sandbox.app, name="sandbox")


def main() -> None:
    """Run the command line; ends with the exit code of the error, or 130 when interrupted."""
    try:
        app()
    except (OstiaryError, SandboxError) as error:
        fail(error)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: the same command goes on from here\n")
        raise SystemExit(130) from None
