"""`ostiary explain`: what a diagnostic's code means, or a goal."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from ostiary.cli.terminal import Format, Output, show, show_json
from ostiary.cli.workspace import resolved_all_or_exit, workspace_root
from ostiary.errors import OstiaryError
from ostiary.proof.examine import Examined, examine
from ostiary.report import goals
from ostiary.report.diagnostics import sections
from ostiary.report.goals_json import result_word
from ostiary.report.meaning import meaning
from ostiary.report.words import joined
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import goal_names


def explain(
    subject: Annotated[
        str, typer.Argument(help="A diagnostic's code, or a goal.", metavar="CODE|GOAL")
    ],
    output: Output = Format.TEXT,
) -> None:
    """Explain a diagnostic by its code, or a goal and where it is enforced and proven."""
    codes = sections()
    if subject in codes:
        told = {"code": subject, "text": codes[subject]}
        if output is Format.JSON:
            show_json(told)
        else:
            show(f"{subject}\n\n{codes[subject]}")
        return
    try:
        known = goal_names(workspace_root())
    except OstiaryError:  # codes are explained anywhere, goals in a workspace
        known = []
    if subject not in known:
        near = did_you_mean(subject, [*codes, *known])
        raise typer.BadParameter(
            f"`{subject}` is neither a diagnostic's code nor a goal; "
            f"{near or 'goals are the files of policies/goals'}",
            param_hint="CODE|GOAL",
        )
    _explain_goal(subject, output)


def _explain_goal(key: str, output: Format) -> None:
    workspace, every = resolved_all_or_exit(workspace_root(), None)
    examined = [
        examine(replace(each, goals=tuple(goal for goal in each.goals if goal.key == key)))
        for each in every
    ]
    spec = workspace.goals[key].spec
    if output is Format.JSON:
        environments = {each.resolved.environment: _enforced(each) for each in examined}
        show_json({"goal": key, "says": spec.says, "environments": environments})
        return
    show(f"{key}\n  {spec.says}")
    meanings: dict[tuple[str, ...], list[str]] = {}
    for each in examined:
        for result in each.results:
            sentences = tuple(meaning(result.goal, each.resolved.names))
            meanings.setdefault(sentences, []).append(each.resolved.environment)
    for sentences, names in meanings.items():
        if len(meanings) > 1:
            show(f"  in {joined(names)}:")
        for sentence in sentences:
            show("\n".join(goals.filled(sentence, 2 if len(meanings) == 1 else 4)))
    for each in examined:
        verdicts = [goals.verdict(result) for result in each.results]
        show(f"{each.resolved.environment}: {verdicts[0] if verdicts else 'not enforced'}")


def _enforced(examined: Examined) -> dict[str, Any]:
    for result in examined.results:
        policies = getattr(result, "policies", ())
        return {"enforced": True, "result": result_word(result), "policies": list(policies)}
    return {"enforced": False, "result": None, "policies": []}
