"""Data → YAML text in the style of the shipped files, which `source` reads back as it was.

A list of words stands on one line where it fits, and so does a mapping of words inside another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

import yaml

WIDTH = 100


def text(data: Mapping[str, Any], comment: str = "") -> str:
    """Write a mapping as a YAML document; `comment` stands above it."""
    above = [f"# {line}" for line in comment.splitlines()]
    return "\n".join([*above, *lines(data, "")]) + "\n"


def lines(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Write the entries of a mapping below each other."""
    for key, value in data.items():
        head = f"{indent}{_word(key)}:"
        told = short(value, inside=bool(indent))
        listed = isinstance(value, list) and value
        if told is not None and (not listed or len(head) + len(told) < WIDTH):
            yield f"{head} {told}"
        elif isinstance(value, dict):
            yield head
            yield from lines(value, indent + "  ")
        else:
            yield head
            for each in value:
                below = lines(each, f"{indent}    ") if isinstance(each, dict) else [_word(each)]
                for number, line in enumerate(below):
                    yield f"{indent}  - {line.lstrip()}" if number == 0 else line


def short(value: Any, *, inside: bool) -> str | None:
    """Write a value for one line, if it is one for that."""
    if isinstance(value, list):
        words = not any(isinstance(each, dict | list) for each in value)
        return f"[{', '.join(map(_word, value))}]" if words else None
    if isinstance(value, dict):
        words = inside and not any(isinstance(each, dict | list) for each in value.values())
        pairs = (f"{_word(key)}: {_word(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}" if words or not value else None
    return _word(value)


@lru_cache(maxsize=4096)
def _word(value: str | int | bool | date | None) -> str:  # noqa: FBT001 (a value, no switch)
    """Write a scalar so that it is read as the same one, in brackets too."""
    if isinstance(value, str) and not value.isprintable():
        # What cannot be seen is escaped: a line break, a mark that turns the text around.
        return yaml.safe_dump(value, default_style='"', width=10**6).strip()
    line = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**6)
    return line.strip()[1:-1]
