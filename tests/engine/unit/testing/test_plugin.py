"""What `pytest` does in a tenant repository, run within this one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ostiary.model.resolve import resolve
from ostiary.proof.examine import examine
from ostiary.proof.prove import Prover
from ostiary.report import rows
from ostiary.spec.workspace import load
from ostiary.testing import collect
from tests.engine.shipped import ROOT, TODAY, append, edit

pytest_plugins = ["pytester"]

REQUIRE_MFA = Path("policies/require-mfa.yaml")
TABLE = Path("tests/policies/sign-ins.yaml")
PAGE = (ROOT / "docs" / "tests.md").read_text(encoding="utf-8")
WAIVER = """\
waivers:
  - goal: everybody-needs-mfa
    owner: identity team
    reason: the licences come in January
    expires: 2027-01-31
"""


@pytest.fixture(autouse=True)
def _alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run without the plugins of this checkout, which take a second to load in each run."""
    assert pytester  # it takes the variable away
    others = ("hypothesispytest", "anyio", "xdist")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{each}" for each in others))
    monkeypatch.setattr(collect, "today", lambda: TODAY)
    # There pytest repeats whole messages in its summary.
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tenant(pytester: pytest.Pytester) -> pytest.Pytester:
    """Make a tenant repository of what this one ships."""
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, pytester.path)
    for name in ("policies", "environments", "tests/policies"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, pytester.path / name, ignore=ignored)
    return pytester


def names(tenant: pytest.Pytester, *arguments: str) -> list[str]:
    run = tenant.runpytest("--collect-only", "-q", *arguments)
    return [line for line in run.outlines if "::" in line]


def test_the_shipped_goals_and_rows_pass(tenant: pytest.Pytester) -> None:
    run = tenant.runpytest("-v")
    run.assert_outcomes(passed=135)
    for name in (
        "contoso-prod::files are valid",
        "contoso-prod::device-code-flow-is-blocked",
        "contoso-prod::sign-ins.yaml::Teams Rooms are provisioned by device code",
        "contoso-dev::device-code-flow-is-blocked-everywhere",
        "sandbox::every policy is exercised",
    ):
        run.stdout.fnmatch_lines([f"{name} PASSED*"])


def test_they_belong_to_the_folder_of_the_tests(tenant: pytest.Pytester) -> None:
    tenant.makepyfile(**{"tests/engine/test_other": "def test_it(): pass"})
    tenant.makepyfile(**{"tests/policies/test_own": "def test_it(): pass"})
    ours = names(tenant, "tests/policies")
    assert "tests/policies/test_own.py::test_it" in ours
    assert "contoso-prod::everybody-needs-mfa" in ours
    assert sorted(names(tenant)) == sorted([*ours, "tests/engine/test_other.py::test_it"])
    assert names(tenant, "tests") == names(tenant)
    assert names(tenant, "tests/engine") == ["tests/engine/test_other.py::test_it"]
    assert names(tenant, "tests/policies/test_own.py") == ["tests/policies/test_own.py::test_it"]


def test_a_package_is_a_folder_too(tenant: pytest.Pytester) -> None:
    before = names(tenant)
    tenant.path.joinpath("tests/policies/__init__.py").touch()
    assert names(tenant) == before


