"""The device filter of Conditional Access: its attributes, and rule text ⇄ expression.

Attributes, operators and values are those of Microsoft's table:
https://learn.microsoft.com/entra/identity/conditional-access/concept-condition-filters-for-devices
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ostiary.model import filter_grammar
from ostiary.model.filter_expression import (
    And,
    Comparison,
    Expression,
    Not,
    Operator,
    Or,
    comparisons,
    render,
    true_of_null,
    truth,
)
from ostiary.model.filter_grammar import Attribute, FilterSyntaxError, shown

__all__ = [
    "ATTRIBUTES",
    "CHANGED_BY_USERS",
    "And",
    "Comparison",
    "Expression",
    "FilterSyntaxError",
    "Not",
    "Or",
    "comparisons",
    "opens_for_unregistered",
    "parse",
    "render",
    "truth",
]

_EQUALITY: tuple[Operator, ...] = ("-eq", "-ne")
_MEMBERSHIP: tuple[Operator, ...] = ("-eq", "-ne", "-in", "-notIn")
_ENTRIES: tuple[Operator, ...] = ("-contains", "-notContains")


def _table() -> Iterable[Attribute]:
    # That an MDM application id is a GUID is assumed from its example.
    yield Attribute("device.deviceId", _MEMBERSHIP, kind="guid")
    yield Attribute("device.mdmAppId", _MEMBERSHIP, kind="guid")
    yield Attribute("device.isCompliant", _EQUALITY, ("True", "False"), kind="boolean")
    yield Attribute("device.deviceOwnership", _EQUALITY, ("Company", "Personal"))
    yield Attribute("device.trustType", _EQUALITY, ("AzureAD", "ServerAD", "Workplace"))
    yield Attribute(
        "device.profileType",
        _EQUALITY,
        ("RegisteredDevice", "SecureVM", "Printer", "Shared", "IoT"),
    )
    yield Attribute("device.physicalIds", _ENTRIES)
    yield Attribute("device.systemLabels", _ENTRIES)
    for name in (
        "displayName",
        "enrollmentProfileName",
        "manufacturer",
        "model",
        "operatingSystem",
        "operatingSystemVersion",
        *(f"extensionAttribute{number}" for number in range(1, 16)),
    ):
        yield Attribute(f"device.{name}")


ATTRIBUTES: dict[str, Attribute] = {each.name: each for each in _table()}
# Neither set by the system nor by an administrator: Microsoft's page asks for at least one
# attribute in a rule that is not among these.
CHANGED_BY_USERS = frozenset({"device.displayName", "device.manufacturer", "device.model"})
_BY_LOWER = {name.lower(): attribute for name, attribute in ATTRIBUTES.items()}
_BY_LAST_PART = {name.lower().removeprefix("device."): name for name in ATTRIBUTES}


def parse(rule: str) -> Expression:
    """Parse a device filter rule; attributes are named `device.…` in the result.

    Upper and lower case of attributes, operators and values from a closed set are not distinguished
    (Microsoft's own examples write `device.deviceid`; assumed for the rest).

    Raises FilterSyntaxError, whose offset is between 0 and the length of the rule.
    """
    return filter_grammar.parse(rule, _find)


def opens_for_unregistered(expression: Expression) -> bool:
    """Tell whether the rule is true of a device that is not registered: all attributes null.

    In mode `exclude` such a rule exempts every unregistered device from its policy; in mode
    `include` it is what makes the policy reach them.
    """
    return true_of_null(expression)


def _find(word: str, offset: int) -> Attribute:
    attribute = _BY_LOWER.get(word.lower())
    if attribute is not None:
        return attribute
    # Without the prefix, which alone would make every attribute look like every other.
    near = get_close_matches(word.lower().removeprefix("device."), _BY_LAST_PART, n=1)
    names = ", ".join(name for name in ATTRIBUTES if "extensionAttribute" not in name)
    raise FilterSyntaxError(
        f"no device attribute {shown(word)}",
        offset,
        f"did you mean `{_BY_LAST_PART[near[0]]}`?"
        if near
        else f"there are {names} and device.extensionAttribute1 to 15",
    )
