"""The command `ostiary`: the only place that prints and exits."""

from __future__ import annotations

import sys
from typing import cast

import typer

from ostiary.cli import affected, engine, sandbox, up, workspace
from ostiary.cli.terminal import fail
from ostiary.errors import OstiaryError
from ostiary.sandbox.lifecycle import SandboxError

USAGE, INTERRUPTED = 64, 130
# Typer exports one of the ways in which a command cannot be understood; all share its base.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])

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
    """Run the command line; ends with the exit code of what went wrong.

    64 for a command that cannot be understood, 130 when interrupted, else the error's own.
    """
    try:
        status = app(standalone_mode=False)
    except _UsageError as error:
        error.show()
        raise SystemExit(USAGE) from None
    except (OstiaryError, SandboxError) as error:
        fail(error)
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("\ninterrupted: the same command goes on from here\n")
        raise SystemExit(INTERRUPTED) from None
    raise SystemExit(status)
