from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, given, settings
from pulumi.runtime import mocks

from ostiary.deploy.planned import UNKNOWN, Planned, Resource, planned
from ostiary.deploy.resources import declare
from ostiary.deploy.stack import NAMED_LOCATION
from ostiary.model.policy import Policy
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import environment_names, load
from tests.engine import strategies
from tests.engine.property.examples import examples
from tests.engine.property.test_round_trip import PHASES, TENANT, write
from tests.engine.shipped import ROOT, TODAY


class Engine(mocks.Mocks):
    """Takes note of what a program asks for, as the engine shows it to a policy pack."""

    def __init__(self) -> None:
        self.resources: list[Resource] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = {**args.inputs, "objectId": f"id-of-{args.name}"}
        self.resources.append(Resource(f"urn:{args.typ}:{args.name}", args.typ, args.name, state))
        return f"/{args.name}", state

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise NotImplementedError(args.token)


def declared(resolved: Resolved) -> list[Resource]:
    engine = Engine()
    mocks.set_mocks(engine)
    pulumi.runtime.test(lambda: declare(resolved, {}))()
    return engine.resources


def unborn(resources: list[Resource]) -> list[Resource]:
    """Forget the ids of locations, as the engine does before they are there."""
    urns = {f"id-of-{each.name}": each.urn for each in resources if each.type == NAMED_LOCATION}

    def forget(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: forget(each) for key, each in value.items()}
        if isinstance(value, list):
            return [forget(each) for each in value]
        return UNKNOWN if isinstance(value, str) and value in urns else value

    return [
        Resource(
            each.urn,
            each.type,
            each.name,
            forget(each.properties),
            tuple(urn for identity, urn in urns.items() if identity in str(each.properties)),
        )
        for each in resources
    ]


def assert_same(found: Planned, resolved: Resolved) -> None:
    policies: dict[str, Policy] = {each.key: each for each in found.policies}
    assert policies == {each.key: each for each in resolved.policies}
    assert set(found.named_locations) == set(resolved.named_locations)
    assert (found.set_aside, found.assumed_any) == ({}, {})


@pytest.mark.parametrize("environment", environment_names(ROOT))
def test_the_shipped_policies_come_back_from_what_the_engine_plans(environment: str) -> None:
    resolved = resolve(load(ROOT, [environment]), environment, TODAY)
    resources = declared(resolved)
    assert_same(planned(resources, resolved.known_locations), resolved)
    assert_same(planned(unborn(resources), resolved.known_locations), resolved)


@settings(
    max_examples=examples(8), deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck)
)
@given(strategies.workspaces(TENANT, 8))
def test_any_policy_comes_back_from_what_the_engine_plans(
    files: dict[str, strategies.Data],
) -> None:
    with TemporaryDirectory() as folder:
        write(Path(folder), files)
        resolved = resolve(load(Path(folder)), "here", date(2026, 11, 23))
    assert_same(planned(declared(resolved), resolved.known_locations), resolved)
