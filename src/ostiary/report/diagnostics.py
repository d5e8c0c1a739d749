"""The section of docs/diagnostics.md that tells one code."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

_SECTION = re.compile(r"^### (?P<code>\S+)\n(?P<text>.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, str]:
    """Give the text under each code's heading."""
    return {each["code"]: each["text"].strip() for each in _SECTION.finditer(_page())}


def _page() -> str:
    shipped = files("ostiary") / "diagnostics.md"
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    # A checkout of ostiary itself: the wheel is made with a copy of this page.
    page = Path(__file__).parents[3] / "docs" / "diagnostics.md"
    return page.read_text(encoding="utf-8")
