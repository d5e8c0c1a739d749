"""One apply, step by step: whoever applies an environment to its tenant does it in this order.

Nothing is written to the tenant before everything that can be asked has been asked.  `say` gets one
line for each step that takes time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ostiary.deploy.stack import (
    NAMED_LOCATION,
    POLICY,
    PROVIDER,
    Change,
    Order,
    Stack,
    stale_lock,
)
from ostiary.errors import PreflightError
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.transition import Transition, transition
from ostiary.tenant import orphans
from ostiary.tenant.client import GraphClient
from ostiary.tenant.held import held

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply is going to do: the engine's changes, and what is in the tenant besides."""

    changes: Sequence[Change]
    found: orphans.Orphans

    @property
    def size(self) -> int:
        """How many objects it changes."""
        return len(self.changes) + len(self.found.twins)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did, how many superfluous copies it deleted, and what the stack holds now."""

    changes: Sequence[Change]
    twins: int
    managed: orphans.Managed


def apply(
    stack: Stack,
    resolved: Resolved,
    *,
    say: Say,
    tell_order: Callable[[Transition], None],
    confirm: Callable[[int], None] = lambda _changes: None,
) -> Applied:
    """Bring a tenant to what is specified and proven; the same call goes on after an interrupt.

    `confirm` gets the number of changes before the first is made, and raises to stop.  Raises
    OstiaryError of every kind; what was applied until then is in the state.
    """
    prepare(stack, resolved, say)
    planned = plan(stack, resolved, say)
    if planned.size:
        confirm(planned.size)
    # Nothing was written to the tenant up to here.
    changes, found = planned.changes, planned.found
    if changes:
        order = safe_order(stack, resolved, say, tell_order)
        say(f"applying to {stack.name}")
        changes = stack.up(found.imports, order)
        if any(change.operation.startswith("create") for change in changes):
            # The provider sends a create again when the answer was lost, and knows of the last.
            found = leftovers(stack, resolved)
    _delete(stack, resolved, found, say)
    return Applied(changes, len(found.twins), managed_by(stack.state()))


def prepare(stack: Stack, resolved: Resolved, say: Say) -> None:
    """Mend what an interrupted run left in the state; raises PreflightError for another tenant."""
    stack.select()
    if stale_lock(stack.name, stack.environ):
        say("taking away the lock of a run that was interrupted")
        stack.release()
    state = stack.state()
    see_same_tenant(state, resolved)
    if state["deployment"].get("pending_operations"):
        say("an interrupted run did not record what it was doing; asking the tenant instead")
        stack.forget_pending()


def plan(stack: Stack, resolved: Resolved, say: Say) -> Plan:
    """Say what there is to do, and change nothing."""
    found = leftovers(stack, resolved)
    if any(found.imports.values()):
        say("an interrupted run left objects in the tenant; taking them over")
    say(f"previewing {stack.name}")
    changes = stack.preview(found.imports)
    for each in found.twins:
        say(f"a second `{each['displayName']}` ({each['id']}) of the same content is to go")
    return Plan(changes, found)


def safe_order(
    stack: Stack, resolved: Resolved, say: Say, tell: Callable[[Transition], None]
) -> Order:
    """Prove that no state on the way is worse than both ends; gives the order that it takes.

    `tell` gets what was found.  Raises PreflightError where no order is safe.
    """
    with closing(GraphClient(resolved.tenant_id, stack.environ)) as client:
        now = held(
            managed_by(stack.state()),
            resolved.renamed_from,
            client.policies(),
            client.named_locations(),
        )
    for name in now.unreadable:
        say(f"`{name}` holds what cannot be read here; no protection by it is counted on")
    then = PolicySet(resolved.policies, resolved.named_locations)
    found = transition(now.policy_set, then, resolved.emergency_access, resolved.facts)
    tell(found)
    if not found.safe:
        raise PreflightError(
            "not proven: the tenant would be less protected on the way than before and after",
            hint="apply it in two steps: first what closes, then what opens",
        )
    return [((first.kind, first.key), (then.kind, then.key)) for first, then in found.order]


def leftovers(stack: Stack, resolved: Resolved) -> orphans.Orphans:
    """Find what the tenant holds of ours and the state does not know."""
    with closing(GraphClient(resolved.tenant_id, stack.environ)) as client:
        return orphans.find(
            resolved, managed_by(stack.state()), client.policies(), client.named_locations()
        )


def see_same_tenant(state: Mapping[str, Any], resolved: Resolved) -> None:
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


def managed_by(state: Mapping[str, Any]) -> orphans.Managed:
    """Read from a stack's state which objects of the tenant are its own."""
    resources = state["deployment"].get("resources", [])

    def ids(kind: str) -> dict[str, str]:
        return {
            each["urn"].rpartition("::")[2]: each["id"].rpartition("/")[2]
            for each in resources
            if each["type"] == kind
        }

    return orphans.Managed(ids(POLICY), ids(NAMED_LOCATION))


def _delete(stack: Stack, resolved: Resolved, found: orphans.Orphans, say: Say) -> None:
    if not found.twins:
        return
    with closing(GraphClient(resolved.tenant_id, stack.environ)) as client:
        for each in found.twins:
            say(f"deleting a second `{each['displayName']}` ({each['id']}) of the same content")
        for policy in found.twin_policies:
            client.delete_policy(policy["id"])
        for location in found.twin_named_locations:
            client.delete_named_location(location)
