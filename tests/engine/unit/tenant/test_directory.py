from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ostiary.errors import TenantError
from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.directory import Directory
from ostiary.tenant.graph import Graph
from tests.engine.unit.sandbox.wire import block
from tests.engine.unit.tenant.elsewhere import TENANT, Answer, Elsewhere, Time, variables

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def object_id(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


EVA, GUEST, GROUP, INNER, APP, LAPTOP, PHONE, NOBODY = (object_id(number) for number in range(8))
APP_ID = object_id(100)


def sign_in(number: int, minute: int, user: str, **more: Any) -> dict[str, Any]:
    return {
        "id": object_id(1000 + number),
        "createdDateTime": f"2026-11-24T12:{minute:02}:00.1234567Z",
        "userId": user,
        **more,
    }


FURNITURE: dict[str, Any] = {
    "licences": ["AAD_PREMIUM_P2"],
    "users": [
        {"id": EVA, "displayName": "Eva", "userPrincipalName": "eva@contoso.com"},
        {
            "id": GUEST,
            "displayName": "Gus",
            "userPrincipalName": "gus_fabrikam.com#EXT#@contoso.com",
            "userType": "Guest",
            "accountEnabled": False,
        },
    ],
    "groups": [
        {"id": GROUP, "displayName": "Outer", "members": [INNER]},
        {"id": INNER, "displayName": "Inner", "members": [EVA]},
    ],
    "servicePrincipals": [{"id": APP, "appId": APP_ID, "displayName": "Shop"}],
    "devices": [
        {
            "id": LAPTOP,
            "displayName": "eva's laptop",
            "operatingSystem": "Windows",
            "registrationDateTime": "2026-11-24T12:00:00Z",
            "registeredUsers": [EVA],
            "registeredOwners": [EVA],
        },
        {"id": PHONE, "registeredUsers": [EVA], "registeredOwners": []},
    ],
    "agreements": [{"id": object_id(7), "displayName": "Be good"}],
    "authenticationStrengths": [{"id": object_id(8), "displayName": "Keys"}],
    "subscribedSkus": [
        {
            "id": "ended",
            "capabilityStatus": "Suspended",
            "servicePlans": [{"servicePlanName": "ENDED", "provisioningStatus": "Success"}],
        }
    ],
    "signIns": [
        sign_in(1, 1, EVA),
        sign_in(2, 2, EVA, signInEventTypes=["nonInteractiveUser"]),
        sign_in(3, 3, GUEST),
        sign_in(4, 4, EVA, signInEventTypes=["servicePrincipal"]),
    ],
}


def furnished(running: Running) -> str:
    """A tenant with all of this, whose token may do what is asked of it here."""
    tenant = str(uuid4())
    with closing(Graph(tenant, variables(running, tenant))) as graph:
        graph.identity()  # makes the tenant
    running.set_roles(
        tenant,
        "Agreement.Read.All",
        "Application.Read.All",
        "AuditLog.Read.All",
        "Device.ReadWrite.All",
        "Directory.Read.All",
        "GroupMember.ReadWrite.All",
        "LicenseAssignment.Read.All",
        "Policy.Read.All",
        "Policy.ReadWrite.ConditionalAccess",
        "RoleManagement.Read.Directory",
        "User.Read.All",
        "User.RevokeSessions.All",
    )
    running.furnish(tenant, FURNITURE)
    return tenant


@pytest.fixture(scope="module")
def tenant(running: Running) -> str:
    """One for all tests that leave it as it is."""
    return furnished(running)


@pytest.fixture(scope="module")
def graph(running: Running, tenant: str) -> Iterator[Graph]:
    with closing(Graph(tenant, variables(running, tenant), clock=Time().clock)) as graph:
        yield graph


@pytest.fixture(scope="module")
def directory(graph: Graph) -> Directory:
    return Directory(graph)


@pytest.fixture
def own_tenant(running: Running) -> str:
    return furnished(running)


@pytest.fixture
def own(running: Running, own_tenant: str) -> Iterator[Directory]:
    environ = variables(running, own_tenant)
    with closing(Graph(own_tenant, environ, clock=Time().clock)) as graph:
        yield Directory(graph)


def test_ids_are_told_by_kind_and_name(directory: Directory) -> None:
    result = directory.look_up([EVA.upper(), GROUP, APP, NOBODY, LAPTOP, EVA])
    assert {each.id: (each.kind, each.display_name) for each in result.found.values()} == {
        EVA: ("user", "Eva"),
        GROUP: ("group", "Outer"),
        APP: ("servicePrincipal", "Shop"),
    }
    assert result.found[EVA].user_principal_name == "eva@contoso.com"
    assert result.missing == (NOBODY, LAPTOP)


def test_ids_are_looked_up_by_the_thousand(
    directory: Directory, running: Running, tenant: str
) -> None:
    ids = [object_id(number) for number in range(2000, 4100)]
    result = directory.look_up([*ids, EVA])
    assert set(result.found) == {EVA}
    assert result.missing == tuple(ids)
    sizes = [
        len(each["body"]["ids"]) for each in running.requests(tenant) if "getByIds" in each["path"]
    ]
    assert sizes[-3:] == [1000, 1000, 101]


def test_nothing_is_asked_about_no_ids(directory: Directory, running: Running, tenant: str) -> None:
    before = len(running.requests(tenant))
    assert directory.look_up([]).found == {}
    assert directory.service_principals([]) == {}
    assert len(running.requests(tenant)) == before


def test_a_look_up_is_repeated_like_a_read(
    directory: Directory, faults: Faults, tenant: str
) -> None:
    faults.add(Fault(kind="status", path="getByIds", tenant=tenant, times=2))
    assert set(directory.look_up([EVA]).found) == {EVA}


def test_what_the_token_may_not_read_has_no_name(running: Running, own_tenant: str) -> None:
    running.set_roles(own_tenant, "User.Read.All")
    with closing(Graph(own_tenant, variables(running, own_tenant), clock=Time().clock)) as poorer:
        (device,) = Directory(poorer).devices_of(EVA)
    assert (device.id, device.display_name, device.account_enabled) == (LAPTOP, None, None)


def test_names_by_id(directory: Directory) -> None:
    roles = directory.roles()
    assert roles["62e90394-69f5-4237-9190-012177145e10"] == "Global Administrator"
    strengths = directory.authentication_strengths()
    assert strengths[object_id(8)] == "Keys"
    assert strengths["00000000-0000-0000-0000-000000000004"] == "Phishing-resistant MFA"
    assert directory.agreements() == {object_id(7): "Be good"}


def test_services_that_were_bought_and_not_ended(directory: Directory) -> None:
    assert directory.service_plans() == {"AAD_PREMIUM", "AAD_PREMIUM_P2"}


def test_service_principals_are_asked_for_by_fifteen(
    directory: Directory, running: Running, tenant: str
) -> None:
    found = directory.service_principals(
        [*(object_id(number) for number in range(200, 220)), APP_ID]
    )
    assert {app_id: each.display_name for app_id, each in found.items()} == {APP_ID: "Shop"}
    asked = [each for each in running.requests(tenant) if each["path"].endswith("Principals")]
    assert [each["status"] for each in asked] == [200, 200]


@pytest.mark.parametrize("name", [GUEST, "gus_fabrikam.com#EXT#@contoso.com"])
def test_a_user_by_id_or_name(directory: Directory, name: str) -> None:
    user = directory.user(name)
    assert user
    assert (user.id, user.user_type, user.account_enabled) == (GUEST, "Guest", False)


def test_a_user_who_is_not_there(directory: Directory) -> None:
    assert directory.user(NOBODY) is None
    assert directory.user("nobody@contoso.com") is None


def test_a_user_who_may_not_be_read_is_no_absent_user(running: Running, own_tenant: str) -> None:
    running.set_roles(own_tenant, "Policy.Read.All")
    with (
        closing(Graph(own_tenant, variables(running, own_tenant), clock=Time().clock)) as poorer,
        pytest.raises(TenantError, match="403") as caught,
    ):
        Directory(poorer).user(EVA)
    assert "it needs User.Read.All" in str(caught.value.hint)


def test_members_of_members_are_members(directory: Directory) -> None:
    found = {(each.kind, each.id) for each in directory.transitive_members(GROUP)}
    assert found == {("group", INNER), ("user", EVA)}


def test_an_application_sees_the_devices_that_a_user_owns(directory: Directory) -> None:
    (laptop,) = directory.devices_of(EVA)
    assert (laptop.id, laptop.operating_system) == (LAPTOP, "Windows")
    assert laptop.registration_date_time == datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_person_sees_the_registered_devices_too(
    running: Running, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = running.token(tenant, user={"id": EVA, "userPrincipalName": "eva@contoso.com"})
    az = tmp_path / "az"
    az.write_text(
        f'#!/bin/sh\necho \'{{"accessToken": "{token}", "expires_on": 4102444799}}\'\n',
        encoding="utf-8",
    )
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    environ = {
        "ARM_METADATA_HOSTNAME": running.authority,
        "SSL_CERT_FILE": str(running.ca),
        "PATH": str(tmp_path),
    }
    with closing(Graph(tenant, environ, clock=Time().clock)) as graph:
        assert {each.id for each in Directory(graph).devices_of(EVA)} == {LAPTOP, PHONE}


def test_who_changed_a_policy(directory: Directory, graph: Graph) -> None:
    path = "identity/conditionalAccess/policies"
    policy, other = (graph.post(path, block(name))["id"] for name in ("one", "two"))
    graph.patch(f"{path}/{policy}", {"state": "disabled"})
    changed, added = directory.audits_of(policy, LONG_AGO)
    assert added.activity_display_name == "Add conditional access policy"
    assert str(changed.initiated_by) == "Sandbox client"
    (target,) = changed.target_resources
    assert target.id == policy != other
    assert '"state":"disabled"' in str(target.modified_properties[0].new_value)
    assert directory.audits_of(policy, datetime.now(UTC) + timedelta(days=1)) == []


def test_sign_ins_of_a_user_with_those_of_clients(directory: Directory) -> None:
    since = datetime(2026, 11, 24, 12, 1, tzinfo=UTC)
    found = [each["id"] for each in directory.sign_ins_of(EVA, since)]
    assert found == [object_id(1002), object_id(1001)]
    assert list(directory.sign_ins_of(EVA, since + timedelta(minutes=2))) == []


def test_sessions_are_revoked(own: Directory, running: Running, own_tenant: str) -> None:
    own.revoke_sign_in_sessions(EVA)
    (eva,) = (each for each in running.directory(own_tenant)["users"] if each["id"] == EVA)
    assert eva["signInSessionsValidFromDateTime"] > "2026"


def test_a_member_is_added_once_however_often(
    own: Directory, faults: Faults, own_tenant: str
) -> None:
    faults.add(Fault(kind="commit_then_status", path=r"members/\$ref", tenant=own_tenant, times=1))
    own.add_member(INNER, GUEST)
    own.add_member(INNER, GUEST)
    assert {each.id for each in own.transitive_members(INNER)} == {EVA, GUEST}


def test_nobody_is_added(directory: Directory) -> None:
    with pytest.raises(TenantError, match="404"):
        directory.add_member(INNER, NOBODY)


def test_a_device_is_disabled(own: Directory) -> None:
    own.disable_device(LAPTOP)
    (laptop,) = own.devices_of(EVA)
    assert laptop.account_enabled is False


def test_a_user_of_another_shape_is_told(elsewhere: Elsewhere) -> None:
    elsewhere.answers = [Answer(body={"id": "1", "displayName": None, "accountEnabled": "maybe"})]
    with (
        closing(Graph(TENANT, elsewhere.environ, clock=Time().clock)) as graph,
        pytest.raises(TenantError, match="Graph told of a User whose `userPrincipalName` is wrong"),
    ):
        Directory(graph).user("1")


def test_an_answer_without_objects_does_not_pass_for_nothing_found(elsewhere: Elsewhere) -> None:
    elsewhere.answers = [Answer(body={})]
    with (
        closing(Graph(TENANT, elsewhere.environ, clock=Time().clock)) as graph,
        pytest.raises(TenantError, match="getByIds: there is no list `value`"),
    ):
        Directory(graph).look_up([EVA])
