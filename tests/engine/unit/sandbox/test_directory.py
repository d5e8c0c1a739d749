from __future__ import annotations

from typing import Any

import httpx
import pytest

from ostiary.sandbox.lifecycle import SandboxError
from tests.engine.unit.sandbox.wire import Graph, listed

ADA, BOB, GONE = (f"{each}0000000-0000-4000-8000-000000000000" for each in "abf")
STAFF, ADMINS, VAULT = (f"{each}1111111-0000-4000-8000-000000000000" for each in "abc")
LAPTOP, TABLET = (f"{each}2222222-0000-4000-8000-000000000000" for each in "ab")
CLI, CLI_APP = (f"{each}3333333-0000-4000-8000-000000000000" for each in "ab")

DIRECTORY: dict[str, Any] = {
    "users": [
        {"id": ADA, "displayName": "Ada O'Neil", "userPrincipalName": "ada@contoso.com"},
        {"id": BOB, "displayName": "Bob", "userPrincipalName": "Bob@contoso.com"},
    ],
    "groups": [
        {"id": STAFF, "displayName": "Staff", "members": [BOB, ADMINS]},
        {"id": ADMINS, "displayName": "Admins", "members": [ADA, LAPTOP]},
        {"id": VAULT, "displayName": "Vault", "isAssignableToRole": True},
    ],
    "devices": [
        {
            "id": LAPTOP,
            "displayName": "laptop",
            "registeredUsers": [ADA],
            "registeredOwners": [ADA],
        },
        {"id": TABLET, "displayName": "tablet", "registeredUsers": [ADA, BOB]},
    ],
    "servicePrincipals": [{"id": CLI, "appId": CLI_APP, "displayName": "Azure CLI"}],
}


@pytest.fixture
def contoso(graph: Graph) -> Graph:
    graph.running.furnish(graph.tenant, DIRECTORY)
    return graph


def ids(graph: Graph, path: str) -> list[str]:
    return [each["id"] for each in listed(graph, path)]


def with_roles(graph: Graph, *roles: str) -> Graph:
    graph.running.set_roles(graph.tenant, *roles)
    return graph.sign_in()


# What an admin puts


def test_a_new_tenant_has_nobody(graph: Graph) -> None:
    for kind in ("users", "groups", "devices", "servicePrincipals"):
        assert listed(graph, f"/v1.0/{kind}") == []


def test_a_directory_put_twice_is_the_same(contoso: Graph) -> None:
    once = contoso.running.directory(contoso.tenant)
    contoso.running.furnish(contoso.tenant, DIRECTORY)
    assert contoso.running.directory(contoso.tenant) == once
    contoso.running.furnish(contoso.tenant, once)
    assert contoso.running.directory(contoso.tenant) == once


def test_an_object_is_merged_by_its_id(contoso: Graph) -> None:
    changed = {
        "users": [{"id": ADA.upper(), "accountEnabled": False}],
        "groups": [{"id": STAFF, "members": [ADA]}],
    }
    contoso.running.furnish(contoso.tenant, changed)
    ada = contoso.get(f"/v1.0/users/{ADA}?$select=id,displayName,accountEnabled")
    assert (ada["id"], ada["displayName"], ada["accountEnabled"]) == (ADA, "Ada O'Neil", False)
    assert ids(contoso, f"/v1.0/groups/{STAFF}/members") == [ADA]
    assert ids(contoso, f"/v1.0/groups/{ADMINS}/members") == [ADA, LAPTOP]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"toasters": []}, "a directory has no `toasters`"),
        ({"users": [{"displayName": "nobody"}]}, "one of the users has no id"),
        ({"groups": [{"id": STAFF, "members": [GONE]}]}, "is not in the directory"),
        ({"licences": ["FREE_BEER"]}, "`FREE_BEER` is none of the licences"),
    ],
)
def test_a_directory_that_makes_no_sense_is_refused(
    graph: Graph, document: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SandboxError, match=reason):
        graph.running.furnish(graph.tenant, {"users": [{"id": ADA}], **document})
    assert listed(graph, "/v1.0/users") == []


