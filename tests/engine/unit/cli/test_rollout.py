"""`ostiary rollout`, where no engine is needed; tests/engine/e2e has the rest."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from ostiary.cli.up import only_one
from ostiary.errors import OstiaryError
from ostiary.report.rollout import rollout_json, table
from tests.engine.unit.cli.test_workspace import ostiary

pytestmark = pytest.mark.e2e

RINGS = "rings: {pilot: [contoso-dev], rest: [contoso-prod, contoso-staging]}\n"


@pytest.mark.parametrize(
    ("ring", "told"),
    [("pilt", "Did you mean `pilot`?"), ("3", "rings: pilot, rest"), ("0", "rings")],
)
def test_a_ring_that_is_none_is_answered_with_those_that_are(
    workspace: Path, ring: str, told: str
) -> None:
    (workspace / "rollout.yaml").write_text(RINGS)
    done = ostiary(workspace, "rollout", "--ring", ring, "--preview")
    assert done.returncode == 64
    assert f"no ring `{ring}`" in done.stderr
    assert told.casefold() in " ".join(done.stderr.split()).casefold()


def test_a_ring_waits_for_those_before_it(workspace: Path) -> None:
    (workspace / "rollout.yaml").write_text(RINGS)
    done = ostiary(workspace, "rollout", "--ring", "2", "--yes")
    assert done.returncode == 5
    assert "ring `pilot` is not done with what is specified now: contoso-dev" in done.stderr


def test_real_tenants_need_a_word(workspace: Path) -> None:
    (workspace / "rollout.yaml").write_text(RINGS)
    done = ostiary(workspace, "rollout", "--ring", "pilot")
    assert done.returncode == 1
    assert "1 tenants of ring `pilot` wait for a confirmation" in done.stderr
    assert "pass --yes" in done.stderr


def test_a_tenant_without_credentials_is_its_own_failure(workspace: Path) -> None:
    """Its ring stops after one failure, here before the first process is started."""
    (workspace / "rollout.yaml").write_text(RINGS)
    done = ostiary(workspace, "rollout", "--ring", "2", "--yes", "--out-of-order")
    assert done.returncode == 1
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("contoso")]
    assert told[0] == ["contoso-prod", "failed"]
    assert "there are no credentials for `contoso-prod`" in done.stdout


def test_who_is_patient_gets_the_turn_of_an_environment_when_the_other_is_done(
    tmp_path: Path,
) -> None:
    first = ExitStack()
    first.enter_context(only_one(tmp_path, "contoso-dev"))
    refused = pytest.raises(OstiaryError, match="another run of `contoso-dev` is under way")
    with refused, only_one(tmp_path, "contoso-dev"):
        pass
    told: list[str] = []

    def wait() -> None:
        told.append("waits")
        first.close()

    with only_one(tmp_path, "contoso-dev", patience=60.0, wait=wait):
        assert told == ["waits"]


def test_the_table_tells_each_tenant_in_a_row_and_errors_below() -> None:
    done = {"created": 1, "updated": 2, "deleted": 0, "same": 10, "proof": "11 proven"}
    failed = {"error": "no\nway", "hint": "try"}
    results = [
        {"environment": "a", "state": "done", "seconds": 61.2, **done},
        {"environment": "long-name", "state": "failed", "seconds": 1.0, **failed},
        {"environment": "c", "state": "not begun"},
    ]
    assert list(table(results)) == [
        "tenant     created  updated  deleted  same  goals      time  state",
        "a                1        2        0    10  11 proven  61 s  done",
        "long-name                                               1 s  failed",
        "c                                                            not begun",
        "long-name: no\nway",
        "  hint: try",
    ]
    told = rollout_json("pilot", results, preview=False)
    assert [each["created"] for each in told["tenants"]] == [1, None, None]
    assert told["tenants"][1]["hint"] == "try"
