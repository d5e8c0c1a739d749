"""`ostiary up`: check, preview, apply, and say what exists now."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ostiary.apply import (
    Applied,
    Say,
    apply,
    leftovers,
    ready,
    safe_order,
    see_same_tenant,
    snapshot,
    target,
)
from ostiary.cli.furnish import furnish
from ostiary.cli.preflight_told import tell_preflight
from ostiary.cli.terminal import Format, Output, Sandbox, say, show, show_json
from ostiary.cli.workspace import proven_or_exit, resolved_or_exit, workspace_root
from ostiary.deploy.engine import Engine, find_or_install, quiet_environment
from ostiary.deploy.stack import Stack, project_apart
from ostiary.errors import OstiaryError
from ostiary.model.resolve import Resolved
from ostiary.proof.transition import Transition
from ostiary.report.deployment import deployed, deployed_json
from ostiary.report.transition import on_the_way
from ostiary.sandbox import lifecycle
from ostiary.sandbox.plugin_launchers import LANGUAGE_HOST, install_plugin, write_launchers
from ostiary.spec.workspace import SANDBOX
from ostiary.tenant import credentials
from ostiary.tenant.snapshots import Snapshots

# Pulumi's commands that ask no tenant for anything.
_OF_THE_STATE = {"cancel", "stack", "state"}


def up(
    environment: Annotated[str, typer.Argument(help="The environment to deploy.")] = SANDBOX,
    *,
    sandbox: Sandbox = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Apply to a real tenant without being asked.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Check, preview and apply one environment, and say what exists then."""
    root = workspace_root()
    say(f"checking and proving the policies of {environment}")
    resolved = proven_or_exit(root, environment)
    local = sandbox or environment == SANDBOX
    with only_one(root, environment):
        stack = stack_of(root, resolved, local=local)
        done = _applied(root, stack, resolved, output, asks=not (local or yes))
    if output is Format.JSON:
        show_json(deployed_json(resolved, done.managed, done.changes, done.twins))
    else:
        for line in deployed(resolved, done.managed):
            show(line)
    say("done" if done.changed else f"nothing changed: {environment} is as specified")


def pulumi(
    environment: Annotated[str, typer.Argument(help="The environment whose stack is meant.")],
    arguments: Annotated[list[str], typer.Argument(help="The command, as `stack history`.")],
    *,
    sandbox: Sandbox = False,
) -> None:
    """Run a command of Pulumi's own on an environment's stack, as `up` would run it."""
    root = workspace_root()
    resolved = resolved_or_exit(root, environment)
    stack = stack_of(root, resolved, local=sandbox or environment == SANDBOX)
    stack.select()
    if arguments[0] in _OF_THE_STATE:
        raise SystemExit(stack.run(arguments))
    see_same_tenant(stack.state(), resolved)
    if arguments[0] not in {"up", "update"}:
        raise SystemExit(stack.run(arguments))
    with target(stack, resolved, say) as of:
        managed, listed = ready(of, tell_preflight(root))
        order = safe_order(of, managed, listed, tell_order(resolved))
        found = leftovers(of, managed, listed)
        snapshot(of, Snapshots.of(root, environment))
    raise SystemExit(stack.run(arguments, order, found.imports))


def stack_of(root: Path, resolved: Resolved, *, local: bool) -> Stack:
    """Give the stack of an environment, in the sandbox (`local`) or a real tenant."""
    return _stack(root, resolved.environment, environ_of(root, resolved, local=local), local=local)


def environ_of(root: Path, resolved: Resolved, *, local: bool) -> dict[str, str]:
    """Give the variables that lead to the environment's tenant, in the sandbox or for real."""
    if not local:
        return _real(resolved.environment)
    running = start_sandbox(root)
    furnish(running, resolved)
    return sandboxed(root, running, resolved.tenant_id)


def environ_for(root: Path, environment: str, tenant_id: str, *, local: bool) -> dict[str, str]:
    """Give the variables that lead to a tenant; `environment` is what it is called here."""
    return sandboxed(root, start_sandbox(root), tenant_id) if local else _real(environment)


