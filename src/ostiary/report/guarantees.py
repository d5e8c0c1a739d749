"""What a workspace's policies guarantee, and on what it rests, as a page of Markdown or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ostiary.model.exclusions import declaration
from ostiary.model.places import Places
from ostiary.proof.assumptions import ENTRA, SCOPE, Assumption
from ostiary.proof.examine import Examined
from ostiary.proof.findings import Findings
from ostiary.proof.results import Proof, Result
from ostiary.report.goals import verdict
from ostiary.report.words import joined
from ostiary.spec.workspace import Workspace

Every = Sequence[tuple[Examined, Findings]]

_HEAD = """\
# What these policies guarantee

Written by `ostiary guarantees` from the goals, the policies and the environments; change those.
Each goal is held against every possible sign-in: every user, application, address, device, platform
and flow, those that nobody has thought of included ([how they are decided](semantics.md)).
"""


def guarantees(workspace: Workspace, every: Every) -> str:
    """Write the page, for a folder beside `policies`; `every` has each environment's results."""
    return "\n".join(
        [
            _HEAD,
            *_goals(workspace, every),
            *_exceptions(workspace, every),
            *_waivers(every),
            "## What they rest on\n",
            *_assumptions("What is proven, and what is left out:", SCOPE),
            *_assumptions("What Entra does where Microsoft's pages are silent, assumed:", ENTRA),
        ]
    )


def guarantees_json(workspace: Workspace, every: Every) -> dict[str, Any]:
    """Give what the page says, for machines."""
    head = ("policy", "excludes", "owner", "expires", "reason")
    return {
        "goals": [
            {
                "goal": key,
                "says": goal.spec.says,
                "guarantees": [
                    {"environments": environments, "words": words}
                    for words, environments in _told(key, every).items()
                ],
            }
            for key, goal in sorted(workspace.goals.items())
        ],
        "exceptions": [
            {**dict(zip(head, row, strict=True)), "environments": environments}
            for row, environments in _opened(workspace, every).items()
        ],
        "waivers": [dict(zip(_WAIVER, row, strict=True)) for row in _waived(every)],
        "assumptions": [
            {"title": each.title, "says": each.says, "page": each.page} for each in (*SCOPE, *ENTRA)
        ],
    }


def _goals(workspace: Workspace, every: Every) -> Iterator[str]:
    yield "## Goals\n"
    for key, goal in sorted(workspace.goals.items()):
        yield f"### {goal.spec.says}\n"
        yield f"[`{key}`](../{goal.source.path})\n"
        told = _told(key, every)
        for words, environments in told.items():
            yield f"- {', '.join(environments)}: {words}"
        if not told:
            yield "- no environment enforces it"
        yield ""


def _told(goal: str, every: Every) -> dict[str, list[str]]:
    """Say what becomes of a goal, with the environments where it does."""
    told: dict[str, list[str]] = {}
    for examined, _ in every:
        for each in examined.results:
            if each.goal.key == goal:
                told.setdefault(_result(each, examined), []).append(examined.resolved.environment)
    return told


def _result(of: Result, examined: Examined) -> str:
    words = verdict(of)
    if of.goal.key in examined.waivers:
        words += ", waived"
    if of.goal.exceptions:
        words += f"; but for {joined([f'`{each.name}`' for each in of.goal.exceptions])}"
    for idle in of.idle if isinstance(of, Proof) else ():
        words += f". `{idle.name}` excuses nothing" + (
            ", unless Entra sees the device in device code flow"
            if idle.unless_device_is_seen
            else ""
        )
    return words


def _exceptions(workspace: Workspace, every: Every) -> Iterator[str]:
    yield "## Exceptions\n"
    yield "What these exclude gets past a policy that would have stopped it; `ostiary exceptions`"
    yield "tells for each which sign-ins. Emergency access accounts stand apart.\n"
    yield from _table(
        ("policy", "excludes", "owner", "until", "why", "in"),
        (
            f"`{policy}` | `{name}` | {owner or 'nobody'} | {until} | {why} | {', '.join(where)}"
            for (policy, name, owner, until, why), where in _opened(workspace, every).items()
        ),
    )


def _opened(workspace: Workspace, every: Every) -> dict[tuple[str, ...], list[str]]:
    """Give each exclusion that opens something, and who answers for it, with its environments."""
    told: dict[tuple[str, ...], dict[str, None]] = {}
    for examined, found in every:
        environment = examined.resolved.environment
        places = Places(workspace, environment)
        for each in found.opened:
            of = each.exclusion
            name = places.name(of.policy, of.of, of.entry)
            policy = workspace.policies[of.policy]
            answers = declaration(policy, workspace.environments[environment], of.of, name)
            who = (answers.owner, str(answers.expires), answers.reason) if answers else ("", "", "")
            told.setdefault((of.policy, name, *who), {})[environment] = None
    return {row: list(where) for row, where in sorted(told.items())}


_WAIVER = ("goal", "environment", "owner", "expires", "reason")


def _waivers(every: Every) -> Iterator[str]:
    yield "## Waivers\n"
    yield from _table(
        ("goal", "environment", "owner", "until", "why"),
        (f"`{goal}` | {' | '.join(rest)}" for goal, *rest in _waived(every)),
    )


def _waived(every: Every) -> Iterator[tuple[str, ...]]:
    for examined, _ in every:
        for key, waiver in sorted(examined.waivers.items()):
            environment = examined.resolved.environment
            yield key, environment, waiver.owner, str(waiver.expires), waiver.reason


def _table(head: Sequence[str], rows: Iterable[str]) -> Iterator[str]:
    lines = [f"| {row} |" for row in rows]
    if lines:
        yield f"| {' | '.join(head)} |"
        yield f"|{' --- |' * len(head)}"
        yield from lines
    else:
        yield "None."
    yield ""


def _assumptions(title: str, of: Iterable[Assumption]) -> Iterator[str]:
    yield f"{title}\n"
    for each in of:
        yield f"- **{each.title}.** {each.says} ([page]({each.page}))"
    yield ""