# What Graph shows


def test_v1_shows_an_account_as_enabled_only_to_who_asks(contoso: Graph) -> None:
    plain = contoso.get(f"/v1.0/users/{ADA}")
    assert plain["displayName"] == "Ada O'Neil"
    assert "accountEnabled" not in plain
    assert contoso.get(f"/v1.0/users/{ADA}?$select=accountEnabled")["accountEnabled"] is True
    assert contoso.get(f"/beta/users/{ADA}")["userType"] == "Member"
    assert listed(contoso, "/v1.0/users?$select=userType") == [{"userType": "Member"}] * 2
    members = f"/v1.0/groups/{STAFF}/members"
    assert "accountEnabled" not in listed(contoso, members)[0]
    assert listed(contoso, f"{members}?$select=accountEnabled")[0]["accountEnabled"] is True


def test_a_user_is_found_by_principal_name(contoso: Graph) -> None:
    assert contoso.get("/v1.0/users/bob@contoso.com")["id"] == BOB
    status, message = contoso.refusal("GET", f"/v1.0/users/{GONE}")
    assert status == 404
    assert message.startswith(f"Resource '{GONE}' does not exist or one of its queried")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("users?$filter=displayName eq 'ada o''neil'", [ADA]),
        ("users?$filter=userPrincipalName eq 'bob@contoso.com'", [BOB]),
        (f"users?$filter=id eq '{ADA}' or (id eq '{BOB}' and userType eq 'Guest')", [ADA]),
        ("users?$filter=accountEnabled eq true", [ADA, BOB]),
        ("groups?$filter=displayName eq 'Admins'", [ADMINS]),
        (f"servicePrincipals?$filter=appId eq '{CLI_APP}'", [CLI]),
        ("devices?$filter=displayName eq 'nothing'", []),
    ],
)
def test_a_list_is_filtered(contoso: Graph, path: str, found: list[str]) -> None:
    assert ids(contoso, f"/v1.0/{path}") == found


@pytest.mark.parametrize(
    "wanted",
    [
        "startswith(displayName,'A')",
        "not displayName eq 'Ada'",
        "displayName ne 'Ada'",
        "displayName ge 'Ada'",
        "displayName eq 'Ada",
        "displayName eq 'Ada' displayName",
        "(displayName eq 'Ada'",
        "displayName eq",
        "jobTitle eq 'baker'",
        "signInSessionsValidFromDateTime ge 2026-13-01",
        "displayName eq 'Ada' and",
    ],
)
def test_a_filter_that_is_not_known_is_refused(contoso: Graph, wanted: str) -> None:
    query = httpx.QueryParams({"$filter": wanted})
    assert contoso.refusal("GET", f"/v1.0/users?{query}")[0] == 400


def test_members_come_one_level_deep_or_all_the_way(contoso: Graph) -> None:
    members = listed(contoso, f"/v1.0/groups/{STAFF}/members")
    assert [(each["@odata.type"], each["id"]) for each in members] == [
        ("#microsoft.graph.user", BOB),
        ("#microsoft.graph.group", ADMINS),
    ]
    deep = ids(contoso, f"/v1.0/groups/{STAFF}/transitiveMembers?$top=2")
    assert sorted(deep) == sorted([BOB, ADMINS, ADA, LAPTOP])
    assert ids(contoso, f"/v1.0/users/{ADA}/memberOf") == [ADMINS]
    assert ids(contoso, f"/v1.0/users/{ADA}/transitiveMemberOf") == [ADMINS, STAFF]


def test_a_circle_of_groups_comes_to_an_end(contoso: Graph) -> None:
    contoso.running.furnish(contoso.tenant, {"groups": [{"id": ADMINS, "members": [STAFF, ADA]}]})
    deep = ids(contoso, f"/v1.0/groups/{STAFF}/transitiveMembers")
    assert sorted(deep) == sorted([BOB, ADMINS, ADA, STAFF])


