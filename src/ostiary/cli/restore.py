"""`ostiary snapshot` and `ostiary restore`: keep what a tenant holds, and bring it back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ostiary.apply import managed_by, state_of, target
from ostiary.apply import snapshot as keep
from ostiary.cli.drift import read_tenant
from ostiary.cli.terminal import Format, Output, Sandbox, say, show, show_json
from ostiary.cli.up import confirm, environ_of, only_one, stack_of, tell_order
from ostiary.cli.workspace import resolved_all_or_exit, workspace_root
from ostiary.errors import OstiaryError, PreflightError, ProofError
from ostiary.model.resolve import Resolved
from ostiary.report.restore import restore as told_plan
from ostiary.report.restore import restore_json, told
from ostiary.spec.workspace import SANDBOX
from ostiary.tenant.client import GraphClient
from ostiary.tenant.deviations import Listing
from ostiary.tenant.orphans import Managed
from ostiary.tenant.restore import Plan, Wanted, carry_out, deleted, plan
from ostiary.tenant.snapshots import Snapshots, read

PENDING = 2


def snapshot(
    environment: Annotated[str, typer.Argument(help="The environment whose tenant is meant.")],
    *,
    sandbox: Sandbox = False,
    output: Output = Format.TEXT,
) -> None:
    """Write every policy and named location of a tenant to a file, as `up` does first."""
    root = workspace_root()
    _, (resolved,) = resolved_all_or_exit(root, [environment])
    environ = environ_of(root, resolved, local=sandbox or environment == SANDBOX)
    with closing(GraphClient(resolved.tenant_id, environ)) as client:
        file = Snapshots.of(root, environment).take(client, environment, resolved.tenant_id)
    if output is Format.JSON:
        show_json({"environment": environment, "file": str(file)})
    else:
        show(str(file))


def restore(  # noqa: PLR0913 (each is an option of the command line)
    environment: Annotated[str, typer.Argument(help="The environment whose tenant is meant.")],
    *,
    snapshot: Annotated[
        Path | None,
        typer.Option(help="The snapshot to go back to; by default the last.", dir_okay=False),
    ] = None,
    of_deleted: Annotated[
        bool, typer.Option("--deleted", help="Only bring back what is specified and was deleted.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it; without, it is only told.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it in a real tenant without being asked.")
    ] = False,
    sandbox: Sandbox = False,
    output: Output = Format.TEXT,
) -> None:
    """Tell what brings a tenant back to a snapshot, or what was deleted, and do it with --apply."""
    if of_deleted and snapshot:
        raise typer.BadParameter(
            "restore from a snapshot or what was deleted", param_hint="--deleted"
        )
    root = workspace_root()
    workspace, (resolved,) = resolved_all_or_exit(root, [environment])
    snapshots = Snapshots.of(root, environment)
    local = sandbox or environment == SANDBOX
    with only_one(root, environment):
        stack = stack_of(root, resolved, local=local)
        managed = managed_by(state_of(stack, resolved))
        with target(stack, resolved, say) as of:
            client = of.client
            wanted = None if of_deleted else _of_snapshot(resolved, snapshots, snapshot)
            say(f"reading the tenant of {environment}")
            unmanaged = workspace.environments[environment].spec.unmanaged
            listing = read_tenant(client, resolved, managed, unmanaged, local=local)
            found = _planned(client, resolved, managed, listing, wanted)
            names = _names(resolved, listing)
            if output is Format.JSON:
                show_json(restore_json(found, names))
            else:
                for line in told_plan(found, names):
                    show(line)
            _see_safe(found, resolved)
            if not (found.steps or found.ids):
                return
            if not apply:
                raise SystemExit(PENDING)
            if not (local or yes):
                confirm(environment, len(found.steps))
            keep(of, snapshots)
            ids = dict(found.ids)
            try:
                carry_out(found.steps, client, ids, lambda step: say(f"done: {told(step)}"))
            finally:
                # The stack goes on managing what was made anew.
                if ours := {old: new for old, new in ids.items() if old in managed.ids}:
                    stack.replace_ids(ours)
    say(f"done; `ostiary drift {environment}` shows where the tenant differs from the files")


def _of_snapshot(resolved: Resolved, snapshots: Snapshots, file: Path | None) -> Wanted:
    if file is None:
        files = snapshots.files()
        if not files:
            raise OstiaryError(
                f"there is no snapshot in {snapshots.folder}",
                hint="`ostiary restore ENVIRONMENT --deleted` needs none",
            )
        file = files[-1]
    of = read(file)
    if of.tenant_id != resolved.tenant_id:
        raise PreflightError(f"{file} is of tenant {of.tenant_id}, not {resolved.tenant_id}")
    say(f"going back to {of.taken_at:%Y-%m-%d %H:%M:%S} UTC, {file}")
    return Wanted(of.policies, of.named_locations)


def _planned(
    client: GraphClient,
    resolved: Resolved,
    managed: Managed,
    listing: Listing,
    wanted: Wanted | None,
) -> Plan:
    """Find the steps; `wanted` is None for what was deleted."""
    if listing.unsettled:
        raise OstiaryError(
            f"unsettled: Graph gives two answers for {len(listing.unsettled)} objects",
            hint="try again in some minutes",
        )
    listing = Listing(listing.policies, listing.named_locations, client.all_deleted())
    say("comparing")
    return plan(resolved, managed, listing, wanted or deleted(resolved, managed, listing))


def _see_safe(found: Plan, resolved: Resolved) -> None:
    if found.opened:
        raise ProofError(
            "nothing was changed: a goal that is proven now would not be proven then",
            hint="restore another snapshot, or what is missing by `ostiary up`",
        )
    if found.steps:
        tell_order(resolved)(found.transition)
    if not found.transition.safe:
        raise PreflightError(
            "nothing was changed: the tenant would be less protected on the way than at both ends"
        )


def _names(resolved: Resolved, listing: Listing) -> Mapping[str, str]:
    return {each["id"]: each["displayName"] for each in listing.named_locations} | dict(
        resolved.names
    )
