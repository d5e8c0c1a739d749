"""docs/preflight.md has every code that preflight can give, and every row a test that is there."""

from __future__ import annotations

import ast
import re

from tests.engine.shipped import ROOT
from tests.engine.unit.test_golden import GOLDEN

PAGE = (ROOT / "docs" / "preflight.md").read_text(encoding="utf-8")
SURPRISES = 32


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table under a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def known() -> set[str]:
    """Give every test function by its name, and every golden case."""
    functions = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def test_(\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    return functions | {f"golden {file.stem}" for file in (GOLDEN / "invalid").glob("*.yaml")}


def codes_in_source() -> set[str]:
    calls = (
        node
        for file in (ROOT / "src/ostiary/tenant/preflight").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
    )
    return {str(ast.literal_eval(call.args[0])) for call in calls}


def test_every_code_is_told_with_a_test() -> None:
    table = rows("What it finds")
    assert sorted(code for row in table for code in quoted(row[0])) == sorted(codes_in_source())
    assert {name for row in table for name in quoted(row[3])} <= known()
    assert all(quoted(row[3]) for row in table)


def test_every_known_surprise_is_caught_and_tested() -> None:
    table = rows("What is known to go wrong with Conditional Access and its provider")
    assert [row[0] for row in table] == [str(n + 1) for n in range(SURPRISES)]
    for row in table:
        number, what, where, test = row
        assert what, number
        assert where, number
        assert quoted(test), number
        assert set(quoted(test)) <= known(), row


def test_a_test_that_is_not_there_would_be_seen() -> None:
    assert "a_test_that_nobody_wrote" not in known()
