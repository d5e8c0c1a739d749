"""One apply, step by step: whoever applies an environment to its tenant does it in this order.

Nothing is written to the tenant before everything that can be asked has been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ostiary.deploy.planned import Resource, planned, sent
from ostiary.deploy.stack import (
    NAMED_LOCATION,
    POLICY,
    PROVIDER,
    Change,
    Order,
    Stack,
    lock_holder,
    stale_lock,
)
from ostiary.errors import PreflightError
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.transition import Transition, transition
from ostiary.tenant import orphans
from ostiary.tenant.client import GraphClient
from ostiary.tenant.held import held
from ostiary.tenant.patience import Clock
from ostiary.tenant.preflight.run import preflight
from ostiary.tenant.preflight.values import Listed, Preflight, Recorded
from ostiary.tenant.snapshots import Snapshots

# Gets one line for each step that takes time.
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Target:
    """An environment's stack and tenant, while they are worked on."""

    stack: Stack
    resolved: Resolved
    client: GraphClient
    say: Say


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
    """What an apply did, how many twins it deleted, and what the stack holds now."""

    changes: Sequence[Change]
    twins: int
    managed: orphans.Managed

    @property
    def changed(self) -> bool:
        """Tell whether anything was done."""
        return bool(self.changes or self.twins)


@contextmanager
def target(
    stack: Stack, resolved: Resolved, say: Say, *, clock: Clock | None = None
) -> Iterator[Target]:
    """Connect to an environment's tenant for as long as it is worked on.

    `clock` is asked to wait where Graph takes no request yet.
    """
    with closing(GraphClient(resolved.tenant_id, stack.environ, clock=clock)) as client:
        yield Target(stack, resolved, client, say)


def state_of(stack: Stack, resolved: Resolved) -> Mapping[str, Any]:
    """Give a stack's state, made if there is none; raises PreflightError for another tenant's."""
    stack.select()
    state = stack.state()
    see_same_tenant(state, resolved)
    return state


def apply(
    of: Target,
    *,
    snapshots: Snapshots,
    tell_preflight: Callable[[Preflight], None],
    tell_order: Callable[[Transition], None],
    confirm: Callable[[int], None] = lambda _changes: None,
) -> Applied:
    """Bring a tenant to what is specified and proven; the same call goes on after an interrupt.

    `snapshots` gets one of the tenant before it is written to.  `confirm` gets the number of
    changes before the first is made, and raises to stop.  Raises
    OstiaryError of every kind; what was applied until then is in the state.
    """
    managed, listed = ready(of, tell_preflight)
    todo = plan(of, managed, listed)
    if todo.size:
        confirm(todo.size)
        snapshot(of, snapshots)
    # Nothing was written to the tenant up to here.
    changes, found = todo.changes, todo.found
    if changes:
        order = safe_order(of, managed, listed, tell_order)
        of.say(f"applying to {of.stack.name}")
        changes = of.stack.up(found.imports, order)
        managed = managed_by(of.stack.state(), of.stack.unanswered())
        if any(change.operation.startswith("create") for change in changes):
            # The provider sends a create again when the answer was lost, and knows of the last.
            found = leftovers(of, managed, listed_by(of))
    _delete(of, found)
    if managed.sent:
        of.stack.forget()
    return Applied(changes, len(found.twins), managed)


def ready(
    of: Target, tell_preflight: Callable[[Preflight], None]
) -> tuple[orphans.Managed, Listed]:
    """Mend the state and look at the tenant; gives what the state and the tenant hold then.

    Raises PreflightError where something forbids to go on.
    """
    recorded = prepare(of)
    listed = cleared(of, recorded, tell_preflight)
    if recorded.managed.ids <= listed.ids:
        return recorded.managed, listed
    # What is gone and not specified any more is no change to the engine, which keeps it.
    of.say("the state holds what the tenant does not; reading it anew")
    of.stack.refresh()
    return managed_by(of.stack.state(), of.stack.unanswered()), listed


def prepare(of: Target) -> Recorded:
    """Mend what an interrupted run left in the state; gives what the state says then.

    Raises PreflightError for a stack of another tenant.
    """
    stack = of.stack
    stack.select()
    if stale_lock(stack.name, stack.environ):
        of.say("taking away the lock of a run that was interrupted")
        stack.release()
    state = stack.state()
    see_same_tenant(state, of.resolved)
    recorded = recorded_in(state, stack)
    if state["deployment"].get("pending_operations") and not recorded.lock:
        of.say("an interrupted run did not record what it was doing; asking the tenant instead")
        # What it was about to create is forgotten when that has been found and dealt with.
        stack.refresh(forget=not recorded.managed.sent)
        return recorded_in(stack.state(), stack)
    return recorded


def cleared(of: Target, recorded: Recorded, tell: Callable[[Preflight], None]) -> Listed:
    """Hold the tenant against preflight, and give what it lists; `tell` gets what was found.

    Raises PreflightError and ProofError where nothing may be written.
    """
    of.say(f"looking at the tenant of {of.stack.name}")
    found = preflight(of.resolved, of.client, of.stack.environ, recorded)
    tell(found)
    found.stop()
    return found.listed


