"""The resource types the plugin knows: their properties as a table.

Names, types and what is required are those of the Python package pulumi_azuread 6.11.1; a test
compares the table with the installed package.  Enumerations are those that its docstrings list,
without `unknownFutureValue`, which the provider refuses
(https://github.com/hashicorp/terraform-provider-azuread/issues/730).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ostiary.sandbox.plugin import VERSION

LOCATION = "azuread:index/namedLocation:NamedLocation"
POLICY = "azuread:index/conditionalAccessPolicy:ConditionalAccessPolicy"
STRENGTH_PREFIX = "/policies/authenticationStrengthPolicies/"


@dataclass(frozen=True, slots=True)
class Text:
    """A string that is not empty; one of `values` if there are any."""

    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """An address range in CIDR form; host bits may be set."""


@dataclass(frozen=True, slots=True)
class StrengthId:
    """The path of an authentication strength policy."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean."""


@dataclass(frozen=True, slots=True)
class Count:
    """An integer from 0."""


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    of: Kind


@dataclass(frozen=True, slots=True)
class Block:
    """An object; `name` is that of the package's class, without `Args`."""

    name: str
    fields: Mapping[str, Kind]
    required: frozenset[str] = frozenset()


Kind = Text | Range | StrengthId | Flag | Count | Many | Block


def _block(name: str, required: Mapping[str, Kind], optional: Mapping[str, Kind]) -> Block:
    return Block(name, {**required, **optional}, frozenset(required))


def _filter(name: str) -> Block:
    return _block(name, {"mode": Text(("include", "exclude")), "rule": Text()}, {})


_TEXTS = Many(Text())
_CONDITIONS = "ConditionalAccessPolicyConditions"
_USERS = f"{_CONDITIONS}Users"
_PLATFORMS = Many(
    Text(("all", "android", "iOS", "linux", "macOS", "windows", "windowsPhone")),
)
_USER_RISK_LEVELS = Many(Text(("low", "medium", "high", "hidden", "none")))


def _guests(name: str) -> Many:
    tenants = _block(
        f"{name}ExternalTenant",
        {"membershipKind": Text(("all", "enumerated"))},
        {"members": _TEXTS},
    )
    types = (
        "b2bCollaborationGuest",
        "b2bCollaborationMember",
        "b2bDirectConnectUser",
        "internalGuest",
        "none",
        "otherExternalUser",
        "serviceProvider",
    )
    required = {"guestOrExternalUserTypes": Many(Text(types))}
    return Many(_block(name, required, {"externalTenants": Many(tenants)}))


_LOCATION_FIELDS = _block(
    "NamedLocation",
    {"displayName": Text()},
    {
        "ip": _block("NamedLocationIp", {"ipRanges": Many(Range())}, {"trusted": Flag()}),
        "country": _block(
            "NamedLocationCountry",
            {"countriesAndRegions": _TEXTS},
            {
                "countryLookupMethod": Text(("clientIpAddress", "authenticatorAppGps")),
                "includeUnknownCountriesAndRegions": Flag(),
            },
        ),
    },
)

_CONDITIONS_FIELDS = _block(
    _CONDITIONS,
    {
        "applications": _block(
            f"{_CONDITIONS}Applications",
            {},
            {
                "excludedApplications": _TEXTS,
                "filter": _filter(f"{_CONDITIONS}ApplicationsFilter"),
                "includedApplications": _TEXTS,
                "includedUserActions": _TEXTS,
            },
        ),
        "clientAppTypes": Many(
            Text(
                (
                    "all",
                    "browser",
                    "mobileAppsAndDesktopClients",
                    "exchangeActiveSync",
                    "easSupported",
                    "other",
                )
            )
        ),
        "users": _block(
            _USERS,
            {},
            {
                "excludedGroups": _TEXTS,
                "excludedGuestsOrExternalUsers": _guests(f"{_USERS}ExcludedGuestsOrExternalUser"),
                "excludedRoles": _TEXTS,
                "excludedUsers": _TEXTS,
                "includedGroups": _TEXTS,
                "includedGuestsOrExternalUsers": _guests(f"{_USERS}IncludedGuestsOrExternalUser"),
                "includedRoles": _TEXTS,
                "includedUsers": _TEXTS,
            },
        ),
    },
    {
        "authenticationFlowTransferMethods": Many(
            Text(("authenticationTransfer", "deviceCodeFlow"))
        ),
        "clientApplications": _block(
            f"{_CONDITIONS}ClientApplications",
            {},
            {
                "excludedServicePrincipals": _TEXTS,
                "filter": _filter(f"{_CONDITIONS}ClientApplicationsFilter"),
                "includedServicePrincipals": _TEXTS,
            },
        ),
        "devices": _block(
            f"{_CONDITIONS}Devices", {}, {"filter": _filter(f"{_CONDITIONS}DevicesFilter")}
        ),
        "insiderRiskLevels": Text(("minor", "moderate", "elevated")),
        "locations": _block(
            f"{_CONDITIONS}Locations",
            {"includedLocations": _TEXTS},
            {"excludedLocations": _TEXTS},
        ),
        "platforms": _block(
            f"{_CONDITIONS}Platforms",
            {"includedPlatforms": _PLATFORMS},
            {"excludedPlatforms": _PLATFORMS},
        ),
        "servicePrincipalRiskLevels": Many(Text(("low", "medium", "high", "none"))),
        "signInRiskLevels": _USER_RISK_LEVELS,
        "userRiskLevels": _USER_RISK_LEVELS,
    },
)

