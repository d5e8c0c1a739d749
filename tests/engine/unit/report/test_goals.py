"""Each file of golden/goals/ is a case: a workspace; beside it stands what `prove` says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ostiary.errors import DiagnosticsError, Location
from ostiary.model.asked import Asked, sign_in
from ostiary.model.names import Names
from ostiary.model.places import Places
from ostiary.model.resolve import resolve
from ostiary.proof.certificate import Certificate, CertificateError, check
from ostiary.proof.evaluate import evaluate
from ostiary.proof.examine import Examined, examine
from ostiary.proof.explain import Explained, explain
from ostiary.proof.prove import holds
from ostiary.proof.results import Gap, Result
from ostiary.report import goals, goals_json, rows
from ostiary.report.certificates import certificates
from ostiary.spec.workspace import Workspace, load
from tests.engine.shipped import ROOT, TODAY

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
    return [(each, explain(examined, each)) for each in examined.results]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_results_are_told_in_these_words(case: Path, tmp_path: Path) -> None:
    workspace = workspace_of(case, tmp_path)
    examined = examined_of(workspace)
    places, tally = Places(workspace, "here"), goals.Tally()
    told = []
    for result, explained in explained_of(examined):
        told.append(goals.result(result, explained, examined, places))
        tally.add(examined, [result])
        made = goals_json.result(result, explained, examined, places)
        assert made["goal"] == result.goal.key
    text = "\n".join([*told, tally.words, ""])
    assert text == case.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_sign_in_told_in_words_is_decided_alike_when_read_back(
    case: Path, tmp_path: Path
) -> None:
    workspace = workspace_of(case, tmp_path)
    examined = examined_of(workspace)
    for result in examined.results:
        for opening in result.openings if isinstance(result, Gap) else ():
            told = rows.row(result.goal, opening, examined.resolved.names)["signIn"]
            values = {
                word: (each,) if isinstance(each, str) else tuple(each)
                for word, each in told.items()
            }
            names = Names(workspace.environments["here"], [])
            read = sign_in(Asked(values, plain=True), names, Location)
            assert names.found == []
            decision = evaluate(examined.policy_set, read)
            assert decision.effect == opening.decision.effect
            assert not holds(result.goal, decision)


def test_rows_are_a_yaml_list(tmp_path: Path) -> None:
    workspace = workspace_of(GOLDEN / "blocked-but-for-an-excluded-group.yaml", tmp_path)
    examined = examined_of(workspace)
    (text,) = rows.texts(examined.results[0], examined.resolved)
    assert yaml.safe_load(text) == [
        {
            "environment": "here",
            "says": "No device code sign-in gets in, except from head office.",
            "signIn": {"group": ["teams-rooms"], "flow": "deviceCodeFlow", "ip": "192.0.2.1"},
            "expect": "blocked",
        }
    ]


def test_certificates_can_be_checked_without_the_engine(tmp_path: Path) -> None:
    examined = examined_of(workspace_of(GOLDEN / "idle-exceptions.yaml", tmp_path))
    data = json.loads(json.dumps(certificates(examined)))
    cubes = [masks(each["masks"]) for each in data["cubes"]]
    sizes = [each["size"] for each in data["dimensions"]]
    assert data["goals"].keys() == {"no-device-code"}
    for each in data["goals"]["no-device-code"]:
        certificate = Certificate.from_json(each["certificate"])
        check(sizes, masks(each["region"]), cubes, certificate)
        for premise in certificate.premises:
            assert int(each["among"]) >> data["cubes"][premise]["owner"] & 1
        narrower = [{**cube, 1: 1} for cube in cubes]
        with pytest.raises(CertificateError):
            check(sizes, masks(each["region"]), narrower, certificate)


def masks(of: dict[str, str]) -> dict[int, int]:
    return {int(key): int(mask) for key, mask in of.items()}


def test_the_page_shows_a_gap_as_it_is_told() -> None:
    page = (ROOT / "docs" / "proving.md").read_text(encoding="utf-8")
    told = (GOLDEN / "blocked-but-for-an-excluded-group.txt").read_text(encoding="utf-8")
    assert f"```text\n{told}```" in page


def test_the_page_tells_every_key_of_the_json(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    words_of_page = set(re.findall(r"\w+", page))
    for number, case in enumerate(CASES):
        workspace = workspace_of(case, tmp_path / str(number))
        examined = examined_of(workspace)
        for result, explained in explained_of(examined):
            made = goals_json.result(result, explained, examined, Places(workspace, "here"))
            assert set(keys_of(made)) <= words_of_page


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key != "signIn":
                yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)
