"""The next step of a policy: real files, a real git history, and sign-ins as Graph lists them."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import OstiaryError
from ostiary.promotion.history import since
from ostiary.promotion.promote import Condition, Promoter, Step
from ostiary.promotion.sign_ins import Log, read_log
from ostiary.spec.rollout import load_rollout
from ostiary.spec.workspace import load
from tests.engine.shipped import edit

TODAY = date(2026, 11, 23)
ENVIRONMENT = """\
tenantId: 11111111-0000-4000-8000-000000000000
groups: {emergency-access: 11111111-0000-4000-8000-0000000000e1}
users: {panel: 11111111-0000-4000-8000-0000000000a1}
goals: [linux-gets-in]
states:
  require-mfa: enabledForReportingButNotEnforced # watch first
  block-linux: disabled
"""
REQUIRE_MFA = """\
displayName: Require MFA
state: enabled
conditions:
  users: {includeUsers: [All], excludeGroups: [emergency-access], excludeUsers: [panel]}
  applications: {includeApplications: [All]}
  clientAppTypes: [all]
grantControls: {operator: OR, builtInControls: [mfa]}
exceptions: [{of: panel, owner: rooms, reason: a wall panel, expires: 2099-01-01}]
"""
BLOCK_LINUX = """\
displayName: Block Linux
state: enabled
conditions:
  users: {includeUsers: [All], excludeGroups: [emergency-access]}
  applications: {includeApplications: [All]}
  clientAppTypes: [all]
  platforms: {includePlatforms: [linux]}
grantControls: {operator: OR, builtInControls: [block]}
"""
GOAL = """\
says: Whoever works on Linux gets in.
given: {platform: linux, clientAppType: browser}
then: never blocked
"""
ROLLOUT = """\
rings: {first: [here]}
steps:
  enabledForReportingButNotEnforced: {}
  enabled: {daysInReportOnly: 14, noUnexplainedFailures: true, approvedBy: [Anna]}
approvals: [{policy: require-mfa, to: enabled, environments: [here], by: Anna, on: 2026-11-20}]
explained: [{policy: require-mfa, users: [Bo@here.example], reason: leaves, expires: 2026-12-01}]
"""


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def commit(root: Path, day: str) -> None:
    dates = {f"GIT_{who}_DATE": f"{day}T12:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    names = ["-c", "user.name=a", "-c", "user.email=a@here.example"]
    for command in (["init", "-q"], ["add", "."], [*names, "commit", "-qm", day]):
        subprocess.run(["git", *command], cwd=root, check=True, env={**os.environ, **dates})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose policy was enabled once, and is report-only since the 2nd of November."""
    root = tmp_path / "repository" / "tenants"
    write(
        root,
        {
            "environments/here.yaml": ENVIRONMENT.replace("enabledForReporting", "#").replace(
                "require-mfa: #ButNotEnforced # watch first", "require-mfa: enabled"
            ),
            "policies/require-mfa.yaml": REQUIRE_MFA,
            "policies/block-linux.yaml": BLOCK_LINUX,
            "policies/goals/linux-gets-in.yaml": GOAL,
            "rollout.yaml": ROLLOUT,
        },
    )
    commit(root, "2026-10-01")
    write(root, {"environments/here.yaml": ENVIRONMENT})
    commit(root, "2026-11-02")
    write(root, {"environments/here.yaml": ENVIRONMENT + "# a word\n"})
    commit(root, "2026-11-21")
    return root


def sign_in(day: int, user: str, result: str, **more: Any) -> dict[str, Any]:
    applied = {"id": "p1", "displayName": "Require MFA", "result": result}
    return {
        "id": f"{day}-{user}",
        "createdDateTime": f"2026-11-{day:02}T10:00:00.1234567Z",
        "userId": f"id of {user}",
        "userPrincipalName": user,
        "appliedConditionalAccessPolicies": [applied | more],
    }


