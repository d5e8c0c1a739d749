from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ostiary.errors import ResolveError
from ostiary.model.policy import Locations, Policy
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import load
from tests.engine.shipped import TODAY, append, edit

BLOCK = "block-device-code-flow"


def policy(resolved: Resolved, key: str = BLOCK) -> Policy:
    return next(each for each in resolved.policies if each.key == key)


def resolved(root: Path, environment: str = "sandbox", today: date = TODAY) -> Resolved:
    return resolve(load(root, [environment]), environment, today)


def test_one_line_turns_every_exception_to_device_code_flow_off(workspace: Path) -> None:
    before = policy(resolved(workspace)).conditions
    assert before.locations == Locations(("All",), ("head-office",))
    assert before.device_filter is not None
    append(workspace / "environments/sandbox.yaml", "deviceCodeFlowExceptions: off\n")
    after = resolved(workspace)
    conditions = policy(after).conditions
    assert conditions.locations == Locations(("All",), ())
    assert conditions.device_filter is None
    assert conditions.users == before.users, "emergency access stays excluded"
    confined = policy(after, "confine-suspected-users").conditions.locations
    assert confined == Locations(("All",), ("head-office",)), "other policies keep theirs"
    assert [each.code for each in after.warnings] == []


def test_an_environment_adds_an_exclusion_to_one_policy(workspace: Path) -> None:
    prod = resolved(workspace, "contoso-prod")
    assert policy(prod).conditions.users.exclude_groups == (
        "c0a80101-0000-4000-8000-000000000ae1",
        "c0a80101-0000-4000-8000-000000000ae3",
    )
    assert len(policy(prod, "require-mfa").conditions.users.exclude_groups) == 1


def test_an_added_location_makes_a_condition_where_there_was_none(workspace: Path) -> None:
    append(
        workspace / "environments/sandbox.yaml",
        "exclusions:\n  - {policy: require-mfa, excludeLocations: [head-office], owner: a team,"
        " reason: a hall, expires: 2027-01-01}\n",
    )
    require = policy(resolved(workspace), "require-mfa")
    assert require.conditions.locations == Locations(("All",), ("head-office",))


def test_an_environment_sets_the_state_of_a_policy(workspace: Path) -> None:
    key = "require-phishing-resistant-mfa-for-administrators"
    assert policy(resolved(workspace), key).state == "enabled"
    prod = resolved(workspace, "contoso-prod")
    assert policy(prod, key).state == "enabledForReportingButNotEnforced"


def test_production_is_protected_but_for_what_it_names(workspace: Path) -> None:
    assert resolved(workspace).protected == frozenset()
    append(workspace / "environments/contoso-prod.yaml", "unprotected: [require-mfa]\n")
    prod = resolved(workspace, "contoso-prod")
    assert prod.protected == {each.key for each in prod.policies} - {"require-mfa"}


def test_exceptions_hold_to_the_end_of_their_last_day(workspace: Path) -> None:
    assert resolved(workspace, today=date(2027, 11, 30))
    with pytest.raises(ResolveError, match="exception-expired"):
        resolved(workspace, today=date(2027, 12, 1))


def test_order_in_a_file_does_not_matter(workspace: Path) -> None:
    before = resolved(workspace)
    edit(
        workspace / "policies/protect-registration.yaml",
        "      - urn:user:registerdevice\n      - urn:user:registersecurityinfo\n",
        "      - urn:user:registersecurityinfo\n      - urn:user:registerdevice\n",
    )
    edit(
        workspace / "environments/sandbox.yaml",
        "[203.0.113.0/24, 2001:db8:10::/48]",
        "[2001:DB8:0010::/48, 203.0.113.0/24]",
    )
    after = resolved(workspace)
    assert (after.policies, after.named_locations) == (before.policies, before.named_locations)


def test_an_unknown_role_id_is_a_warning(workspace: Path) -> None:
    unknown = "99999999-0000-4000-8000-000000000000"
    edit(
        workspace / "policies/require-phishing-resistant-mfa-for-administrators.yaml",
        "      - Global Administrator\n",
        f"      - Global Administrator\n      - {unknown}\n",
    )
    found = resolved(workspace)
    roles = policy(found, "require-phishing-resistant-mfa-for-administrators").conditions.users
    assert unknown in roles.include_roles
    assert "unknown-role" in {each.code for each in found.warnings}


def test_a_former_role_name_is_told_its_new_one(workspace: Path) -> None:
    edit(
        workspace / "policies/require-phishing-resistant-mfa-for-administrators.yaml",
        "Global Administrator",
        "Company Administrator",
    )
    with pytest.raises(ResolveError, match="it is now called `Global Administrator`"):
        resolved(workspace)


def test_the_order_of_a_file_is_declared_and_changes_no_meaning(workspace: Path) -> None:
    file = workspace / "policies/block-legacy-authentication.yaml"
    before = resolved(workspace)
    edit(file, "[exchangeActiveSync, other]", "[other, exchangeActiveSync]")
    after = resolved(workspace)
    assert after.policies == before.policies
    written = next(each for each in after.as_written if each.key == file.stem)
    assert written.conditions.client_app_types == ("other", "exchangeActiveSync")


def test_a_trusted_location_is_deployed_where_a_policy_means_all_trusted(workspace: Path) -> None:
    other = "Multifactor authentication trusted IPs"
    for name in (BLOCK, "confine-suspected-users"):
        edit(workspace / f"policies/{name}.yaml", "[head-office]", f"[{other}]")
        edit(workspace / f"policies/{name}.yaml", "of: head-office", f"of: {other}")
    assert resolved(workspace).named_locations == ()
    edit(workspace / f"policies/{BLOCK}.yaml", f"[{other}]", "[AllTrusted]")
    edit(workspace / f"policies/{BLOCK}.yaml", f"of: {other}", "of: AllTrusted")
    assert [each.key for each in resolved(workspace).named_locations] == ["head-office"]
