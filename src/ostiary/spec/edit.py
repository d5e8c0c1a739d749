"""Set one value in a YAML file, and leave every other character as it is: comments, order, style.

The edited text is read back: it says just what was asked for, or there is no edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import yaml

from ostiary.catalog import State
from ostiary.errors import OstiaryError
from ostiary.spec.source import parse
from ostiary.spec.text import lines, short

Route = Sequence[str]


def with_value(text: str, route: Route, value: Any, path: str) -> str:
    """Give the text with the value at `route`, a way through keys, set; None removes it.

    What stands is changed in its place, and of a list in lines only the lines that differ; what is
    new comes last in its mapping.  Raises OstiaryError for a text in which that cannot be done.
    """
    before, _ = parse(text.encode(), path)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if before is not None and isinstance(root, yaml.MappingNode):
        expected = _with(before.data, route, value)
        edited = _Edit(text, root).done(route, value)
        after, _ = parse(edited.encode(), path)
        if after is not None and after.data == expected:
            return edited
    where = ".".join(route)
    raise OstiaryError(
        f"`{where}` cannot be set in {path} without rewriting it",
        hint=f"write it yourself: `{route[-1]}: {_in_brackets(value)}`",
    )


def with_state(text: str, policy: str, state: State, path: str) -> str:
    """Give the text of an environment's file with the policy's state set."""
    return with_value(text, ("states", policy), state, path)


def _with(data: Any, route: Route, value: Any) -> Any:
    """Give a copy of the data with the value set; a mapping that gets empty goes too."""
    made = deepcopy(data) if isinstance(data, dict) else {}
    key, rest = route[0], route[1:]
    inner = _with(made.get(key), rest, value) if rest else value
    if inner is None or (rest and inner == {}):
        made.pop(key, None)
    else:
        made[key] = inner
    return made


class _Edit:
    """One edit of a text by the places of its nodes, which hold for what stands before it."""

    def __init__(self, text: str, root: yaml.MappingNode) -> None:
        self.text = text
        self.root = root
        self.end = "\r\n" if "\r\n" in text else "\n"

    def done(self, route: Route, value: Any) -> str:
        parents, node = [self.root], _value(self.root, route[0])
        while isinstance(node, yaml.MappingNode) and len(parents) < len(route):
            parents.append(node)
            node = _value(node, route[len(parents) - 1])
        key, rest = route[len(parents) - 1], route[len(parents) :]
        if value is None:
            return self._without(parents, route) if node and not rest else self.text
        for each in reversed(rest):
            value = {each: value}
        if node is None:
            return self._added(parents[-1], key, value)
        if _in_lines(node) and isinstance(node, yaml.SequenceNode) and isinstance(value, list):
            return self._listed(node, value)
        start = next(each.end_mark.index for each, _ in parents[-1].value if each.value == key)
        stop = _last(node).end_mark.index
        return f"{self.text[:start]}:{self._written(value, parents[-1])}{self.text[stop:]}"

    def _written(self, value: Any, mapping: yaml.MappingNode) -> str:
        """Write a value behind the colon of its key in a mapping."""
        indent = " " * mapping.start_mark.column
        told = short(value, inside=bool(indent)) if _in_lines(mapping) else _in_brackets(value)
        if told is not None:
            return f" {told}"
        if not isinstance(value, dict):
            return f" {_in_brackets(value)}"
        return "".join(f"{self.end}{line}" for line in lines(value, f"{indent}  "))

    def _added(self, mapping: yaml.MappingNode, key: str, value: Any) -> str:
        if not _in_lines(mapping):
            last = mapping.value[-1][1].end_mark.index if mapping.value else None
            at = mapping.start_mark.index + 1 if last is None else last
            comma = "" if last is None else ", "
            return f"{self.text[:at]}{comma}{key}: {_in_brackets(value)}{self.text[at:]}"
        indent = " " * mapping.start_mark.column
        return self._below(mapping, f"{indent}{key}:{self._written(value, mapping)}")

    def _below(self, node: yaml.Node, line: str) -> str:
        """Add a line behind the last that a node has; a block's own end is far below it."""
        at = self.text.find("\n", _last(node).end_mark.index - 1) + 1
        if at == 0:  # the file ends without a line break
            return f"{self.text}{self.end}{line}"
        return f"{self.text[:at]}{line}{self.end}{self.text[at:]}"

    def _without(self, parents: list[yaml.MappingNode], route: Route) -> str:
        depth = len(parents)
        while depth > 1 and len(parents[depth - 1].value) == 1:
            depth -= 1  # nothing would be left of it
        mapping, key = parents[depth - 1], route[depth - 1]
        entry = next(each for each in mapping.value if each[0].value == key)
        if _in_lines(mapping):
            return _cut(self.text, entry[0], entry[1])
        index = mapping.value.index(entry)
        if index:
            start, stop = mapping.value[index - 1][1].end_mark, entry[1].end_mark
        else:
            following = mapping.value[1][0].start_mark if mapping.value[1:] else entry[1].end_mark
            start, stop = entry[0].start_mark, following
        return self.text[: start.index] + self.text[stop.index :]

    def _listed(self, node: yaml.SequenceNode, value: list[Any]) -> str:
        """Change a list in lines: those of entries that go are cut, new ones come last."""
        held = [each.value for each in node.value]
        kept = [each for each in held if each in value]
        if not kept or [*kept, *(each for each in value if each not in held)] != value:
            start, stop = self.text.rindex(":", 0, node.start_mark.index), _last(node).end_mark
            return f"{self.text[: start + 1]} {_in_brackets(value)}{self.text[stop.index :]}"
        new = [
            f"{' ' * node.start_mark.column}- {_in_brackets(each)}"
            for each in value
            if each not in held
        ]
        text = self._below(node, self.end.join(new)) if new else self.text
        for entry in reversed([each for each in node.value if each.value not in value]):
            text = _cut(text, entry, entry)
        return text


def _in_brackets(value: Any) -> str:
    """Write a value on one line, whatever it holds."""
    if isinstance(value, list):
        return f"[{', '.join(map(_in_brackets, value))}]"
    if isinstance(value, dict):
        pairs = (f"{short(key, inside=True)}: {_in_brackets(value[key])}" for key in value)
        return f"{{{', '.join(pairs)}}}"
    return str(short(value, inside=True))


def _cut(text: str, first: yaml.Node, last: yaml.Node) -> str:
    """Leave out the lines from one node to another."""
    start = text.rfind("\n", 0, first.start_mark.index) + 1
    stop = text.find("\n", _last(last).end_mark.index - 1) + 1
    return text[:start] + (text[stop:] if stop else "")


def _in_lines(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _value(mapping: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in mapping.value if key.value == name), None)


def _last(node: yaml.Node) -> yaml.Node:
    """Give the last entry of all that a node holds in lines."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node
