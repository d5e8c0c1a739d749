"""One edit of a state changes one state, whatever else stands in the file."""

from __future__ import annotations

import difflib

from hypothesis import given
from hypothesis import strategies as st

from ostiary.spec.edit_state import with_state
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
