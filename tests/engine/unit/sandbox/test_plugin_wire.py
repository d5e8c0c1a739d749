"""The bodies the plugin sends, and that what Graph answers comes back as it was declared."""

from __future__ import annotations

from typing import Any

import pytest

from ostiary.sandbox.plugin import wire
from ostiary.sandbox.plugin.difference import canonical, changes, planned, refreshed, replaces
from ostiary.sandbox.plugin.values import UNKNOWN, Secret

GROUP = "8f14e45f-0000-4000-8000-ceea167a5a36"
STRENGTH = "00000000-0000-0000-0000-000000000004"
OBJECT_ID = "11111111-0000-4000-8000-000000000000"
SMALL: dict[str, Any] = {
    "displayName": "Block",
    "state": "enabled",
    "conditions": {
        "applications": {"includedApplications": ["All"]},
        "clientAppTypes": ["all"],
        "users": {"includedUsers": ["All"]},
    },
    "grantControls": {"operator": "OR", "builtInControls": ["block"]},
}
TENANTS = {"membershipKind": "enumerated", "members": ["7b1c6b0e-0000-4000-8000-2f7f9f0c1d55"]}
FILTER = {"mode": "exclude", "rule": "device.isCompliant -eq True"}
LARGE: dict[str, Any] = {
    "displayName": "Everything",
    "state": "enabledForReportingButNotEnforced",
    "conditions": {
        "applications": {
            "includedUserActions": ["urn:user:registerdevice"],
            "excludedApplications": ["Office365"],
            "filter": {"mode": "include", "rule": 'CustomSecurityAttribute.a_b -eq "c"'},
        },
        "authenticationFlowTransferMethods": ["authenticationTransfer", "deviceCodeFlow"],
        "clientAppTypes": ["browser", "other"],
        "clientApplications": {
            "includedServicePrincipals": ["ServicePrincipalsInMyTenant"],
            "excludedServicePrincipals": [GROUP],
            "filter": FILTER,
        },
        "devices": {"filter": FILTER},
        "insiderRiskLevels": "elevated",
        "locations": {"includedLocations": ["All"], "excludedLocations": ["AllTrusted"]},
        "platforms": {"includedPlatforms": ["all"], "excludedPlatforms": ["iOS", "linux"]},
        "servicePrincipalRiskLevels": ["high"],
        "signInRiskLevels": ["medium", "high"],
        "userRiskLevels": ["low"],
        "users": {
            "includedUsers": ["All"],
            "excludedGroups": [GROUP],
            "includedRoles": [GROUP],
            "excludedGuestsOrExternalUsers": [
                {
                    "guestOrExternalUserTypes": ["internalGuest", "serviceProvider"],
                    "externalTenants": [TENANTS],
                }
            ],
        },
    },
    "grantControls": {
        "operator": "AND",
        "authenticationStrengthPolicyId": f"/policies/authenticationStrengthPolicies/{STRENGTH}",
        "termsOfUses": [GROUP],
        "customAuthenticationFactors": ["factor"],
    },
    "sessionControls": {
        "applicationEnforcedRestrictionsEnabled": True,
        "cloudAppSecurityPolicy": "monitorOnly",
        "disableResilienceDefaults": True,
        "persistentBrowserMode": "never",
        "signInFrequency": 4,
        "signInFrequencyAuthenticationType": "secondaryAuthentication",
        "signInFrequencyInterval": "timeBased",
        "signInFrequencyPeriod": "hours",
    },
}


def test_a_small_policy_is_sent_whole_with_nulls_and_empty_lists() -> None:
    assert wire.policy_body(SMALL) == {
        "@odata.type": "#microsoft.graph.conditionalAccessPolicy",
        "displayName": "Block",
        "state": "enabled",
        "conditions": {
            "applications": {
                "includeApplications": ["All"],
                "excludeApplications": [],
                "includeUserActions": [],
            },
            "authenticationFlows": None,
            "clientAppTypes": ["all"],
            "devices": None,
            "locations": None,
            "platforms": None,
            "servicePrincipalRiskLevels": [],
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "users": {
                "includeUsers": ["All"],
                "excludeUsers": [],
                "includeGroups": [],
                "excludeGroups": [],
                "includeRoles": [],
                "excludeRoles": [],
                "includeGuestsOrExternalUsers": None,
                "excludeGuestsOrExternalUsers": None,
            },
        },
        "grantControls": {
            "operator": "OR",
            "builtInControls": ["block"],
            "customAuthenticationFactors": [],
            "termsOfUse": [],
        },
        "sessionControls": None,
    }


def test_a_policy_with_everything_is_sent_in_graphs_words() -> None:
    body = wire.policy_body(LARGE)
    conditions, grant, session = (
        body["conditions"],
        body["grantControls"],
        body["sessionControls"],
    )
    assert conditions["authenticationFlows"] == {
        "transferMethods": "authenticationTransfer,deviceCodeFlow"
    }
    assert conditions["applications"]["applicationFilter"]["mode"] == "include"
    assert conditions["clientApplications"]["servicePrincipalFilter"] == FILTER
    assert conditions["devices"] == {"deviceFilter": FILTER}
    assert conditions["insiderRiskLevels"] == "elevated"
    assert conditions["users"]["excludeGuestsOrExternalUsers"] == {
        "guestOrExternalUserTypes": "internalGuest,serviceProvider",
        "externalTenants": TENANTS
        | {"@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants"},
    }
    assert grant["authenticationStrength"]["id"] == STRENGTH
    assert session["applicationEnforcedRestrictions"]["isEnabled"] is True
    assert session["signInFrequency"] == {
        "@odata.type": "#microsoft.graph.signInFrequencySessionControl",
        "authenticationType": "secondaryAuthentication",
        "frequencyInterval": "timeBased",
        "isEnabled": True,
        "type": "hours",
        "value": 4,
    }


