from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.model import attribute_filter
from ostiary.model.device_filter import (
    ATTRIBUTES,
    CHANGED_BY_USERS,
    And,
    Comparison,
    Expression,
    FilterSyntaxError,
    Not,
    Or,
    comparisons,
    opens_for_unregistered,
    parse,
    render,
    truth,
)
from ostiary.model.filter_grammar import MAX_DEPTH

COMPLIANT = Comparison("device.isCompliant", "-eq", value=True)
HYBRID = Comparison("device.trustType", "-eq", "ServerAD")
CONTOSO = Comparison("device.manufacturer", "-startsWith", "Contoso")
GUID = "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb"

UNREGISTERED = dict.fromkeys(ATTRIBUTES)

# The example of each row of
# https://learn.microsoft.com/entra/identity/conditional-access/concept-condition-filters-for-devices
ROWS = [
    (f'(device.deviceid -eq "{GUID}")', "deviceId", "-eq", GUID),
    ('(device.displayName -contains "ABC")', "displayName", "-contains", "ABC"),
    ('(device.deviceOwnership -eq "Company")', "deviceOwnership", "-eq", "Company"),
    (
        '(device.enrollmentProfileName -startsWith "AutoPilot Profile")',
        "enrollmentProfileName",
        "-startsWith",
        "AutoPilot Profile",
    ),
    ('(device.isCompliant -eq "True")', "isCompliant", "-eq", True),
    ('(device.manufacturer -startsWith "Microsoft")', "manufacturer", "-startsWith", "Microsoft"),
    (
        '(device.mdmAppId -in ["00001111-aaaa-2222-bbbb-3333cccc4444"])',
        "mdmAppId",
        "-in",
        ("00001111-aaaa-2222-bbbb-3333cccc4444",),
    ),
    ('(device.model -notContains "Surface")', "model", "-notContains", "Surface"),
    ('(device.operatingSystem -eq "Windows")', "operatingSystem", "-eq", "Windows"),
    (
        '(device.operatingSystemVersion -in ["10.0.18363", "10.0.19041", "10.0.22000"])',
        "operatingSystemVersion",
        "-in",
        ("10.0.18363", "10.0.19041", "10.0.22000"),
    ),
    (
        '(device.physicalIds -contains "[ZTDId]:value")',
        "physicalIds",
        "-contains",
        "[ZTDId]:value",
    ),
    ('(device.profileType -eq "Printer")', "profileType", "-eq", "Printer"),
    ('(device.systemLabels -contains "M365Managed")', "systemLabels", "-contains", "M365Managed"),
    ('(device.trustType -eq "ServerAD")', "trustType", "-eq", "ServerAD"),
    ('(device.extensionAttribute1 -eq "SAW")', "extensionAttribute1", "-eq", "SAW"),
]


@pytest.mark.parametrize(("rule", "attribute", "operator", "value"), ROWS)
def test_reads_microsofts_example(rule: str, attribute: str, operator: str, value: Any) -> None:
    assert parse(rule) == Comparison(f"device.{attribute}", operator, value)


def test_knows_the_attributes_of_microsofts_table() -> None:
    rows = {f"device.{attribute}" for _, attribute, _, _ in ROWS}
    assert set(ATTRIBUTES) == rows | {f"device.extensionAttribute{n}" for n in range(1, 16)}
    assert set(ATTRIBUTES) > CHANGED_BY_USERS


def test_reads_operators_without_hyphen_and_double_equals_not_at_all() -> None:
    # Both stand in the prose of the page; the table knows neither.
    assert parse("device.operatingSystemVersion startsWith '10.0'") == Comparison(
        "device.operatingSystemVersion", "-startsWith", "10.0"
    )
    with pytest.raises(FilterSyntaxError) as caught:
        parse("device.operatingSystem == 'Windows'")
    assert (caught.value.offset, caught.value.hint) == (23, "did you mean `-eq`?")


EQUALITY = {"-eq", "-ne"}
MEMBERSHIP = EQUALITY | {"-in", "-notIn"}
ENTRIES = {"-contains", "-notContains"}
ALL = MEMBERSHIP | ENTRIES | {"-startsWith", "-notStartsWith", "-endsWith", "-notEndsWith"}


