"""docs/diagnostics.md has every code that the source can report, and its examples are real."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from ostiary.spec.source import parse
from tests.engine.unit.spec.hostile import CASES
from tests.engine.unit.test_golden import GOLDEN

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "diagnostics.md"
# What takes a code, and as which of its arguments.
TAKES_CODE = {
    "Diagnostic": 0,
    "PydanticCustomError": 0,
    "Finding": 1,
    "_error": 1,
    "_warning": 1,
    "_refuse": 0,
    "_report": 0,
    "_warn": 0,
}
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+\Z")


def codes_in_source() -> set[str]:
    found = set()
    for file in (ROOT / "src" / "ostiary").glob("*/*.py"):
        if file.parent.name not in {"spec", "model", "proof"}:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            name = name.id if isinstance(name, ast.Name) else name
            position = TAKES_CODE.get(str(name))
            if position is not None and len(node.args) > position:
                found |= {
                    each.value
                    for each in ast.walk(node.args[position])
                    if isinstance(each, ast.Constant)
                    and isinstance(each.value, str)
                    and CODE.match(each.value)
                }
    kinds = "user group application service-principal external-tenant terms-of-use approver"
    return found | {f"unknown-{kind}" for kind in [*kinds.split(), "authentication-strength"]}


def told_in_tests() -> set[str]:
    told = {
        line
        for file in (GOLDEN / "invalid").glob("*.txt")
        for line in file.read_text(encoding="utf-8").splitlines()
    }
    for case in CASES:
        if isinstance(case.data, bytes):
            for found in parse(case.data, "policies/hostile.yaml")[1]:
                told |= set(str(found).splitlines())
    return told


def test_every_code_has_a_heading_and_every_heading_a_code() -> None:
    headings = re.findall(r"^### (\S+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(codes_in_source())


def test_every_example_is_what_a_test_expects() -> None:
    blocks = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 60
    told = told_in_tests()
    for block in blocks:
        for line in block.splitlines():
            assert line in told
