"""What is written reads back as it was, and a file that is added to keeps all else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ostiary.spec.amend import amended
from ostiary.spec.source import parse
from ostiary.spec.text import text

# What `source` reads at all: it refuses what a reviewer cannot see.
LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])
ODD = ["NO", "010", "true", "null", "~", "", "a: b", "# c", "- d", "12:30", "1e3", "?", "x, y",
       "{x}", "[x]", "'q'", '"q"', "&a", "*a", "!t", "%x", "@x", "`x`", "=", "<<", "2026-01-01",
       " x ", "x\ny", "é", "\U0001f6aa", "-1", "+1", ".5", "1_000", "0x1f", "|", ">"]  # fmt: skip
WORDS = st.sampled_from(ODD) | st.text(LETTERS, max_size=120)
LEAVES = WORDS | st.booleans() | st.integers(0, 10**9)
DATA = st.dictionaries(
    WORDS,
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(LEAVES, max_size=5)
            | st.lists(st.dictionaries(WORDS, LEAVES, min_size=1, max_size=3), max_size=3)
            | st.dictionaries(WORDS, inner, max_size=4)
        ),
        max_leaves=20,
    ),
    min_size=1,
    max_size=5,
)


def read(file: str) -> Any:
    source, found = parse(file.encode(), "file.yaml")
    assert found == [], file
    assert source is not None
    return source.data


@settings(max_examples=150, deadline=None)
@example({"k" * 120: []}, "")
@given(DATA, st.sampled_from(["", "Why\nit is so"]))
def test_what_is_written_is_read_as_it_was(data: dict[str, Any], comment: str) -> None:
    assert read(text(data, comment)) == data


def test_the_style_is_that_of_the_shipped_files() -> None:
    roles = [f"Some Administrator {number}" for number in range(6)]
    data = {
        "displayName": "Block it",
        "conditions": {
            "users": {"includeUsers": ["All"], "includeRoles": roles},
            "devices": {"deviceFilter": {"mode": "exclude", "rule": "device.isCompliant -eq True"}},
        },
        "exceptions": [{"of": "deviceFilter", "owner": "IT"}],
        "groups": {"a": "b"},
    }
    listed = "".join(f"      - {role}\n" for role in roles)
    assert text(data, "Why") == (
        "# Why\n"
        "displayName: Block it\n"
        "conditions:\n"
        "  users:\n"
        "    includeUsers: [All]\n"
        "    includeRoles:\n" + listed + "  devices:\n"
        "    deviceFilter: {mode: exclude, rule: device.isCompliant -eq True}\n"
        "exceptions:\n"
        "  - of: deviceFilter\n"
        "    owner: IT\n"
        "groups:\n"
        "  a: b\n"
    )


FILE = """\
# of the file
tenantId: x # of the tenant
groups:
  # of the first
  one: 1 # it
  # of the second

  two:
    deep: 2
# of what follows
users: {anna: 3} # flow
goals: [first, second]
unmanaged:
  - a: 1
    b: 2
# the end
"""


@pytest.mark.parametrize(
    ("additions", "old", "new"),
    [
        ({"groups": {"three": 3}}, "    deep: 2\n", "    deep: 2\n  three: 3\n"),
        ({"users": {"berta": 4}}, "users: {anna: 3} # flow\n", "users:\n  anna: 3\n  berta: 4\n"),
        ({"goals": ["third"]}, "[first, second]", "[first, second, third]"),
        ({"unmanaged": [{"a": 3}]}, "    b: 2\n", "    b: 2\n  - a: 3\n"),
        ({"facts": [{"a": 3}]}, "# the end\n", "# the end\nfacts:\n  - a: 3\n"),
        ({"groups": {}, "goals": []}, "", ""),
    ],
)
def test_an_addition_touches_nothing_else(additions: dict[str, Any], old: str, new: str) -> None:
    assert amended(FILE, additions) == FILE.replace(old, new)


def test_several_additions_do_not_get_in_each_others_way() -> None:
    additions = {"new": {"x": 1}, "groups": {"three": 3}, "goals": ["third"], "other": ["y"]}
    before, after = read(FILE), read(amended(FILE, additions))
    assert after == before | {
        "groups": before["groups"] | {"three": 3},
        "goals": ["first", "second", "third"],
        "new": {"x": 1},
        "other": ["y"],
    }
