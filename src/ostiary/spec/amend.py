"""Entries added to the tables and lists of a YAML file, everything else in it untouched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ostiary.spec.source import parse
from ostiary.spec.text import text


def amended(file: str, additions: Mapping[str, Any]) -> str:
    """Add to the mappings and lists under the top-level keys of `additions`, which may be new.

    Entries go below those that are there; what is written in brackets is written in lines then, and
    loses the comments within.  `file` must be a mapping that `source` reads.
    """
    node = yaml.compose(file, Loader=yaml.CSafeLoader)
    places = {key.value: (key, value) for key, value in node.value} if node else {}
    lines = file.splitlines()
    source, _ = parse(file.encode(), "")
    data = source.data if source and isinstance(source.data, dict) else {}
    end = []
    for key, added in sorted(additions.items(), key=lambda each: -_line(places, each[0])):
        if not added:
            continue
        if key not in places:
            end.append(text({key: added}))
            continue
        top, value = places[key]
        if value.flow_style:
            both = _both(data.get(key), added)
            first, last = top.start_mark.line, value.end_mark.line
            lines[first : last + 1] = text({key: both}).splitlines()
        else:
            after = _last_line(value) + 1
            lines[after:after] = text({key: added}).splitlines()[1:]
    return "\n".join([*lines, *reversed(end)]).rstrip("\n") + "\n"


def _line(places: Mapping[str, tuple[yaml.Node, yaml.Node]], key: str) -> int:
    return int(places[key][0].start_mark.line) if key in places else -1


def _both(held: Any, added: Any) -> Any:
    return {**(held or {}), **added} if isinstance(added, dict) else [*(held or ()), *added]


def _last_line(node: yaml.Node) -> int:
    """Give the last line with something of a block in it, without the comments that follow."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)