@pytest.mark.parametrize(
    ("attribute", "operators"),
    [
        ("deviceId", MEMBERSHIP),
        ("displayName", ALL),
        ("deviceOwnership", EQUALITY),
        ("enrollmentProfileName", ALL),
        ("isCompliant", EQUALITY),
        ("manufacturer", ALL),
        ("mdmAppId", MEMBERSHIP),
        ("model", ALL),
        ("operatingSystem", ALL),
        ("operatingSystemVersion", ALL),
        ("physicalIds", ENTRIES),
        ("profileType", EQUALITY),
        ("systemLabels", ENTRIES),
        ("trustType", EQUALITY),
        ("extensionAttribute15", ALL),
    ],
)
def test_takes_the_operators_of_microsofts_table(attribute: str, operators: set[str]) -> None:
    name = f"device.{attribute}"
    value = (ATTRIBUTES[name].values or (GUID,))[0]
    for operator in ALL:
        constant = f'["{value}"]' if operator in {"-in", "-notIn"} else f'"{value}"'
        rule = f"{name} {operator} {constant}"
        if operator in operators:
            parse(rule)
        else:
            with pytest.raises(FilterSyntaxError, match="cannot be compared"):
                parse(rule)


# A block policy with a filter: who is blocked.  https://learn.microsoft.com, as above.
@pytest.mark.parametrize(
    ("mode", "rule", "blocked"),
    [
        ("exclude", "device.isCompliant -eq True", {"registered", "unregistered"}),
        ("exclude", "device.isCompliant -ne True", {"compliant"}),
        ("include", "device.isCompliant -eq True", {"compliant"}),
        ("include", "device.isCompliant -ne True", {"registered", "unregistered"}),
    ],
)
def test_four_ways_to_filter_a_block(mode: str, rule: str, blocked: set[str]) -> None:
    devices: dict[str, dict[str, object]] = {
        "compliant": {"device.isCompliant": True},
        "registered": {"device.isCompliant": False},
        "unregistered": {"device.isCompliant": None},
    }
    filter_is_true = {
        name for name, device in devices.items() if truth(parse(rule), device) is True
    }
    assert blocked == (filter_is_true if mode == "include" else set(devices) - filter_is_true)


@pytest.mark.parametrize("operator", sorted(ALL))
def test_null_makes_positive_operators_false_and_negative_ones_true(operator: str) -> None:
    constant = '["x"]' if operator in {"-in", "-notIn"} else '"x"'
    rule = parse(f"device.model {operator} {constant}")
    negative = operator == "-ne" or operator.startswith("-not")
    assert truth(rule, UNREGISTERED) is negative
    assert opens_for_unregistered(rule) is negative
    assert opens_for_unregistered(Not(rule)) is not negative
    assert truth(rule, {}) is None


@pytest.mark.parametrize(
    ("rule", "device", "expected"),
    [
        ('device.model -contains "face"', {"device.model": "Surface Pro"}, True),
        ('device.model -contains "FACE"', {"device.model": "Surface Pro"}, True),
        ('device.model -endsWith "pro"', {"device.model": "Surface Pro"}, True),
        ('device.model -notStartsWith "Pro"', {"device.model": "Surface Pro"}, True),
        ('device.model -in ["a", "b"]', {"device.model": "B"}, True),
        ('device.model -notIn ["a", "b"]', {"device.model": "c"}, True),
        ('device.systemLabels -contains "M365"', {"device.systemLabels": ["M365Managed"]}, False),
        (
            'device.systemLabels -contains "M365Managed"',
            {"device.systemLabels": ["M365Managed"]},
            True,
        ),
        ('device.systemLabels -notContains "x"', {"device.systemLabels": []}, True),
        (
            'device.physicalIds -contains "[ztdid]:1"',
            {"device.physicalIds": ("[ZTDId]:1", "y")},
            True,
        ),
        ("device.isCompliant -eq True", {"device.isCompliant": "True"}, True),
        (f'device.deviceId -eq "{GUID.upper()}"', {"device.deviceId": GUID}, True),
    ],
)
def test_compares(rule: str, device: dict[str, object], expected: bool) -> None:  # noqa: FBT001 (a case of a table)
    assert truth(parse(rule), device) is expected


