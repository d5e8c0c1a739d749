"""`ostiary up`: check, preview, apply, and say what exists now."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ostiary.cli.terminal import say, show
from ostiary.cli.workspace import proven_or_exit, resolved_or_exit, workspace_root
from ostiary.deploy.engine import Engine, find_or_install, quiet_environment
from ostiary.deploy.stack import NAMED_LOCATION, POLICY, PROVIDER, Stack, project_apart, stale_lock
from ostiary.errors import OstiaryError, PreflightError
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.transition import transition
from ostiary.report.deployment import deployed
from ostiary.report.transition import on_the_way
from ostiary.sandbox import lifecycle
from ostiary.sandbox.plugin_launchers import LANGUAGE_HOST, install_plugin, write_launchers
from ostiary.spec.workspace import SANDBOX
from ostiary.tenant import credentials, orphans
from ostiary.tenant.client import GraphClient
from ostiary.tenant.held import held

Pair = tuple[tuple[str, str], tuple[str, str]]

# Pulumi's commands that ask no tenant for anything.
_OF_THE_STATE = {"cancel", "stack", "state"}


def up(
    environment: Annotated[str, typer.Argument(help="The environment to deploy.")] = SANDBOX,
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Deploy it to the local sandbox tenant.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Apply to a real tenant without being asked.")
    ] = False,
) -> None:
    """Check, preview and apply one environment, and say what exists then."""
    root = workspace_root()
    say(f"checking and proving the policies of {environment}")
    resolved = proven_or_exit(root, environment)
    local = sandbox or environment == SANDBOX
    with only_one(root, environment):
        stack = stack_of(root, resolved, local=local)
        _apply(stack, resolved, asks=not (local or yes))


def pulumi(
    environment: Annotated[str, typer.Argument(help="The environment whose stack is meant.")],
    arguments: Annotated[list[str], typer.Argument(help="The command, as `stack history`.")],
    *,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="In the local sandbox tenant.")
    ] = False,
) -> None:
    """Run a command of Pulumi's own on an environment's stack, as `up` would run it."""
    root = workspace_root()
    resolved = resolved_or_exit(root, environment)
    stack = stack_of(root, resolved, local=sandbox or environment == SANDBOX)
    stack.select()
    if arguments[0] not in _OF_THE_STATE:
        _see_same_tenant(stack.state(), resolved)
    order = _safe_order(stack, resolved) if arguments[0] in {"up", "update"} else []
    raise SystemExit(stack.run(arguments, order))


def stack_of(root: Path, resolved: Resolved, *, local: bool) -> Stack:
    """Give the stack of an environment, in the sandbox (`local`) or a real tenant."""
    return _stack(root, resolved.environment, environ_of(root, resolved, local=local), local=local)


def environ_of(root: Path, resolved: Resolved, *, local: bool) -> dict[str, str]:
    """Give the variables that lead to the environment's tenant, in the sandbox or for real."""
    return _sandboxed(root, resolved) if local else _real(resolved.environment)


@contextmanager
def only_one(root: Path, environment: str) -> Iterator[None]:
    """Refuse a second run of an environment in this workspace while one is under way."""
    folder = root / ".ostiary"
    folder.mkdir(exist_ok=True)
    with (folder / f"{environment}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OstiaryError(
                f"another run of `{environment}` is under way in this folder",
                hint="wait for it to end",
            ) from None
        yield


def _real(environment: str) -> dict[str, str]:
    found = credentials.require(os.environ, environment)
    say(f"signing in to the tenant with {found}")
    return dict(os.environ)


def _sandboxed(root: Path, resolved: Resolved) -> dict[str, str]:
    """Start the sandbox; gives what points the engine at it, and at no real tenant."""
    running = lifecycle.start(root / ".ostiary" / "sandbox")
    say(f"the sandbox tenant answers at {running.origin}")
    state = root / ".ostiary" / "state"
    state.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ARM_")}
    kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    # Of its own: the stand-in plugin must not be found where a real tenant is meant.
    home = root / ".ostiary" / "pulumi"
    install_plugin(home)
    return {
        **kept,
        **running.environment(resolved.tenant_id),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{state}",
        # It protects nothing: the sandbox's state holds no secret.
        "PULUMI_CONFIG_PASSPHRASE": "sandbox",
        # An assistant's offer behind each warning is no help in a log.
        "PULUMI_SUPPRESS_NEO_LINK": "true",
    }


def _stack(root: Path, environment: str, environ: Mapping[str, str], *, local: bool) -> Stack:
    engine = find_or_install(say, environ=environ)
    if not engine.language_host_included:
        engine, environ = _with_language_host(engine, root / ".ostiary" / "engine", environ)
    project = root
    if local:
        project = root / ".ostiary" / "project"
        project_apart(root, project)
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


