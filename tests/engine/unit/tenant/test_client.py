from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from ostiary.errors import TenantError
from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.client import GraphClient
from tests.engine.unit.sandbox.wire import block, office
from tests.engine.unit.tenant.elsewhere import TENANT, Answer, Elsewhere, Time, variables

CONDITIONAL_ACCESS = "identity/conditionalAccess"


@pytest.fixture
def client(running: Running) -> Iterator[GraphClient]:
    tenant = str(uuid4())
    environ = variables(running, tenant)
    with closing(GraphClient(tenant, environ, clock=Time().clock)) as client:
        yield client


def test_a_policy_is_read_deleted_and_brought_back(client: GraphClient) -> None:
    made = client.graph.post(f"{CONDITIONAL_ACCESS}/policies", block())["id"]
    assert [each["id"] for each in client.policies()] == [made]
    assert (client.read("policies", made) or {})["displayName"] == "Block device code flow"
    client.delete_policy(made)
    assert client.policies() == []
    assert client.read("policies", made) is None
    assert [each["id"] for each in client.deleted("policies")] == [made]
    client.restore("policies", made)
    assert (client.read("policies", made) or {})["state"] == "enabled"
    assert client.deleted("policies") == []


def test_a_trusted_location_is_deleted_and_brought_back(client: GraphClient) -> None:
    made = client.graph.post(f"{CONDITIONAL_ACCESS}/namedLocations", office(trusted=True))
    (location,) = client.named_locations()
    client.delete_named_location(location)
    assert client.named_locations() == []
    assert [each["id"] for each in client.deleted("namedLocations")] == [made["id"]]
    client.restore("namedLocations", made["id"])
    assert [each["id"] for each in client.named_locations()] == [made["id"]]


def test_the_tenant_itself(client: GraphClient, running: Running) -> None:
    organization = client.organization()
    assert organization.display_name == "Sandbox"
    assert client.security_defaults() is False
    running.set_security_defaults(organization.id, enabled=True)
    assert client.security_defaults() is True


@pytest.mark.parametrize("body", [{"value": []}, {"value": [{"id": 7}]}])
def test_an_organization_of_another_shape_is_told(elsewhere: Elsewhere, body: object) -> None:
    elsewhere.answers = [Answer(body=body)]
    with (
        closing(GraphClient(TENANT, elsewhere.environ, clock=Time().clock)) as client,
        pytest.raises(TenantError, match="Graph told of a Named whose `id` is wrong"),
    ):
        client.organization()
