"""Each file of golden/ is a case: of what makes a workspace, or a table, in a small workspace.

The name's first word says what the file is.  Beside an invalid one stands what `check` must say;
beside a valid one the policy as Graph shows it, or the goal with every name resolved.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import Diagnostic, DiagnosticsError, in_order
from ostiary.model.graph import policy_to_graph
from ostiary.model.resolve import Resolved, resolve
from ostiary.model.rows import resolve_row, rows_in
from ostiary.proof.examine import examine
from ostiary.proof.findings import findings
from ostiary.spec.rollout import load_rollout
from ostiary.spec.sign_in_tables import load_tables
from ostiary.spec.workspace import load

GOLDEN = Path(__file__).parents[1] / "golden"
TODAY = date(2026, 11, 23)

ENVIRONMENT = """\
tenantId: 11111111-0000-4000-8000-000000000000
groups:
  emergency-access: 11111111-0000-4000-8000-0000000000e1
  staff: 11111111-0000-4000-8000-0000000000e2
users: {anna: 11111111-0000-4000-8000-0000000000a1}
applications: {Payroll: 11111111-0000-4000-8000-0000000000b1}
servicePrincipals: {deployer: 11111111-0000-4000-8000-0000000000c1}
externalTenants: {partner: 11111111-0000-4000-8000-0000000000d1}
termsOfUse: {visitors: 11111111-0000-4000-8000-0000000000f1}
authenticationStrengths: {Smart card: 11111111-0000-4000-8000-0000000000f2}
namedLocations:
  head-office: {ipRanges: [203.0.113.0/24]}
"""
# Uses every name of the environment, so that a case is free to use none.
EVERYTHING = """\
displayName: Everything
state: disabled
conditions:
  users:
    includeUsers: [anna]
    includeGroups: [staff]
    includeGuestsOrExternalUsers:
      guestOrExternalUserTypes: [b2bCollaborationGuest]
      externalTenants: {membershipKind: enumerated, members: [partner]}
    excludeGroups: [emergency-access]
  applications: {includeApplications: [Payroll]}
  clientAppTypes: [all]
  locations: {includeLocations: [head-office, countries]}
grantControls: {operator: AND, authenticationStrength: Smart card, termsOfUse: [visitors]}
"""
WORKLOADS = """\
displayName: Workloads
state: disabled
conditions:
  users: {includeUsers: [None]}
  applications: {includeApplications: [All]}
  clientAppTypes: [all]
  clientApplications: {includeServicePrincipals: [deployer]}
grantControls: {operator: OR, builtInControls: [block]}
"""
# Beside the cases that only a proof can tell.
BLOCK_LEGACY = """\
displayName: Block legacy authentication
state: enabled
conditions:
  users: {includeUsers: [All], excludeGroups: [emergency-access]}
  applications: {includeApplications: [All]}
  clientAppTypes: [exchangeActiveSync, other]
grantControls: {operator: OR, builtInControls: [block]}
"""
HEAD_OFFICE = "type: ipNamedLocation\ndisplayName: Head office\nisTrusted: true\n"
COUNTRIES = "type: countryNamedLocation\ndisplayName: Countries\ncountriesAndRegions: [NO, DE]\n"
# Beside the environments that are about goals.
GOAL = "says: Staff prove themselves.\ngiven: {group: staff}\nthen: {requires: [mfa]}\n"


def workspace(root: Path, case: Path) -> Path:
    files = {
        "environments/here.yaml": ENVIRONMENT,
        "policies/everything.yaml": EVERYTHING,
        "policies/workloads.yaml": WORKLOADS,
        "policies/named-locations/head-office.yaml": HEAD_OFFICE,
        "policies/named-locations/countries.yaml": COUNTRIES,
    }
    if case.name.startswith("goal-"):
        files["environments/here.yaml"] += "goals: [case]\n"
    elif case.name.startswith("environment-goal-"):
        files["policies/goals/staff-need-mfa.yaml"] = GOAL
    if "-proof-" in case.name:
        files["policies/block-legacy.yaml"] = BLOCK_LEGACY
    place = {
        "policy": "policies/case.yaml",
        "location": "policies/named-locations/head-office.yaml",
        "environment": "environments/here.yaml",
        "goal": "policies/goals/case.yaml",
        "rollout": "rollout.yaml",
        "table": "tests/policies/case.yaml",
    }[case.name.partition("-")[0]]
    files[place] = case.read_text(encoding="utf-8")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def checked(root: Path) -> tuple[Resolved | None, list[Diagnostic]]:
    try:
        resolved = resolve(load(root), "here", TODAY)
    except DiagnosticsError as error:
        return None, error.diagnostics
    return resolved, list(resolved.warnings)


def wrong_in_tables(root: Path, resolved: Resolved) -> list[Diagnostic]:
    """Give what is wrong with tables, and else with the names in their rows."""
    of = load(root)
    tables = load_tables(of)
    found = list(tables.found)
    for table in tables.tables.values() if not found else ():
        for index in rows_in(table, "here").values():
            found += resolve_row(table, index, of.environments["here"], resolved.known_locations)[1]
    return in_order(found)


@pytest.mark.parametrize(
    "case", sorted((GOLDEN / "invalid").glob("*.yaml")), ids=lambda case: case.stem
)
def test_invalid_case_is_told(case: Path, tmp_path: Path) -> None:
    root = workspace(tmp_path, case)
    resolved, found = checked(root)
    if "-proof-" in case.name:
        assert resolved is not None, found
        found += findings(load(root), examine(resolved)).diagnostics
    if case.name.startswith("rollout-"):
        found += load_rollout(root)[1]
    if case.name.startswith("table-"):
        assert resolved is not None, found
        found += wrong_in_tables(root, resolved)
    told = "".join(f"{each}\n" for each in found)
    assert told == case.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "case", sorted((GOLDEN / "valid").glob("policy-*.yaml")), ids=lambda case: case.stem
)
def test_valid_case_becomes_this_policy(case: Path, tmp_path: Path) -> None:
    resolved, found = checked(workspace(tmp_path, case))
    assert resolved is not None, found
    (policy,) = (each for each in resolved.policies if each.key == "case")
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    assert policy_to_graph(policy, {}) == expected


@pytest.mark.parametrize(
    "case", sorted((GOLDEN / "valid").glob("goal-*.yaml")), ids=lambda case: case.stem
)
def test_valid_case_becomes_this_goal(case: Path, tmp_path: Path) -> None:
    resolved, found = checked(workspace(tmp_path, case))
    assert resolved is not None, found
    (goal,) = resolved.goals
    shown = {
        "says": goal.says,
        "given": [said(each) for each in goal.given],
        "exceptions": {
            each.name: said(each.sign_ins) | {"at": str(each.place)} for each in goal.exceptions
        },
        "then": {type(goal.then).__name__: list(asdict(goal.then).values())},
        "warnings": [str(each) for each in found],
    }
    assert json.loads(json.dumps(shown)) == json.loads(case.with_suffix(".json").read_text("utf-8"))


def said(value: Any) -> dict[str, Any]:
    """Give what a dataclass sets."""
    assert is_dataclass(value)
    return {name: each for name, each in asdict(value).items() if each}  # type: ignore[arg-type]