def _apply(stack: Stack, resolved: Resolved, *, asks: bool) -> None:
    stack.select()
    if stale_lock(stack.name, stack.environ):
        say("taking away the lock of a run that was interrupted")
        stack.release()
    state = stack.state()
    _see_same_tenant(state, resolved)
    if state["deployment"].get("pending_operations"):
        say("an interrupted run did not record what it was doing; asking the tenant instead")
        stack.forget_pending()
    found = _leftovers(stack, resolved)
    if any(found.imports.values()):
        say("an interrupted run left objects in the tenant; taking them over")
    say(f"previewing {stack.name}")
    changes = stack.preview(found.imports)
    for each in found.twins:
        say(f"a second `{each['displayName']}` ({each['id']}) of the same content is to go")
    if asks and (changes or found.twins):
        _confirm(stack.name, len(changes) + len(found.twins))
    if changes:
        order = _safe_order(stack, resolved)
        say(f"applying to {stack.name}")
        changes = stack.up(found.imports, order)
        if any(change.operation.startswith("create") for change in changes):
            # The provider sends a create again when the answer was lost, and knows of the last.
            found = _leftovers(stack, resolved)
    _delete(stack, resolved, found)
    for line in deployed(resolved, _managed(stack.state())):
        show(line)
    done = changes or found.twins
    say("done" if done else f"nothing changed: {stack.name} is as specified")


def _safe_order(stack: Stack, resolved: Resolved) -> list[Pair]:
    """Prove that no state on the way is worse than both ends; gives the order that it takes.

    Raises PreflightError where no order is safe.
    """
    with closing(GraphClient(resolved.tenant_id, stack.environ)) as client:
        now = held(
            _managed(stack.state()),
            resolved.renamed_from,
            client.policies(),
            client.named_locations(),
        )
    for name in now.unreadable:
        say(f"`{name}` holds what cannot be read here; no protection by it is counted on")
    then = PolicySet(resolved.policies, resolved.named_locations)
    found = transition(now.policy_set, then, resolved.emergency_access, resolved.facts)
    for line in on_the_way(found, resolved):
        say(line)
    if not found.safe:
        raise PreflightError(
            "not proven: the tenant would be less protected on the way than before and after",
            hint="apply it in two steps: first what closes, then what opens",
        )
    return [((first.kind, first.key), (then.kind, then.key)) for first, then in found.order]


def _leftovers(stack: Stack, resolved: Resolved) -> orphans.Orphans:
    with closing(GraphClient(resolved.tenant_id, stack.environ)) as client:
        return orphans.find(
            resolved, _managed(stack.state()), client.policies(), client.named_locations()
        )


def _delete(stack: Stack, resolved: Resolved, found: orphans.Orphans) -> None:
    if not found.twins:
        return
    with closing(GraphClient(resolved.tenant_id, stack.environ)) as client:
        for each in found.twins:
            say(f"deleting a second `{each['displayName']}` ({each['id']}) of the same content")
        for policy in found.twin_policies:
            client.delete_policy(policy["id"])
        for location in found.twin_named_locations:
            client.delete_named_location(location)


def _see_same_tenant(state: Mapping[str, Any], resolved: Resolved) -> None:
    """Refuse to take a stack to another tenant, where its ids mean nothing.

    The engine would find nothing of the stack there, make everything anew, and leave what stands in
    the first tenant to itself.
    """
    for each in state["deployment"].get("resources", []):
        made_for = each.get("inputs", {}).get("tenantId")
        if each["type"] == PROVIDER and made_for not in {None, resolved.tenant_id}:
            raise PreflightError(
                f"`{resolved.environment}` was deployed to tenant {made_for}, and "
                f"environments/{resolved.environment}.yaml now says {resolved.tenant_id}",
                hint="give the other tenant an environment file of its own",
            )


def _managed(state: Mapping[str, Any]) -> orphans.Managed:
    resources = state["deployment"].get("resources", [])

    def ids(kind: str) -> dict[str, str]:
        return {
            each["urn"].rpartition("::")[2]: each["id"].rpartition("/")[2]
            for each in resources
            if each["type"] == kind
        }

    return orphans.Managed(ids(POLICY), ids(NAMED_LOCATION))


def _confirm(environment: str, changes: int) -> None:
    """Have a person type the environment's name; without a terminal, refuse."""
    if not sys.stdin.isatty():
        raise OstiaryError(
            f"{changes} changes to `{environment}` wait for a confirmation",
            hint="there is no terminal to ask on; pass --yes",
        )
    typed = typer.prompt(f"Type {environment} to apply {changes} changes", default="")
    if typed.strip() != environment:
        raise OstiaryError("nothing was applied")
