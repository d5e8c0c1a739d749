"""What preflight found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ostiary.model.places import Places
from ostiary.proof.explain import explain
from ostiary.report import gate, goals, goals_json
from ostiary.spec.workspace import Workspace
from ostiary.tenant.preflight.values import Finding, Preflight, Severity

_WORDS = {
    Severity.REFUSE: "refused",
    Severity.WARN: "warning",
    Severity.UNKNOWN: "not checked",
}


def lines(of: Preflight) -> Iterator[str]:
    """Tell each finding, what refuses first."""
    yield from (_line(of.resolved.environment, each) for each in of.findings)


def goals_failed(workspace: Workspace, of: Preflight) -> Iterator[str]:
    """Tell each goal that does not hold in the whole tenant and is not waived, and why.

    Edits that would close it are not sought: what is to blame is in no file.
    """
    if of.examined is not None:
        yield from gate.failures(workspace, of.examined, seek_repairs=False)


def summary(of: Preflight) -> str:
    """Tell in one line how it ended."""
    environment = of.resolved.environment
    counted = [
        f"{number} {_WORDS[severity]}"
        for severity in Severity
        if (number := sum(each.severity is severity for each in of.findings))
    ]
    told = f"preflight of {environment}: {', '.join(counted) or 'nothing found'}"
    if of.examined is None:
        return f"{told}; the tenant was not looked at"
    tally = goals.Tally()
    tally.add(of.examined, of.examined.results)
    return f"{told}; together with all that is in the tenant, {tally.words}"


def as_json(workspace: Workspace, of: Preflight) -> dict[str, Any]:
    """Give it all; docs/json.md tells every key."""
    places = Places(workspace, of.resolved.environment)
    examined = of.examined
    return {
        "environment": of.resolved.environment,
        "refused": of.refused,
        "proven": examined and not examined.failed,
        "findings": [
            {
                "code": each.code,
                "severity": each.severity.value,
                "message": each.message,
                "hint": each.hint,
                "page": each.page,
                "permission": each.permission,
            }
            for each in of.findings
        ],
        "goals": [
            goals_json.result(each, explain(examined, each, seek_repairs=False), examined, places)
            for each in examined.results
        ]
        if examined
        else [],
    }


def _line(environment: str, of: Finding) -> str:
    told = [f"{environment}: {_WORDS[of.severity]}: {of.code}: {of.message}"]
    if of.permission:
        told.append(f"  needs: {of.permission}")
    if of.hint:
        told.append(f"  hint: {of.hint}")
    if of.page:
        told.append(f"  see: {of.page}")
    return "\n".join(told)
