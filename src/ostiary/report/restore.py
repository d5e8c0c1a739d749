"""What a restore is going to do, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ostiary.report.difference import difference, difference_json
from ostiary.report.words import Names
from ostiary.tenant.restore import Plan, Step

_WORDS = {
    "undelete": "bring back from the deleted items, under its id",
    "change": "change to what it was",
    "create": "create anew, under another id",
}
_KINDS = {"policies": "policy", "namedLocations": "named location"}


def restore(of: Plan, names: Names) -> Iterator[str]:
    """Tell every step in its order, their effect, and what stays as it is."""
    if not of.steps:
        yield "nothing to restore"
    for number, each in enumerate(of.steps, 1):
        yield f"{number}. {told(each)}"
    if of.steps:
        yield ""
        yield "then"
        yield from (f"  {line}" for line in difference(of.effect, names))
    for name in of.unreadable:
        yield f"what `{name}` does cannot be read here"
    for name in of.besides:
        yield f"left as it is, as it was not there: `{name}`"
    for goal in of.opened:
        yield f"would no longer be proven: `{goal}`"


def told(of: Step) -> str:
    """Tell one step."""
    return f"{_KINDS[of.collection]} `{of.name}` ({of.id}): {_WORDS[of.operation]}"


def restore_json(of: Plan, names: Names) -> dict[str, Any]:
    """Give what `--format json` prints."""
    return {
        "steps": [
            {
                "operation": each.operation,
                "object": _KINDS[each.collection],
                "name": each.name,
                "id": each.id,
                "body": each.body,
            }
            for each in of.steps
        ],
        "effect": difference_json(of.effect, names),
        "openedGoals": list(of.opened),
        "besides": list(of.besides),
        "unreadable": list(of.unreadable),
    }
