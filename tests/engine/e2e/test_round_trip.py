from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ostiary.model import policy as model
from tests.engine import strategies
from tests.engine.e2e.checkout import Checkout, copy_program

pytestmark = pytest.mark.e2e

TENANT = "22222222-0000-4000-8000-000000000000"
SIZE = 58  # and two that are always there


class Drawn(dict[str, strategies.Data]):
    """The files of a workspace, too many to be shown."""

    def __repr__(self) -> str:
        return f"{len(self)} files"


def test_what_the_files_say_comes_back_from_graph(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    properties: set[str] = set()

    @settings(
        max_examples=3,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.workspaces(TENANT, SIZE).map(Drawn))
    def comes_back(files: Drawn) -> None:
        checkout = Checkout(tmp_path_factory.mktemp("drawn"))
        copy_program(checkout.root)
        for path, data in files.items():
            checkout.write(path, data)
        try:
            properties.update(deploys(checkout))
        finally:
            checkout.close()

    comes_back()
    every = {
        f"{kind.__name__}.{field.name}"
        for kind in vars(model).values()
        if isinstance(kind, type) and is_dataclass(kind)
        for field in fields(kind)
    }
    assert every - properties == set()


def deploys(checkout: Checkout) -> set[str]:
    """See that a workspace comes back as it went; gives the properties that it uses."""
    checkout.up("here")
    checkout.assert_as_specified("here")
    checkout.mark()
    assert "nothing changed" in checkout.up("here").stderr
    assert checkout.writes("here") == []
    resolved = checkout.specified("here")
    assert len(resolved.policies) == SIZE + 2
    return set(used((resolved.policies, resolved.named_locations)))


def used(value: Any) -> Iterator[str]:
    """Name every property that carries a value, in a value and in what it is made of."""
    if isinstance(value, tuple):
        for each in value:
            yield from used(each)
    elif is_dataclass(value):
        for field in fields(value):
            inner = getattr(value, field.name)
            if inner:
                yield f"{type(value).__name__}.{field.name}"
                yield from used(inner)
