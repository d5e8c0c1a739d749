from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.model.device_filter import ATTRIBUTES, Comparison, Expression, parse, truth
from ostiary.model.filter_expression import OPERATORS, And, Not, Or
from ostiary.proof.attributes import Attributes, TooHardError

TEXTS = ["", "a", "ab", "abc", "bc", "b", "KIOSK-", "kiosk-1", "x"]
COMPARISONS = st.one_of(
    st.builds(
        Comparison,
        st.sampled_from(["device.model", "device.displayName"]),
        st.sampled_from(OPERATORS[:8]),
        st.sampled_from(TEXTS[1:]),
    ),
    st.builds(
        Comparison,
        st.just("device.model"),
        st.sampled_from(["-in", "-notIn"]),
        st.lists(st.sampled_from(TEXTS[1:]), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Comparison,
        st.just("device.systemLabels"),
        st.sampled_from(["-contains", "-notContains"]),
        st.sampled_from(TEXTS[1:4]),
    ),
    st.just(Comparison("device.isCompliant", "-eq", value=True)),
    st.just(Comparison("device.trustType", "-ne", "ServerAD")),
)
RULES = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: And(tuple(each))),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: Or(tuple(each))),
    ),
    max_leaves=6,
)


def inside(attributes: Attributes, rule: Expression, classes: dict[str, int]) -> bool:
    return any(
        all(mask >> classes[name] & 1 for name, mask in cube.items())
        for cube in attributes.cubes(rule)
    )


@settings(deadline=None)
@given(st.lists(RULES, min_size=1, max_size=3))
def test_cubes_hold_exactly_the_classes_in_which_the_rule_is_true(rules: list[Expression]) -> None:
    attributes = Attributes(rules)
    names = list(attributes.values)
    for numbers in product(*(range(min(len(attributes.values[name]), 7)) for name in names)):
        classes = dict(zip(names, numbers, strict=True))
        device = {name: attributes.values[name][number] for name, number in classes.items()}
        for rule in rules:
            assert inside(attributes, rule, classes) is truth(rule, device)


@given(st.lists(COMPARISONS, min_size=1, max_size=4), st.text("abcKIOS-1x", max_size=9))
def test_every_value_lies_in_a_class(atoms: list[Comparison], text: str) -> None:
    attributes = Attributes(atoms)
    for name, values in attributes.values.items():
        if name in ("device.model", "device.displayName"):
            own = [each for each in atoms if each.attribute == name]
            decided = [truth(each, {name: text}) for each in own]
            assert any([truth(each, {name: value}) for each in own] == decided for value in values)


def test_classes_of_the_usual_filter() -> None:
    rule = parse("device.isCompliant -eq True -or device.trustType -eq 'ServerAD'")
    attributes = Attributes([rule])
    assert attributes.values["device.isCompliant"] == (None, True)
    assert attributes.cubes(rule) == [{"device.isCompliant": 0b10}, {"device.trustType": 0b10}]
    assert attributes.cubes(rule, denied=True) == [
        {"device.isCompliant": 0b01, "device.trustType": 0b01}
    ]


def test_a_rule_that_is_always_true_is_one_cube_without_conditions() -> None:
    rule = parse("device.isCompliant -eq True -or device.isCompliant -ne True")
    attributes = Attributes([rule])
    assert attributes.cubes(rule) == [{}]
    assert attributes.cubes(rule, denied=True) == []


def test_too_many_parts_are_refused_not_guessed() -> None:
    text = " -or ".join(f'device.model -contains "{number}#"' for number in range(11))
    with pytest.raises(TooHardError, match=r"device\.model"):
        Attributes([parse(text)])


def test_too_many_cubes_are_refused_not_guessed() -> None:
    names = [name for name in ATTRIBUTES if name not in ("device.isCompliant", "device.trustType")]
    threes = [names[number : number + 3] for number in range(0, 24, 3)]
    rule = And(
        tuple(Or(tuple(Comparison(name, "-contains", "a") for name in each)) for each in threes)
    )
    with pytest.raises(TooHardError, match="4096"):
        Attributes([rule]).cubes(rule)
