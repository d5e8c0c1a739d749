"""What a stack deployed, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ostiary.model.resolve import Resolved


def deployed(outputs: Mapping[str, Any], resolved: Resolved) -> Iterator[str]:
    """List every policy and named location with state, id and name; `outputs` are the stack's."""
    yield f"tenant {resolved.tenant_id} ({resolved.environment}) holds"
    for one, several, kind in (
        ("policy", "policies", "policies"),
        ("named location", "named locations", "namedLocations"),
    ):
        rows = outputs.get(kind, {})
        yield f"  {len(rows)} {one if len(rows) == 1 else several}"
        width = max((len(row["state"]) for row in rows.values()), default=0)
        for key in sorted(rows):
            row = rows[key]
            yield f"    {row['state']:<{width}}  {row['id']}  {row['displayName']}"