@pytest.mark.parametrize("inputs", [SMALL, LARGE], ids=["small", "large"])
def test_what_is_sent_comes_back_without_a_difference(inputs: dict[str, Any]) -> None:
    back = wire.policy_properties(wire.policy_body(inputs) | {"id": OBJECT_ID})
    assert back["objectId"] == OBJECT_ID
    assert canonical(back) == canonical(inputs)
    assert changes(back, inputs) == {}
    assert refreshed(inputs, back) == inputs
    imported = refreshed({}, back)
    assert changes(back, imported) == {}
    assert "objectId" not in imported


def test_every_time_leaves_out_what_graph_refuses_beside_it() -> None:
    session = {
        "signInFrequencyInterval": "everyTime",
        "applicationEnforcedRestrictionsEnabled": True,
    }
    assert wire.policy_body(SMALL | {"sessionControls": session})["sessionControls"] == {
        "signInFrequency": {
            "@odata.type": "#microsoft.graph.signInFrequencySessionControl",
            "authenticationType": "primaryAndSecondaryAuthentication",
            "frequencyInterval": "everyTime",
            "isEnabled": True,
        }
    }


def test_session_controls_without_effect_are_sent_as_null_and_are_no_difference() -> None:
    idle = {"applicationEnforcedRestrictionsEnabled": False, "disableResilienceDefaults": False}
    inputs = SMALL | {"sessionControls": idle}
    body = wire.policy_body(inputs)
    assert body["sessionControls"] is None
    assert changes(wire.policy_properties(body | {"id": OBJECT_ID}), inputs) == {}


def test_a_space_after_the_comma_is_a_difference_for_ever() -> None:
    inputs = SMALL | {"conditions": LARGE["conditions"]}
    body = wire.policy_body(inputs) | {"id": OBJECT_ID}
    body["conditions"]["authenticationFlows"] = {
        "transferMethods": "deviceCodeFlow, authenticationTransfer"
    }
    assert changes(wire.policy_properties(body), inputs)


def test_all_ranges_are_sent_as_version_4() -> None:
    ranges = ["203.0.113.0/24", "2001:db8:10::/48"]
    body = wire.location_body({"displayName": "Office", "ip": {"ipRanges": ranges}})
    assert body == {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": each}
            for each in ranges
        ],
        "isTrusted": False,
    }


def test_a_country_location_is_sent_with_its_defaults() -> None:
    country = {"countriesAndRegions": ["NO", "SE"]}
    inputs = {"displayName": "Nordics", "country": country}
    body = wire.location_body(inputs)
    assert body == {
        "@odata.type": "#microsoft.graph.countryNamedLocation",
        "countriesAndRegions": ["NO", "SE"],
        "countryLookupMethod": "clientIpAddress",
        "includeUnknownCountriesAndRegions": False,
    }
    answered = body | {"id": OBJECT_ID, "displayName": "Nordics"}
    assert changes(wire.location_properties(answered), inputs) == {}


def test_changes_name_their_paths_and_kinds() -> None:
    olds = wire.policy_properties(wire.policy_body(LARGE) | {"id": OBJECT_ID})
    news = LARGE | {
        "state": "enabled",
        "conditions": {key: value for key, value in LARGE["conditions"].items() if key != "devices"}
        | {
            "locations": {"includedLocations": ["All"], "excludedLocations": [UNKNOWN]},
            "userRiskLevels": ["low", "high"],
            "signInRiskLevels": ["medium"],
        },
    }
    assert changes(olds, news) == {
        "state": "UPDATE",
        "conditions.devices": "DELETE",
        "conditions.locations.excludedLocations[0]": "UPDATE",
        "conditions.userRiskLevels[1]": "ADD",
        "conditions.signInRiskLevels[1]": "DELETE",
    }


def test_only_another_kind_of_location_replaces() -> None:
    office = {"displayName": "A", "ip": {"ipRanges": ["203.0.113.0/24"]}}
    other = {"displayName": "B", "ip": {"ipRanges": ["198.51.100.0/24"], "trusted": True}}
    nordics = {"displayName": "A", "country": {"countriesAndRegions": ["NO"]}}
    assert replaces(changes(office, other)) == []
    assert replaces(changes(office, nordics)) == ["ip", "country"]
    assert replaces(changes(office, office | {"ip": UNKNOWN})) == []


def test_a_computed_value_stays_when_the_inputs_leave_it_out() -> None:
    olds = wire.policy_properties(wire.policy_body(LARGE) | {"id": OBJECT_ID})
    conditions = dict(LARGE["conditions"])
    del conditions["insiderRiskLevels"]
    news = LARGE | {"conditions": conditions}
    assert changes(olds, news) == {}
    assert planned(olds, news)["conditions"]["insiderRiskLevels"] == "elevated"
    assert refreshed(news, olds) == news


def test_drift_reaches_the_inputs_and_leaves_the_rest_as_it_was_spelled() -> None:
    inputs = SMALL | {"displayName": Secret("Block"), "sessionControls": {}}
    now = wire.policy_properties(wire.policy_body(SMALL) | {"id": OBJECT_ID})
    assert refreshed(inputs, now) == inputs
    now["displayName"] = "Renamed"
    now["conditions"]["users"]["excludedUsers"] = [GROUP]
    found = refreshed(inputs, now)
    assert found["displayName"] == Secret("Renamed")
    assert found["conditions"]["users"] == {"includedUsers": ["All"], "excludedUsers": [GROUP]}
    assert found["conditions"]["applications"] == SMALL["conditions"]["applications"]
