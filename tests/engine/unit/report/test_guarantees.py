from __future__ import annotations

import re
from pathlib import Path

from ostiary.model.resolve import resolve
from ostiary.proof.assumptions import ENTRA, SCOPE
from ostiary.proof.examine import examine
from ostiary.proof.findings import findings
from ostiary.report.guarantees import guarantees
from ostiary.spec.workspace import environment_names, load
from tests.engine.shipped import ROOT, TODAY, append, edit

SEMANTICS = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
PAGE = re.compile(r"https://learn\.microsoft\.com/[\w/-]+[\w]")


def page_of(root: Path) -> str:
    workspace = load(root)
    every = []
    for name in environment_names(root):
        examined = examine(resolve(workspace, name, TODAY))
        every.append((examined, findings(workspace, examined)))
    return guarantees(workspace, every)


def test_the_page_is_what_is_proven() -> None:
    shown = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    made = page_of(ROOT).rstrip() + "\n"
    assert shown == made, "run `ostiary guarantees > docs/guarantees.md`"


def test_it_tells_what_does_not_hold(workspace: Path) -> None:
    edit(workspace / "policies/require-mfa.yaml", "state: enabled", "state: disabled")
    waiver = "{goal: everybody-needs-mfa, owner: me, reason: later, expires: 2099-01-01}"
    append(workspace / "environments/contoso-dev.yaml", f"waivers: [{waiver}]\n")
    made = page_of(workspace)
    assert "- contoso-dev: NOT PROVEN, waived; but for `group: emergency-access`" in made
    assert "- contoso-prod, contoso-staging, sandbox: NOT PROVEN; but for" in made
    assert "| `everybody-needs-mfa` | contoso-dev | me | 2099-01-01 | later |" in made


def test_every_assumption_and_every_source_of_a_rule_is_in_the_semantics() -> None:
    for each in (*SCOPE, *ENTRA):
        assert each.page in SEMANTICS, each.title
    for file in (ROOT / "src" / "ostiary" / "proof").glob("*.py"):
        for page in PAGE.findall(file.read_text(encoding="utf-8")):
            assert page in SEMANTICS, (file.name, page)
