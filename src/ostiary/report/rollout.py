"""What a rollout came to: one table of tenants, what went wrong below it, and the same as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HEAD = ("tenant", "created", "updated", "deleted", "same", "goals", "time", "state")
_COUNTS = ("created", "updated", "deleted", "same")


def table(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell each tenant in a row, and the error of each that failed."""
    rows = [_HEAD, *map(_row, results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = {0, _HEAD.index("goals"), _HEAD.index("state")}
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
    for each in results:
        if each.get("error"):
            yield f"{each['environment']}: {each['error']}"
            if each.get("hint"):
                yield f"  hint: {each['hint']}"


def _row(of: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = of.get("seconds")
    return (
        of["environment"],
        *(str(of.get(each, "")) for each in _COUNTS),
        of.get("proof", ""),
        "" if seconds is None else f"{seconds:.0f} s",
        of["state"],
    )


def rollout_json(
    ring: str, results: Sequence[Mapping[str, Any]], *, preview: bool
) -> dict[str, Any]:
    """Give the same for machines (docs/json.md)."""
    keys = ("environment", "state", *_COUNTS, "proof", "seconds", "error", "hint")
    tenants = [{key: each.get(key) for key in keys} for each in results]
    return {"ring": ring, "preview": preview, "tenants": tenants}
