"""Whatever single condition of a shipped policy changes, a goal or a row of the table turns red."""

from __future__ import annotations

import pytest

from ostiary.spec.workspace import environment_names
from tests.engine.mutations import HARMLESS, PAGE, SURVIVES, of_environment, survey, workspace
from tests.engine.shipped import ROOT

ENVIRONMENTS = environment_names(ROOT)


def columns() -> dict[str, dict[tuple[str, str], str]]:
    """Read the fates that the page tells, by environment, policy and change."""
    told: dict[str, dict[tuple[str, str], str]] = {name: {} for name in ENVIRONMENTS}
    text = PAGE.read_text(encoding="utf-8").partition("## All of them")[2]
    for section in text.split("\n### ")[1:]:
        policy, *lines = section.splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
        for label, *fates in rows[2:]:
            if policy in workspace().policies:
                for name, fate in zip(ENVIRONMENTS, fates, strict=True):
                    told[name][policy, label] = fate
            else:
                told[label]["", fates[0]] = fates[1]
    return told


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_mutant_is_noticed_or_harmless(environment: str) -> None:
    fates = survey(environment)
    assert len(fates) > 300
    assert {policy for policy, _ in fates} == workspace().policies.keys()
    assert {each for each, fate in fates.items() if fate == SURVIVES} <= HARMLESS.keys()
    own = {("", label): fate for label, fate in of_environment(environment)}
    assert SURVIVES not in own.values()
    assert columns()[environment] == {**fates, **own}


def test_what_is_said_to_be_harmless_survives_somewhere() -> None:
    told = columns().values()
    assert HARMLESS.keys() == {each for of in told for each in of if of[each] == SURVIVES}
