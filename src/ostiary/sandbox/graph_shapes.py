"""The shapes of Graph's policies and named locations, as data.

https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy and
https://learn.microsoft.com/graph/api/resources/namedlocation (v1.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.sandbox.graph_types import Choice, Flag, Id, Many, Number, Shape, Text

if TYPE_CHECKING:
    from ostiary.sandbox.answers import Json


def _choice(*values: str, joined: bool = False) -> Choice:
    return Choice(frozenset(values), joined=joined)


def _ids(*keywords: str) -> Many:
    return Many(Id(frozenset(keywords)))


_FILTER = Shape({"mode": _choice("include", "exclude"), "rule": Text(3072)})
_GUESTS = Shape(
    {
        "guestOrExternalUserTypes": _choice(
            "none",
            "internalGuest",
            "b2bCollaborationGuest",
            "b2bCollaborationMember",
            "b2bDirectConnectUser",
            "otherExternalUser",
            "serviceProvider",
            joined=True,
        ),
        "externalTenants": Shape(
            {"membershipKind": _choice("all", "enumerated"), "members": _ids()},
            types=(
                "#microsoft.graph.conditionalAccessAllExternalTenants",
                "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
            ),
            whole=True,
        ),
    }
)
_PLATFORMS = Many(_choice("all", "android", "iOS", "windows", "windowsPhone", "macOS", "linux"))
_LOCATIONS = Many(Text())
_RISK_LEVELS = Many(_choice("low", "medium", "high", "hidden", "none"))

CONDITIONS = Shape(
    {
        "applications": Shape(
            {
                "includeApplications": _ids("All", "None", "Office365", "MicrosoftAdminPortals"),
                "excludeApplications": _ids("Office365", "MicrosoftAdminPortals"),
                "includeUserActions": Many(
                    _choice("urn:user:registersecurityinfo", "urn:user:registerdevice")
                ),
                "includeAuthenticationContextClassReferences": Many(Text()),
                "applicationFilter": _FILTER,
            },
            nullable=False,
        ),
        "authenticationFlows": Shape(
            {"transferMethods": _choice("deviceCodeFlow", "authenticationTransfer", joined=True)}
        ),
        "clientAppTypes": Many(
            _choice(
                "all",
                "browser",
                "mobileAppsAndDesktopClients",
                "exchangeActiveSync",
                "easSupported",
                "other",
            )
        ),
        "clientApplications": Shape(
            {
                "includeServicePrincipals": _ids("ServicePrincipalsInMyTenant"),
                "excludeServicePrincipals": _ids(),
                "servicePrincipalFilter": _FILTER,
            }
        ),
        "devices": Shape({"deviceFilter": _FILTER}),
        "insiderRiskLevels": _choice("minor", "moderate", "elevated", joined=True),
        "locations": Shape({"includeLocations": _LOCATIONS, "excludeLocations": _LOCATIONS}),
        "platforms": Shape({"includePlatforms": _PLATFORMS, "excludePlatforms": _PLATFORMS}),
        "servicePrincipalRiskLevels": _RISK_LEVELS,
        "signInRiskLevels": _RISK_LEVELS,
        "userRiskLevels": _RISK_LEVELS,
        "users": Shape(
            {
                "includeUsers": _ids("All", "None", "GuestsOrExternalUsers"),
                "excludeUsers": _ids("GuestsOrExternalUsers"),
                "includeGroups": _ids(),
                "excludeGroups": _ids(),
                "includeRoles": _ids(),
                "excludeRoles": _ids(),
                "includeGuestsOrExternalUsers": _GUESTS,
                "excludeGuestsOrExternalUsers": _GUESTS,
            },
            nullable=False,
        ),
    },
    nullable=False,
)

GRANT_CONTROLS = Shape(
    {
        "operator": _choice("AND", "OR"),
        "builtInControls": Many(
            _choice(
                "block",
                "mfa",
                "compliantDevice",
                "domainJoinedDevice",
                "approvedApplication",
                "compliantApplication",
                "passwordChange",
            )
        ),
        "customAuthenticationFactors": Many(Text()),
        "termsOfUse": _ids(),
        # Graph returns the whole strength and takes it back; only the id counts.
        "authenticationStrength": Shape(
            {
                "id": Id(),
                "displayName": Text(),
                "description": Text(),
                "policyType": _choice("builtIn", "custom"),
                "requirementsSatisfied": _choice("none", "mfa"),
                "allowedCombinations": Many(Text()),
                "createdDateTime": Text(),
                "modifiedDateTime": Text(),
            },
            whole=True,
        ),
    }
)

SESSION_CONTROLS = Shape(
    {
        "applicationEnforcedRestrictions": Shape({"isEnabled": Flag()}),
        "cloudAppSecurity": Shape(
            {
                "cloudAppSecurityType": _choice("mcasConfigured", "monitorOnly", "blockDownloads"),
                "isEnabled": Flag(),
            }
        ),
        "disableResilienceDefaults": Flag(),
        "persistentBrowser": Shape({"mode": _choice("always", "never"), "isEnabled": Flag()}),
        "signInFrequency": Shape(
            {
                "value": Number(),
                "type": _choice("days", "hours"),
                "authenticationType": _choice(
                    "primaryAndSecondaryAuthentication", "secondaryAuthentication"
                ),
                "frequencyInterval": _choice("timeBased", "everyTime"),
                "isEnabled": Flag(),
            }
        ),
    }
)

POLICY = Shape(
    {
        "displayName": Text(256),
        "state": _choice("enabled", "disabled", "enabledForReportingButNotEnforced"),
        "conditions": CONDITIONS,
        "grantControls": GRANT_CONTROLS,
        "sessionControls": SESSION_CONTROLS,
    },
    types=("#microsoft.graph.conditionalAccessPolicy",),
)

IP_LOCATION = Shape(
    {
        "displayName": Text(256),
        "isTrusted": Flag(unset=False),
        "ipRanges": Many(
            Shape(
                {"cidrAddress": Text()},
                types=("#microsoft.graph.iPv4CidrRange", "#microsoft.graph.iPv6CidrRange"),
            )
        ),
    },
    types=("#microsoft.graph.ipNamedLocation",),
)
COUNTRY_LOCATION = Shape(
    {
        "displayName": Text(256),
        "countriesAndRegions": Many(Text(2)),
        "includeUnknownCountriesAndRegions": Flag(unset=False),
        "countryLookupMethod": _choice("clientIpAddress", "authenticatorAppGps"),
    },
    types=("#microsoft.graph.countryNamedLocation",),
)
# A policy's `description` is documented as not used.
_READ_ONLY = frozenset(
    {"id", "templateId", "createdDateTime", "modifiedDateTime", "deletedDateTime", "description"}
)


def properties_sent(body: Json) -> Json:
    """Leave out what a client may send but cannot set: read-only properties and annotations."""
    return {
        name: value
        for name, value in body.items()
        if name not in _READ_ONLY and ("@odata." not in name or name == "@odata.type")
    }
