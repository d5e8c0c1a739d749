from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from ostiary.sandbox.lifecycle import Running
from tests.engine.e2e.checkout import Checkout, Done, Json
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS

pytestmark = pytest.mark.e2e

DONE, NOT_PROVEN, REFUSED = 0, 4, 5
EVERYBODY = {"includeUsers": ["All"]}
DISABLED = {"state": "disabled"}


def somebodys_block(name: str, users: Json, **more: Any) -> Json:
    return {
        "displayName": name,
        "state": "enabled",
        "conditions": {
            "users": users,
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["all"],
            **more,
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }


def tenant_of(checkout: Checkout) -> tuple[Running, str]:
    return checkout.sandbox, checkout.specified().tenant_id


def told(checkout: Checkout) -> tuple[Done, Json]:
    done = checkout.run("preflight", "sandbox", "--format", "json")
    found: Json = json.loads(done.stdout)
    return done, found


def codes(found: Json) -> list[tuple[str, str]]:
    return [(each["severity"], each["code"]) for each in found["findings"]]


def test_a_tenant_in_which_nothing_is_wrong(deployed: Checkout) -> None:
    done, found = told(deployed)
    assert (done.code, codes(found)) == (DONE, []), done.text
    assert found["proven"] is True
    assert {each["result"] for each in found["goals"]} == {"proven"}
    # each list once, whatever is asked about it
    lists = [each["path"] for each in deployed.requests() if each["path"].endswith("/policies")]
    assert sorted(lists) == sorted(set(lists))
    assert deployed.writes() == []


def test_up_stops_before_it_writes_and_names_the_sign_in(deployed: Checkout) -> None:
    running, tenant = tenant_of(deployed)
    group = deployed.specified().emergency_access[0].groups[0]
    running.put(tenant, "policies", somebodys_block("Theirs", {"includeGroups": [group]}))
    deployed.write("policies/newcomer.yaml", deployed.policy("Newcomer"))
    for command in (["up"], ["pulumi", "sandbox", "up", "--yes"]):
        deployed.mark()
        done = deployed.run(*command)
        assert done.code == REFUSED, done.text
        assert deployed.writes() == []
        assert "emergency-access-not-excluded: the policy `Theirs`" in done.text
        assert "`Theirs` in the tenant: `Theirs` blocks it" in done.text
        assert "emergency-access-is-never-locked-out: NOT PROVEN" in done.text


def test_a_goal_that_only_the_whole_tenant_breaks_ends_with_4(deployed: Checkout) -> None:
    running, tenant = tenant_of(deployed)
    specified = deployed.specified()
    users = {**EVERYBODY, "excludeGroups": [specified.emergency_access[0].groups[0]]}
    flow = {"transferMethods": "deviceCodeFlow"}
    theirs = somebodys_block("No device code at all", users, authenticationFlows=flow)
    running.put(tenant, "policies", theirs)
    deployed.write("policies/newcomer.yaml", deployed.policy("Newcomer"))
    deployed.mark()
    done = deployed.run("up")
    assert done.code == NOT_PROVEN, done.text
    assert "device-code-flow-works-at-head-office: NOT PROVEN" in done.stdout
    assert "`No device code at all` in the tenant" in done.stdout
    assert deployed.writes() == []


def test_a_policy_with_preview_features_leaves_open_whom_it_blocks(deployed: Checkout) -> None:
    running, tenant = tenant_of(deployed)
    running.put(tenant, "policies", somebodys_block("New", EVERYBODY), beta_only=True)
    done, found = told(deployed)
    assert done.code == REFUSED
    assert codes(found) == [("refuse", "emergency-access-not-excluded")]
    undecided = [each for each in found["goals"] if each["result"] == "notDecided"]
    assert {each["reason"] for each in undecided} == {"`New` cannot be read here and may block"}


def test_emergency_access_that_nobody_can_use_stops_everything(deployed: Checkout) -> None:
    running, tenant = tenant_of(deployed)
    directory = running.directory(tenant)
    group = deployed.specified().emergency_access[0].groups[0]
    (account,) = next(each["members"] for each in directory["groups"] if each["id"] == group)
    running.furnish(tenant, {"users": [{"id": account, "accountEnabled": False}]})
    done = deployed.run("up")
    assert done.code == REFUSED, done.text
    assert "emergency-access-disabled: the emergency access `emergency-access`" in done.stderr


def test_what_the_token_may_not_read_is_never_passed_silently(deployed: Checkout) -> None:
    running, tenant = tenant_of(deployed)
    writing = ("Policy.Read.All", "Policy.ReadWrite.ConditionalAccess", "Application.Read.All")
    running.set_roles(tenant, *writing)
    done, found = told(deployed)
    assert done.code == REFUSED
    assert {(each["code"], each["permission"]) for each in found["findings"]} == {
        ("id-unknown", "Directory.Read.All"),
        ("emergency-access-unknown", "Directory.Read.All"),
        ("licence-unknown", "LicenseAssignment.Read.All"),
    }
    running.set_roles(tenant, "Policy.Read.All", "Directory.Read.All")
    done, found = told(deployed)
    assert {each["permission"] for each in found["findings"]} == {writing[1]}
    assert found["goals"] == []
    assert deployed.run("preflight", "sandbox", "--read-only").code == DONE


def test_who_changed_what_we_manage_is_told(deployed: Checkout) -> None:
    identity = deployed.ids()["Subject"]
    graph = deployed.graph()
    with closing(graph.client):
        changed = graph.ask("PATCH", f"{CONDITIONAL_ACCESS}/policies/{identity}", DISABLED)
        assert changed.is_success
    done, found = told(deployed)
    assert (done.code, codes(found)) == (DONE, [("warn", "changed-elsewhere")])
    (message,) = (each["message"] for each in found["findings"])
    assert "`subject` was changed at" in message
    assert " by " in message


def test_security_defaults_are_refused(deployed: Checkout) -> None:
    running, tenant = tenant_of(deployed)
    running.set_security_defaults(tenant, enabled=True)
    done, found = told(deployed)
    assert (done.code, codes(found)) == (REFUSED, [("refuse", "security-defaults")])


def test_a_location_that_others_name_stays_trusted(deployed: Checkout) -> None:
    """The provider tells it untrusted first, and whoever relies on it would be kept out."""
    branch = {
        "type": "ipNamedLocation",
        "displayName": "Branch",
        "isTrusted": True,
        "ipRanges": ["192.0.2.0/24"],
    }
    deployed.write("policies/named-locations/branch.yaml", branch)
    locations = {"includeLocations": ["branch"]}
    deployed.write("policies/there.yaml", deployed.policy("There", locations=locations))
    deployed.up()

    running, tenant = tenant_of(deployed)
    here = {"includeLocations": [deployed.ids("namedLocations")["Branch"]]}
    running.put(
        tenant,
        "policies",
        somebodys_block("Theirs", EVERYBODY, locations=here) | DISABLED,
    )
    for gone in ("policies/named-locations/branch.yaml", "policies/there.yaml"):
        (deployed.root / gone).unlink()
    deployed.mark()
    done = deployed.run("up")
    assert done.code == REFUSED, done.text
    assert "location-in-use: the named location `branch` is to be deleted" in done.stderr
    assert deployed.writes() == []
