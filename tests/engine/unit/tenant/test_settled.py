"""Reading a tenant that gives two answers, from the sandbox itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from ostiary.model.graph import Collection
from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.client import GraphClient
from ostiary.tenant.deviations import Listing
from ostiary.tenant.settled import settled
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS, POLICIES, Graph, block, connect


class Tenant:
    """A tenant with two policies, which are to be enabled; the waits are counted."""

    def __init__(self, running: Running) -> None:
        self.tenant = str(uuid4())
        self.running = running
        self.environ = running.environment(self.tenant)
        self.graph = Graph(running, connect(running), self.tenant).sign_in()
        self.ids = [self.graph.create(POLICIES, block(name)) for name in ("One", "Other")]
        self.waits: list[int] = []

    def disable(self) -> None:
        path = f"{POLICIES}/{self.ids[0]}"
        assert self.graph.ask("PATCH", path, {"state": "disabled"}).status_code == 204

    def delete(self) -> None:
        assert self.graph.ask("DELETE", f"{POLICIES}/{self.ids[0]}").status_code == 204

    def read(self) -> Listing:
        ours: dict[str, Collection] = dict.fromkeys(self.ids, "policies")
        with closing(GraphClient(self.tenant, self.environ)) as client:
            return settled(client, ours, self.deviating, self.waits.append)

    def deviating(self, listing: Listing) -> set[str]:
        enabled = {each["id"] for each in listing.policies if each["state"] == "enabled"}
        return {*self.ids, *(each["id"] for each in listing.policies)} - enabled

    def reads(self) -> list[str]:
        """Give what was read, without the list of locations."""
        return [
            each["path"].removeprefix(f"{CONDITIONAL_ACCESS}/")
            for each in self.running.requests(self.tenant)
            if each["method"] == "GET" and "/policies" in each["path"]
        ]


@pytest.fixture
def tenant(running: Running) -> Iterator[Tenant]:
    made = Tenant(running)
    yield made
    made.graph.client.close()


def states(of: Listing) -> list[str]:
    return sorted(each["state"] for each in of.policies)


def test_what_is_as_specified_is_listed_twice_and_not_read_singly(tenant: Tenant) -> None:
    found = tenant.read()
    assert states(found) == ["enabled", "enabled"]
    assert not found.unsettled
    assert tenant.reads() == ["policies"] * 2


def test_only_what_deviates_is_read_singly(tenant: Tenant) -> None:
    tenant.disable()
    found = tenant.read()
    assert states(found) == ["disabled", "enabled"]
    assert not found.unsettled
    assert tenant.reads() == ["policies", f"policies/{tenant.ids[0]}"] * 2
    assert tenant.waits == []


@pytest.mark.parametrize("reads", [1, 2, 3, 4, 5, 6])
def test_an_answer_that_alternates_is_read_until_it_does_not(
    tenant: Tenant, faults: Faults, reads: int
) -> None:
    faults.add(Fault(kind="stale_reads", path="/policies", tenant=tenant.tenant, reads=reads))
    tenant.disable()
    found = tenant.read()
    assert not found.unsettled
    assert states(found) == ["disabled", "enabled"]


def test_a_deleted_policy_that_comes_and_goes_is_not_taken_for_present(
    tenant: Tenant, faults: Faults
) -> None:
    faults.add(Fault(kind="stale_reads", path="/policies", tenant=tenant.tenant, reads=3))
    tenant.delete()
    found = tenant.read()
    assert not found.unsettled
    assert [each["displayName"] for each in found.policies] == ["Other"]
    assert tenant.waits


def test_what_never_settles_is_unsettled_after_a_bounded_number_of_reads(
    tenant: Tenant, faults: Faults
) -> None:
    faults.add(Fault(kind="stale_reads", path="/policies", tenant=tenant.tenant, reads=1000))
    tenant.disable()
    found = tenant.read()
    assert found.unsettled == {tenant.ids[0]}
    assert len(tenant.reads()) <= 16
    assert tenant.waits[-1] == 7


def test_of_many_that_deviate_the_lists_alone_are_asked(tenant: Tenant) -> None:
    more = [tenant.graph.create(POLICIES, block(f"More {n}")) for n in range(26)]
    for identity in more:
        tenant.graph.ask("PATCH", f"{POLICIES}/{identity}", {"state": "disabled"})
    tenant.ids += more
    found = tenant.read()
    assert not found.unsettled
    assert tenant.reads() == ["policies"] * 4


def test_what_is_refused_is_told_with_graphs_words(tenant: Tenant, faults: Faults) -> None:
    path = f"/policies/{tenant.ids[0]}"
    tenant.delete()
    faults.add(Fault(kind="beta_only", path=path, tenant=tenant.tenant))
    found = tenant.read()
    assert list(found.hidden) == [tenant.ids[0]]
    assert "1037" in found.hidden[tenant.ids[0]]
    assert not found.unsettled