def test_a_name_that_was_shown_can_be_asked_for(
    tenant: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal, row = "contoso-prod::everybody-needs-mfa", "sandbox::sign-ins.yaml::an old mail program*"
    (row,) = (each for each in names(tenant) if each.startswith(row[:-1]))
    assert names(tenant, goal, row) == [goal, row]
    assert names(tenant, "environments/contoso-prod.yaml") == names(tenant, "contoso-prod")
    assert len(names(tenant, "contoso-prod")) > 30
    run = tenant.runpytest("contoso-prod::everybody-needs-mfaa", "-q")
    run.stderr.fnmatch_lines(["ERROR: not found: *contoso-prod.yaml::everybody-needs-mfaa"])
    monkeypatch.chdir(tenant.path / "tests")
    assert len(names(tenant, f"../{goal}", "--rootdir=..")) == 1


def test_workspaces_of_one_repository_are_told_apart(pytester: pytest.Pytester) -> None:
    for name in ("europe", "asia"):
        for folder in ("policies", "environments", "tests/policies"):
            shutil.copytree(ROOT / folder, pytester.path / name / folder)
        shutil.copy(ROOT / "Pulumi.yaml", pytester.path / name)
    every = names(pytester)
    assert len(set(every)) == len(every) == 270
    assert names(pytester, "asia/sandbox::everybody-needs-mfa") == [
        "asia/sandbox::everybody-needs-mfa"
    ]


def test_a_goal_that_does_not_hold_shows_a_sign_in(tenant: pytest.Pytester) -> None:
    edit(tenant.path / REQUIRE_MFA, "clientAppTypes: [all]", "clientAppTypes: [browser]")
    run = tenant.runpytest("contoso-prod::everybody-needs-mfa")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(
        [
            "* contoso-prod: everybody-needs-mfa *",
            "NOT PROVEN",
            "  Nobody signs in without multifactor authentication.",
            "  a sign-in gets in without mfa:",
            "    *with a mobile app or desktop client*",
            "    policies/require-mfa.yaml:9:*`require-mfa` does not include the client app type*",
            "FAILED contoso-prod::everybody-needs-mfa*",
        ]
    )
    assert "Traceback" not in run.stdout.str()
    assert "collect.py" not in run.stdout.str()


def test_a_goal_that_says_nothing_fails(tenant: pytest.Pytester) -> None:
    goal = tenant.path / "policies/goals/legacy-authentication-is-blocked.yaml"
    edit(goal, "{group: emergency-access}", "{clientAppType: [exchangeActiveSync, other]}")
    run = tenant.runpytest("sandbox::legacy-authentication-is-blocked")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["VACUOUS"])


def test_a_goal_that_is_not_decided_fails(
    tenant: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostiary.proof.examine.Prover", partial(Prover, budget=0))
    run = tenant.runpytest("sandbox::everybody-needs-mfa")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["NOT DECIDED"])


def test_a_waived_goal_is_shown_with_who_answers_for_it(tenant: pytest.Pytester) -> None:
    edit(tenant.path / REQUIRE_MFA, "state: enabled", "state: disabled")
    append(tenant.path / "environments/sandbox.yaml", WAIVER)
    run = tenant.runpytest("sandbox::everybody-needs-mfa")
    run.assert_outcomes(xfailed=1)
    run.stdout.fnmatch_lines(
        [
            "=* waived goals *",
            "sandbox::everybody-needs-mfa: not proven, waived until 2027-01-31 by identity team: *",
        ]
    )
    tenant.runpytest("sandbox::everybody-needs-mfa", "--runxfail").assert_outcomes(failed=1)


def test_what_is_wrong_with_the_files_is_told_once(tenant: pytest.Pytester) -> None:
    edit(tenant.path / REQUIRE_MFA, "includeUsers: [All]", "includeUsers: [Al]")
    edit(tenant.path / "policies/block-legacy-authentication.yaml", "operator: OR", "operator: XR")
    edit(tenant.path / "environments/sandbox.yaml", "  emergency-access:", "  emergency-acess:")
    run = tenant.runpytest()
    run.stdout.fnmatch_lines(
        [
            "* contoso-dev: files are valid *",
            "policies/block-legacy-authentication.yaml:*: unknown-value: unknown value `XR`",
            "* sandbox: files are valid *",
            "environments/sandbox.yaml:*",
        ]
    )
    assert run.stdout.str().count("unknown value `XR`") == 1
    assert "Traceback" not in run.stdout.str()
    assert set(run.parseoutcomes()) == {"failed"}


def test_what_only_a_proof_tells_of_the_files_fails(tenant: pytest.Pytester) -> None:
    edit(
        tenant.path / REQUIRE_MFA,
        "excludeGroups: [emergency-access]",
        "excludeGroups: [emergency-access, suspected-users]",
    )
    run = tenant.runpytest("sandbox::files are valid")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["policies/require-mfa.yaml:*: exception-undeclared: *"])


