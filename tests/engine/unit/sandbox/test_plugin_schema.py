"""The plugin's table against the installed Python package, which is its reference."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pulumi_azuread
import pytest
from pulumi_azuread import _inputs, conditional_access_policy, named_location

from ostiary.sandbox.plugin import VERSION, schema
from ostiary.sandbox.plugin.schema import Block, Count, Flag, Kind, Many, Range, StrengthId, Text

REFUSED = {"unknownFutureValue"}


def blocks(kind: Kind) -> Iterator[Block]:
    match kind:
        case Block(fields=fields):
            yield kind
            for each in fields.values():
                yield from blocks(each)
        case Many(of=of):
            yield from blocks(of)
        case _:
            pass


BLOCKS = {each.name: each for top in schema.RESOURCES.values() for each in blocks(top)}


def arguments(name: str) -> type:
    """Give the package's class of the arguments of a block."""
    for module in (named_location, conditional_access_policy, _inputs):
        if hasattr(module, f"{name}Args"):
            return getattr(module, f"{name}Args")
    raise AssertionError(f"the package has no {name}Args")


def python_name(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def parameters(name: str) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(arguments(name).__init__).parameters)
    del found["__self__"]
    return found


def described(name: str) -> dict[str, str]:
    """Give what the docstring says about each argument."""
    text = inspect.getdoc(arguments(name).__init__) or ""
    found = re.findall(r":param .*? (\w+): (.*?)(?=\n:param|\Z)", text, re.DOTALL)
    return dict(found)


def type_name(kind: Kind) -> str:
    match kind:
        case Block(name=name):
            return f"{name}Args"
        case Many(of=of):
            return f"[{type_name(of)}]"
        case Flag():
            return "bool"
        case Count():
            return "int"
        case Text() | Range() | StrengthId():
            return "str"


def package_type(annotation: Any) -> str:
    text = str(annotation)
    of = re.search(r"(\w+Args)'", text) or re.search(r"\b(str|int|bool)\b", text)
    assert of, text
    return f"[{of[1]}]" if "Sequence" in text else of[1]


def test_the_installed_package_is_the_version_stood_in_for() -> None:
    assert pulumi_azuread._utilities.get_version() == VERSION  # noqa: SLF001 - it has no other way


def test_the_resource_types_are_those_of_the_package() -> None:
    assert pulumi_azuread.NamedLocation.pulumi_type == schema.LOCATION
    assert pulumi_azuread.ConditionalAccessPolicy.pulumi_type == schema.POLICY


@pytest.mark.parametrize("name", BLOCKS)
def test_names_types_and_requirements_are_those_of_the_package(name: str) -> None:
    block, given = BLOCKS[name], parameters(name)
    ours = {python_name(each): type_name(kind) for each, kind in block.fields.items()}
    assert ours == {each: package_type(value.annotation) for each, value in given.items()}
    required = {each for each, value in given.items() if value.default is value.empty}
    assert {python_name(each) for each in block.required} == required


@pytest.mark.parametrize("name", BLOCKS)
def test_values_are_those_that_the_package_describes(name: str) -> None:
    for argument, text in described(name).items():
        kind = {python_name(key): kind for key, kind in BLOCKS[name].fields.items()}[argument]
        ours = kind.of if isinstance(kind, Many) else kind
        listed = re.search(r"(?:Possible|Supported) values are:? (.*?)(?:\.|$)", text)
        # Two lists of user actions and ids are open ended in the provider's own schema.
        if listed and argument != "included_user_actions":
            named = re.findall(r"`(\w+)`", listed[1].partition("Defaults")[0])
            assert isinstance(ours, Text), argument
            assert set(ours.values) == set(named) - REFUSED, argument
        else:
            assert not isinstance(ours, Text) or not ours.values, argument


def test_the_settings_are_those_of_the_package() -> None:
    given = inspect.signature(pulumi_azuread.ProviderArgs.__init__).parameters
    assert {python_name(each) for each in schema.PROVIDER_INPUTS} == given.keys() - {"__self__"}


def test_every_reference_in_the_package_schema_leads_to_a_type() -> None:
    text = schema.package()
    document = json.loads(text)
    references = re.findall(r'"#/types/([^"]+)"', text)
    assert set(references) == document["types"].keys()
    assert document["resources"].keys() == {schema.LOCATION, schema.POLICY}
    policy = document["resources"][schema.POLICY]
    assert policy["requiredInputs"] == ["conditions", "displayName", "state"]
    assert "objectId" not in policy["inputProperties"]
    assert "objectId" in policy["required"]