def test_objects_are_resolved_by_id_whatever_they_are(contoso: Graph) -> None:
    def resolve(*wanted: str, **more: Any) -> list[tuple[str, str]]:
        answer = contoso.ask(
            "POST", "/v1.0/directoryObjects/getByIds", {"ids": list(wanted), **more}
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()["value"]
        return [(each["@odata.type"].rpartition(".")[2], each["id"]) for each in found]

    assert resolve(ADA, STAFF, GONE, CLI) == [
        ("user", ADA),
        ("group", STAFF),
        ("servicePrincipal", CLI),
    ]
    assert resolve(ADA, STAFF, types=["Group"]) == [("group", STAFF)]
    assert resolve(*[ADA] * 1000) == [("user", ADA)]
    assert contoso.get(f"/v1.0/directoryObjects/{LAPTOP}")["@odata.type"].endswith(".device")
    assert contoso.ask("GET", f"/v1.0/directoryObjects/{GONE}").status_code == 404


@pytest.mark.parametrize("body", [{}, {"ids": ADA}, {"ids": [1]}, {"ids": [ADA] * 1001}])
def test_ids_that_graph_does_not_take(contoso: Graph, body: dict[str, Any]) -> None:
    answer = contoso.ask("POST", "/v1.0/directoryObjects/getByIds", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "Request_BadRequest")


# Who may


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        ("User.Read.All", "GET", "users"),
        ("User.Read.All", "GET", f"users/{ADA}/registeredDevices"),
        ("GroupMember.Read.All", "GET", "groups"),
        ("GroupMember.Read.All", "GET", f"groups/{STAFF}/members"),
        ("GroupMember.Read.All", "GET", f"users/{ADA}/memberOf"),
        ("Application.Read.All", "GET", "servicePrincipals"),
        ("Device.Read.All", "GET", f"devices/{LAPTOP}"),
        ("Directory.Read.All", "GET", f"directoryObjects/{ADA}"),
        ("Directory.Read.All", "POST", "directoryObjects/getByIds"),
        ("GroupMember.ReadWrite.All", "POST", f"groups/{STAFF}/members/$ref"),
        ("GroupMember.ReadWrite.All", "DELETE", f"groups/{STAFF}/members/{BOB}/$ref"),
        ("User.RevokeSessions.All", "POST", f"users/{ADA}/revokeSignInSessions"),
        ("User.EnableDisableAccount.All", "PATCH", f"users/{ADA}"),
        ("Device.ReadWrite.All", "PATCH", f"devices/{LAPTOP}"),
        ("Device.ReadWrite.All", "DELETE", f"devices/{LAPTOP}"),
        ("RoleManagement.Read.Directory", "GET", "roleManagement/directory/roleDefinitions"),
        ("RoleManagement.Read.Directory", "GET", "directoryRoleTemplates"),
        ("Organization.Read.All", "GET", "organization"),
        ("LicenseAssignment.Read.All", "GET", "subscribedSkus"),
        ("Agreement.Read.All", "GET", "identityGovernance/termsOfUse/agreements"),
    ],
)
def test_one_role_is_needed_and_enough(contoso: Graph, role: str, method: str, path: str) -> None:
    body = {
        "@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{ADA}",
        "accountEnabled": False,
        "ids": [ADA],
    }
    sent = {"accountEnabled": False} if method == "PATCH" else body if method == "POST" else None
    with_roles(contoso, "Policy.Read.All")
    answer = contoso.ask(method, f"/v1.0/{path}", sent)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Authorization_RequestDenied"
    with_roles(contoso, role)
    answer = contoso.ask(method, f"/v1.0/{path}", sent)
    assert answer.status_code in {200, 204}, answer.text


