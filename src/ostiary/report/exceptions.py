"""The exceptions of an environment as text: what each opens, who answers for it, and until when."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.exclusions import declaration
from ostiary.model.places import Places
from ostiary.proof.examine import Examined
from ostiary.proof.exceptions import Opened
from ostiary.report.goals import filled
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


def _lets(of: Opened, names: Names) -> str:
    if of.effect == "block":
        return "does not block"
    if isinstance(of.effect, tuple):
        return f"does not ask for {requirements([of.effect], names)}:"
    return f"does not set {of.effect.control}:"
