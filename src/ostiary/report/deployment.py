"""What a stack deployed, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.policy import IpNamedLocation, NamedLocation, Policy
from ostiary.model.resolve import Resolved
from ostiary.tenant.orphans import Managed


def deployed(resolved: Resolved, managed: Managed) -> Iterator[str]:
    """List every policy and named location with its state, its id in the tenant, and its name."""
    yield f"tenant {resolved.tenant_id} ({resolved.environment}) holds"
    for one, several, specified, ids in (
        ("policy", "policies", resolved.policies, managed.policies),
        ("named location", "named locations", resolved.named_locations, managed.named_locations),
    ):
        rows = [(_state(each), ids[each.key], each.display_name) for each in specified]
        yield f"  {len(rows)} {one if len(rows) == 1 else several}"
        width = max((len(state) for state, _, _ in rows), default=0)
        for state, identity, name in rows:
            yield f"    {state:<{width}}  {identity}  {name}"


def _state(of: Policy | NamedLocation) -> str:
    if isinstance(of, Policy):
        return of.state
    if isinstance(of, IpNamedLocation):
        return "trusted" if of.is_trusted else "not trusted"
    return "country"