_POLICY_FIELDS = _block(
    "ConditionalAccessPolicy",
    {
        "conditions": _CONDITIONS_FIELDS,
        "displayName": Text(),
        "state": Text(("enabled", "disabled", "enabledForReportingButNotEnforced")),
    },
    {
        "grantControls": _block(
            "ConditionalAccessPolicyGrantControls",
            {"operator": Text(("AND", "OR"))},
            {
                "authenticationStrengthPolicyId": StrengthId(),
                "builtInControls": Many(
                    Text(
                        (
                            "block",
                            "mfa",
                            "approvedApplication",
                            "compliantApplication",
                            "compliantDevice",
                            "domainJoinedDevice",
                            "passwordChange",
                        )
                    )
                ),
                "customAuthenticationFactors": _TEXTS,
                "termsOfUses": _TEXTS,
            },
        ),
        "sessionControls": _block(
            "ConditionalAccessPolicySessionControls",
            {},
            {
                "applicationEnforcedRestrictionsEnabled": Flag(),
                "cloudAppSecurityPolicy": Text(("blockDownloads", "mcasConfigured", "monitorOnly")),
                "disableResilienceDefaults": Flag(),
                "persistentBrowserMode": Text(("always", "never")),
                "signInFrequency": Count(),
                "signInFrequencyAuthenticationType": Text(
                    ("primaryAndSecondaryAuthentication", "secondaryAuthentication")
                ),
                "signInFrequencyInterval": Text(("timeBased", "everyTime")),
                "signInFrequencyPeriod": Text(("hours", "days")),
            },
        ),
    },
)

RESOURCES: Mapping[str, Block] = {LOCATION: _LOCATION_FIELDS, POLICY: _POLICY_FIELDS}

PROVIDER_INPUTS = frozenset(
    {
        "adoPipelineServiceConnectionId",
        "clientCertificate",
        "clientCertificatePassword",
        "clientCertificatePath",
        "clientId",
        "clientIdFilePath",
        "clientSecret",
        "clientSecretFilePath",
        "disableTerraformPartnerId",
        "environment",
        "metadataHost",
        "msiEndpoint",
        "oidcRequestToken",
        "oidcRequestUrl",
        "oidcToken",
        "oidcTokenFilePath",
        "partnerId",
        "tenantId",
        "useAksWorkloadIdentity",
        "useCli",
        "useMsi",
        "useOidc",
    }
)


def package() -> str:
    """Give the schema of the package as JSON, for the types of this table."""
    types: dict[str, Any] = {}
    resources = {}
    for token, block in RESOURCES.items():
        inputs = {name: _spec(kind, types) for name, kind in block.fields.items()}
        identity = {"objectId": {"type": "string"}}
        resources[token] = {
            "properties": inputs | identity,
            "required": sorted(block.required | identity.keys()),
            "inputProperties": inputs,
            "requiredInputs": sorted(block.required),
        }
    provider = {name: {"type": "string"} for name in sorted(PROVIDER_INPUTS)}
    document = {
        "name": "azuread",
        "version": VERSION,
        "config": {"variables": provider},
        "provider": {"inputProperties": provider},
        "types": types,
        "resources": resources,
    }
    return json.dumps(document)


def _spec(kind: Kind, types: dict[str, Any]) -> dict[str, Any]:
    match kind:
        case Block():
            token = f"azuread:index/{kind.name}:{kind.name}"
            types[token] = {
                "type": "object",
                "properties": {name: _spec(each, types) for name, each in kind.fields.items()},
                "required": sorted(kind.required),
            }
            return {"$ref": f"#/types/{token}"}
        case Many():
            return {"type": "array", "items": _spec(kind.of, types)}
        case Flag():
            return {"type": "boolean"}
        case Count():
            return {"type": "integer"}
        case _:
            return {"type": "string"}
