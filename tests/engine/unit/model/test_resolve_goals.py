from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.catalog import AUTHENTICATION_STRENGTHS
from ostiary.errors import ResolveError
from ostiary.model.goal import Fact, Goal, SignIns
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import load
from tests.engine.shipped import TODAY, append, edit

BLOCKED = "device-code-flow-is-blocked"
# Groups of contoso-prod.
EMERGENCY, SUSPECTED, ROOMS = (f"c0a80101-0000-4000-8000-000000000ae{number}" for number in "123")


def resolved(root: Path, environment: str = "contoso-prod") -> Resolved:
    return resolve(load(root, [environment]), environment, TODAY)


def goal(resolved: Resolved, key: str = BLOCKED) -> Goal:
    return next(each for each in resolved.goals if each.key == key)


def told(root: Path, environment: str = "contoso-prod") -> str:
    with pytest.raises(ResolveError) as raised:
        resolved(root, environment)
    return str(raised.value)


def write_goal(root: Path, text: str, environment: str = "contoso-prod") -> None:
    """Write a goal `more`, the one that the environment enforces."""
    (root / "policies/goals/more.yaml").write_text(f"says: More.\n{text}", encoding="utf-8")
    file = root / f"environments/{environment}.yaml"
    goals, separator, rest = file.read_text(encoding="utf-8").partition("protect: true")
    goals = goals[: goals.index("goals:")] + "goals: [more]\n"
    file.write_text(goals + separator + rest, encoding="utf-8")


def exclude(root: Path, environment: str, policy: str, what: str) -> None:
    append(
        root / f"environments/{environment}.yaml",
        f"exclusions:\n  - {{policy: {policy}, {what}, owner: a team, reason: a hall,"
        " expires: 2027-01-01}\n",
    )


def test_every_environment_enforces_what_it_lists_in_its_order(workspace: Path) -> None:
    loaded = load(workspace)
    for name, environment in loaded.environments.items():
        goals = resolve(loaded, name, TODAY).goals
        assert [each.key for each in goals] == list(environment.spec.goals)


def test_an_exclusion_excuses_the_goal_that_names_its_policy(workspace: Path) -> None:
    exceptions = goal(resolved(workspace)).exceptions
    assert [each.name for each in exceptions] == [
        "location: head-office",
        "device: compliant",
        "group: emergency-access",
        "group: teams-rooms",
    ]
    assert exceptions[-1].sign_ins == SignIns(groups=(ROOMS,))
    assert str(exceptions[-1].place) == "environments/contoso-prod.yaml:14:21"


def test_an_exclusion_from_another_policy_excuses_nothing(workspace: Path) -> None:
    exclude(workspace, "sandbox", "require-mfa", "excludeGroups: [suspected-users]")
    (_, _, group) = goal(resolved(workspace, "sandbox")).exceptions
    assert group.name == "group: emergency-access"


def test_each_excluded_entry_is_an_exception_of_its_own(workspace: Path) -> None:
    exclude(
        workspace,
        "sandbox",
        "block-device-code-flow",
        "excludeRoles: [Global Reader], excludeApplications: [Office365, Microsoft Graph],"
        " excludeLocations: [head-office]",
    )
    exceptions = goal(resolved(workspace, "sandbox")).exceptions[3:]
    assert [each.name for each in exceptions] == [
        "role: Global Reader",
        "application: Office365",
        "application: Microsoft Graph",
        "location: head-office",
    ]
    assert exceptions[1].sign_ins == SignIns(applications=("Office365",))
    assert exceptions[3].sign_ins == SignIns(locations=("head-office",))


def test_exclusions_that_do_not_hold_excuse_nothing(workspace: Path) -> None:
    edit(
        workspace / "environments/contoso-prod.yaml",
        "protect: true",
        "deviceCodeFlowExceptions: off\nprotect: true",
    )
    # Its only use is gone with the exclusion.
    edit(workspace / "environments/contoso-prod.yaml", f"  teams-rooms: {ROOMS}\n", "")
    assert [each.name for each in goal(resolved(workspace)).exceptions][-1] == (
        "group: emergency-access"
    )


def test_an_exclusion_by_a_place_that_is_not_trusted_excuses_nothing(workspace: Path) -> None:
    (workspace / "policies/named-locations/abroad.yaml").write_text(
        "type: countryNamedLocation\ndisplayName: Abroad\ncountriesAndRegions: [NO]\n",
        encoding="utf-8",
    )
    exclude(workspace, "sandbox", "block-device-code-flow", "excludeLocations: [abroad]")
    place = "environments/sandbox.yaml:"
    assert "untrusted-exception: location `abroad`" in told(workspace, "sandbox")
    assert place in told(workspace, "sandbox")


def test_a_location_that_only_a_goal_names_is_known_and_not_deployed(workspace: Path) -> None:
    (workspace / "policies/named-locations/abroad.yaml").write_text(
        "type: countryNamedLocation\ndisplayName: Abroad\n", encoding="utf-8"
    )
    file = workspace / "environments/contoso-prod.yaml"
    edit(file, "namedLocations:\n", "namedLocations:\n  abroad: {countriesAndRegions: [NO]}\n")
    assert "no policy names the location `abroad`" in told(workspace)
    write_goal(workspace, "given: {outside: [abroad, AllTrusted]}\nthen: blocked\n")
    found = resolved(workspace)
    assert goal(found, "more").given == (SignIns(outside=("AllTrusted", "abroad")),)
    assert [each.key for each in found.named_locations] == ["head-office"]
    assert [each.key for each in found.known_locations] == ["abroad", "head-office"]
    assert "unused-location" not in {each.code for each in found.warnings}


