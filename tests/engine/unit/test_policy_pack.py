"""What the policy pack reports; that the engine calls it at all is shown end to end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from ostiary.deploy.planned import UNKNOWN
from ostiary.deploy.stack import POLICY
from ostiary.policy_pack import Pack, plain
from tests.engine.shipped import append, edit

STACK = SimpleNamespace(
    resource_type="pulumi:pulumi:Stack", urn="urn:pulumi:contoso-dev::p::pulumi:pulumi:Stack::p"
)


def resource(tenant: str | None = None, **changes: Any) -> Any:
    props = {
        "displayName": "P",
        "state": "enabled",
        "objectId": UNKNOWN_STRING_VALUE,
        "conditions": {
            "users": {"includedUsers": ["All"]},
            "applications": {"includedApplications": ["All"]},
            "clientAppTypes": ["all"],
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    } | changes
    return SimpleNamespace(
        resource_type=POLICY,
        urn=f"urn:pulumi:contoso-dev::p::{POLICY}::p",
        name="p",
        props=unknown_checking_proxy(props),
        provider=SimpleNamespace(
            props=unknown_checking_proxy({"tenantId": tenant} if tenant else {})
        ),
        property_dependencies={},
    )


def said(root: Path, *resources: Any, environment: str | None = None) -> tuple[str, str]:
    """Give what is mandatory, and what is advice."""
    config = {"environment": environment} if environment else {}
    args: Any = SimpleNamespace(resources=list(resources), get_config=lambda: config)
    pack, errors, advice = Pack(root), list[str](), list[str]()
    pack.prove(args, lambda message, _: errors.append(message))
    pack.waived(args, lambda message, _: advice.append(message))
    return "\n".join(errors), "\n".join(advice)


@pytest.fixture(autouse=True)
def no_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARM_TENANT_ID", raising=False)


def test_every_goal_that_is_not_proven_is_an_error(workspace: Path) -> None:
    errors, _ = said(workspace, STACK)
    assert errors.count("NOT PROVEN") == 8
    errors, _ = said(workspace, STACK, resource())
    assert "contoso-dev::emergency-access-is-never-locked-out: NOT PROVEN" in errors
    assert "device-code-flow" not in errors


def test_a_waiver_makes_it_an_advice(workspace: Path) -> None:
    waiver = "{goal: everybody-needs-mfa, owner: me, reason: later, expires: 2099-01-01}"
    append(workspace / "environments/contoso-dev.yaml", f"waivers: [{waiver}]\n")
    errors, advice = said(workspace, STACK)
    assert "everybody-needs-mfa" not in errors
    assert "everybody-needs-mfa: NOT PROVEN, waived until 2099-01-01 by me: later" in advice


@pytest.mark.parametrize(
    ("resources", "environment", "told"),
    [
        ([], None, "the engine shows no resource"),
        ([STACK], "nowhere", "there is no environment `nowhere`"),
        ([STACK, resource("11111111-0000-4000-8000-000000000000")], None, "goes to the tenant 11"),
        ([STACK, resource(newProperty="on")], None, "newProperty"),
        ([STACK, resource(state=UNKNOWN_STRING_VALUE)], None, "`state` is not known before `up`"),
    ],
)
def test_whatever_keeps_from_proving_is_an_error(
    workspace: Path, resources: list[Any], environment: str | None, told: str
) -> None:
    errors, _ = said(workspace, *resources, environment=environment)
    assert told in " ".join(errors.split())


def test_an_environment_without_goals_proves_nothing(workspace: Path) -> None:
    file = workspace / "environments/contoso-dev.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.partition("goals:")[0], encoding="utf-8")
    assert "enforces no goal" in said(workspace, STACK)[0]


def test_a_spec_that_is_wrong_is_an_error_with_its_place(workspace: Path) -> None:
    edit(workspace / "policies/goals/everybody-needs-mfa.yaml", "mfa]", "mfaa]")
    assert "policies/goals/everybody-needs-mfa.yaml:" in said(workspace, STACK)[0]


def test_the_tenant_may_come_from_the_environment(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARM_TENANT_ID", "11111111-0000-4000-8000-000000000000")
    assert "goes to the tenant" in said(workspace, STACK, resource())[0]
    assert (
        "goes to the tenant"
        not in said(workspace, STACK, resource("C0A80101-0000-4000-8000-000000000D01"))[0]
    )


def test_unknown_values_do_not_end_the_validation() -> None:
    props = unknown_checking_proxy({"a": [UNKNOWN_STRING_VALUE, {"b": UNKNOWN_STRING_VALUE}, 1]})
    assert plain(props) == {"a": [UNKNOWN, {"b": UNKNOWN}, 1]}