@pytest.mark.parametrize(
    ("rule", "expression"),
    [
        ("device.isCompliant eq true", COMPLIANT),
        ("DEVICE.ISCOMPLIANT -EQ 'TRUE'", COMPLIANT),
        ("((device.isCompliant -eq True))", COMPLIANT),
        ("\n device.trustType\t-eq\n'serverad' ", HYBRID),
        ('device.trustType -eq"ServerAD"-or(device.isCompliant -eq True)', Or((HYBRID, COMPLIANT))),
        ("-not device.isCompliant -eq True", Not(COMPLIANT)),
        ("not(not(device.isCompliant -eq True))", Not(Not(COMPLIANT))),
        ("device.model -eq 'it''s'", Comparison("device.model", "-eq", "it's")),
        ('device.model -eq "6` `"inch`""', Comparison("device.model", "-eq", '6` "inch"')),
        ('device.model -eq ""', Comparison("device.model", "-eq", "")),
        ("device.model -in ['a','b']", Comparison("device.model", "-in", ("a", "b"))),
    ],
)
def test_reads(rule: str, expression: Expression) -> None:
    assert parse(rule) == expression


def test_and_binds_before_or_and_not_before_and() -> None:
    a, b, c = map(render, (COMPLIANT, HYBRID, CONTOSO))
    assert parse(f"{a} -or {b} -and {c}") == Or((COMPLIANT, And((HYBRID, CONTOSO))))
    assert parse(f"{a} -and {b} -or {c}") == Or((And((COMPLIANT, HYBRID)), CONTOSO))
    assert parse(f"({a} -or {b}) -and {c}") == And((Or((COMPLIANT, HYBRID)), CONTOSO))
    assert parse(f"-not {a} -and {b}") == And((Not(COMPLIANT), HYBRID))
    assert parse(f"-not ({a} -and {b})") == Not(And((COMPLIANT, HYBRID)))


def test_merges_chains_so_that_brackets_without_meaning_make_no_difference() -> None:
    a, b, c = map(render, (COMPLIANT, HYBRID, CONTOSO))
    one, other = parse(f"({a} -and {b}) -and {c}"), parse(f"{a} -and ({b} -and {c})")
    assert one == other == And((COMPLIANT, HYBRID, CONTOSO))
    assert list(comparisons(one)) == [COMPLIANT, HYBRID, CONTOSO]


def test_renders_canonically() -> None:
    assert render(parse("device.ISCOMPLIANT ne 'true' or not device.trusttype eq 'serverad'")) == (
        'device.isCompliant -ne True -or -not (device.trustType -eq "ServerAD")'
    )
    assert render(parse("""device.model -in ["a",'"']""")) == """device.model -in ["a", '"']"""