def test_a_location_without_values_here_is_an_error(workspace: Path) -> None:
    (workspace / "policies/named-locations/abroad.yaml").write_text(
        "type: countryNamedLocation\ndisplayName: Abroad\n", encoding="utf-8"
    )
    write_goal(workspace, "given: {location: abroad}\nthen: blocked\n")
    assert "unknown-location: location `abroad` has no values" in told(workspace)


def test_names_that_only_goals_and_facts_use_are_used(workspace: Path) -> None:
    file = workspace / "environments/contoso-prod.yaml"
    edit(
        file,
        "groups:\n",
        "users: {anna: c0a80101-0000-4000-8000-000000000aa1}\n"
        "termsOfUse: {visitors: c0a80101-0000-4000-8000-000000000af1}\n"
        "groups:\n  staff: c0a80101-0000-4000-8000-000000000ae9\n",
    )
    assert told(workspace).count("unused-name") == 3
    append(
        file,
        "facts: [{user: anna, within: staff}, {group: suspected-users, apartFrom: staff},"
        " {role: Global Administrator, apartFrom: suspected-users}]\n",
    )
    write_goal(workspace, "given: {user: anna}\nthen: {asksAtMost: [visitors]}\n")
    found = resolved(workspace)
    staff = "c0a80101-0000-4000-8000-000000000ae9"
    assert found.facts == (
        Fact("user", "c0a80101-0000-4000-8000-000000000aa1", "within", staff),
        Fact("group", SUSPECTED, "apartFrom", staff),
        Fact("role", "62e90394-69f5-4237-9190-012177145e10", "apartFrom", SUSPECTED),
    )


def test_only_the_goals_that_are_enforced_must_fit_the_environment(workspace: Path) -> None:
    (workspace / "policies/goals/elsewhere.yaml").write_text(
        "says: Elsewhere.\ngiven: {group: nobody-here}\nthen: blocked\n", encoding="utf-8"
    )
    assert resolved(workspace)
    assert [each.code for each in load(workspace).found] == ["unused-goal"]
    assert load(workspace, ["contoso-prod"]).found == ()


def test_a_broken_goal_is_told_once_and_leaves_no_name_unused(workspace: Path) -> None:
    edit(workspace / f"policies/goals/{BLOCKED}.yaml", "then: blocked", "then: bloked")
    assert "unknown-value: unknown value `bloked`" in told(workspace)
    assert "unknown-goal" not in told(workspace)


def test_a_waiver_holds_to_the_end_of_its_last_day(workspace: Path) -> None:
    append(
        workspace / "environments/contoso-prod.yaml",
        f"waivers: [{{goal: {BLOCKED}, owner: a team, reason: a move, expires: {TODAY}}}]\n",
    )
    (waiver,) = resolved(workspace).waivers
    assert (waiver.goal, waiver.owner, waiver.expires) == (BLOCKED, "a team", TODAY)
    assert str(waiver.place).startswith("environments/contoso-prod.yaml:")


def test_emergency_access_comes_by_groups_and_by_users(workspace: Path) -> None:
    assert resolved(workspace).emergency_access == (SignIns(groups=(EMERGENCY,)),)
    edit(
        workspace / "environments/contoso-dev.yaml",
        "groups:\n",
        "users: {glass: c0a80101-0000-4000-8000-000000000da1}\n"
        "emergencyAccess: {groups: [emergency-access], users: [glass]}\n"
        "groups:\n",
    )
    for file in (workspace / "policies").glob("*.yaml"):
        edit(file, "    excludeGroups:", "    excludeUsers: [glass]\n    excludeGroups:")
    assert resolved(workspace, "contoso-dev").emergency_access == (
        SignIns(groups=("c0a80101-0000-4000-8000-000000000de1",)),
        SignIns(users=("c0a80101-0000-4000-8000-000000000da1",)),
    )


def test_ids_have_the_names_that_people_know(workspace: Path) -> None:
    names = resolved(workspace).names
    assert names[ROOMS] == "teams-rooms"
    assert names["head-office"] == "Head office"
    assert names["62e90394-69f5-4237-9190-012177145e10"] == "Global Administrator"
    assert names["00000003-0000-0000-c000-000000000000"] == "Microsoft Graph"
    for name, identity in AUTHENTICATION_STRENGTHS.items():
        assert names[identity] == name
    assert names["00000000-0000-0000-0000-000000000000"] == (
        "Multifactor authentication trusted IPs"
    )


def test_a_broken_policy_is_not_unknown_to_a_goal_as_well(workspace: Path) -> None:
    edit(workspace / "policies/block-device-code-flow.yaml", "state: enabled", "state: on")
    assert "unknown-value: unknown value `on`" in told(workspace)
    assert "unknown-policy" not in told(workspace)