def test_of_what_the_caller_may_not_read_there_is_the_id_alone(contoso: Graph) -> None:
    with_roles(contoso, "User.Read.All")
    laptop, tablet = listed(contoso, f"/v1.0/users/{ADA}/registeredDevices")
    assert (laptop["id"], laptop["displayName"], tablet["trustType"]) == (LAPTOP, None, None)
    with_roles(contoso, "User.Read.All", "Device.Read.All")
    found = listed(contoso, f"/v1.0/users/{ADA}/registeredDevices")
    assert [each["displayName"] for each in found] == ["laptop", "tablet"]
    assert ids(contoso, f"/v1.0/users/{ADA}/ownedDevices") == [LAPTOP]


# What a response changes


def test_sessions_are_revoked_from_now_on(contoso: Graph) -> None:
    answer = contoso.ask("POST", "/v1.0/users/ada@contoso.com/revokeSignInSessions")
    assert (answer.status_code, answer.json()["value"]) == (200, True)
    field = "signInSessionsValidFromDateTime"
    revoked = {each["id"]: each[field] for each in listed(contoso, "/beta/users")}
    assert revoked[ADA].startswith("20")
    assert revoked[BOB] is None


@pytest.mark.parametrize(
    ("role", "path"),
    [("User.ReadWrite.All", f"users/{ADA}"), ("Device.ReadWrite.All", f"devices/{LAPTOP}")],
)
def test_an_account_is_disabled_and_nothing_else_is_changed(
    contoso: Graph, role: str, path: str
) -> None:
    with_roles(contoso, role)
    assert contoso.ask("PATCH", f"/v1.0/{path}", {"accountEnabled": False}).status_code == 204
    assert contoso.get(f"/v1.0/{path}?$select=accountEnabled")["accountEnabled"] is False
    assert contoso.refusal("PATCH", f"/v1.0/{path}", {"displayName": "x"})[0] == 400
    assert contoso.refusal("PATCH", f"/v1.0/{path}", {"accountEnabled": "no"})[0] == 400


def test_a_deleted_device_is_nobodys(contoso: Graph) -> None:
    assert contoso.ask("DELETE", f"/v1.0/devices/{LAPTOP}").status_code == 204
    assert contoso.ask("DELETE", f"/v1.0/devices/{LAPTOP}").status_code == 404
    assert ids(contoso, f"/v1.0/users/{ADA}/registeredDevices") == [TABLET]
    assert ids(contoso, f"/v1.0/groups/{ADMINS}/members") == [ADA]
    contoso.running.furnish(contoso.tenant, {"devices": [{"id": LAPTOP}]})
    assert ids(contoso, f"/v1.0/users/{ADA}/registeredDevices") == [TABLET]


def reference(object_id: str) -> dict[str, str]:
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{object_id}"}


def test_a_member_is_added_once(contoso: Graph) -> None:
    path = f"/v1.0/groups/{STAFF}/members/$ref"
    assert contoso.ask("POST", path, reference(ADA)).status_code == 204
    status, message = contoso.refusal("POST", path, reference(ADA))
    assert status == 400
    assert message.startswith("One or more added object references already exist")
    assert contoso.refusal("POST", path, reference(GONE))[0] == 404
    assert contoso.refusal("POST", path, {})[0] == 400
    assert ids(contoso, f"/v1.0/groups/{STAFF}/members") == [BOB, ADMINS, ADA]


def test_a_member_is_removed_once(contoso: Graph) -> None:
    path = f"/v1.0/groups/{STAFF}/members/{BOB}/$ref"
    assert contoso.ask("DELETE", path).status_code == 204
    assert contoso.ask("DELETE", path).status_code == 404
    assert ids(contoso, f"/v1.0/groups/{STAFF}/members") == [ADMINS]


def test_a_group_that_roles_are_assigned_to_needs_one_more_role(contoso: Graph) -> None:
    path = f"/v1.0/groups/{VAULT}/members/$ref"
    assert contoso.refusal("POST", path, reference(ADA))[0] == 403
    with_roles(contoso, "GroupMember.ReadWrite.All", "RoleManagement.ReadWrite.Directory")
    assert contoso.ask("POST", path, reference(ADA)).status_code == 204