@contextmanager
def only_one(
    root: Path, environment: str, *, patience: float = 0.0, wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Refuse a second run of an environment in this workspace while one is under way.

    Unless that ends within `patience` seconds; `wait` is called once if there is one.
    """
    folder = root / ".ostiary"
    folder.mkdir(exist_ok=True)
    ends = time.monotonic() + patience
    waits = False
    with (folder / f"{environment}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= ends:
                    raise OstiaryError(
                        f"another run of `{environment}` is under way in this folder",
                        hint="wait for it to end",
                    ) from None
            if not waits:
                wait()
                waits = True
            time.sleep(0.1)
        yield


def _real(environment: str) -> dict[str, str]:
    found = credentials.require(os.environ, environment)
    say(f"signing in to the tenant with {found}")
    return dict(os.environ)


def start_sandbox(root: Path) -> lifecycle.Running:
    """Start the sandbox of a workspace, if it does not run."""
    running = lifecycle.start(root / ".ostiary" / "sandbox")
    say(f"the sandbox tenant answers at {running.origin}")
    # A home of its own: the stand-in plugin must not be found where a real tenant is meant.
    install_plugin(root / ".ostiary" / "pulumi")
    return running


def sandboxed(root: Path, running: lifecycle.Running, tenant_id: str) -> dict[str, str]:
    """Give what points the engine at a tenant of the sandbox, and at no real one."""
    state = root / ".ostiary" / "state"
    state.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ARM_")}
    kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    return {
        **kept,
        **running.environment(tenant_id),
        "PULUMI_HOME": str(root / ".ostiary" / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{state}",
        # It protects nothing: the sandbox's state holds no secret.
        "PULUMI_CONFIG_PASSPHRASE": "sandbox",
        # An assistant's offer behind each warning is no help in a log.
        "PULUMI_SUPPRESS_NEO_LINK": "true",
    }


def project_of(root: Path, *, local: bool) -> Path:
    """Give the folder whose Pulumi.yaml a stack belongs to, made if it is the sandbox's."""
    if not local:
        return root
    project = root / ".ostiary" / "project"
    project_apart(root, project)
    return project


def _stack(root: Path, environment: str, environ: Mapping[str, str], *, local: bool) -> Stack:
    engine = find_or_install(say, environ=environ)
    if not engine.language_host_included:
        engine, environ = _with_language_host(engine, root / ".ostiary" / "engine", environ)
    project = project_of(root, local=local)
    return Stack(engine, project, environment, quiet_environment(environ))


def _with_language_host(
    engine: Engine, folder: Path, environ: Mapping[str, str]
) -> tuple[Engine, Mapping[str, str]]:
    """Put the stand-in where the engine finds it: beside itself, or else on PATH with a warning.

    The engine goes by its own path, so a second name for it has other neighbours.
    """
    write_launchers(folder, (LANGUAGE_HOST,))
    command = folder / engine.command.name
    try:
        if not (command.exists() and command.samefile(engine.command)):
            command.unlink(missing_ok=True)
            command.hardlink_to(engine.command.resolve())
    except OSError:  # on another file system, or another user's
        path = environ.get("PATH", os.defpath)
        return engine, {**environ, "PATH": os.pathsep.join([str(folder), path])}
    return replace(engine, command=command), environ


def _applied(
    root: Path, stack: Stack, resolved: Resolved, output: Format, *, asks: bool
) -> Applied:
    told = show
    if output is Format.JSON:  # results are all that stands in the way of people
        stack, told = replace(stack, output=sys.stderr.fileno()), say

    def confirmed(changes: int) -> None:
        if asks:
            confirm(stack.name, changes)

    with target(stack, resolved, say) as of:
        return apply(
            of,
            snapshots=Snapshots.of(root, stack.name),
            tell_preflight=tell_preflight(root, show=told),
            tell_order=tell_order(resolved),
            confirm=confirmed,
        )


def tell_order(resolved: Resolved, say: Say = say) -> Callable[[Transition], None]:
    """Give what words the order that an apply takes."""

    def tell(found: Transition) -> None:
        for line in on_the_way(found, resolved):
            say(line)

    return tell


def confirm(environment: str, changes: int) -> None:
    """Have a person type the environment's name; without a terminal, refuse."""
    if not sys.stdin.isatty():
        raise OstiaryError(
            f"{changes} changes to `{environment}` wait for a confirmation",
            hint="there is no terminal to ask on; pass --yes",
        )
    typed = typer.prompt(f"Type {environment} to apply {changes} changes", default="")
    if typed.strip() != environment:
        raise OstiaryError("nothing was applied")
