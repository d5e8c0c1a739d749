from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.sandbox.graph_shapes import POLICY
from ostiary.sandbox.graph_types import (
    Choice,
    Flag,
    Id,
    Kind,
    Many,
    MismatchError,
    Number,
    Shape,
    Text,
    check,
    complete,
    is_guid,
    merge,
)

Path = tuple[str, ...]


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Anything a client may send for a kind, any property of an object left out or null."""
    match kind:
        case Text():
            return st.text("abc", max_size=3)
        case Id():
            return st.uuids().map(str)
        case Choice(joined=True):
            chosen = st.lists(st.sampled_from(sorted(kind.values)), min_size=1, unique=True)
            return chosen.map(",".join)
        case Choice():
            return st.sampled_from(sorted(kind.values))
        case Flag():
            return st.booleans()
        case Number():
            return st.integers(0, 400)
        case Many():
            return st.lists(values(kind.of), max_size=3)
        case Shape():
            optional = {
                name: (values(each) | st.none()) if _nullable(each) else values(each)
                for name, each in kind.properties.items()
            }
            return st.fixed_dictionaries({}, optional=optional)


def _nullable(kind: Kind) -> bool:
    return not isinstance(kind, Shape) or kind.nullable


def leaves(shape: Shape, value: dict[str, Any], path: Path = ()) -> dict[Path, Any]:
    """Flatten an object: what PATCH treats as one value, by its path."""
    found: dict[Path, Any] = {}
    for name, each in value.items():
        kind = shape.properties[name]
        if isinstance(kind, Shape) and not kind.whole and isinstance(each, dict):
            found |= leaves(kind, each, (*path, name))
        else:
            found[(*path, name)] = complete(kind, each)
    return found


@given(old=values(POLICY), patch=values(POLICY))
def test_patch_replaces_what_was_sent_and_keeps_the_rest(
    old: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = complete(POLICY, old)
    after = leaves(POLICY, merge(POLICY, before, patch))
    sent = leaves(POLICY, patch)
    assert sent.items() <= after.items()
    kept = {
        path: value
        for path, value in leaves(POLICY, before).items()
        # A null that became an object, or the other way round, is no leaf of before any more.
        if path in after and path not in sent
    }
    assert kept.items() <= after.items()
    unexplained = after.keys() - sent.keys() - kept.keys()
    assert all(after[path] in (None, []) for path in unexplained)


@given(old=values(POLICY), patch=values(POLICY))
def test_patch_twice_is_patch_once_and_leaves_a_complete_object(
    old: dict[str, Any], patch: dict[str, Any]
) -> None:
    once = merge(POLICY, complete(POLICY, old), patch)
    assert merge(POLICY, once, patch) == once
    assert complete(POLICY, once) == once


@given(old=values(POLICY))
def test_patch_with_nothing_changes_nothing(old: dict[str, Any]) -> None:
    before = complete(POLICY, old)
    assert merge(POLICY, before, {}) == before


def test_a_nested_object_keeps_what_is_left_out_and_a_list_is_replaced() -> None:
    sent = {"grantControls": {"operator": "OR", "builtInControls": ["mfa", "compliantDevice"]}}
    before = complete(POLICY, sent)
    strength = {"id": "00000000-0000-0000-0000-000000000004"}
    with_strength = merge(POLICY, before, {"grantControls": {"authenticationStrength": strength}})
    assert with_strength["grantControls"]["builtInControls"] == ["mfa", "compliantDevice"]
    shorter = merge(POLICY, before, {"grantControls": {"builtInControls": ["block"]}})
    assert shorter["grantControls"]["builtInControls"] == ["block"]
    assert shorter["grantControls"]["operator"] == "OR"


def test_an_unset_property_is_an_empty_list_or_null() -> None:
    policy = complete(POLICY, {"displayName": "x"})
    assert policy["conditions"]["users"]["excludeGroups"] == []
    assert policy["conditions"]["locations"] is None
    assert policy["sessionControls"] is None


def test_values_that_are_joined_carry_no_space() -> None:
    sent = {"authenticationFlows": {"transferMethods": "deviceCodeFlow, authenticationTransfer"}}
    policy = complete(POLICY, {"conditions": sent})
    flows = policy["conditions"]["authenticationFlows"]
    assert flows == {"transferMethods": "deviceCodeFlow,authenticationTransfer"}


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"colour": "red"}, "`colour` is not a property"),
        ({"conditions": {"colour": 1}}, "`conditions.colour` is not a property"),
        ({"conditions": None}, "`conditions` is null"),
        ({"conditions": []}, "`conditions` is not an object"),
        ({"state": "on"}, "`state` may not be `on`"),
        ({"state": True}, "`state` is not a string"),
        ({"displayName": "x" * 257}, "`displayName` is longer than 256 characters"),
        ({"conditions": {"clientAppTypes": "all"}}, "`conditions.clientAppTypes` is not a list"),
        ({"conditions": {"clientAppTypes": [None]}}, "`conditions.clientAppTypes` holds null"),
        (
            {"conditions": {"users": {"includeUsers": ["alice"]}}},
            "`conditions.users.includeUsers` holds `alice`, which is not an id",
        ),
        (
            {"conditions": {"authenticationFlows": {"transferMethods": "none"}}},
            "`conditions.authenticationFlows.transferMethods` may not be `none`",
        ),
        (
            {"sessionControls": {"signInFrequency": {"value": True}}},
            "`sessionControls.signInFrequency.value` is not an integer",
        ),
        (
            {"sessionControls": {"disableResilienceDefaults": 1}},
            "`sessionControls.disableResilienceDefaults` is not a boolean",
        ),
        ({"@odata.type": "#microsoft.graph.user"}, "`` is of type `#microsoft.graph.user`"),
    ],
)
def test_what_does_not_fit_is_named(sent: dict[str, Any], reason: str) -> None:
    with pytest.raises(MismatchError) as caught:
        check(POLICY, sent, "")
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7b1c6b0e-0000-4000-8000-2f7f9f0c1d55", True),
        ("7B1C6B0E-0000-4000-8000-2F7F9F0C1D55", True),
        ("7b1c6b0e00004000800002f7f9f0c1d55", False),
        ("{7b1c6b0e-0000-4000-8000-2f7f9f0c1d55}", False),
        ("/identity/conditionalAccess/namedLocations/7b1c6b0e-0000-4000-8000-2f7f9f0c1d55", False),
        ("", False),
    ],
)
def test_a_guid_is_one_in_its_canonical_form(text: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_guid(text) is expected
