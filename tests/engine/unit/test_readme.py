"""What the README shows is what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from ostiary.model.resolve import resolve
from ostiary.spec.workspace import load
from tests.engine.shipped import ROOT, TODAY
from tests.engine.unit.test_golden import GOLDEN

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def help_text() -> str:
    """Give the commands as `ostiary --help` lists them: name and first sentence."""
    done = subprocess.run(
        [Path(sys.executable).with_name("ostiary"), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "160", "TERM": "dumb"},
    )
    rows = re.findall(r"^│ (\w[\w-]*) +(\S.*?) *│$", done.stdout, re.MULTILINE)
    width = max(len(name) for name, _ in rows)
    return "".join(f"ostiary {name:<{width}}  {words}\n" for name, words in rows)


def test_the_help_is_that_of_the_command() -> None:
    assert help_text() in blocks("text")


def test_the_diagnostic_is_one_that_the_tests_expect() -> None:
    golden = [file.read_text(encoding="utf-8") for file in (GOLDEN / "invalid").glob("*.txt")]
    shown = next(each for each in blocks("text") if "unknown-location" in each)
    assert any(shown in each for each in golden)


def test_the_policy_is_valid(workspace: Path) -> None:
    policy, _ = blocks("yaml")
    assert yaml.safe_load(policy)["displayName"] == "Block device code flow"
    (workspace / "policies/block-device-code-flow.yaml").write_text(policy, encoding="utf-8")
    assert resolve(load(workspace), "sandbox", TODAY).warnings == ()


def test_the_goal_is_a_shipped_one() -> None:
    _, goal = blocks("yaml")
    path, _, text = goal.removeprefix("# ").partition("\n")
    assert (ROOT / path).read_text(encoding="utf-8") == text


def test_every_link_into_the_repository_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
