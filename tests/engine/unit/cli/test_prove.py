"""`prove`, `what-if` and `explain` as a user meets them: words, exit codes, files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from ostiary.cli.main import main
from tests.engine.shipped import append, edit

BLOCK = "policies/block-device-code-flow.yaml"


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Ostiary = Callable[..., Done]


@pytest.fixture
def ostiary(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ostiary:
    """Run the command line in this process: a process of its own is tried in test_workspace."""

    def run(folder: Path, *arguments: str) -> Done:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["ostiary", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


def break_it(workspace: Path) -> None:
    edit(workspace / BLOCK, "state: enabled", "state: disabled")


def test_every_goal_of_the_shipped_policies_is_proven(workspace: Path, ostiary: Ostiary) -> None:
    done = ostiary(workspace, "prove")
    assert done.returncode == 0
    assert "contoso-prod::device-code-flow-is-blocked: proven, by" in done.stdout
    assert "takes effect only if Entra sees the device in device code flow" in done.stdout
    assert "not proven" not in done.stdout.splitlines()[-1]


def test_a_gap_ends_with_4_and_can_be_kept_as_a_test(workspace: Path, ostiary: Ostiary) -> None:
    break_it(workspace)
    table = workspace / "sign-ins.yaml"
    arguments = ["prove", "contoso-prod", "--goal", "device-code-flow-is-blocked"]
    for _ in range(2):  # the second time, the row is there already
        done = ostiary(workspace, *arguments, "--save-tests", str(table))
        assert done.returncode == 4
    assert f"{BLOCK}:6:8: `block-device-code-flow` is disabled" in done.stdout
    assert "smallest edit: set the state to enabled" in done.stdout
    assert done.stdout.endswith("1 goal in 1 environment: 0 proven, 1 not proven\n")
    (row,) = yaml.safe_load(table.read_text(encoding="utf-8"))
    assert row["signIn"]["flow"] == "deviceCodeFlow"


def test_a_waiver_lets_a_gap_pass_and_is_told(workspace: Path, ostiary: Ostiary) -> None:
    break_it(workspace)
    append(
        workspace / "environments/contoso-prod.yaml",
        "waivers: [{goal: device-code-flow-is-blocked, "
        "owner: me, reason: r, expires: 2099-01-01}]\n",
    )
    done = ostiary(workspace, "prove", "contoso-prod", "--goal", "device-code-flow-is-blocked")
    assert done.returncode == 0
    assert "NOT PROVEN, waived until 2099-01-01 by me: r" in done.stdout


def test_json_has_everything_that_the_text_has(workspace: Path, ostiary: Ostiary) -> None:
    break_it(workspace)
    done = ostiary(workspace, "prove", "contoso-prod", "--format", "json")
    assert done.returncode == 4
    told = json.loads(done.stdout)
    assert told["proven"] is False
    results = {each["goal"]: each for each in told["results"]}
    assert results["everybody-needs-mfa"]["result"] == "proven"
    assert results["everybody-needs-mfa"]["policies"]
    gap = results["device-code-flow-is-blocked"]
    opening = gap["openings"][0]
    assert (gap["result"], gap["complete"]) == ("notProven", True)
    assert opening["nearMisses"][0]["clues"][0] == {
        "condition": "policyNotEnabled",
        "list": "state",
        "entry": "disabled",
        "name": "disabled",
        "place": {"path": BLOCK, "line": 6, "column": 8},
    }
    assert gap["repairs"][0]["edits"][0]["edit"] == "enable"
    assert gap["repairs"][0]["proves"] is True


def test_certificates_are_written_for_each_environment(workspace: Path, ostiary: Ostiary) -> None:
    folder = workspace / "certificates"
    done = ostiary(workspace, "prove", "contoso-dev", "--certificates", str(folder))
    assert done.returncode == 0
    data = json.loads((folder / "contoso-dev.json").read_text(encoding="utf-8"))
    assert "legacy-authentication-is-blocked" in data["goals"]


def test_invalid_specs_stop_every_proof(workspace: Path, ostiary: Ostiary) -> None:
    edit(workspace / "policies/require-mfa.yaml", "[mfa]", "[MFA]")
    for verb in (["prove"], ["what-if", "sandbox"], ["explain", "everybody-needs-mfa"]):
        done = ostiary(workspace, *verb)
        assert (done.returncode, done.stdout) == (3, "")
        assert "policies/require-mfa.yaml:12:21: unknown-value" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prove", "--goal", "everybody-need-mfa"], "did you mean `everybody-needs-mfa`?"),
        (["explain", "host-bit-set"], "did you mean `host-bits-set`?"),
        (["what-if", "sandbox", "--group", "suspects"], "--group: unknown-group: no group"),
        (["what-if", "sandbox", "--unknown", "groups"], "did you mean `group`?"),
    ],
)
def test_a_name_that_is_none_is_a_usage_error(
    workspace: Path, ostiary: Ostiary, arguments: list[str], told: str
) -> None:
    done = ostiary(workspace, *arguments)
    assert done.returncode == 64
    assert told in done.stderr


def test_what_if_tells_the_policy_and_the_condition_that_decided(
    workspace: Path, ostiary: Ostiary
) -> None:
    done = ostiary(workspace, "what-if", "contoso-prod", "--plain", "--flow", "deviceCode")
    assert done.returncode == 0
    assert "→ blocked by `block-device-code-flow`" in done.stdout
    assert "transferMethods `deviceCodeFlow`" in done.stdout


def test_what_if_tells_which_unknown_matters(workspace: Path, ostiary: Ostiary) -> None:
    asked = ["what-if", "contoso-prod", "--plain", "--flow", "deviceCodeFlow", "--unknown", "ip"]
    done = ostiary(workspace, *asked)
    assert "→ it depends on `ip`" in done.stdout
    told = json.loads(ostiary(workspace, *asked, "--format", "json").stdout)
    assert told["decision"]["outcome"] == "unknown"
    assert told["decision"]["mattering"] == ["ip"]
    policies = {each["policy"]: each for each in told["policies"]}
    assert policies["block-device-code-flow"]["applies"] is None


def test_explain_a_code_anywhere(tmp_path: Path, ostiary: Ostiary) -> None:
    done = ostiary(tmp_path, "explain", "host-bits-set")
    assert done.returncode == 0
    assert done.stdout.startswith("host-bits-set\n\nBits beyond the prefix")


def test_explain_a_goal_with_where_it_holds(workspace: Path, ostiary: Ostiary) -> None:
    done = ostiary(workspace, "explain", "suspected-users-are-confined")
    assert "It is about every sign-in by a member of `suspected-users`" in done.stdout
    assert "contoso-prod: proven, by `confine-suspected-users`" in done.stdout
    told = ostiary(workspace, "explain", "suspected-users-are-confined", "--format", "json")
    assert json.loads(told.stdout)["environments"]["contoso-prod"]["result"] == "proven"
