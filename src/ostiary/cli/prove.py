"""`ostiary prove`: hold every goal against the policies, for every possible sign-in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ostiary.cli.terminal import Format, Output, say, show, show_json, slowly
from ostiary.cli.workspace import resolved_all_or_exit, warn, workspace_root
from ostiary.errors import ProofError
from ostiary.model.places import Places
from ostiary.proof.examine import Examined, examine
from ostiary.proof.explain import explain
from ostiary.report import certificates as certified
from ostiary.report import goals, goals_json, rows
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Workspace


def prove(
    environments: Annotated[
        list[str] | None, typer.Argument(help="The environments to prove; by default all.")
    ] = None,
    *,
    goal: Annotated[
        list[str] | None, typer.Option(help="Only this goal; may be repeated.", metavar="KEY")
    ] = None,
    output: Output = Format.TEXT,
    certificates: Annotated[
        Path | None,
        typer.Option(help="Write what each environment's proofs rest on into this folder."),
    ] = None,
    save_tests: Annotated[
        Path | None,
        typer.Option(help="Add the sign-ins of gaps to this table, to keep them closed."),
    ] = None,
) -> None:
    """Prove each environment's goals for every possible sign-in, or show one that fails."""
    workspace, every = resolved_all_or_exit(workspace_root(), environments)
    warn(every)
    wanted = _wanted(goal or [], workspace, [key.key for each in every for key in each.goals])
    tell = slowly()
    failed, tally = False, goals.Tally()
    results: list[dict[str, Any]] = []
    saved: list[str] = []
    for resolved in every:
        tell(f"proving {resolved.environment}")
        examined = examine(resolved)
        places = Places(workspace, resolved.environment)
        for result in examined.results:
            if result.goal.key not in wanted:
                continue
            explained = explain(examined, result)
            if output is Format.JSON:
                results.append(goals_json.result(result, explained, examined, places))
            else:
                show(goals.result(result, explained, examined, places))
            tally.add(examined, [result])
            failed = failed or result in examined.failed
            saved += rows.texts(result, resolved)
        if certificates is not None:
            _write_certificates(certificates, examined)
    if output is Format.JSON:
        show_json({"proven": not failed, "results": results})
    else:
        show(tally.words)
    if save_tests is not None:
        _save_tests(save_tests, saved)
    elif saved and output is Format.TEXT:
        say("keep these sign-ins as tests: ostiary prove --save-tests tests/policies/sign-ins.yaml")
    if failed:
        raise SystemExit(ProofError.exit_code)


def _wanted(asked: Sequence[str], workspace: Workspace, enforced: Sequence[str]) -> set[str]:
    """Give the keys of the goals that are asked for; by default all."""
    for key in asked:
        if key not in enforced:
            hint = (
                did_you_mean(key, workspace.goals) or f"known goals: {', '.join(workspace.goals)}"
            )
            what = (
                "no goal" if key not in workspace.goals else "none of these environments enforces"
            )
            raise typer.BadParameter(f"{what} `{key}`; {hint}", param_hint="--goal")
    return set(asked or enforced)


def _write_certificates(folder: Path, examined: Examined) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{examined.resolved.environment}.json"
    file.write_text(json.dumps(certified.certificates(examined)) + "\n", encoding="utf-8")
    say(f"wrote what the proofs rest on to {file}")


def _save_tests(file: Path, made: Sequence[str]) -> None:
    known = file.read_text(encoding="utf-8") if file.exists() else ""
    added = dict.fromkeys(each for each in made if each not in known)
    file.write_text(known + "".join(added), encoding="utf-8")
    say(f"added {len(added)} rows to {file}")
