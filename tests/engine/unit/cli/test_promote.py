"""`ostiary promote`, as a user sees it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.engine.unit.cli.test_diff import IDENTITY
from tests.engine.unit.cli.test_workspace import ostiary

pytestmark = pytest.mark.e2e

KEY = "require-phishing-resistant-mfa-for-administrators"
ROLLOUT = """\
rings: {first: [contoso-dev, contoso-staging], last: [contoso-prod]}
steps: {enabled: {approvedBy: [Anna Berg]}}
"""
APPROVAL = f"""\
approvals:
  - {{policy: {KEY}, to: enabled, environments: [contoso-prod], by: Anna Berg, on: 2020-01-01}}
"""


@pytest.fixture
def committed(workspace: Path) -> Path:
    (workspace / "rollout.yaml").write_text(ROLLOUT + APPROVAL)
    commit = [*IDENTITY, "-c", "user.useConfigOnly=true", "commit", "-qm", "all"]
    for command in (["init", "-q"], ["add", "."], commit):
        subprocess.run(
            ["git", *command],
            cwd=workspace,
            check=True,
            env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": "2019-12-31T12:00:00Z"},
        )
    return workspace


def test_what_is_proposed_is_an_edit_that_git_applies(committed: Path) -> None:
    file = committed / "environments/contoso-prod.yaml"
    before = file.read_text()
    expected = before.replace(f"{KEY}: enabledForReportingButNotEnforced", f"{KEY}: enabled")

    done = ostiary(committed, "promote", "contoso-prod")

    assert done.returncode == 2, done.stderr
    assert f"  {KEY}: report-only to enabled: proposed" in done.stdout
    assert file.read_text() == before
    subprocess.run(
        ["git", "apply"], cwd=committed, input=done.stdout, text=True, check=True, timeout=60
    )
    assert file.read_text() == expected


def test_what_is_written_needs_no_promotion_any_more(committed: Path) -> None:
    file = committed / "environments/contoso-prod.yaml"
    written = ostiary(committed, "promote", "--write", "--policy", KEY, "--format", "json")
    assert written.returncode == 2, written.stderr
    told = {each["environment"]: each for each in json.loads(written.stdout)}
    assert set(told) == {"contoso-dev", "contoso-prod", "contoso-staging"}
    (step,) = told["contoso-prod"]["steps"]
    assert (step["policy"], step["to"], step["proposed"]) == (KEY, "enabled", True)
    assert [each["condition"] for each in step["conditions"]] == ["approvedBy", "goals"]
    assert f"{KEY}: enabled\n" in file.read_text()
    assert f"+  {KEY}: enabled\n" in told["contoso-prod"]["diff"]

    again = ostiary(committed, "promote", "contoso-prod")
    assert again.returncode == 0, again.stderr
    assert again.stdout == "contoso-prod\n  every policy is enabled\n"


def test_what_waits_is_told_with_the_reason(committed: Path) -> None:
    (committed / "rollout.yaml").write_text(ROLLOUT)
    done = ostiary(committed, "promote", "contoso-prod")
    assert done.returncode == 0
    assert f"  {KEY}: report-only to enabled: waits" in done.stdout
    assert "    not met  not approved by Anna Berg" in done.stdout
    assert "    met      every goal is proven with this step" in done.stdout


def test_without_rings_there_is_nothing_to_go_by(workspace: Path) -> None:
    done = ostiary(workspace, "promote")
    assert done.returncode == 1
    assert "error: there is no rollout.yaml" in done.stderr


def test_a_wrong_rollout_file_stops_the_check_too(workspace: Path) -> None:
    (workspace / "rollout.yaml").write_text("rings: {first: [contoso-prd]}\n")
    for verb in ("promote", "check"):
        done = ostiary(workspace, verb)
        assert done.returncode == 3
        assert "rollout.yaml:1:17: unknown-environment" in done.stderr
        assert "did you mean `contoso-prod`?" in done.stderr
