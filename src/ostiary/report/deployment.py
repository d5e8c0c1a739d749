"""What a stack deployed, as lines of text and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ostiary.deploy.stack import Change
from ostiary.model.policy import IpNamedLocation, NamedLocation, Policy
from ostiary.model.resolve import Resolved
from ostiary.tenant.orphans import Managed


def deployed(resolved: Resolved, managed: Managed) -> Iterator[str]:
    """List every policy and named location with its state, its id in the tenant, and its name."""
    yield f"tenant {resolved.tenant_id} ({resolved.environment}) holds"
    for one, several, specified, ids in _kinds(resolved, managed):
        rows = [(_state(each), ids[each.key], each.display_name) for each in specified]
        yield f"  {len(rows)} {one if len(rows) == 1 else several}"
        width = max((len(state) for state, _, _ in rows), default=0)
        for state, identity, name in rows:
            yield f"    {state:<{width}}  {identity}  {name}"


def deployed_json(
    resolved: Resolved, managed: Managed, changes: Sequence[Change], twins: int
) -> dict[str, Any]:
    """Give the same, and what was done for it, for machines (docs/json.md)."""
    return {
        "environment": resolved.environment,
        "tenantId": resolved.tenant_id,
        "changes": [asdict(each) for each in changes],
        "twinsDeleted": twins,
        "holds": [
            {
                "kind": kind,
                "key": each.key,
                "id": ids[each.key],
                "displayName": each.display_name,
                "state": _state(each),
            }
            for kind, _, specified, ids in _kinds(resolved, managed)
            for each in specified
        ],
    }


def _kinds(
    resolved: Resolved, managed: Managed
) -> list[tuple[str, str, Sequence[Policy | NamedLocation], Mapping[str, str]]]:
    return [
        ("policy", "policies", resolved.policies, managed.policies),
        (
            "named location",
            "named locations",
            resolved.named_locations,
            managed.named_locations,
        ),
    ]


def _state(of: Policy | NamedLocation) -> str:
    if isinstance(of, Policy):
        return of.state
    if isinstance(of, IpNamedLocation):
        return "trusted" if of.is_trusted else "not trusted"
    return "country"
