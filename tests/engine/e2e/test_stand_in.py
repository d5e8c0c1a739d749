"""The stand-in plugin and the language host under the real engine, against the sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import Running
from ostiary.sandbox.plugin.schema import LOCATION, POLICY
from ostiary.sandbox.plugin_launchers import PLUGIN, install_plugin
from tests.engine.e2e.stack import Stack, country_location, ip_location, policy
from tests.engine.unit.sandbox import wire
from tests.engine.unit.sandbox.processes import gone, until
from tests.engine.unit.sandbox.wire import LOCATIONS, POLICIES

pytestmark = pytest.mark.e2e

FLOWS = ["deviceCodeFlow", "authenticationTransfer"]
USER = "0f5b2b6e-0000-4000-8000-1f1e2d3c4b5a"
NO_CHANGE = ("--refresh", "--expect-no-changes")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("sandbox") / "home"
    yield lifecycle.start(home)
    lifecycle.stop(home)


@pytest.fixture
def stack(tmp_path: Path, sandbox: Running) -> Stack:
    return Stack(tmp_path / "project", sandbox)


@pytest.fixture
def faults(sandbox: Running) -> Iterator[Faults]:
    switch = Faults(sandbox)
    yield switch
    switch.clear()


def test_a_stack_lives_as_with_the_real_plugin(stack: Stack) -> None:
    locations = {"office": ip_location(), "nordics": country_location()}
    policies = {
        "block": policy(
            "Block device code flow",
            {
                "authentication_flow_transfer_methods": [
                    "deviceCodeFlow",
                    "authenticationTransfer",
                ],
                "locations": {"included_locations": ["All"], "excluded_locations": ["office"]},
                "devices": {"filter": {"mode": "exclude", "rule": "device.isCompliant -eq True"}},
            },
        ),
        "mfa": policy(
            "Require MFA",
            grant_controls={"operator": "OR", "built_in_controls": ["mfa"]},
            session_controls={"sign_in_frequency": 4, "sign_in_frequency_period": "hours"},
        ),
        "strong": policy(
            "Require phishing-resistant MFA",
            grant_controls={
                "operator": "OR",
                "authentication_strength_policy_id": "/policies/authenticationStrengthPolicies/"
                "00000000-0000-0000-0000-000000000004",
            },
        ),
    }
    stack.want(locations=locations, policies=policies)
    assert "6 to create" in stack.preview()
    assert stack.requests() == []
    stack.up("--parallel", "1")
    for each in ("namedLocations", "policies"):
        made = 2 if each == "namedLocations" else 3
        asked = [line for line in stack.requests() if each in line]
        assert asked == [f"POST {each}", *[f"GET {each}/id"] * 6] * made
    recorded = stack.resources()
    office = recorded["office"]
    assert (
        office["id"]
        == f"/identity/conditionalAccess/namedLocations/{office['outputs']['objectId']}"
    )
    block = recorded["block"]
    assert block["id"] == f"/identity/conditionalAccess/policies/{block['outputs']['objectId']}"
    excluded = block["outputs"]["conditions"]["locations"]["excludedLocations"]
    assert excluded == [office["outputs"]["objectId"]]
    stack.preview(*NO_CHANGE)

    policies["block"]["state"] = "disabled"
    locations["office"]["ip"]["ip_ranges"].append("2001:db8:10::/48")
    locations["nordics"]["display_name"] = "The Nordics"
    stack.want(locations=locations, policies=policies)
    before = len(stack.requests())
    said = stack.up()
    assert "3 updated" in said
    assert "replace" not in said
    asked = stack.requests()[before:]
    assert sorted(line for line in asked if "GET" not in line) == [
        "PATCH namedLocations/id",
        "PATCH namedLocations/id",
        "PATCH policies/id",
    ]
    names = [each.get("displayName") for each in stack.bodies("PATCH")]
    assert sorted(names, key=str) == ["Block device code flow", None, "The Nordics"]
    stack.preview(*NO_CHANGE)

    del policies["strong"]
    stack.want(locations=locations, policies=policies)
    before = len(stack.requests())
    assert "1 deleted" in stack.up()
    assert stack.requests()[before:] == [
        "GET policies/id",
        "DELETE policies/id",
        *["GET policies/id"] * 5,
    ]
    stack.destroy()
    assert stack.resources() == {}
    assert stack.names("policies") == stack.names("namedLocations") == []


def test_a_location_that_changes_its_kind_is_replaced(stack: Stack) -> None:
    stack.want(locations={"place": ip_location("Place")})
    stack.up()
    first = stack.resources()["place"]["id"]
    stack.want(locations={"place": country_location("Place")})
    assert "1 replaced" in stack.up()
    assert stack.resources()["place"]["id"] != first
    asked = [line for line in stack.requests() if "GET" not in line]
    assert asked == [
        "POST namedLocations",
        "POST namedLocations",
        "PATCH namedLocations/id",
        "DELETE namedLocations/id",
    ]


def test_drift_is_seen_and_taken_back(stack: Stack) -> None:
    stack.want(policies={"mfa": policy("Require MFA")})
    stack.up()
    path = f"{POLICIES}/{stack.resources()['mfa']['outputs']['objectId']}"
    drifted = {"state": "disabled", "conditions": {"users": {"excludeUsers": [USER]}}}
    with stack.tenant_graph() as graph:
        assert graph.ask("PATCH", path, drifted).status_code == 204
    said = stack.preview("--refresh", "--diff")
    assert '"disabled" => "enabled"' in said
    assert USER in said
    assert "1 updated" in stack.up("--refresh")
    with stack.tenant_graph() as graph:
        healed = graph.get(path)
    assert healed["state"] == "enabled"
    assert healed["conditions"]["users"]["excludeUsers"] == []
    stack.preview(*NO_CHANGE)


def test_a_foreign_tenant_is_imported_by_full_paths_only(stack: Stack) -> None:
    with stack.tenant_graph() as graph:
        location = graph.create(LOCATIONS, wire.office("203.0.113.0/24", trusted=True))
        found = {"includeLocations": ["All"], "excludeLocations": [location]}
        block = graph.create(POLICIES, wire.block(locations=found))
    stack.want(
        locations={"office": ip_location()},
        policies={
            "block": policy(
                "Block device code flow",
                {
                    "authentication_flow_transfer_methods": FLOWS,
                    "locations": {"included_locations": ["All"], "excluded_locations": ["office"]},
                },
            )
        },
    )
    kinds = {
        "office": (LOCATION, f"/identity/conditionalAccess/namedLocations/{location}"),
        "block": (POLICY, f"/identity/conditionalAccess/policies/{block}"),
    }
    resources = [{"name": name, "type": kind, "id": path} for name, (kind, path) in kinds.items()]
    bare = [each | {"id": each["id"].rpartition("/")[2]} for each in resources]
    (stack.folder / "import.json").write_text(json.dumps({"resources": bare}))
    importing = ("import", "--stack", "dev", "--yes", "--generate-code=false", "--protect=false")
    said = stack(*importing, "--file", "import.json", fails=True)
    assert "has the form /identity/conditionalAccess/policies/<id>" in said
    (stack.folder / "import.json").write_text(json.dumps({"resources": resources}))
    stack(*importing, "--file", "import.json")
    stack.preview(*NO_CHANGE)


def test_a_throttled_wait_leaves_an_orphan_that_is_made_a_second_time(
    stack: Stack, faults: Faults
) -> None:
    faults.add(Fault(kind="throttle", method="GET", path="/policies/", tenant=stack.tenant))
    stack.want(policies={"mfa": policy("Require MFA")})
    said = stack.up(fails=True)
    assert "Waiting for creation of Identity Conditional Access Policy" in said
    assert "unexpected status 429 (429 Too Many Requests)" in said
    # 5 minutes hold 9 retries.
    assert stack.requests() == ["POST policies", *["GET policies/id"] * 10]
    assert stack.resources() == {}
    faults.clear()
    stack.up()
    assert stack.names("policies") == ["Require MFA", "Require MFA"]


def test_a_reordered_list_is_never_done(stack: Stack, faults: Faults) -> None:
    faults.add(Fault(kind="reordered_lists", path="/namedLocations/", tenant=stack.tenant))
    ranges = {"ip_ranges": ["203.0.113.0/24", "198.51.100.0/24"]}
    stack.want(
        locations={
            "office": ip_location(ip=ranges, timeout="60s"),
            "nordics": country_location() | {"timeout": "60s"},
        }
    )
    said = stack.up("--continue-on-error", fails=True)
    reason = (
        "timeout while waiting for state to become 'Done' (last state: 'Waiting', timeout: 1m0s)"
    )
    assert said.count(reason) >= 2
    # The real plugin records a country location before it waits, and an IP location after.
    assert list(stack.resources()) == ["nordics"]
    faults.clear()
    stack.up()
    assert stack.names("namedLocations") == ["Head office", "Head office", "Nordics"]


def test_an_answer_of_503_after_the_commit_makes_duplicates(stack: Stack, faults: Faults) -> None:
    faults.add(
        Fault(
            kind="commit_then_status", method="POST", path="/policies", tenant=stack.tenant, times=2
        )
    )
    stack.want(policies={"mfa": policy("Require MFA")})
    assert "2 created" in stack.up()
    assert stack.names("policies") == ["Require MFA"] * 3
    assert len(stack.resources()) == 1


def test_a_refused_update_is_tried_again(stack: Stack, faults: Faults) -> None:
    stack.want(policies={"mfa": policy("Require MFA")})
    stack.up()
    faults.add(Fault(kind="status", status=400, method="PATCH", tenant=stack.tenant, times=1))
    stack.want(policies={"mfa": policy("Require MFA", state="disabled")})
    assert "Could not update conditional access policy with ID" in stack.up(fails=True)
    assert "1 updated" in stack.up()
    stack.preview(*NO_CHANGE)


def test_a_location_that_may_not_be_read_is_a_nil_model(stack: Stack, faults: Faults) -> None:
    stack.want(locations={"office": ip_location()})
    stack.up()
    faults.add(Fault(kind="status", status=403, method="GET", tenant=stack.tenant))
    said = stack.preview("--refresh", fails=True)
    assert "Bad API Response: returned model was nil" in said


def test_what_the_schema_refuses_names_the_property(stack: Stack) -> None:
    wrong = {"client_app_types": ["all", "everything"]}
    stack.want(policies={"mfa": policy("Require MFA", wrong)})
    said = stack.preview(fails=True)
    assert "Examine values at 'mfa.conditions.clientAppTypes[1]'" in said
    assert stack.requests() == []


def test_only_this_machine_is_asked(tmp_path: Path, sandbox: Running) -> None:
    elsewhere = {"ARM_METADATA_HOSTNAME": "login.example.com"}
    stack = Stack(tmp_path / "project", sandbox, elsewhere)
    stack.want(policies={"mfa": policy("Require MFA")})
    assert "refuses to reach `login.example.com`" in stack.preview(fails=True)


def test_secrets_stay_secret(stack: Stack) -> None:
    program = stack.program.replace(
        "made[name] = azuread.NamedLocation(name, **args",
        "args['display_name'] = pulumi.Output.secret(args['display_name'])\n"
        "    made[name] = azuread.NamedLocation(name, **args",
    )
    (stack.folder / "__main__.py").write_text(program)
    stack.want(locations={"office": ip_location("Bunker 17")})
    said = stack.up("--diff")
    assert stack.names("namedLocations") == ["Bunker 17"]
    state = "".join(path.read_text() for path in (stack.folder / "state").rglob("dev.json"))
    assert "office" in state
    assert "Bunker 17" not in said + state
    stack.preview(*NO_CHANGE)


def descendants(pid: int) -> list[int]:
    """Give the processes under `pid`, as ps lists them."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = {int(pid): int(parent) for pid, parent in map(str.split, listed.stdout.splitlines())}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def test_a_killed_engine_leaves_no_process(tmp_path: Path, sandbox: Running) -> None:
    stack = Stack(tmp_path / "project", sandbox, {"OSTIARY_SANDBOX_WAIT_SCALE": "1"})
    stack.want(locations={"office": ip_location()})
    arguments = ("up", "--yes", "--skip-preview", "--stack", "dev")
    with subprocess.Popen(
        stack.command(*arguments),
        cwd=stack.folder,
        env=stack.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as engine:
        until(lambda: "POST namedLocations" in stack.requests())
        started = descendants(engine.pid)
        assert len(started) >= 2  # the language host and the plugin, in its pause of 15 seconds
        engine.kill()
    until(lambda: all(gone(pid) for pid in started))


def test_an_interrupt_ends_the_waits(tmp_path: Path, sandbox: Running) -> None:
    stack = Stack(tmp_path / "project", sandbox, {"OSTIARY_SANDBOX_WAIT_SCALE": "1"})
    stack.want(locations={"office": ip_location()})
    with subprocess.Popen(
        stack.command("up", "--yes", "--skip-preview", "--stack", "dev"),
        cwd=stack.folder,
        env=stack.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as engine:
        until(lambda: "POST namedLocations" in stack.requests())
        engine.send_signal(signal.SIGINT)
        said, _ = engine.communicate(timeout=10)
    assert engine.returncode
    assert "context canceled" in said
    assert "Traceback" not in said


def test_an_attached_plugin_serves_one_engine_after_another(
    tmp_path: Path, sandbox: Running
) -> None:
    stack = Stack(tmp_path / "project", sandbox)
    (stack.folder / "bin" / PLUGIN).unlink()
    with subprocess.Popen(
        [sys.executable, "-m", "ostiary.sandbox.plugin"],
        env=os.environ | sandbox.environment(stack.tenant),
        stdout=subprocess.PIPE,
        text=True,
    ) as plugin:
        assert plugin.stdout is not None
        port = plugin.stdout.readline().strip()
        stack.variables["PULUMI_DEBUG_PROVIDERS"] = f"azuread:{port}"
        stack.want(locations={"office": ip_location()})
        assert PLUGIN not in stack.up()
        stack.preview(*NO_CHANGE)
        assert plugin.poll() is None
        plugin.terminate()
    assert plugin.returncode == 0


def test_an_installed_plugin_is_found_without_a_warning(tmp_path: Path, sandbox: Running) -> None:
    stack = Stack(tmp_path / "project", sandbox)
    (stack.folder / "bin" / PLUGIN).unlink()
    install_plugin(stack.folder / "home")
    stack.want(locations={"office": ip_location()})
    assert PLUGIN not in stack.up()
    assert list(stack.resources()) == ["office"]