@pytest.mark.parametrize(
    ("rule", "offset", "message", "hint"),
    [
        ("", 0, "the rule is empty", None),
        (" \n ", 0, "the rule is empty", None),
        (
            'device.displayNam -eq "x"',
            0,
            "no device attribute `device.displayNam`",
            "did you mean `device.displayName`?",
        ),
        ('model -eq "x"', 0, "no device attribute `model`", "did you mean `device.model`?"),
        ('device.model "x"', 13, "expected an operator after `device.model`, found `x`", None),
        (
            'device.model -contain "x"',
            13,
            "expected an operator after `device.model`, found `-contain`",
            "did you mean `-contains`?",
        ),
        (
            'device.model Equals "x"',
            13,
            "expected an operator after `device.model`, found `Equals`",
            "did you mean `-eq`?",
        ),
        (
            'device.model \N{EN DASH}eq "x"',
            13,
            "expected an operator after `device.model`, found `\N{EN DASH}eq`",
            "this is a dash, not a hyphen: operators begin with `-`",
        ),
        (
            'device.trustType -contains "AD"',
            17,
            "`device.trustType` cannot be compared with `-contains`",
            "it takes `-eq`, `-ne`",
        ),
        (
            'device.trustType -eq "ServerA"',
            21,
            "`device.trustType` is never `ServerA`",
            "did you mean `ServerAD`?",
        ),
        (
            "device.isCompliant -eq Yes",
            23,
            "`device.isCompliant` is never `Yes`",
            "it is `True`, `False`",
        ),
        (
            'device.deviceId -eq "laptop"',
            20,
            "`device.deviceId` is a GUID, and `laptop` is not",
            "for example 00000000-0000-0000-0000-000000000000",
        ),
        (
            "device.model -eq Surface",
            17,
            "expected a value after `-eq`, found `Surface`",
            "put the value in double quotes",
        ),
        ("device.model -eq null", 17, "`null` is not a value here", None),
        (
            'device.model -eq ["x"]',
            17,
            "`-eq` takes one value, not a list",
            "use `-in` or `-notIn`",
        ),
        (
            'device.model -in "x"',
            17,
            "expected a list after `-in`, found `x`",
            'write the values in square brackets: ["a", "b"]',
        ),
        ('device.model -in ["x" "y"]', 22, "expected `,` or `]`, found `y`", None),
        ("device.model -in []", 18, "expected a value after `-in`, found `]`", None),
        ('device.model -eq "x', 17, "this quote is never closed", None),
        ('(device.model -eq "x"', 0, "this bracket is never closed", None),
        (
            '(device.model -eq "x" andd',
            22,
            "expected `-and`, `-or` or `)`, found `andd`",
            "did you mean `-and`?",
        ),
        (
            'device.model -eq "x")',
            20,
            "expected `-and`, `-or` or the end of the rule, found `)`",
            None,
        ),
        (
            'device.model -eq "x" && 1',
            21,
            "expected `-and`, `-or` or the end of the rule, found `&&`",
            "did you mean `-and`?",
        ),
        ('device.model -eq "x" -and', 25, "expected an attribute, found the end of the rule", None),
        ('device.model -eq "x" -and ]', 26, "expected an attribute, found `]`", None),
        ("\x1b[2J", 0, "no device attribute `\ufffd`", None),
    ],
)
def test_says_what_is_wrong_and_where(
    rule: str, offset: int, message: str, hint: str | None
) -> None:
    with pytest.raises(FilterSyntaxError) as caught:
        parse(rule)
    assert (str(caught.value), caught.value.offset) == (message, offset)
    assert hint is None or caught.value.hint == hint


def test_an_unknown_attribute_brings_the_list_of_known_ones() -> None:
    with pytest.raises(FilterSyntaxError) as caught:
        parse('device.foo -eq "x"')
    for name in ("device.deviceId", "device.trustType", "device.extensionAttribute1 to 15"):
        assert name in str(caught.value.hint)


def test_takes_3072_characters_and_no_more() -> None:
    head = 'device.model -eq "'
    fits = head + "x" * (3072 - len(head) - 1) + '"'
    assert len(fits) == 3072
    parse(fits)
    with pytest.raises(FilterSyntaxError) as caught:
        parse(fits + " ")
    assert caught.value.offset == 3072