def log(tmp_path: Path, *sign_ins: dict[str, Any]) -> Log:
    page = tmp_path / "page.json"
    page.write_text(json.dumps({"value": sign_ins}), encoding="utf-8-sig")
    return read_log([page, page])


REFUSED, ASKED, FINE = "reportOnlyFailure", "reportOnlyInterrupted", "reportOnlySuccess"
GOOD = [sign_in(3, "an@here.example", FINE), sign_in(22, "bo@here.example", REFUSED)]


def judged(root: Path, of: Log | None, policy: str = "require-mfa") -> Step:
    rollout, found = load_rollout(root)
    assert rollout is not None, found
    promoter = Promoter(load(root, ["here"]), rollout.spec, of, TODAY)
    (step,) = promoter.promote("here", [policy]).steps
    return step


def condition(step: Step, name: str) -> Condition:
    (found,) = (each for each in step.conditions if each.name == name)
    return found


def test_a_policy_whose_conditions_are_met_is_proposed_in_one_word(
    root: Path, tmp_path: Path
) -> None:
    rollout, _ = load_rollout(root)
    assert rollout is not None
    promoter = Promoter(load(root, ["here"]), rollout.spec, log(tmp_path, *GOOD), TODAY)
    found = promoter.promote("here", ["block-linux", "require-mfa"])
    # The first goes to report-only, which changes no sign-in and has no condition here.
    assert [(each.policy, each.to, each.proposed) for each in found.steps] == [
        ("block-linux", "enabledForReportingButNotEnforced", True),
        ("require-mfa", "enabled", True),
    ]
    days = condition(found.steps[1], "daysInReportOnly")
    assert days.why == "unchanged in report-only since 2026-11-02, 21 of 14 days"
    why = condition(found.steps[1], "noUnexplainedFailures").why
    assert "2 sign-ins since 2026-11-02: 1 would have been" in why
    edited = found.before.replace("disabled", "enabledForReportingButNotEnforced")
    assert found.after == edited.replace(
        "require-mfa: enabledForReportingButNotEnforced", "require-mfa: enabled"
    )
    assert "# watch first" in found.after


def test_without_a_log_nobody_knows_and_nothing_is_proposed(root: Path) -> None:
    step = judged(root, None)
    assert condition(step, "noUnexplainedFailures").met is None
    assert [each.met for each in step.conditions if each.met is not None] == [True] * 3
    assert not step.proposed


@pytest.mark.parametrize(
    ("sign_ins", "expected"),
    [
        ([GOOD[0], sign_in(22, "cy", ASKED)], (False, "not so cy")),
        ([*GOOD, sign_in(22, "x", REFUSED, id="p2", displayName="Other")], (True, "1 would")),
        ([GOOD[0], sign_in(22, "cy", REFUSED, displayName="Old name")], (False, "not so cy")),
        ([sign_in(1, "cy", REFUSED), *GOOD], (True, "1 of them explained")),
        ([sign_in(15, "an", FINE), GOOD[1]], (None, "begin on 2026-11-15, and 2026-11-09")),
        ([GOOD[0]], (None, "end on 2026-11-03")),
        ([sign_in(3, "x", "success"), sign_in(22, "x", "success")], (None, "tells of it")),
        ([], (None, "tells of it")),
    ],
)
def test_sign_ins_are_counted_for_this_policy_since_it_is_as_it_is(
    root: Path, tmp_path: Path, sign_ins: list[dict[str, Any]], expected: tuple[bool | None, str]
) -> None:
    found = condition(judged(root, log(tmp_path, *sign_ins)), "noUnexplainedFailures")
    assert found.met is expected[0], found
    assert expected[1] in found.why