def test_a_row_that_does_not_come_true_shows_what_does(tenant: pytest.Pytester) -> None:
    tenant.path.joinpath(TABLE).write_text(
        """\
- says: guests need nothing
  signIn: {guest: b2bCollaborationGuest}
  expect: allowed
  decidedBy: block-legacy-authentication
- says: clients make a difference
  signIn: {unknown: client}
  expect: {granted: [mfa]}
- says: clients make a difference
  signIn: {unknown: client}
  expect: unknown
- says: nothing stays in the session
  signIn: {group: suspected-users, location: head-office}
  expect: never blocked
  sessionControls: {persistentBrowser: {mode: never}}
- says: a group of no environment
  signIn: {group: staff}
  expect: blocked
"""
    )
    run = tenant.runpytest("sandbox::sign-ins.yaml")
    run.assert_outcomes(failed=4, passed=1)
    run.stdout.fnmatch_lines(
        [
            "* sandbox: sign-ins.yaml: guests need nothing *",
            "expected: allowed: nothing is asked; but it is: granted once mfa is satisfied",
            "expected: decided by `block-legacy-authentication`; but it is: by `require-mfa`",
            "tests/policies/sign-ins.yaml:1:3: guests need nothing",
            "*a B2B collaboration guest*",
            "decided by",
            "  policies/require-mfa.yaml:*: `require-mfa` applies, *",
            "does not apply",
            "  policies/block-legacy-authentication.yaml:*: *the client app type `browser`",
            "expected: granted once mfa is satisfied; but it is: not decided: *",
            "* it depends on `client`",
            "expected: in the session persistent browser `never`; but it is: a sign-in every time*",
            "tests/policies/sign-ins.yaml:16:19: unknown-group: no group `staff` *",
        ]
    )
    assert "sandbox::sign-ins.yaml::clients make a difference (2)" in names(tenant)
    shown = PAGE.rpartition("```text\n")[2].partition("```")[0]
    assert shown in run.stdout.str()
    assert "Traceback" not in run.stdout.str()


def test_the_rows_of_the_page_are_true(tenant: pytest.Pytester) -> None:
    shown = PAGE.partition("```yaml\n")[2].partition("```")[0]
    tenant.path.joinpath(TABLE).write_text(shown, encoding="utf-8")
    tenant.runpytest("contoso-prod::sign-ins.yaml").assert_outcomes(passed=3)


def test_a_gap_can_be_saved_as_rows_that_fail_until_it_is_closed(tenant: pytest.Pytester) -> None:
    edit(tenant.path / REQUIRE_MFA, "includeUsers: [All]", "includeGroups: [suspected-users]")
    resolved = resolve(load(tenant.path), "sandbox", TODAY)
    saved = [text for each in examine(resolved).results for text in rows.texts(each, resolved)]
    assert saved
    tenant.path.joinpath(TABLE).write_text("".join(saved), encoding="utf-8")
    tenant.runpytest("sandbox::sign-ins.yaml", "-q").assert_outcomes(failed=len(saved))
    edit(tenant.path / REQUIRE_MFA, "includeGroups: [suspected-users]", "includeUsers: [All]")
    tenant.runpytest("sandbox::sign-ins.yaml", "-q").assert_outcomes(passed=len(saved))


def test_a_policy_that_nothing_exercises_is_reported(tenant: pytest.Pytester) -> None:
    text = (tenant.path / REQUIRE_MFA).read_text(encoding="utf-8")
    made = text.replace("multifactor", "another").replace("[mfa]", "[compliantApplication]")
    (tenant.path / "policies/forgotten.yaml").write_text(made, encoding="utf-8")
    edit(
        tenant.path / "environments/contoso-prod.yaml", "states:", "states:\n  forgotten: disabled"
    )
    run = tenant.runpytest("contoso-prod::every policy is exercised", "-q")
    run.assert_outcomes(passed=1)
    run = tenant.runpytest("sandbox::every policy is exercised", "-q")
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["no goal rests on *", "  policies/forgotten.yaml:*: `forgotten`"])


def test_a_broken_table_does_not_hide_what_the_others_say(tenant: pytest.Pytester) -> None:
    (tenant.path / "tests/policies/more.yaml").write_text("- says: this is no row\n")
    (tenant.path / "tests/policies/less.yml").touch()
    run = tenant.runpytest("contoso-dev", "-q")
    run.stdout.fnmatch_lines(
        ["tests/policies/less.yml: stray-file: *", "*more.yaml:1:3: missing-key*"]
    )
    counts = run.parseoutcomes()
    assert counts["failed"] == 1
    assert counts["passed"] > 30


def test_elsewhere_nothing_is_loaded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        **{
            "tests/policies/test_it": """
            import sys

            def test_it():
                assert {each for each in sys.modules if each.startswith("ostiary")} == {
                    "ostiary", "ostiary.testing", "ostiary.testing.plugin",
                }
            """
        }
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=pytester.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
