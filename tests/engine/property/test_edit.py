"""One edit of a file changes one value, whatever else stands there."""

from __future__ import annotations

import difflib
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.spec.edit import with_state, with_value
from ostiary.spec.source import parse

KEYS = st.from_regex(r"[a-z]{1,4}(-[a-z0-9]{1,3})?", fullmatch=True)
STATES = st.sampled_from(["enabled", "disabled", "enabledForReportingButNotEnforced"])
COMMENTS = st.sampled_from(["", " # why", "\n  # watch first", "\n\n  # a word", " #"])
BEFORE = st.sampled_from(["tenantId: x\n", "# who\ntenantId: 'x' # y\n\ngoals:\n  - a\n  # b\n"])
AFTER = st.sampled_from(["", "goals: [a]\n", "\n# end\n", "facts:\n- {user: a}\n", "protect: true"])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    states = draw(st.dictionaries(KEYS, STATES, max_size=4))
    before, after = draw(BEFORE), draw(AFTER)
    if "goals" in before:
        after = after.replace("goals", "facts")
    quote = draw(st.sampled_from(["", "'", '"']))
    written = [f"{key}: {quote}{state}{quote}" for key, state in states.items()]
    if states and draw(st.booleans()):
        body = "states:" + "".join(f"\n  {each}{draw(COMMENTS)}" for each in written) + "\n"
    elif states or draw(st.booleans()):
        body = f"states: {{{', '.join(written)}}}{draw(st.sampled_from(['', ' # why']))}\n"
    else:
        body = ""
    text = before + body + after
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))), states


@given(files(), KEYS, STATES)
def test_only_that_state_changes_and_in_few_lines(
    file: tuple[str, dict[str, str]], key: str, state: str
) -> None:
    text, states = file
    edited = with_state(text, key, state, "environments/here.yaml")  # type: ignore[arg-type]

    before, _ = parse(text.encode(), "")
    after, _ = parse(edited.encode(), "")
    assert before is not None
    assert after is not None
    assert isinstance(before.data, dict)
    assert after.data == before.data | {"states": {**states, key: state}}
    changes = [
        line for line in difflib.ndiff(text.splitlines(), edited.splitlines()) if line[0] in "+-"
    ]
    assert len(changes) <= 2, changes
    assert edited.count("#") == text.count("#")
    assert with_state(edited, key, state, "") == edited  # type: ignore[arg-type]


WORDS = st.sampled_from(["All", "staff: no. 2", "emergency-access", "null", "8", "# x", "- y"])
VALUES = st.one_of(
    WORDS,
    st.booleans(),
    st.integers(0, 9),
    st.lists(WORDS, unique=True, min_size=1, max_size=4),
    st.dictionaries(KEYS, st.one_of(WORDS, st.lists(WORDS, unique=True, min_size=1)), min_size=1),
)
TREES = st.recursive(
    VALUES, lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=8
)


@settings(deadline=None)
@given(
    st.dictionaries(KEYS, TREES, min_size=1, max_size=4),
    st.sampled_from(["", "in lines"]),
    st.lists(KEYS, min_size=1, max_size=3),
    st.one_of(st.none(), VALUES),
    st.data(),
)
def test_any_value_is_set_or_removed_and_the_rest_stays(
    data: dict[str, Any], style: str, new: list[str], value: Any, draw: st.DataObject
) -> None:
    data = {"displayName": "All", **data}
    flow = False if style else None
    text = yaml.safe_dump(data, default_flow_style=flow, sort_keys=False, width=10**6)
    text = "# top\n" + text.replace("\n", "  # why\n")
    routes = list(ways(data))
    route = draw.draw(st.one_of(st.sampled_from(routes), st.just(tuple(new))))
    if any(
        route[:depth] in routes and not isinstance(at(data, route[:depth]), dict)
        for depth in range(1, len(route))
    ):
        return  # the way leads through what is no mapping
    edited = with_value(text, route, value, "policies/here.yaml")
    source, _ = parse(edited.encode(), "")
    assert source is not None or value is None
    found = source.data if source else {}
    if value is not None:
        assert at(found, route) == value
    left = {each for each in routes if each[: len(route)] != route and route[: len(each)] != each}
    assert all(at(found, each) == at(data, each) for each in left)
    assert with_value(edited, route, value, "") == edited


def ways(data: Any, route: tuple[str, ...] = ()) -> Any:
    for key, each in data.items() if isinstance(data, dict) else ():
        yield (*route, key)
        yield from ways(each, (*route, key))


def at(data: Any, route: tuple[str, ...]) -> Any:
    for key in route:
        data = data[key]
    return data
