"""What was rolled out is done until something of it changes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.deploy.record import Record, digest_of
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import load
from tests.engine.shipped import ROOT, TODAY, edit


def resolved(root: Path = ROOT) -> Resolved:
    return resolve(load(root, ["contoso-prod"]), "contoso-prod", TODAY)


def test_a_record_outlives_its_process(tmp_path: Path) -> None:
    file = tmp_path / "rollout" / "record.json"
    of = resolved()
    assert Record(file).done(of) is None
    Record(file).keep("contoso-prod", digest_of(of), "2026-11-23T10:00:00+00:00", {"created": 9})
    entry = Record(file).done(of)
    assert entry is not None
    assert entry.result == {"created": 9}
    assert Record(file).done(replace(of, environment="contoso-dev")) is None


@pytest.mark.parametrize("text", ["", "[]", '{"contoso-prod": {"digest": 1}}'])
def test_a_record_that_cannot_be_read_knows_of_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "record.json").write_text(text)
    assert Record(tmp_path / "record.json").done(resolved()) is None


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("environments/contoso-prod.yaml", "203.0.113.0/24", "203.0.113.0/25"),
        ("environments/contoso-prod.yaml", "4000-8000-000000000a01", "4000-8000-000000000a02"),
        ("environments/contoso-prod.yaml", "protect: true", "protect: false"),
        ("policies/block-legacy-authentication.yaml", "displayName: Block", "displayName: Stop"),
    ],
)
def test_another_content_is_undone(workspace: Path, file: str, old: str, new: str) -> None:
    before = digest_of(resolved(workspace))
    edit(workspace / file, old, new)
    assert digest_of(resolved(workspace)) != before


def test_the_same_content_has_one_digest_in_every_process() -> None:
    program = "from tests.engine.unit.deploy.test_record import *; print(digest_of(resolved()))"
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert told == {digest_of(resolved())}
