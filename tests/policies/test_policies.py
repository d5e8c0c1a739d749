"""What the policies of this repository must do in every environment, tested before `pulumi up`."""

from datetime import date
from pathlib import Path

import pytest

from ostiary.model.policy import Policy
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import environment_names, load

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=environment_names(ROOT))
def environment(request: pytest.FixtureRequest) -> Resolved:
    return resolve(load(ROOT, [request.param]), request.param, date.today())


def blocks_everyone(policy: Policy) -> bool:
    """Tell whether a policy is in force and blocks all users in all applications."""
    conditions, grant = policy.conditions, policy.grant_controls
    return (
        policy.state == "enabled"
        and grant is not None
        and grant.built_in_controls == ("block",)
        and conditions.users.include_users == ("All",)
        and conditions.applications.include_applications == ("All",)
        and not conditions.sign_in_risk_levels
        and not conditions.user_risk_levels
        and conditions.insider_risk_levels is None
        and conditions.platforms is None
        and (conditions.device_filter is None or conditions.device_filter.mode == "exclude")
        and (conditions.locations is None or conditions.locations.include_locations == ("All",))
    )


@pytest.mark.parametrize("flow", ["deviceCodeFlow", "authenticationTransfer"])
def test_the_flow_is_blocked(environment: Resolved, flow: str) -> None:
    assert any(
        flow in policy.conditions.authentication_flows
        and policy.conditions.client_app_types == ("all",)
        and blocks_everyone(policy)
        for policy in environment.policies
    )


def test_legacy_authentication_is_blocked(environment: Resolved) -> None:
    assert any(
        {"exchangeActiveSync", "other"} <= set(policy.conditions.client_app_types)
        and not policy.conditions.authentication_flows
        and policy.conditions.locations is None
        and policy.conditions.device_filter is None
        and blocks_everyone(policy)
        for policy in environment.policies
    )


def test_every_policy_leaves_emergency_access_out(environment: Resolved) -> None:
    spec = load(ROOT, [environment.environment]).environments[environment.environment].spec
    accounts = {spec.groups[name] for name in spec.emergency_access.groups}
    assert accounts
    for policy in environment.policies:
        assert accounts <= set(policy.conditions.users.exclude_groups), policy.display_name
