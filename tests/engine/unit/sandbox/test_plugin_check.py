"""What the plugin refuses before it asks anybody."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ostiary.sandbox.plugin.check import failures
from ostiary.sandbox.plugin.schema import LOCATION, POLICY
from ostiary.sandbox.plugin.values import UNKNOWN, Secret

GONE = object()

OFFICE: dict[str, Any] = {
    "displayName": "Head office",
    "ip": {"ipRanges": ["203.0.113.0/24", "2001:db8:10::/48", "198.51.100.7/28"]},
}
NORDICS: dict[str, Any] = {
    "displayName": "Nordics",
    "country": {"countriesAndRegions": ["NO"], "countryLookupMethod": "clientIpAddress"},
}
BLOCK: dict[str, Any] = {
    "displayName": "Block",
    "state": "enabled",
    "conditions": {
        "applications": {"includedApplications": ["All"]},
        "clientAppTypes": ["all"],
        "users": {"includedUsers": ["All"]},
        "authenticationFlowTransferMethods": ["deviceCodeFlow", "authenticationTransfer"],
    },
    "grantControls": {"operator": "OR", "builtInControls": ["block"]},
}


def changed(inputs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Set or drop values by path, whose steps `__` separates."""
    found = copy.deepcopy(inputs)
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = found
        for step in steps:
            place = place.setdefault(step, {})
        if value is GONE:
            del place[last]
        else:
            place[last] = value
    return found


def test_whole_resources_pass() -> None:
    assert not failures(LOCATION, OFFICE)
    assert not failures(LOCATION, NORDICS)
    assert not failures(POLICY, BLOCK)


@pytest.mark.parametrize(
    ("path", "inputs"),
    [
        ("displayName", changed(OFFICE, displayName=GONE)),
        ("displayName", changed(OFFICE, displayName="")),
        ("colour", changed(OFFICE, colour="red")),
        ("ip.colour", changed(OFFICE, ip__colour="red")),
        ("ip", changed(OFFICE, ip="203.0.113.0/24")),
        ("ip.ipRanges", changed(OFFICE, ip__ipRanges="203.0.113.0/24")),
        ("ip.ipRanges", changed(OFFICE, ip__ipRanges=GONE)),
        ("ip.ipRanges[0]", changed(OFFICE, ip__ipRanges=[1])),
        ("ip.ipRanges[0]", changed(OFFICE, ip__ipRanges=["203.0.113.1"])),
        ("ip.ipRanges[0]", changed(OFFICE, ip__ipRanges=["10.0.0.0/7"])),
        ("ip.ipRanges[1]", changed(OFFICE, ip__ipRanges=["10.0.0.0/8", "office"])),
        ("ip.trusted", changed(OFFICE, ip__trusted="true")),
        ("ip", changed(OFFICE, ip=GONE)),
        ("ip", OFFICE | NORDICS),
        ("country.countryLookupMethod", changed(NORDICS, country__countryLookupMethod="gps")),
    ],
)
def test_a_location_is_refused_at(path: str, inputs: dict[str, Any]) -> None:
    assert [each.path for each in failures(LOCATION, inputs)] == [path]


TENANTS = {"membershipKind": "all", "members": ["7b1c6b0e-0000-4000-8000-2f7f9f0c1d55"]}
GUESTS = {"guestOrExternalUserTypes": ["internalGuest"], "externalTenants": [TENANTS]}
FREQUENCY = {"signInFrequency": 4, "signInFrequencyPeriod": "hours"}
STRENGTH = "00000000-0000-0000-0000-000000000004"


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("state", {"state": "on"}),
        ("conditions", {"conditions": GONE}),
        ("conditions.users", {"conditions__users": GONE}),
        ("conditions.users", {"conditions__users": {"excludedUsers": ["All"]}}),
        ("conditions.applications", {"conditions__applications": {}}),
        (
            "conditions.applications",
            # An empty list counts as given.
            {"conditions__applications__includedUserActions": []},
        ),
        (
            "conditions.authenticationFlowTransferMethods[0]",
            {"conditions__authenticationFlowTransferMethods": ["none"]},
        ),
        (
            "conditions.platforms.includedPlatforms[0]",
            {"conditions__platforms": {"includedPlatforms": ["unknownFutureValue"]}},
        ),
        ("conditions.locations.includedLocations", {"conditions__locations": {}}),
        (
            "conditions.users.includedGuestsOrExternalUsers[0].externalTenants[0].members",
            {"conditions__users__includedGuestsOrExternalUsers": [GUESTS]},
        ),
        ("grantControls", {"grantControls": GONE}),
        ("grantControls", {"grantControls": {"operator": "OR"}}),
        (
            "grantControls.authenticationStrengthPolicyId",
            {"grantControls__authenticationStrengthPolicyId": STRENGTH},
        ),
        ("sessionControls.signInFrequency", {"sessionControls": {"signInFrequency": 4}}),
        (
            "sessionControls.signInFrequency",
            {"sessionControls": FREQUENCY | {"signInFrequency": -1}},
        ),
        (
            "sessionControls.signInFrequencyInterval",
            {"sessionControls": FREQUENCY | {"signInFrequencyInterval": "everyTime"}},
        ),
        (
            "sessionControls",
            {"grantControls": GONE, "sessionControls": {"disableResilienceDefaults": False}},
        ),
    ],
)
def test_a_policy_is_refused_at(path: str, changes: dict[str, Any]) -> None:
    assert [each.path for each in failures(POLICY, changed(BLOCK, **changes))] == [path]


def test_what_is_unknown_yet_passes() -> None:
    assert not failures(LOCATION, changed(OFFICE, ip__ipRanges=UNKNOWN))
    assert not failures(LOCATION, changed(OFFICE, ip=UNKNOWN))
    for path in ("conditions", "conditions__users", "conditions__applications", "grantControls"):
        assert not failures(POLICY, changed(BLOCK, **{path: UNKNOWN}))
    known = {"includedLocations": ["All"], "excludedLocations": [UNKNOWN]}
    assert not failures(POLICY, changed(BLOCK, conditions__locations=known))


def test_secrets_are_checked_for_what_they_hold() -> None:
    assert not failures(LOCATION, OFFICE | {"displayName": Secret("Bunker 17")})
    assert failures(LOCATION, OFFICE | {"displayName": Secret(17)})
