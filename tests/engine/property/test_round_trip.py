from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import HealthCheck, Phase, given, settings

from ostiary.model.graph import (
    named_location_from_graph,
    named_location_to_graph,
    policy_from_graph,
    policy_to_graph,
)
from ostiary.model.resolve import resolve
from ostiary.spec.workspace import load
from tests.engine import strategies
from tests.engine.property.examples import examples

TENANT = "22222222-0000-4000-8000-000000000000"


def write(root: Path, files: dict[str, strategies.Data]) -> None:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
        (root / path).write_text(text, encoding="utf-8")


# A workspace is too large to shrink in reasonable time; its files are told as they were drawn.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(
    max_examples=examples(15), deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck)
)
@given(strategies.workspaces(TENANT, 8))
def test_a_policy_comes_back_from_graphs_json(files: dict[str, strategies.Data]) -> None:
    with TemporaryDirectory() as folder:
        write(Path(folder), files)
        resolved = resolve(load(Path(folder)), "here", date(2026, 11, 23))
    ids = {each.key: f"id-of-{each.key}" for each in resolved.named_locations}
    keys = {identity: key for key, identity in ids.items()}
    for policy in resolved.policies:
        assert policy_from_graph(policy_to_graph(policy, ids), policy.key, keys) == policy
    for location in resolved.named_locations:
        answer = named_location_to_graph(location)
        assert named_location_from_graph(answer, location.key) == location