def listed_by(of: Target) -> Listed:
    """Read what the tenant holds."""
    return Listed(tuple(of.client.policies()), tuple(of.client.named_locations()))


def plan(of: Target, managed: orphans.Managed, listed: Listed) -> Plan:
    """Say what there is to do, and change nothing."""
    found = leftovers(of, managed, listed)
    if any(found.imports.values()):
        of.say("an interrupted run left objects in the tenant; taking them over")
    of.say(f"previewing {of.stack.name}")
    changes = of.stack.preview(found.imports)
    for change in changes:
        if change.operation.startswith("delete"):
            ids = managed.policies if change.type == POLICY else managed.named_locations
            of.say(f"`{change.name}` ({ids.get(change.name, 'unknown')}) is to be deleted")
    for each in found.twins:
        of.say(f"`{each['displayName']}` ({each['id']}), left by an interrupted run, is to go")
    return Plan(changes, found)


def snapshot(of: Target, snapshots: Snapshots) -> None:
    """Keep what the tenant holds before it is written to."""
    file = snapshots.take(of.client, of.resolved.environment, of.resolved.tenant_id)
    of.say(f"what the tenant holds now is in {file}")


def safe_order(
    of: Target, managed: orphans.Managed, listed: Listed, tell: Callable[[Transition], None]
) -> Order:
    """Prove that no state on the way is worse than both ends; gives the order that it takes.

    `tell` gets what was found.  Raises PreflightError where no order is safe.
    """
    resolved = of.resolved
    now = held(managed, resolved.renamed_from, listed.policies, listed.named_locations)
    for name in now.unreadable:
        of.say(f"`{name}` holds what cannot be read here; no protection by it is counted on")
    then = PolicySet(resolved.policies, resolved.named_locations)
    found = transition(now.policy_set, then, resolved.emergency_access, resolved.facts)
    tell(found)
    if not found.safe:
        raise PreflightError(
            "not proven: the tenant would be less protected on the way than before and after",
            hint="apply it in two steps: first what closes, then what opens",
        )
    return [((first.kind, first.key), (then.kind, then.key)) for first, then in found.order]


def leftovers(of: Target, managed: orphans.Managed, listed: Listed) -> orphans.Orphans:
    """Find what the tenant holds of ours and the state does not know."""
    return orphans.find(of.resolved, managed, listed.policies, listed.named_locations)


def see_same_tenant(state: Mapping[str, Any], resolved: Resolved) -> None:
    """Refuse to take a stack to another tenant, where its ids mean nothing.

    The engine would find nothing of the stack there, make everything anew, and leave what stands in
    the first tenant to itself.
    """
    for made_for in sorted(_tenants(state) - {resolved.tenant_id}):
        raise PreflightError(
            f"`{resolved.environment}` was deployed to tenant {made_for}, and "
            f"environments/{resolved.environment}.yaml now says {resolved.tenant_id}",
            hint="give the other tenant an environment file of its own",
        )


def recorded_in(state: Mapping[str, Any], stack: Stack) -> Recorded:
    """Read from a stack's state what preflight asks of it."""
    written = state["deployment"].get("manifest", {}).get("time")
    return Recorded(
        managed_by(state, stack.unanswered()),
        _tenants(state),
        datetime.fromisoformat(written) if written else None,
        lock_holder(stack.name, stack.environ),
    )


def _tenants(state: Mapping[str, Any]) -> frozenset[str]:
    resources = state["deployment"].get("resources", [])
    providers = (each.get("inputs", {}) for each in resources if each["type"] == PROVIDER)
    return frozenset(each["tenantId"] for each in providers if each.get("tenantId"))


def managed_by(
    state: Mapping[str, Any], unanswered: Iterable[Mapping[str, Any]] = ()
) -> orphans.Managed:
    """Read from a stack's state which objects of the tenant are its own.

    `unanswered` are creates of which it says nothing.
    """
    deployment = state["deployment"]
    resources = deployment.get("resources", [])

    def ids(kind: str) -> dict[str, str]:
        return {
            each["urn"].rpartition("::")[2]: each["id"].rpartition("/")[2]
            for each in resources
            if each["type"] == kind
        }

    pending = [
        each["resource"]
        for each in deployment.get("pending_operations") or ()
        if each["type"] == "creating"
    ]
    return orphans.Managed(
        ids(POLICY),
        ids(NAMED_LOCATION),
        frozenset(
            sent(
                Resource(each["urn"], each["type"], "", each["inputs"])
                for each in [*pending, *unanswered]
            )
        ),
    )


def applied_by(state: Mapping[str, Any]) -> PolicySet:
    """Read from a stack's state what was applied last, by the names of its resources."""
    found = planned(
        Resource(each["urn"], each["type"], each["urn"].rpartition("::")[2], each["outputs"])
        for each in state["deployment"].get("resources", [])
        if each["type"] in {POLICY, NAMED_LOCATION} and "outputs" in each
    )
    return PolicySet(found.policies, found.named_locations)


def _delete(of: Target, found: orphans.Orphans) -> None:
    for each in found.twins:
        of.say(f"deleting `{each['displayName']}` ({each['id']}), left by an interrupted run")
    for policy in found.twin_policies:
        of.client.delete_policy(policy["id"])
    for location in found.twin_named_locations:
        of.client.delete_named_location(location)
