"""Each file of golden/goals/ is a case: a workspace; beside it stands what `prove` says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ostiary.errors import DiagnosticsError
from ostiary.model.places import Places
from ostiary.model.resolve import resolve
from ostiary.proof.examine import Examined, Explained, examine
from ostiary.proof.prove import Gap, Result
from ostiary.report import goals, goals_json
from ostiary.spec.workspace import Workspace, load
from tests.engine.shipped import TODAY

GOLDEN = Path(__file__).parents[2] / "golden" / "goals"
CASES = sorted(GOLDEN.glob("*.yaml"))


def workspace_of(case: Path, root: Path) -> Workspace:
    for path, text in yaml.safe_load(case.read_text(encoding="utf-8")).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return load(root)


def examined_of(workspace: Workspace) -> Examined:
    try:
        return examine(resolve(workspace, "here", TODAY))
    except DiagnosticsError as error:
        pytest.fail(str(error))


def explained_of(examined: Examined) -> list[tuple[Result, Explained | None]]:
    return [
        (each, examined.explain(each) if isinstance(each, Gap) else None)
        for each in examined.results
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_results_are_told_in_these_words(case: Path, tmp_path: Path) -> None:
    workspace = workspace_of(case, tmp_path)
    examined = examined_of(workspace)
    places, tally = Places(workspace, "here"), goals.Tally()
    told = []
    for result, explained in explained_of(examined):
        told.append(goals.result(result, explained, examined, places))
        tally.add(result, examined)
        made = goals_json.result(result, explained, examined, places)
        assert made["goal"] == result.goal.key
    text = "\n".join([*told, tally.words, ""])
    assert text == case.with_suffix(".txt").read_text(encoding="utf-8")
