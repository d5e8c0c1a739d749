"""The exceptions of an environment as text: what each opens, who answers for it, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ostiary.model.exclusions import declaration
from ostiary.model.places import Places
from ostiary.proof.examine import Examined
from ostiary.proof.exceptions import Opened
from ostiary.report.goals import filled
from ostiary.report.goals_json import place
from ostiary.report.openings import extent
from ostiary.report.words import Names, requirements
from ostiary.spec.workspace import Workspace


def exception(of: Opened, workspace: Workspace, examined: Examined) -> Iterator[str]:
    """Tell one exception, a line or more."""
    environment = examined.resolved.environment
    places, names = Places(workspace, environment), examined.resolved.names
    exclusion = of.exclusion
    name = places.name(exclusion.policy, exclusion.of, exclusion.entry)
    place = places.of(exclusion.policy, exclusion.of, exclusion.entry)
    yield f"{environment}: {place}: `{exclusion.policy}` excludes `{name}`"
    answers = declaration(
        workspace.policies[exclusion.policy],
        workspace.environments[environment],
        exclusion.of,
        name,
    )
    if answers is None:
        yield "  nobody answers for it"
    else:
        spec, _ = answers
        yield f"  {spec.owner}, until {spec.expires}: {spec.reason}"
    for each in of.openings:
        yield from filled(f"{_lets(of, names)} {extent(each, names)}", 2)
    if of.undecided:
        yield "  the search gave up: it may open more"


def exception_json(of: Opened, workspace: Workspace, examined: Examined) -> dict[str, Any]:
    """Give what `--format json` prints of one exception (docs/json.md)."""
    environment, names = examined.resolved.environment, examined.resolved.names
    places, exclusion = Places(workspace, environment), of.exclusion
    name = places.name(exclusion.policy, exclusion.of, exclusion.entry)
    answers = declaration(
        workspace.policies[exclusion.policy],
        workspace.environments[environment],
        exclusion.of,
        name,
    )
    return {
        "environment": environment,
        "policy": exclusion.policy,
        "list": exclusion.of,
        "entry": exclusion.entry,
        "name": name,
        "place": place(places.of(exclusion.policy, exclusion.of, exclusion.entry)),
        "answers": answers
        and {
            "owner": answers[0].owner,
            "reason": answers[0].reason,
            "expires": answers[0].expires.isoformat(),
        },
        "opens": [
            {"extent": extent(each, names), "ipv4": str(each.ipv4), "ipv6": str(each.ipv6)}
            for each in of.openings
        ],
        "complete": not of.undecided,
    }


def _lets(of: Opened, names: Names) -> str:
    if of.effect == "block":
        return "does not block"
    if isinstance(of.effect, tuple):
        return f"does not ask for {requirements([of.effect], names)}:"
    return f"does not set {of.effect.control}:"
