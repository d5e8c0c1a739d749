"""The inputs of a resource as a body for Graph, and Graph's answer as the resource's properties.

What is left out of a body, what is sent as null, and what is split without trimming is copied from
https://github.com/hashicorp/terraform-provider-azuread,
internal/services/conditionalaccess/conditionalaccess.go, because each of these can surprise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostiary.sandbox.plugin.schema import STRENGTH_PREFIX

Properties = Mapping[str, Any]
Json = dict[str, Any]

IP_TYPE = "#microsoft.graph.ipNamedLocation"
COUNTRY_TYPE = "#microsoft.graph.countryNamedLocation"
DEFAULT_LOOKUP = "clientIpAddress"

_USER_LISTS = {
    f"{side}d{kind}": f"{side}{kind}"
    for side in ("include", "exclude")
    for kind in ("Users", "Groups", "Roles")
}
_APPLICATION_LISTS = {
    "includedApplications": "includeApplications",
    "excludedApplications": "excludeApplications",
    "includedUserActions": "includeUserActions",
}
_LOCATION_LISTS = {
    "includedLocations": "includeLocations",
    "excludedLocations": "excludeLocations",
}
_PLATFORM_LISTS = {
    "includedPlatforms": "includePlatforms",
    "excludedPlatforms": "excludePlatforms",
}
_PRINCIPAL_LISTS = {
    "includedServicePrincipals": "includeServicePrincipals",
    "excludedServicePrincipals": "excludeServicePrincipals",
}
_CONDITION_LISTS = {
    name: name
    for name in (
        "clientAppTypes",
        "servicePrincipalRiskLevels",
        "signInRiskLevels",
        "userRiskLevels",
    )
}
_GRANT_LISTS = {
    "builtInControls": "builtInControls",
    "customAuthenticationFactors": "customAuthenticationFactors",
    "termsOfUses": "termsOfUse",
}


def _out(names: Mapping[str, str], block: Properties) -> Json:
    return {theirs: list(block.get(ours) or []) for ours, theirs in names.items()}


def _in(names: Mapping[str, str], block: Properties) -> Json:
    return {ours: list(block.get(theirs) or []) for ours, theirs in names.items()}


def location_body(inputs: Properties) -> Json:
    """Give the body of a location without its display name; IPv6 ranges are sent as IPv4 ones."""
    if ip := inputs.get("ip"):
        ranges = [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": each}
            for each in ip.get("ipRanges") or []
        ]
        trusted = bool(ip.get("trusted"))
        return {"@odata.type": IP_TYPE, "ipRanges": ranges, "isTrusted": trusted}
    country = inputs["country"]
    return {
        "@odata.type": COUNTRY_TYPE,
        "countriesAndRegions": list(country.get("countriesAndRegions") or []),
        "countryLookupMethod": country.get("countryLookupMethod") or DEFAULT_LOOKUP,
        "includeUnknownCountriesAndRegions": bool(country.get("includeUnknownCountriesAndRegions")),
    }


def location_properties(body: Properties) -> Json:
    """Give the properties of a location that Graph answered."""
    found = {"displayName": body.get("displayName") or "", "objectId": body["id"]}
    if body.get("@odata.type") == IP_TYPE:
        ranges = [each["cidrAddress"] for each in body.get("ipRanges") or []]
        return found | {"ip": {"ipRanges": ranges, "trusted": bool(body.get("isTrusted"))}}
    country = {
        "countriesAndRegions": list(body.get("countriesAndRegions") or []),
        "countryLookupMethod": body.get("countryLookupMethod") or DEFAULT_LOOKUP,
        "includeUnknownCountriesAndRegions": bool(body.get("includeUnknownCountriesAndRegions")),
    }
    return found | {"country": country}


def policy_body(inputs: Properties) -> Json:
    """Give the body of a policy, which is the whole policy in an update too."""
    return {
        "@odata.type": "#microsoft.graph.conditionalAccessPolicy",
        "displayName": inputs["displayName"],
        "state": inputs["state"],
        "conditions": _conditions_body(inputs["conditions"]),
        "grantControls": _grant_body(inputs.get("grantControls")),
        "sessionControls": _session_body(inputs.get("sessionControls")),
    }


def _conditions_body(conditions: Properties) -> Json:
    devices, flows = conditions.get("devices"), conditions.get("authenticationFlowTransferMethods")
    locations, platforms = conditions.get("locations"), conditions.get("platforms")
    users = conditions["users"]
    applications = conditions["applications"]
    body = {
        **_out(_CONDITION_LISTS, conditions),
        "applications": _out(_APPLICATION_LISTS, applications),
        # A set, whose order follows from a hash; for the two values there are it is alphabetical.
        "authenticationFlows": {"transferMethods": ",".join(sorted(flows))} if flows else None,
        "devices": _device_body(devices) if devices else None,
        "locations": _out(_LOCATION_LISTS, locations) if locations else None,
        "platforms": _out(_PLATFORM_LISTS, platforms) if platforms else None,
        "users": _out(_USER_LISTS, users)
        | {
            f"{side}GuestsOrExternalUsers": _guests_body(users.get(f"{side}dGuestsOrExternalUsers"))
            for side in ("include", "exclude")
        },
    }
    # Left out when unset, never null: an update cannot clear them.
    if applications.get("filter"):
        body["applications"]["applicationFilter"] = dict(applications["filter"])
    if principals := conditions.get("clientApplications"):
        body["clientApplications"] = _out(_PRINCIPAL_LISTS, principals)
        if principals.get("filter"):
            body["clientApplications"]["servicePrincipalFilter"] = dict(principals["filter"])
    if conditions.get("insiderRiskLevels"):
        body["insiderRiskLevels"] = conditions["insiderRiskLevels"]
    return body


def _device_body(devices: Properties) -> Json:
    return {"deviceFilter": dict(devices["filter"])} if devices.get("filter") else {}


def _guests_body(blocks: list[Properties] | None) -> Json | None:
    if not blocks:
        return None
    guests = blocks[0]
    tenants = guests.get("externalTenants")
    return {
        "guestOrExternalUserTypes": ",".join(guests.get("guestOrExternalUserTypes") or []),
        "externalTenants": _tenants_body(tenants[0]) if tenants else None,
    }


def _tenants_body(tenants: Properties) -> Json:
    kind = tenants["membershipKind"]
    if kind != "enumerated":
        return {"membershipKind": kind}
    return {
        "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
        "membershipKind": kind,
        "members": list(tenants.get("members") or []),
    }


def _grant_body(grant: Properties | None) -> Json | None:
    if not grant:
        return None
    body = _out(_GRANT_LISTS, grant) | {"operator": grant["operator"]}
    if strength := grant.get("authenticationStrengthPolicyId"):
        body["authenticationStrength"] = {
            "@odata.type": "#microsoft.graph.authenticationStrengthPolicy",
            "id": strength.removeprefix(STRENGTH_PREFIX),
        }
    return body


def _session_body(session: Properties | None) -> Json | None:
    """Give the session controls, or null when none has an effect: Graph refuses an empty object."""
    if not session:
        return None
    body: Json = {}
    if session.get("cloudAppSecurityPolicy"):
        body["cloudAppSecurity"] = {
            "@odata.type": "#microsoft.graph.cloudAppSecuritySessionControl",
            "cloudAppSecurityType": session["cloudAppSecurityPolicy"],
            "isEnabled": True,
        }
    if session.get("persistentBrowserMode"):
        body["persistentBrowser"] = {
            "@odata.type": "#microsoft.graph.persistentBrowserSessionControl",
            "isEnabled": True,
            "mode": session["persistentBrowserMode"],
        }
    if frequency := _frequency_body(session):
        body["signInFrequency"] = frequency
    restricted = bool(session.get("applicationEnforcedRestrictionsEnabled"))
    no_resilience = bool(session.get("disableResilienceDefaults"))
    # Graph refuses these two beside everyTime:
    # https://github.com/hashicorp/terraform-provider-azuread/issues/1225
    every_time = session.get("signInFrequencyInterval") == "everyTime"
    if not body and not (not every_time and (restricted or no_resilience)):
        return None
    if not every_time:
        body["applicationEnforcedRestrictions"] = {
            "@odata.type": "#microsoft.graph.applicationEnforcedRestrictionsSessionControl",
            "isEnabled": restricted,
        }
        body["disableResilienceDefaults"] = no_resilience
    return body


def _frequency_body(session: Properties) -> Json | None:
    authentication = session.get("signInFrequencyAuthenticationType")
    interval = session.get("signInFrequencyInterval")
    body: Json = {}
    if session.get("signInFrequency"):
        body = {
            "isEnabled": True,
            "type": session["signInFrequencyPeriod"],
            "value": session["signInFrequency"],
            "frequencyInterval": "timeBased",
        }
    if interval:
        body |= {"isEnabled": True, "frequencyInterval": interval}
    if body or authentication:
        body["authenticationType"] = authentication or "primaryAndSecondaryAuthentication"
    effective = body.get("isEnabled") or authentication == "secondaryAuthentication"
    if not effective:
        return None
    return {"@odata.type": "#microsoft.graph.signInFrequencySessionControl"} | body


def policy_properties(body: Properties) -> Json:
    """Give the properties of a policy that Graph answered; blocks that are null are absent."""
    found = {
        "displayName": body.get("displayName") or "",
        "objectId": body["id"],
        "state": body.get("state") or "",
        "conditions": _conditions_properties(body.get("conditions") or {}),
    }
    if (grant := body.get("grantControls")) is not None:
        found["grantControls"] = _grant_properties(grant)
    if (session := body.get("sessionControls")) is not None:
        found["sessionControls"] = _session_properties(session)
    return found


def _conditions_properties(conditions: Properties) -> Json:
    found = _in(_CONDITION_LISTS, conditions) | _target_properties(conditions)
    flows = (conditions.get("authenticationFlows") or {}).get("transferMethods")
    if flows:
        # Not trimmed: a space after the comma is a difference for ever.
        found["authenticationFlowTransferMethods"] = sorted(flows.split(","))
    if (principals := conditions.get("clientApplications")) is not None:
        found["clientApplications"] = _in(_PRINCIPAL_LISTS, principals)
        if principals.get("servicePrincipalFilter"):
            chosen = _filter(principals["servicePrincipalFilter"])
            found["clientApplications"]["filter"] = chosen
    if (devices := conditions.get("devices")) is not None:
        chosen = devices.get("deviceFilter")
        found["devices"] = {"filter": _filter(chosen)} if chosen else {}
    if conditions.get("insiderRiskLevels"):
        found["insiderRiskLevels"] = conditions["insiderRiskLevels"]
    if (locations := conditions.get("locations")) is not None:
        found["locations"] = _in(_LOCATION_LISTS, locations)
    if (platforms := conditions.get("platforms")) is not None:
        found["platforms"] = _in(_PLATFORM_LISTS, platforms)
    return found


def _target_properties(conditions: Properties) -> Json:
    applications, users = conditions.get("applications") or {}, conditions.get("users") or {}
    found = {
        "applications": _in(_APPLICATION_LISTS, applications),
        "users": _in(_USER_LISTS, users),
    }
    if applications.get("applicationFilter"):
        found["applications"]["filter"] = _filter(applications["applicationFilter"])
    for side in ("include", "exclude"):
        if guests := users.get(f"{side}GuestsOrExternalUsers"):
            found["users"][f"{side}dGuestsOrExternalUsers"] = [_guests_properties(guests)]
    return found


def _filter(block: Properties) -> Json:
    return {"mode": block.get("mode") or "", "rule": block.get("rule") or ""}


def _guests_properties(guests: Properties) -> Json:
    types = (guests.get("guestOrExternalUserTypes") or "").split(",")
    found: Json = {"guestOrExternalUserTypes": [each.strip() for each in types]}
    if tenants := guests.get("externalTenants"):
        kind = {"membershipKind": tenants.get("membershipKind") or ""}
        found["externalTenants"] = [kind | {"members": list(tenants.get("members") or [])}]
    return found


def _grant_properties(grant: Properties) -> Json:
    found = _in(_GRANT_LISTS, grant) | {"operator": grant.get("operator") or ""}
    if strength := grant.get("authenticationStrength"):
        found["authenticationStrengthPolicyId"] = f"{STRENGTH_PREFIX}{strength['id']}"
    return found


def _session_properties(session: Properties) -> Json:
    restrictions = session.get("applicationEnforcedRestrictions") or {}
    found: Json = {
        "applicationEnforcedRestrictionsEnabled": bool(restrictions.get("isEnabled")),
        "disableResilienceDefaults": bool(session.get("disableResilienceDefaults")),
    }
    frequency = session.get("signInFrequency") or {}
    texts = {
        "cloudAppSecurityPolicy": (session.get("cloudAppSecurity") or {}).get(
            "cloudAppSecurityType"
        ),
        "persistentBrowserMode": (session.get("persistentBrowser") or {}).get("mode"),
        "signInFrequencyAuthenticationType": frequency.get("authenticationType"),
        "signInFrequencyInterval": frequency.get("frequencyInterval"),
    }
    if frequency.get("value") and frequency.get("type"):
        found["signInFrequency"] = frequency["value"]
        found["signInFrequencyPeriod"] = frequency["type"]
    return found | {name: each for name, each in texts.items() if each}
