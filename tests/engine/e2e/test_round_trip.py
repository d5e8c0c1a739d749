from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from ostiary.model import policy as model
from tests.engine import strategies
from tests.engine.e2e.checkout import Checkout, copy_program

pytestmark = pytest.mark.e2e

TENANT = "22222222-0000-4000-8000-000000000000"
SIZE = 57  # and three that are always there
# What is not drawn.
BESIDES: dict[str, strategies.Data] = {
    "policies/besides.yaml": {
        "displayName": "besides",
        "state": "enabled",
        "conditions": {
            "users": {
                "includeUsers": ["All"],
                "excludeGroups": ["emergency-access"],
                "excludeRoles": ["Directory Synchronization Accounts"],
            },
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["all"],
        },
        "grantControls": {
            "operator": "OR",
            "builtInControls": ["mfa"],
            "customAuthenticationFactors": ["RequireDuo"],
        },
        "exceptions": [
            {
                "of": "Directory Synchronization Accounts",
                "owner": "a team",
                "reason": "a test",
                "expires": "2099-12-31",
            }
        ],
    },
    "policies/named-locations/elsewhere.yaml": {
        "type": "countryNamedLocation",
        "displayName": "Elsewhere",
        "includeUnknownCountriesAndRegions": True,
    },
}


# A workspace is too large to be shown, and its folder stays; it must not hide what went wrong.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
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
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.workspaces(TENANT, SIZE))
    def comes_back(files: dict[str, strategies.Data]) -> None:
        checkout = Checkout(tmp_path_factory.mktemp("drawn"))
        copy_program(checkout.root)
        for path, data in (files | BESIDES).items():
            checkout.write(path, data)
        try:
            properties.update(deploys(checkout))
        finally:
            checkout.close()

    comes_back()
    every = {
        f"{kind.__name__}.{each.name}"
        for kind in vars(model).values()
        if isinstance(kind, type) and kind.__name__ in {each.split(".")[0] for each in properties}
        for each in fields(kind)
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
    assert len(resolved.policies) == SIZE + 3
    return set(used((resolved.policies, resolved.named_locations)))


def used(value: Any) -> Iterator[str]:
    """Name every property that carries a value, in a value and in what it is made of."""
    if isinstance(value, tuple):
        for each in value:
            yield from used(each)
    elif is_dataclass(value):
        for each in fields(value):
            inner = getattr(value, each.name)
            if inner:
                yield f"{type(value).__name__}.{each.name}"
                yield from used(inner)
