"""Set a policy's state in an environment's file, and leave every other character as it is."""

from __future__ import annotations

import yaml

from ostiary.catalog import State
from ostiary.errors import OstiaryError
from ostiary.spec.source import parse


def with_state(text: str, policy: str, state: State, path: str) -> str:
    """Give the text of an environment's file with the policy's state set.

    An entry that stands is changed in its place; a new one comes last.  Raises OstiaryError for a
    text in which that cannot be done.
    """
    before, _ = parse(text.encode(), path)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if (
        before is None
        or not isinstance(before.data, dict)
        or not isinstance(root, yaml.MappingNode)
    ):
        raise _cannot(path, policy, state)
    states = _value(root, "states")
    if not isinstance(states, yaml.MappingNode):
        edited = _added(text, root, "states", f"{{{policy}: {state}}}", f"\n  {policy}: {state}")
    elif (entry := _value(states, policy)) is not None:
        edited = text[: entry.start_mark.index] + state + text[entry.end_mark.index :]
    else:
        edited = _added(text, states, policy, state, f" {state}")
    known = before.data.get("states")
    expected = {
        **before.data,
        "states": {**(known if isinstance(known, dict) else {}), policy: state},
    }
    after, _ = parse(edited.encode(), path)
    if after is None or after.data != expected:
        raise _cannot(path, policy, state)
    return edited


def _value(mapping: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in mapping.value if key.value == name), None)


def _added(text: str, mapping: yaml.MappingNode, key: str, flow: str, block: str) -> str:
    """Add an entry at the end of a mapping: `flow` is its value in braces, `block` in lines."""
    if mapping.flow_style:
        last = mapping.value[-1][1].end_mark.index if mapping.value else None
        at = mapping.start_mark.index + 1 if last is None else last
        return f"{text[:at]}{'' if last is None else ', '}{key}: {flow}{text[at:]}"
    end = "\r\n" if "\r\n" in text else "\n"
    line = (" " * mapping.start_mark.column + f"{key}:{block}").replace("\n", end)
    at = text.find("\n", _last(mapping).end_mark.index - 1) + 1
    if at == 0:  # the file ends without a line break
        return f"{text}{end}{line}"
    return f"{text[:at]}{line}{end}{text[at:]}"


def _last(node: yaml.Node) -> yaml.Node:
    """Give the last entry of all that a node holds in lines: a block's own end is far below it."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _cannot(path: str, policy: str, state: State) -> OstiaryError:
    return OstiaryError(
        f"`{policy}` cannot be set in {path} without rewriting it",
        hint=f"write `{policy}: {state}` under `states` yourself",
    )
