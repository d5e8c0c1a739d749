"""Each file of golden/what-if/ is what `what-if` says to one question, whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.errors import Location
from ostiary.model.asked import Asked, sign_in
from ostiary.model.names import Names
from ostiary.model.places import Places
from ostiary.proof.what_if import what_if
from ostiary.report.what_if import text
from tests.engine.unit.report.test_goals import GOLDEN, examined_of, workspace_of

CASE = GOLDEN / "blocked-but-for-an-excluded-group.yaml"


EXPECTED = GOLDEN.parent / "what-if"
ASKED = {
    "blocked": Asked({"flow": ("deviceCodeFlow",), "ip": ("198.51.100.7",)}, plain=True),
    "nothing-else-matters": Asked({"flow": ("deviceCodeFlow",), "group": ("teams-rooms",)}),
    "the-address-matters": Asked({"flow": ("deviceCodeFlow",)}, frozenset({"ip"}), plain=True),
}


def told(folder: Path, asked: Asked) -> str:
    workspace = workspace_of(CASE, folder)
    examined = examined_of(workspace)
    names = Names(workspace.environments["here"], [])
    answer = what_if(examined.policy_set, sign_in(asked, names, Location))
    return "\n".join(text(answer, examined.resolved, Places(workspace, "here")))


@pytest.mark.parametrize("name", sorted(ASKED))
def test_the_answer_is_told_in_these_words(name: str, tmp_path: Path) -> None:
    expected = (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")
    assert told(tmp_path, ASKED[name]) + "\n" == expected
