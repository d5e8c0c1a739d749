"""What brings a tenant back to what it held, in which order, and what is kept of a tenant."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ostiary.errors import OstiaryError
from ostiary.model.resolve import Resolved, resolve
from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import Running
from ostiary.spec.workspace import load
from ostiary.tenant.client import GraphClient
from ostiary.tenant.deviations import Listing
from ostiary.tenant.restore import Plan, Wanted, carry_out, deleted, plan
from ostiary.tenant.snapshots import KEPT, Snapshots, read
from tests.engine.shipped import ROOT, TODAY
from tests.engine.unit.sandbox.wire import POLICIES, Graph, block, connect
from tests.engine.unit.tenant.test_orphans import managed, tenant

Json = dict[str, Any]
FLOW, MFA, OFFICE = "policy-block-device-code-flow", "policy-require-mfa", "location-head-office"


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return resolve(load(ROOT, ["sandbox"]), "sandbox", TODAY)


def without(objects: list[Json], *ids: str) -> list[Json]:
    return [each for each in objects if each["id"] not in ids]


def planned(resolved: Resolved, listing: Listing) -> Plan:
    """Plan to go back to what is specified."""
    return plan(resolved, managed(resolved), listing, Wanted(*tenant(resolved)))


def steps(of: Plan) -> list[tuple[str, str]]:
    return [(each.operation, each.id) for each in of.steps]


def test_what_is_as_it_was_needs_no_step(resolved: Resolved) -> None:
    of = planned(resolved, Listing(*tenant(resolved)))
    assert (of.steps, of.effect.empty, of.opened) == ((), True, ())


def test_what_changed_is_sent_whole_without_what_graph_alone_writes(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    theirs = copy.deepcopy(policies)
    theirs[0]["state"] = "disabled"
    strong = next(each for each in policies if each["grantControls"].get("authenticationStrength"))
    policies[0] |= {"modifiedDateTime": "2026-11-01T00:00:00Z", "templateId": None}
    policies[0]["conditions"]["users@odata.context"] = "https://graph.microsoft.com"
    strength = strong["grantControls"]["authenticationStrength"]
    strength |= {"displayName": "Phishing-resistant MFA", "policyType": "builtIn"}
    wanted = Wanted(policies, locations)
    (step,) = plan(resolved, managed(resolved), Listing(theirs, locations), wanted).steps
    assert (step.operation, step.id) == ("change", policies[0]["id"])
    assert step.body is not None
    assert not {"id", "modifiedDateTime", "templateId"} & step.body.keys()
    assert step.body["state"] == "enabled"
    assert "users@odata.context" not in step.body["conditions"]
    assert step.body["conditions"]["userRiskLevels"] == []


def test_what_was_deleted_comes_back_and_is_changed_if_it_differs(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    kept = [
        copy.deepcopy(each) | {"deletedDateTime": "2026-11-20T00:00:00Z"}
        for each in policies
        if each["id"] in {FLOW, MFA}
    ]
    next(each for each in kept if each["id"] == MFA)["state"] = "disabled"
    of = planned(resolved, Listing(without(policies, FLOW, MFA), locations, kept))
    assert sorted(steps(of)) == [("change", MFA), ("undelete", FLOW), ("undelete", MFA)]
    assert steps(of).index(("undelete", MFA)) < steps(of).index(("change", MFA))
    assert {each.kind for each in of.effect.changes} >= {"closed"}


def test_a_location_is_made_anew_before_what_names_it(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    of = planned(resolved, Listing(without(policies, FLOW), without(locations, OFFICE)))
    assert steps(of) == [("create", OFFICE), ("create", FLOW)]


def test_what_an_interrupted_restore_made_anew_is_not_made_again(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    office = next(each for each in locations if each["id"] == OFFICE) | {"id": "new office"}
    there = [*without(locations, OFFICE), office]
    of = planned(resolved, Listing(without(policies, FLOW), there))
    assert of.ids == {OFFICE: "new office"}
    assert of.besides == ()
    (create,) = [each for each in of.steps if each.operation == "create"]
    assert create.id == FLOW
    assert create.body is not None
    assert create.body["conditions"]["locations"]["excludeLocations"] == ["new office"]


def test_what_was_not_there_is_left_alone_and_named(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    theirs = policies[0] | {"id": "theirs", "displayName": "Theirs"}
    of = planned(resolved, Listing([*policies, theirs], locations))
    assert (of.steps, of.besides) == ((), ("Theirs",))


def test_a_goal_that_would_be_lost_is_told(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    then = copy.deepcopy(policies)
    next(each for each in then if each["id"] == FLOW)["state"] = "disabled"
    listing = Listing(policies, locations)
    of = plan(resolved, managed(resolved), listing, Wanted(then, locations))
    assert of.opened == ("device-code-flow-is-blocked",)
    assert of.effect.changes[0].kind == "opened"


def test_of_what_was_deleted_only_what_is_specified_and_missing_is_wanted(
    resolved: Resolved,
) -> None:
    policies, locations = tenant(resolved)
    flow, mfa = (next(each for each in policies if each["id"] == key) for key in (FLOW, MFA))
    first, second = {"deletedDateTime": "2026-11-01"}, {"deletedDateTime": "2026-11-20"}
    kept = [
        {**flow, **first},
        {**flow, **second, "id": "another of its name"},
        {**mfa, **second, "id": "a copy of what is there"},
        {**mfa, **second, "id": "theirs", "displayName": "Theirs"},
    ]
    listing = Listing(without(policies, FLOW), locations, kept)
    wanted = deleted(resolved, managed(resolved), listing)
    assert [each["id"] for each in wanted.policies] == [FLOW]
    forgotten = {key: each for key, each in managed(resolved).policies.items() if each != FLOW}
    by_name = deleted(resolved, type(managed(resolved))(forgotten, {}), listing)
    assert [each["id"] for each in by_name.policies] == ["another of its name"]


@pytest.fixture
def graph(running: Running) -> Iterator[Graph]:
    with connect(running) as client:
        yield Graph(running, client, str(uuid4())).sign_in()


@pytest.fixture
def client(running: Running, graph: Graph) -> Iterator[GraphClient]:
    with closing(GraphClient(graph.tenant, running.environment(graph.tenant))) as made:
        yield made


def test_a_snapshot_is_the_owners_and_whole_and_the_last_ones_stay(
    client: GraphClient, graph: Graph, tmp_path: Path
) -> None:
    graph.create(POLICIES, block())
    snapshots = Snapshots.of(tmp_path, "here")
    files = [snapshots.take(client, "here", graph.tenant) for _ in range(KEPT + 2)]
    assert snapshots.files() == files[2:]
    assert {each.stat().st_mode & 0o777 for each in files[2:]} == {0o600}
    of = read(files[-1])
    assert (of.environment, of.tenant_id) == ("here", graph.tenant)
    assert of.policies == client.policies()


def test_a_snapshot_of_half_a_tenant_is_none(
    client: GraphClient, graph: Graph, faults: Faults, tmp_path: Path
) -> None:
    faults.add(Fault(kind="status", path="namedLocations", status=403, tenant=graph.tenant))
    with pytest.raises(OstiaryError, match="403"):
        Snapshots.of(tmp_path, "here").take(client, "here", graph.tenant)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"environment": "here"}'])
def test_a_file_that_is_no_snapshot_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "it.json"
    file.write_text(text)
    with pytest.raises(OstiaryError, match="is no snapshot"):
        read(file)


def test_the_ids_of_what_was_made_are_known_where_a_step_fails(
    client: GraphClient, graph: Graph, faults: Faults
) -> None:
    """The second of two policies is not taken."""
    policies = [block(name) | {"id": str(uuid4())} for name in ("One", "Other")]
    faults.add(Fault(kind="status", method="POST", path="policies", skip=1, status=400))
    empty = Resolved("here", graph.tenant, (), ())
    of = plan(empty, managed(empty), Listing((), ()), Wanted(policies, ()))
    ids: dict[str, str] = {}
    with pytest.raises(OstiaryError, match="400"):
        carry_out(of.steps, client, ids, lambda _: None)
    assert ids == {of.steps[0].id: client.policies()[0]["id"]}
