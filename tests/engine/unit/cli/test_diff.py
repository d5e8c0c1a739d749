"""`ostiary diff` and `exceptions`, as a user sees them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.engine.shipped import edit
from tests.engine.unit.cli.test_workspace import ostiary

pytestmark = pytest.mark.e2e

IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@example.com"]


@pytest.fixture
def committed(workspace: Path) -> Path:
    for command in (["init", "-q"], ["add", "."], [*IDENTITY, "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    return workspace


def test_nothing_changed_is_no_difference(committed: Path) -> None:
    done = ostiary(committed, "diff")
    assert done.returncode == 0
    assert done.stdout.count("no sign-in is decided differently") == 4


def test_a_refactoring_is_no_difference(committed: Path) -> None:
    """One policy for two clients becomes two policies for one each."""
    both = committed / "policies/block-legacy-authentication.yaml"
    half = both.with_name("block-exchange-activesync.yaml")
    half.write_text(both.read_text())
    edit(half, "[exchangeActiveSync, other]", "[exchangeActiveSync]")
    edit(half, "displayName: Block legacy authentication", "displayName: Block Exchange ActiveSync")
    edit(both, "[exchangeActiveSync, other]", "[other]")
    done = ostiary(committed, "diff", "contoso-prod")
    assert done.returncode == 0
    assert "no sign-in is decided differently" in done.stdout


def test_what_opens_is_told_with_an_example_before_and_after(committed: Path) -> None:
    edit(
        committed / "policies/block-legacy-authentication.yaml", "[exchangeActiveSync, other]",
        "[other]",
    )  # fmt: skip
    done = ostiary(committed, "diff", "contoso-prod")
    assert done.returncode == 2
    assert "no longer blocked (by `block-legacy-authentication`)" in done.stdout
    assert "before: blocked by `block-legacy-authentication`" in done.stdout
    assert "after:  kept out: asked for mfa, which nobody can satisfy in it" in done.stdout

    told = json.loads(ostiary(committed, "diff", "contoso-prod", "--format", "json").stdout)
    change = told["contoso-prod"]["changes"][0]
    assert (change["kind"], change["effect"]) == ("opened", "block")
    assert (change["ipv4"], told["contoso-prod"]["same"]) == (str(2**32), False)


def test_environments_are_compared_by_the_names_of_their_ids(workspace: Path) -> None:
    done = ostiary(workspace, "diff", "contoso-staging", "--with", "sandbox")
    assert done.returncode == 2
    assert "head-office" in done.stdout
    assert "emergency-access` is" not in done.stdout
    same = workspace / "environments/sandbox.yaml"
    edit(same, "[203.0.113.0/24, 2001:db8:10::/48]", "[198.51.100.128/25, 2001:db8:20::/48]")
    assert ostiary(workspace, "diff", "contoso-staging", "--with", "sandbox").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--base", "nowhere"], "git has no policies at `nowhere`"),
        (["--base", "--output=/tmp/x"], "`--output=/tmp/x` is not a revision"),
        (["--tenant", "--with", "sandbox"], "compare with an environment or with the tenant"),
    ],
)
def test_what_cannot_be_compared_is_told(committed: Path, arguments: list[str], told: str) -> None:
    done = ostiary(committed, "diff", "contoso-prod", *arguments)
    assert done.returncode in {1, 64}
    assert told in done.stderr


def test_exceptions_are_listed_with_what_they_open_and_who_answers(workspace: Path) -> None:
    done = ostiary(workspace, "exceptions", "contoso-prod")
    assert done.returncode == 0
    assert (
        "contoso-prod: environments/contoso-prod.yaml:14:21: `block-device-code-flow` excludes "
        "`teams-rooms`\n"
        "  collaboration team, until 2027-06-30: "
        "Teams Rooms devices are provisioned by device code\n"
        "  does not block every user who is in `teams-rooms`"
    ) in done.stdout
    assert "from 256 IPv4 and 2^80 IPv6 addresses (in `head-office`)" in done.stdout
    assert "emergency-access` excludes" not in done.stdout
    assert "excludes `emergency-access`" not in done.stdout

    (first, *_) = json.loads(
        ostiary(workspace, "exceptions", "contoso-prod", "--format", "json").stdout
    )
    assert (first["policy"], first["list"], first["name"]) == (
        "block-device-code-flow", "excludeGroups", "teams-rooms",
    )  # fmt: skip
    assert first["answers"]["expires"] == "2027-06-30"
    assert first["opens"][0]["ipv4"] == str(2**32 - 256)


def test_check_tells_machines_what_it_found(workspace: Path) -> None:
    edit(workspace / "policies/require-mfa.yaml", "state: enabled", "state: disabled")
    done = ostiary(workspace, "check", "sandbox", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["valid"], told["proven"]) == (4, True, False)
    (failed,) = (each for each in told["results"] if each["result"] != "proven")
    assert (failed["goal"], failed["openings"][0]["ipv4"]) == ("everybody-needs-mfa", str(2**32))

    edit(workspace / "policies/require-mfa.yaml", "state: disabled", "state: off")
    done = ostiary(workspace, "check", "sandbox", "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["valid"], told["proven"]) == (3, False, False)
    found = {each["code"]: each for each in told["diagnostics"]}
    assert found["unknown-value"]["place"]["path"] == "policies/require-mfa.yaml"
    assert found["unknown-value"]["severity"] == "error"
