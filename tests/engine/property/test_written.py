"""A policy comes back from its file, and from a tenant through adoption."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import HealthCheck, Phase, given, settings

from ostiary.model.graph import named_location_to_graph, policy_to_graph
from ostiary.model.resolve import resolve
from ostiary.model.written import Tables, named_location_data, policy_data
from ostiary.spec.text import text
from ostiary.spec.workspace import load
from ostiary.tenant.adopt import adopt, write
from ostiary.tenant.existing import Wishes
from ostiary.tenant.exports import Exported
from tests.engine import strategies
from tests.engine.property.examples import examples
from tests.engine.property.test_round_trip import TENANT
from tests.engine.property.test_round_trip import write as write_data

TODAY = date(2026, 11, 23)
# A workspace is too large to shrink in reasonable time; its files are told as they were drawn.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# What an author says of a policy that is none of its properties.
OURS = ("exceptions", "excludedBy", "emergencyAccessIncluded")
TABLES = (
    "groups", "users", "applications", "servicePrincipals", "externalTenants", "termsOfUse",
    "authenticationStrengths",
)  # fmt: skip


def names(environment: strategies.Data) -> Tables:
    return {
        table: {identity: name for name, identity in environment[table].items()} for table in TABLES
    }  # type: ignore[return-value] # the keys are those of Table


@settings(
    max_examples=examples(10), deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck)
)
@given(strategies.workspaces(TENANT, 8))
def test_a_policy_comes_back_from_its_file(files: dict[str, strategies.Data]) -> None:
    tables = names(files["environments/here.yaml"])
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_data(root, files)
        first = resolve(load(root), "here", TODAY)
        for policy in first.as_written:
            path = f"policies/{policy.key}.yaml"
            said = {key: each for key, each in files[path].items() if key in OURS}
            (root / path).write_text(text({**policy_data(policy, tables), **said}), "utf-8")
        values = {}
        for location in first.known_locations:
            path = f"policies/named-locations/{location.key}.yaml"
            data, values[location.key] = named_location_data(location)
            (root / path).write_text(text(data), "utf-8")
        environment = {**files["environments/here.yaml"], "namedLocations": values}
        (root / "environments/here.yaml").write_text(text(environment), "utf-8")
        again = resolve(load(root), "here", TODAY)
    assert again.as_written == first.as_written
    assert again.policies == first.policies
    assert again.known_locations == first.known_locations


@settings(
    max_examples=examples(10), deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck)
)
@given(strategies.workspaces(TENANT, 6))
def test_a_policy_comes_back_from_a_tenant(files: dict[str, strategies.Data]) -> None:
    tables = names(files["environments/here.yaml"])
    with TemporaryDirectory() as folder:
        write_data(Path(folder), files)
        first = resolve(load(Path(folder)), "here", TODAY)
    ids = {
        each.key: f"99999999-0000-4000-8000-{number:012}"
        for number, each in enumerate(first.known_locations)
    }
    held = [Exported(each.key, "policy", policy_to_graph(each, ids)) for each in first.as_written]
    for each in first.known_locations:
        shown = named_location_to_graph(each) | {"id": ids[each.key]}
        held.append(Exported(ids[each.key], "namedLocation", shown))
    with TemporaryDirectory() as folder:
        made = adopt(Path(folder), held, Wishes("there", TENANT, TODAY), lambda _: tables)
        write(Path(folder), made.files)
        again = resolve(load(Path(folder)), "there", TODAY)
    assert made.draft.left_alone == ()
    new_ids = {each.value.key: str(each.id) for each in made.draft.named_locations}
    assert sorted(
        yaml.safe_dump(policy_to_graph(each, new_ids)) for each in again.as_written
    ) == sorted(yaml.safe_dump(policy_to_graph(each, ids)) for each in first.as_written)
