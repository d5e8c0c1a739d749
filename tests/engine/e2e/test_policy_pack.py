"""The policy pack under the real engine: the goals as a guard for a program that is not ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.lifecycle import Running
from tests.engine.e2e.stack import Stack

pytestmark = pytest.mark.e2e

TENANT = "5a9d0b0c-0000-4000-8000-0000000000aa"
EMERGENCY = "5a9d0b0c-0000-4000-8000-0000000000e1"
PROGRAM = f"""
import pulumi_azuread as azuread

office = azuread.NamedLocation(
    "office",
    display_name="Our office",
    ip=azuread.NamedLocationIpArgs(ip_ranges=["203.0.113.0/24"], trusted=True),
)
azuread.ConditionalAccessPolicy(
    "no-device-code",
    display_name="No device code",
    state="enabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        client_app_types=["all"],
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["All"],
        ),
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_users=["All"], excluded_groups=["{EMERGENCY}"]
        ),
        locations=azuread.ConditionalAccessPolicyConditionsLocationsArgs(
            included_locations=["All"], excluded_locations=[office.object_id]
        ),
        authentication_flow_transfer_methods=["deviceCodeFlow"],
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR", built_in_controls=["block"]
    ),
)
"""
GOAL = """
says: No device code sign-in gets in, except from head office.
given: {authenticationFlow: deviceCodeFlow}
except: [{location: head-office}, {group: emergency-access}]
then: blocked
"""
LOCATION = "type: ipNamedLocation\ndisplayName: Head office\nisTrusted: true\n"
ENVIRONMENT = f"""
tenantId: {TENANT}
groups: {{emergency-access: {EMERGENCY}}}
namedLocations: {{head-office: {{ipRanges: [203.0.113.0/24]}}}}
goals: [device-code-flow-is-blocked]
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("sandbox") / "home"
    yield lifecycle.start(home)
    lifecycle.stop(home)


@pytest.fixture
def stack(tmp_path: Path, sandbox: Running) -> Stack:
    """A project whose program has never heard of us, and beside it what we need."""
    made = Stack(tmp_path / "project", sandbox, program=PROGRAM, tenant=TENANT)
    for path, text in (
        ("policies/goals/device-code-flow-is-blocked.yaml", GOAL),
        ("policies/named-locations/head-office.yaml", LOCATION),
        ("environments/dev.yaml", ENVIRONMENT),
    ):
        (made.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / path).write_text(text.lstrip())
    ostiary = Path(sys.executable).with_name("ostiary")
    subprocess.run([ostiary, "policy-pack"], cwd=made.folder, check=True, capture_output=True)
    return made


def change(stack: Stack, old: str, new: str, path: str = "__main__.py") -> None:
    text = (stack.folder / path).read_text()
    assert old in text
    (stack.folder / path).write_text(text.replace(old, new))


def preview(stack: Stack, *, fails: bool = False) -> str:
    return stack.preview("--policy-pack", ".ostiary/policy-pack", fails=fails)


def test_a_program_without_a_hole_passes_before_and_after_it_is_deployed(stack: Stack) -> None:
    said = preview(stack)
    assert "✅ ostiary" in said
    assert "warning: Every goal" not in said
    # the id of the location is known from here on
    stack.up("--policy-pack", ".ostiary/policy-pack")
    assert "✅ ostiary" in preview(stack)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"203.0.113.0/24"', '"203.0.0.0/16"', "a sign-in gets through"),
        ('state="enabled"', 'state="enabledForReportingButNotEnforced"', "is report-only"),
    ],
)
def test_a_hole_stops_the_preview_with_a_sign_in(
    stack: Stack, old: str, new: str, told: str
) -> None:
    change(stack, old, new)
    before = stack.requests()
    said = preview(stack, fails=True)
    assert "dev::device-code-flow-is-blocked: NOT PROVEN" in said
    assert "by device code flow" in said
    assert told in said
    assert 'azuread.ConditionalAccessPolicy("no-device-code")' in said
    assert "Traceback" not in said
    assert stack.requests() == before


def test_a_pack_that_cannot_prove_stops_the_preview(stack: Stack) -> None:
    change(stack, "is-blocked]", "is-closed]", "environments/dev.yaml")
    assert "environments/dev.yaml:4:9: unknown-goal" in preview(stack, fails=True)
    change(stack, "is-closed]", "is-blocked]", "environments/dev.yaml")
    # nor does one that breaks pass
    broken = "from ostiary import policy_pack\n\npolicy_pack.planned = None\nguard("
    change(stack, "guard(", broken, ".ostiary/policy-pack/__main__.py")
    assert "error: Exception calling application" in preview(stack, fails=True)
