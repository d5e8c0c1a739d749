"""The next steps of policies: as lines of text, as a diff to review, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

from ostiary.promotion.promote import Condition, Promotion

_MET = {True: "met", False: "not met", None: "unknown"}
_WORDS = {
    "enabled": "enabled",
    "disabled": "disabled",
    "enabledForReportingButNotEnforced": "report-only",
}


def steps(of: Promotion) -> Iterator[str]:
    """Tell each step with its conditions."""
    yield of.environment
    if not of.steps:
        yield "  every policy is enabled"
    for step in of.steps:
        ready = "proposed" if step.proposed else "waits"
        yield f"  {step.policy}: {_WORDS[step.state]} to {_WORDS[step.to]}: {ready}"
        for each in step.conditions:
            yield f"    {_MET[each.met]:<7}  {each.why}"


def diff(of: Promotion) -> str:
    """Give the edit as `git apply` takes it."""
    lines = unified_diff(
        of.before.splitlines(keepends=True),
        of.after.splitlines(keepends=True),
        f"a/{of.path}",
        f"b/{of.path}",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def promotion_json(of: Promotion) -> dict[str, Any]:
    """Give the same for machines (docs/json.md)."""
    return {
        "environment": of.environment,
        "steps": [
            {
                "policy": step.policy,
                "state": step.state,
                "to": step.to,
                "proposed": step.proposed,
                "conditions": [_condition_json(each) for each in step.conditions],
            }
            for step in of.steps
        ],
        "diff": diff(of),
    }


def _condition_json(of: Condition) -> dict[str, Any]:
    return {"condition": of.name, "met": of.met, "why": of.why}
