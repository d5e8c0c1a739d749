"""What a tenant holds becomes what the files say, where no goal is lost by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ostiary.errors import OstiaryError, ProofError
from ostiary.model.policy import IpNamedLocation, Policy
from ostiary.model.resolve import Resolved, resolve
from ostiary.model.written import Table, Tables
from ostiary.spec.workspace import load
from ostiary.tenant.accept import Accepted, Answer, Object, accepted
from tests.engine.shipped import TODAY, edit

NEW = "5a9d0b0c-0000-4000-8000-00000000aaaa"


def resolved(root: Path, environment: str = "sandbox") -> Resolved:
    return resolve(load(root, [environment]), environment, TODAY)


def policy(root: Path, key: str, environment: str = "sandbox") -> Policy:
    return next(each for each in resolved(root, environment).policies if each.key == key)


def accept(
    root: Path, found: Object, owner: str | None = None, environment: str = "sandbox"
) -> Accepted:
    def directory(asked: Mapping[Table, Iterable[str]]) -> Tables:
        return {table: dict.fromkeys(ids, "Night shift") for table, ids in asked.items()}

    workspace = load(root, [environment])
    answer = Answer(owner, TODAY)
    return accepted(workspace, resolved(root, environment), found, answer, directory)


def excluding(of: Policy, *groups: str) -> Policy:
    users = of.conditions.users
    excluded = tuple(sorted({*users.exclude_groups, *groups}))
    return replace(
        of, conditions=replace(of.conditions, users=replace(users, exclude_groups=excluded))
    )


def lines(root: Path, made: Accepted) -> dict[str, tuple[set[str], set[str]]]:
    """Give the lines that go and those that come, by file."""
    found = {}
    for path, text in made.files.items():
        old, new = (set(each.splitlines()) for each in ((root / path).read_text(), text))
        found[path] = old - new, new - old
    return found


def test_a_state_goes_into_the_environments_file(workspace: Path) -> None:
    found = replace(policy(workspace, "verify-suspected-users"), state="disabled")
    edit(workspace / "environments/sandbox.yaml", "  - suspected-users-are-verified\n", "")
    made = accept(workspace, found)
    assert made.others == ()
    assert lines(workspace, made) == {
        "environments/sandbox.yaml": (set(), {"states:", "  verify-suspected-users: disabled"})
    }


def test_a_state_as_in_the_policys_own_file_needs_no_entry(workspace: Path) -> None:
    key = "require-phishing-resistant-mfa-for-administrators"
    found = replace(policy(workspace, key, "contoso-prod"), state="enabled")
    (text,) = accept(workspace, found, environment="contoso-prod").files.values()
    assert "states:" not in text
    assert "goals: # administrators-cannot-be-phished joins them" in text


def test_what_is_the_policys_own_goes_into_its_file_with_comments_kept(workspace: Path) -> None:
    found = replace(policy(workspace, "block-device-code-flow"), display_name="No device codes")
    made = accept(workspace, found)
    assert lines(workspace, made) == {
        "policies/block-device-code-flow.yaml": (
            {"displayName: Block device code flow"},
            {"displayName: No device codes"},
        )
    }
    assert made.others == ("contoso-dev", "contoso-prod", "contoso-staging")


def test_values_of_a_location_go_into_the_environments_file(workspace: Path) -> None:
    (office,) = resolved(workspace).named_locations
    assert isinstance(office, IpNamedLocation)
    ranges = ("192.0.2.0/24", *office.ip_ranges)
    made = accept(workspace, replace(office, ip_ranges=ranges))
    (removed, added) = lines(workspace, made)["environments/sandbox.yaml"]
    assert added == {
        "  head-office: {ipRanges: [203.0.113.0/24, '2001:db8:10::/48', 192.0.2.0/24]}"
    }
    assert len(removed) == 1


def test_an_exclusion_needs_somebody_who_answers_for_it(workspace: Path) -> None:
    found = excluding(policy(workspace, "require-mfa"), NEW)
    with pytest.raises(OstiaryError, match="nobody answers for excluding `Night shift`"):
        accept(workspace, found)


def test_an_exclusion_is_that_of_the_environment_and_its_group_gets_a_name(
    workspace: Path,
) -> None:
    edit(workspace / "environments/sandbox.yaml", "  - everybody-needs-mfa\n", "")
    made = accept(workspace, excluding(policy(workspace, "require-mfa"), NEW), owner="night watch")
    assert made.others == ()
    assert lines(workspace, made) == {
        "environments/sandbox.yaml": (
            set(),
            {
                f"  Night shift: {NEW}",
                "exclusions:",
                "  - policy: require-mfa",
                "    excludeGroups: [Night shift]",
                "    owner: night watch",
                "    reason: accepted from the tenant on 2026-11-23",
                "    expires: '2027-02-21'",
            },
        )
    }


def test_a_goal_that_would_be_lost_is_refused(workspace: Path) -> None:
    found = replace(policy(workspace, "block-device-code-flow"), state="disabled")
    before = {file: file.read_bytes() for file in workspace.rglob("*.yaml")}
    with pytest.raises(ProofError, match="device-code-flow-is-blocked"):
        accept(workspace, found)
    assert {file: file.read_bytes() for file in workspace.rglob("*.yaml")} == before


def test_a_goal_of_another_environment_counts_too(workspace: Path) -> None:
    """The sandbox does not ask for it."""
    edit(workspace / "environments/sandbox.yaml", "  - everybody-needs-mfa\n", "")
    of = policy(workspace, "require-mfa")
    grant = replace(of.grant_controls, built_in_controls=("compliantDevice",))  # type: ignore[type-var]
    with pytest.raises(ProofError, match="contoso-dev would no longer prove"):
        accept(workspace, replace(of, grant_controls=grant))


def test_what_another_files_exclusion_says_cannot_be_taken_back_here(workspace: Path) -> None:
    """`teams-rooms` is excluded by the environment, and not by the policy's own file."""
    of = policy(workspace, "block-device-code-flow", "contoso-prod")
    emergency = resolved(workspace, "contoso-prod").emergency_access[0].groups
    users = replace(of.conditions.users, exclude_groups=tuple(sorted(emergency)))
    found = replace(of, conditions=replace(of.conditions, users=users))
    with pytest.raises(OstiaryError, match="cannot say of `block-device-code-flow`"):
        accept(workspace, found, environment="contoso-prod")
