"""`ostiary sandbox`: a tenant on this machine to try things in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.terminal import Format, Output, show, show_json
from ostiary.errors import OstiaryError
from ostiary.sandbox import SandboxError, lifecycle

app = typer.Typer(
    name="sandbox",
    help="Run a local Microsoft Graph: a tenant that exists only on this machine.",
    no_args_is_help=True,
)

Home = Annotated[
    Path,
    typer.Option(help="The folder that holds its state and certificates.", show_default=True),
]
Tenant = Annotated[str, typer.Argument(help="The tenant's id, any GUID.", metavar="TENANT_ID")]
DEFAULT_HOME = Path(".ostiary/sandbox")


@app.command(epilog="Example: ostiary sandbox start")
def start(
    home: Home = DEFAULT_HOME,
    port: Annotated[
        int,
        typer.Option(help="Where to listen; 0 is the port of last time if free, else any.", min=0),
    ] = 0,
    output: Output = Format.TEXT,
) -> None:
    """Start the sandbox, unless it runs already."""
    with _reported():
        running = lifecycle.start(home, port=port)
    _show(running, output)


@app.command(epilog="Example: ostiary sandbox status --format json")
def status(home: Home = DEFAULT_HOME, output: Output = Format.TEXT) -> None:
    """Say whether the sandbox runs, and where; ends with 1 if it does not."""
    running = lifecycle.status(home)
    if running:
        _show(running, output)
        return
    if output is Format.JSON:
        show_json({"running": False})
    else:
        show(f"no sandbox runs in {home}")
    raise typer.Exit(1)


@app.command(epilog="Example: ostiary sandbox env 7b1c6b0e-0000-4000-8000-2f7f9f0c1d55")
def env(tenant: Tenant, home: Home = DEFAULT_HOME, output: Output = Format.TEXT) -> None:
    """Print the shell's `export` lines that point the azuread provider at a tenant.

    They hold the client secret of the sandbox, which opens nothing else.
    """
    running = lifecycle.status(home)
    if running is None:
        raise OstiaryError(f"no sandbox runs in `{home}`", hint="run `ostiary sandbox start`")
    with _reported():
        variables = running.environment(tenant)
    if output is Format.JSON:
        show_json(variables)
        return
    for name, value in variables.items():
        show(f"export {name}={shlex.quote(value)}")


@app.command(epilog="Example: ostiary sandbox reset --tenant 7b1c6b0e-0000-4000-8000-2f7f9f0c1d55")
def reset(
    home: Home = DEFAULT_HOME,
    tenant: Annotated[
        str | None, typer.Option(help="Forget this tenant only.", metavar="TENANT_ID")
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Forget every tenant and every fault, or one tenant."""
    with _reported():
        lifecycle.reset(home, tenant)
    if output is Format.JSON:
        show_json({"reset": [tenant] if tenant else "all"})
    else:
        show(f"tenant {tenant} is empty" if tenant else "all tenants are empty")


@app.command(epilog="Example: ostiary sandbox stop")
def stop(home: Home = DEFAULT_HOME, output: Output = Format.TEXT) -> None:
    """Stop the sandbox; its state stays."""
    with _reported():
        stopped = lifecycle.stop(home)
    if output is Format.JSON:
        show_json({"stopped": stopped})
    else:
        show("the sandbox has stopped" if stopped else "no sandbox was running")


def _show(running: lifecycle.Running, output: Format) -> None:
    if output is Format.JSON:
        show_json({"running": True, "origin": running.origin, "process": running.pid})
    else:
        show(f"the sandbox listens on {running.origin}, process {running.pid}")


@contextmanager
def _reported() -> Iterator[None]:
    """Report what the sandbox could not do as every other command reports it."""
    try:
        yield
    except SandboxError as error:
        raise OstiaryError(str(error)) from error