@pytest.mark.parametrize("opening", ["(", "-not ", "not(", "-not ("])
def test_takes_nesting_up_to_a_limit(opening: str) -> None:
    each = opening.count("(") + opening.count("not")
    closing = ")" * opening.count("(")
    for count, fits in ((MAX_DEPTH // each, True), (MAX_DEPTH // each + 1, False)):
        rule = opening * count + "device.isCompliant -eq True" + closing * count
        if fits:
            parse(rule)
        else:
            with pytest.raises(FilterSyntaxError, match=f"more than {MAX_DEPTH} levels"):
                parse(rule)


@pytest.mark.parametrize("rule", ["(" * 100_000, "(" * 3000, "-not " * 600, '"' * 3072, "[" * 3072])
def test_refuses_a_hostile_rule_at_once(rule: str) -> None:
    start = time.process_time()  # not wall time: other tests run beside
    with pytest.raises(FilterSyntaxError):
        parse(rule)
    assert time.process_time() - start < 0.5


TEXTS = st.one_of(
    st.text(st.sampled_from("\"'`[](),- aÄ\n"), max_size=6),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@st.composite
def a_comparison(draw: st.DrawFn) -> Comparison:
    attribute = ATTRIBUTES[draw(st.sampled_from(sorted(ATTRIBUTES)))]
    operator = draw(st.sampled_from(attribute.operators))
    values: st.SearchStrategy[Any] = TEXTS
    if attribute.kind == "boolean":
        values = st.booleans()
    elif attribute.kind == "guid":
        values = st.uuids().map(str)
    elif attribute.values:
        values = st.sampled_from(attribute.values)
    if operator in {"-in", "-notIn"}:
        values = st.lists(values, min_size=1, max_size=3).map(tuple)
    return Comparison(attribute.name, operator, draw(values))


EXPRESSIONS = st.recursive(
    a_comparison(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda each: And(tuple(each))),
        st.lists(inner, min_size=2, max_size=3).map(lambda each: Or(tuple(each))),
        inner.map(Not),
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(EXPRESSIONS)
def test_rendering_and_parsing_come_back(expression: Expression) -> None:
    text = render(expression)
    assert parse(text) == expression
    assert render(parse(text)) == text


WORDS = st.sampled_from(
    [
        *("(", ")", "[", "]", ",", '"', "'", "`", " ", '"x"', "True", "\x00", "\u2028"),
        *("-and", "or", "-not", "-eq", "-in", "\N{EN DASH}eq"),
        *("device.model", "device.isCompliant", "device.", "CustomSecurityAttribute.a_b"),
    ]
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=25).map("".join)))
def test_any_text_is_read_or_refused_within_itself(rule: str) -> None:
    for read in (parse, attribute_filter.parse):
        refused = None
        try:
            expression = read(rule)
        except FilterSyntaxError as error:
            refused = error
        if refused:
            assert 0 <= refused.offset <= len(rule)
            assert str(refused).isprintable()
        else:
            assert read(render(expression)) == expression


NAMES = ("device.isCompliant", "device.trustType", "device.model")
SMALL = st.recursive(
    st.sampled_from(
        [
            COMPLIANT,
            Comparison("device.isCompliant", "-ne", value=True),
            HYBRID,
            Comparison("device.trustType", "-ne", "ServerAD"),
            Comparison("device.model", "-contains", "a"),
            Comparison("device.model", "-notIn", ("a", "b")),
        ]
    ),
    lambda inner: st.one_of(
        inner.map(Not),
        st.tuples(inner, inner).map(And),
        st.tuples(inner, inner).map(Or),
    ),
    max_leaves=6,
)
DOMAIN: dict[str, tuple[object, ...]] = {
    "device.isCompliant": (True, False, None),
    "device.trustType": ("ServerAD", "AzureAD", None),
    "device.model": ("a", "ba", "c", None),
}


@given(SMALL, st.sets(st.sampled_from(NAMES)), st.data())
def test_what_is_known_of_a_partial_device_holds_for_every_completion(
    expression: Expression, known: set[str], data: st.DataObject
) -> None:
    partial = {name: data.draw(st.sampled_from(DOMAIN[name]), label=name) for name in known}
    decided = truth(expression, partial)
    missing = [name for name in NAMES if name not in known]
    for values in itertools.product(*(DOMAIN[name] for name in missing)):
        complete = truth(expression, partial | dict(zip(missing, values, strict=True)))
        assert complete is not None
        assert decided is None or decided is complete


def test_reads_filters_on_custom_security_attributes() -> None:
    read = attribute_filter.parse
    assert read('CustomSecurityAttribute.Engineering_Project -eq "Baker"') == Comparison(
        "CustomSecurityAttribute.Engineering_Project", "-eq", "Baker"
    )
    rule = read("customsecurityattribute.Set_Needs -contains 'requireMFA'")
    assert truth(rule, {"CustomSecurityAttribute.Set_Needs": ["requireMFA"]}) is True
    assert truth(rule, {"CustomSecurityAttribute.Set_Needs": ["requireMFA2"]}) is False
    assert truth(rule, {"CustomSecurityAttribute.Set_Needs": "requireMFA2"}) is True
    begins = read('CustomSecurityAttribute.Set_Needs -startsWith "req"')
    assert truth(begins, {"CustomSecurityAttribute.Set_Needs": ["block", "requireMFA"]}) is True
    assert truth(begins, {"CustomSecurityAttribute.Set_Needs": []}) is False


@pytest.mark.parametrize(
    "name", ["CustomSecurityAttribute.Set", "CustomSecurityAttribute.Set.Name", "device.model", "_"]
)
def test_refuses_what_is_no_custom_security_attribute(name: str) -> None:
    with pytest.raises(FilterSyntaxError) as caught:
        attribute_filter.parse(f'{name} -eq "x"')
    assert caught.value.offset == 0
    assert "CustomSecurityAttribute.<attribute set>_<attribute name>" in str(caught.value.hint)
