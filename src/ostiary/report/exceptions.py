"""The exceptions of an environment as text: what each opens, who answers for it, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ostiary.errors import Location
from ostiary.model.exclusions import declaration
from ostiary.model.places import Places
from ostiary.proof.examine import Examined
from ostiary.proof.exceptions import Opened
from ostiary.report.goals import filled
from ostiary.report.goals_json import place
from ostiary.report.openings import extent
from ostiary.report.words import Names, requirements
from ostiary.spec.environment import ExclusionSpec
from ostiary.spec.models import ExceptionSpec
from ostiary.spec.workspace import Workspace

Answers = ExceptionSpec | ExclusionSpec


def exception(of: Opened, workspace: Workspace, examined: Examined) -> Iterator[str]:
    """Tell one exception, a line or more."""
    names = examined.resolved.names
    name, at, answers = _written(of, workspace, examined)
    yield f"{examined.resolved.environment}: {at}: `{of.exclusion.policy}` excludes `{name}`"
    if answers is None:
        yield "  nobody answers for it"
    else:
        yield f"  {answers.owner}, until {answers.expires}: {answers.reason}"
    for each in of.openings:
        yield from filled(f"{_lets(of, names)} {extent(each, names)}", 2)
    if of.undecided:
        yield "  the search gave up: it may open more"


def exception_json(of: Opened, workspace: Workspace, examined: Examined) -> dict[str, Any]:
    """Give what `--format json` prints of one exception (docs/json.md)."""
    exclusion, names = of.exclusion, examined.resolved.names
    name, at, answers = _written(of, workspace, examined)
    return {
        "environment": examined.resolved.environment,
        "policy": exclusion.policy,
        "list": exclusion.of,
        "entry": exclusion.entry,
        "name": name,
        "place": place(at),
        "answers": answers
        and {
            "owner": answers.owner,
            "reason": answers.reason,
            "expires": answers.expires.isoformat(),
        },
        "opens": [
            {"extent": extent(each, names), "ipv4": str(each.ipv4), "ipv6": str(each.ipv6)}
            for each in of.openings
        ],
        "complete": not of.undecided,
    }


def _written(
    of: Opened, workspace: Workspace, examined: Examined
) -> tuple[str, Location, Answers | None]:
    """Find the name of what is excluded, where that stands, and who answers for it."""
    environment, exclusion = examined.resolved.environment, of.exclusion
    places = Places(workspace, environment)
    name = places.name(exclusion.policy, exclusion.of, exclusion.entry)
    policy, tenant = workspace.policies[exclusion.policy], workspace.environments[environment]
    at = places.of(exclusion.policy, exclusion.of, exclusion.entry)
    return name, at, declaration(policy, tenant, exclusion.of, name)


def _lets(of: Opened, names: Names) -> str:
    if of.effect == "block":
        return "does not block"
    if isinstance(of.effect, tuple):
        return f"does not ask for {requirements([of.effect], names)}:"
    return f"does not set {of.effect.control}:"
