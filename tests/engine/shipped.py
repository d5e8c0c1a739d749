"""The workspace that this repository ships, for tests that change a copy of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A day on which every exception of the shipped policies holds.
TODAY = date(2026, 11, 23)


def edit(file: Path, old: str, new: str) -> None:
    """Replace text that must be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} does not hold {old!r}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def append(file: Path, text: str) -> None:
    """Add lines at the end."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)
