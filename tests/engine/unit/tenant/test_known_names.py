"""The names of ids, asked of a directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from ostiary.model.written import Table
from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.directory import Directory
from ostiary.tenant.graph import Graph
from ostiary.tenant.known_names import known_names

EVA, GROUP, APP, ROBOT, TERMS, KEYS, NOBODY = (
    f"{number:08}-0000-4000-8000-00000000abcd" for number in range(1, 8)
)
ASKED: dict[Table, list[str]] = {
    "users": [EVA],
    "groups": [GROUP, NOBODY],
    "applications": [APP],
    "servicePrincipals": [ROBOT],
    "termsOfUse": [TERMS],
    "authenticationStrengths": [KEYS],
    "externalTenants": [NOBODY],
}


@pytest.fixture
def tenant(running: Running) -> str:
    tenant = str(uuid4())
    with closing(Graph(tenant, running.environment(tenant))) as graph:
        graph.identity()  # makes the tenant
        running.furnish(
            tenant,
            {
                "users": [
                    {"id": EVA, "displayName": "Eva", "userPrincipalName": "eva@contoso.com"}
                ],
                "groups": [{"id": GROUP, "displayName": "Staff"}],
                "servicePrincipals": [{"id": ROBOT, "appId": APP, "displayName": "Robot"}],
                "agreements": [{"id": TERMS, "displayName": "Be good"}],
                "authenticationStrengths": [{"id": KEYS, "displayName": "Keys"}],
            },
        )
        running.set_roles(
            tenant, "Agreement.Read.All", "Application.Read.All", "Directory.Read.All",
            "Policy.Read.All", "User.Read.All", "GroupMember.Read.All",
        )  # fmt: skip
    return tenant


@pytest.fixture
def graph(running: Running, tenant: str) -> Iterator[Graph]:
    with closing(Graph(tenant, running.environment(tenant))) as graph:
        yield graph


def test_each_table_has_the_names_of_its_ids(graph: Graph) -> None:
    known = known_names(Directory(graph), ASKED)
    assert known.refused == []
    strengths = known.tables.pop("authenticationStrengths")
    assert strengths[KEYS] == "Keys"
    assert known.tables == {
        "users": {EVA: "eva@contoso.com"},
        "groups": {GROUP: "Staff"},
        "servicePrincipals": {ROBOT: "Robot"},
        "applications": {APP: "Robot"},
        "termsOfUse": {TERMS: "Be good"},
    }


def test_what_nobody_asks_for_is_not_asked_of_graph(
    running: Running, graph: Graph, tenant: str
) -> None:
    before = len(running.requests(tenant))
    assert known_names(Directory(graph), {"users": [], "externalTenants": [NOBODY]}).tables == {}
    assert len(running.requests(tenant)) == before


def test_what_the_token_may_not_read_is_told_and_the_rest_is_known(
    running: Running, graph: Graph, tenant: str
) -> None:
    running.set_roles(tenant, "User.Read.All", "Policy.Read.All")
    known = known_names(Directory(graph), ASKED)
    assert known.tables["authenticationStrengths"][KEYS] == "Keys"
    assert "termsOfUse" not in known.tables
    assert any("agreements" in str(each) for each in known.refused)
