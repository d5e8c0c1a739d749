"""`ostiary drift`: where a tenant is not as specified, and what that does to sign-ins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Annotated

import typer

from ostiary.apply import applied_by, managed_by, state_of
from ostiary.cli.terminal import Format, Output, Sandbox, say, show, show_json
from ostiary.cli.up import only_one, stack_of
from ostiary.cli.workspace import report as report_diagnostics
from ostiary.cli.workspace import resolved_all_or_exit, today, workspace_root
from ostiary.errors import DiagnosticsError, OstiaryError, TenantError
from ostiary.model.graph import Collection
from ostiary.model.resolve import Resolved
from ostiary.model.written import Table, Tables
from ostiary.report import drift as report
from ostiary.spec.environment import UnmanagedSpec
from ostiary.spec.workspace import SANDBOX, Workspace
from ostiary.tenant.accept import Answer, accepted
from ostiary.tenant.adopt import write
from ostiary.tenant.audit import last_changes
from ostiary.tenant.client import GraphClient
from ostiary.tenant.deviations import Drift, Drifted, Listing, Object
from ostiary.tenant.directory import Directory
from ostiary.tenant.drift import deviating
from ostiary.tenant.drift import drift as compared
from ostiary.tenant.known_names import known_names
from ostiary.tenant.orphans import Managed
from ostiary.tenant.settled import settled

DRIFT, UNSETTLED = 2, 1
# Seconds at most between two readings that gave different answers.
_LONGEST = 8


def drift(
    environment: Annotated[str, typer.Argument(help="The environment whose tenant is meant.")],
    *,
    sandbox: Sandbox = False,
    accept: Annotated[
        str | None,
        typer.Option(help="Make what the tenant holds of this the specification.", metavar="KEY"),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Who answers for an exclusion that is accepted.")
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Show where a tenant is not as specified, what that opened or closed, and who changed it."""
    root = workspace_root()
    workspace, (resolved,) = resolved_all_or_exit(root, [environment])
    unmanaged = workspace.environments[environment].spec.unmanaged
    local = sandbox or environment == SANDBOX
    with only_one(root, environment):
        stack = stack_of(root, resolved, local=local)
        state = state_of(stack, resolved)
        with closing(GraphClient(resolved.tenant_id, stack.environ)) as client:
            managed = managed_by(state, stack.unanswered())
            say(f"reading the tenant of {environment}")
            listing = read_tenant(client, resolved, managed, unmanaged, local=local)
            say("comparing")
            found = compared(
                resolved, managed, listing, applied=applied_by(state), unmanaged=unmanaged
            )
            if accept is not None:
                _accept(workspace, resolved, _named(found, accept), owner, client)
                return
            found, audited = _with_touches(client, found)
    if output is Format.JSON:
        show_json(report.drift_json(found, environment, audited=audited))
    else:
        for line in report.drift(found, environment, audited=audited):
            show(line)
    if found.drifted or found.not_applied:
        raise SystemExit(DRIFT)
    if found.unsettled:
        raise SystemExit(UNSETTLED)


def read_tenant(
    client: GraphClient,
    resolved: Resolved,
    managed: Managed,
    unmanaged: list[UnmanagedSpec],
    *,
    local: bool,
) -> Listing:
    """Read a tenant until its answers agree, and what was deleted if something is missing."""

    def wait(number: int) -> None:
        say(f"Graph gives two answers; reading again ({number})")
        if not local:  # the sandbox changes its mind by reads, not by seconds
            time.sleep(min(2**number, _LONGEST))

    ours: Mapping[str, Collection] = {
        **dict.fromkeys(managed.policies.values(), "policies"),
        **dict.fromkeys(managed.named_locations.values(), "namedLocations"),
    }
    listing = settled(
        client, ours, lambda listed: deviating(resolved, managed, listed, unmanaged), wait
    )
    there = {each["id"] for each in (*listing.policies, *listing.named_locations)}
    if ours.keys() <= there:
        return listing
    try:
        deleted = client.all_deleted()
    except TenantError as error:
        say(f"what was deleted is not known: {error}")
        return replace(listing, deleted=None)
    return replace(listing, deleted=deleted)


def _named(found: Drift, key: str) -> Object:
    """Give what the tenant holds under a key; raises OstiaryError where that is not to be had."""
    if found.unsettled:
        raise OstiaryError("unsettled: Graph gives two answers", hint="try again in some minutes")
    for each in found.drifted:
        if each.key == key and each.found is not None:
            return each.found
    reasons: dict[str | None, str] = {
        **{each.key: "differs in spelling only" for each in found.spelled},
        **{each.key: "was not applied yet" for each in found.not_applied},
        **{each.key: f"is {each.unreadable or each.kind}" for each in found.drifted if each.key},
    }
    changed = [f"`{each.key}`" for each in found.drifted if each.found is not None]
    raise OstiaryError(
        f"`{key}` {reasons.get(key, 'did not change')}, so there is nothing to accept",
        hint=f"what can be accepted: {', '.join(changed) or 'nothing'}",
    )


def _accept(
    workspace: Workspace, resolved: Resolved, found: Object, owner: str | None, client: GraphClient
) -> None:
    def directory(asked: Mapping[Table, Iterable[str]]) -> Tables:
        known = known_names(Directory(client.graph), asked)
        for refused in known.refused:
            say(f"some names are not known: {refused}")
        return known.tables

    say(f"proving the goals with `{found.key}` as the tenant has it")
    try:
        made = accepted(workspace, resolved, found, Answer(owner, today()), directory)
    except DiagnosticsError as error:
        report_diagnostics(error.diagnostics)
        say("nothing was written: the files would not be valid")
        raise SystemExit(error.exit_code) from None
    write(workspace.root, made.files)
    for path in made.files:
        show(f"wrote {path}")
    if made.others:
        say(f"it counts in {', '.join(made.others)} too, once they are applied")


def _with_touches(client: GraphClient, found: Drift) -> tuple[Drift, bool]:
    """Add who changed what; tells also whether the audit log may be read."""
    touches = last_changes(client.graph, [each.id for each in found.drifted])

    def touched(of: Drifted) -> Drifted:
        return replace(of, touched=(touches or {}).get(of.id.lower()))

    return replace(found, drifted=tuple(map(touched, found.drifted))), touches is not None
