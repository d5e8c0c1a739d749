from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.model.places import Places
from ostiary.spec.workspace import load
from tests.engine.shipped import append

BLOCK = "block-device-code-flow"
FILE = f"policies/{BLOCK}.yaml"
PROD = "environments/contoso-prod.yaml"


def text_at(root: Path, place: str) -> str:
    """Give what stands at a place, to the end of the line."""
    path, line, column = place.split(":")
    return (root / path).read_text(encoding="utf-8").splitlines()[int(line) - 1][int(column) - 1 :]


@pytest.mark.parametrize(
    ("condition_list", "identity", "path", "text"),
    [
        ("excludeGroups", "c0a80101-0000-4000-8000-000000000ae1", FILE, "emergency-access]"),
        ("excludeGroups", "c0a80101-0000-4000-8000-000000000ae3", PROD, "teams-rooms]"),
        ("excludeLocations", "head-office", FILE, "head-office]"),
        ("includeUsers", "All", FILE, "All]"),
        ("transferMethods", "deviceCodeFlow", FILE, "deviceCodeFlow]"),
        ("clientAppTypes", "all", FILE, "all]"),
        # What is not there: the nearest that is.
        ("excludeGroups", "nobody", FILE, "excludeGroups: [emergency-access]"),
        ("excludePlatforms", "iOS", FILE, "conditions:"),
    ],
)
def test_an_entry_is_found_by_its_id(
    workspace: Path, condition_list: str, identity: str, path: str, text: str
) -> None:
    place = Places(load(workspace), "contoso-prod").of(BLOCK, condition_list, identity)
    assert place.path == path
    assert text_at(workspace, str(place)) == text


def test_roles_applications_and_guests_are_found(workspace: Path) -> None:
    (workspace / "policies" / "block-device-code-flow.yaml").write_text(
        """\
displayName: Some
state: enabled
conditions:
  users:
    includeRoles: [Global Administrator]
    excludeGuestsOrExternalUsers: {guestOrExternalUserTypes: [internalGuest, serviceProvider]}
    excludeGroups: [emergency-access]
  applications:
    includeApplications: [Microsoft Graph, 99999999-0000-4000-8000-000000000000]
  clientAppTypes: [all]
  locations: {includeLocations: [Multifactor authentication trusted IPs]}
grantControls: {operator: OR, builtInControls: [block]}
""",
        encoding="utf-8",
    )
    places = Places(load(workspace), "contoso-prod")
    for condition_list, identity, line, column in (
        ("includeRoles", "62e90394-69f5-4237-9190-012177145e10", 5, 20),
        ("excludeGuestsOrExternalUsers", "serviceProvider", 6, 78),
        ("includeApplications", "00000003-0000-0000-c000-000000000000", 9, 27),
        ("includeApplications", "99999999-0000-4000-8000-000000000000", 9, 44),
        ("includeLocations", "00000000-0000-0000-0000-000000000000", 11, 34),
    ):
        place = places.of(BLOCK, condition_list, identity)
        assert (place.line, place.column) == (line, column)


def test_a_whole_condition_is_found_at_its_key(workspace: Path) -> None:
    places = Places(load(workspace), "contoso-prod")
    for route, text in (
        (("conditions", "devices", "deviceFilter"), "deviceFilter: {"),
        (("conditions", "platforms"), "conditions:"),
        (("state",), "state: enabled"),
        (("sessionControls",), "displayName: Block device code flow"),
    ):
        place = places.condition(BLOCK, *route)
        assert text_at(workspace, str(place)).startswith(text)


def test_an_environment_that_says_it_too_does_not_hide_the_policy(workspace: Path) -> None:
    append(
        workspace / "environments/sandbox.yaml",
        f"exclusions:\n  - {{policy: {BLOCK}, excludeGroups: [emergency-access], owner: a team,"
        " reason: twice, expires: 2027-01-01}\n",
    )
    place = Places(load(workspace), "sandbox").of(
        BLOCK, "excludeGroups", "5a9d0b0c-0000-4000-8000-0000000000e1"
    )
    assert place.path == FILE