def test_an_explanation_ends_and_may_name_a_user_of_the_environment(
    root: Path, tmp_path: Path
) -> None:
    bo = log(tmp_path, *GOOD)
    edit(root / "rollout.yaml", "2026-12-01", "2026-11-22")
    assert condition(judged(root, bo), "noUnexplainedFailures").met is False
    edit(root / "rollout.yaml", "2026-11-22", "2026-11-23")
    edit(root / "rollout.yaml", "Bo@here.example", "panel")
    panel = GOOD[1] | {"userId": "11111111-0000-4000-8000-0000000000a1", "userPrincipalName": ""}
    assert condition(judged(root, bo), "noUnexplainedFailures").met is False
    of_panel = log(tmp_path, GOOD[0], panel)
    assert condition(judged(root, of_panel), "noUnexplainedFailures").met is True


def test_what_changes_what_the_policy_does_starts_the_days_anew(root: Path) -> None:
    edit(root / "policies/require-mfa.yaml", "[mfa]", "[mfa, compliantDevice]")
    uncommitted = judged(root, None)
    for name in ("daysInReportOnly", "approvedBy"):
        found = condition(uncommitted, name)
        assert found.met is None
        assert "not committed as it is now" in found.why
    commit(root, "2026-11-22")
    days = condition(judged(root, None), "daysInReportOnly")
    assert (days.met, days.why[-15:]) == (False, "2, 1 of 14 days")
    approved = condition(judged(root, None), "approvedBy")
    assert approved.met is False
    assert approved.why.endswith("before it changed on 2026-11-22")


def test_what_does_not_change_what_it_does_starts_nothing_anew(root: Path) -> None:
    policy = root / "policies/require-mfa.yaml"
    edit(policy, "2099-01-01", "2098-01-01")
    edit(policy, "state: enabled", "state: disabled # enabled by each environment")
    commit(root, "2026-11-22")
    assert condition(judged(root, None), "daysInReportOnly").met is True


def test_of_what_was_merged_the_day_of_the_merge_counts(root: Path) -> None:
    def git(*arguments: str, day: str = "2026-11-10") -> None:
        names = ["-c", "user.name=a", "-c", "user.email=a@here.example"]
        dates = {f"GIT_{who}_DATE": f"{day}T12:00:00Z" for who in ("AUTHOR", "COMMITTER")}
        command = ["git", *names, *arguments]
        subprocess.run(command, cwd=root, check=True, env={**os.environ, **dates})

    git("checkout", "-qb", "change")
    edit(root / "environments/here.yaml", "block-linux: disabled", "block-linux: enabled")
    commit(root, "2026-11-05")
    git("checkout", "-q", "-")
    git("merge", "-q", "--no-ff", "-m", "merge", "change", day="2026-11-12")
    found = since(root, "here", "block-linux")
    assert found.state is not None
    assert found.state.date() == date(2026, 11, 12)


def test_without_a_history_nobody_knows(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "export"
    elsewhere.mkdir()
    for folder in ("policies", "environments"):
        (root / folder).rename(elsewhere / folder)
    (root / "rollout.yaml").rename(elsewhere / "rollout.yaml")
    found = condition(judged(elsewhere, None), "daysInReportOnly")
    assert found.met is None
    assert "there is no git history here" in found.why


def test_a_step_that_breaks_a_goal_is_not_proposed(root: Path) -> None:
    edit(root / "environments/here.yaml", "disabled", "enabledForReportingButNotEnforced")
    edit(root / "rollout.yaml", "steps:", "policies: {block-linux: {enabled: {}}}\nsteps:")
    step = judged(root, None, "block-linux")
    assert step.to == "enabled"
    assert [(each.name, each.met) for each in step.conditions] == [("goals", False)]
    assert "`linux-gets-in`" in step.conditions[0].why


def test_a_step_that_the_file_does_not_have_is_not_proposed(root: Path) -> None:
    edit(root / "rollout.yaml", "  enabledForReportingButNotEnforced: {}\n", "")
    step = judged(root, None, "block-linux")
    assert condition(step, "steps").met is False
    assert not step.proposed


@pytest.mark.parametrize("text", ["[1]", '{"values": []}', '[{"id": "a"}]', "not JSON"])
def test_a_file_of_something_else_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(OstiaryError, match=r"other\.json` does not hold sign-ins"):
        read_log([tmp_path / "other.json"])
