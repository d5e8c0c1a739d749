"""Microsoft Graph's enumerations, well-known ids and documented limits, as data.

Only values that Graph v1.0 accepts and pulumi-azuread 6.11 can express; what is left out is named
where a user may meet it (`spec.unsupported`).
Source: https://learn.microsoft.com/graph/api/resources/conditionalaccessconditionset
"""

from __future__ import annotations

from typing import Literal

State = Literal["enabled", "disabled", "enabledForReportingButNotEnforced"]
ClientAppType = Literal[
    "all", "browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other"
]
DevicePlatform = Literal["all", "android", "iOS", "windows", "windowsPhone", "macOS", "linux"]
RiskLevel = Literal["low", "medium", "high", "hidden", "none"]
InsiderRiskLevel = Literal["minor", "moderate", "elevated"]
AuthenticationFlow = Literal["deviceCodeFlow", "authenticationTransfer"]
ApplicationUserAction = Literal["urn:user:registersecurityinfo", "urn:user:registerdevice"]
FilterMode = Literal["include", "exclude"]
Operator = Literal["AND", "OR"]
BuiltInControl = Literal[
    "block", "mfa", "compliantDevice", "domainJoinedDevice", "compliantApplication", "passwordChange"
]
GuestOrExternalUserType = Literal[
    "internalGuest",
    "b2bCollaborationGuest",
    "b2bCollaborationMember",
    "b2bDirectConnectUser",
    "otherExternalUser",
    "serviceProvider",
]
CloudAppSecurityType = Literal["mcasConfigured", "monitorOnly", "blockDownloads"]
PersistentBrowserMode = Literal["always", "never"]
SignInFrequencyType = Literal["hours", "days"]
SignInFrequencyAuthenticationType = Literal[
    "primaryAndSecondaryAuthentication", "secondaryAuthentication"
]
CountryLookupMethod = Literal["clientIpAddress", "authenticatorAppGps"]

# https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-policies
POLICIES_PER_TENANT = 240
POLICIES_PER_TENANT_WARNING = 180
# https://learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network
IP_NAMED_LOCATIONS_PER_TENANT = 195
RANGES_PER_NAMED_LOCATION = 2000
WIDEST_PREFIX = 8
# https://learn.microsoft.com/entra/identity/conditional-access/concept-condition-filters-for-devices
DEVICE_FILTER_LENGTH = 3072
# https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy
DISPLAY_NAME_LENGTH = 256

# Keywords that stand for themselves in a list of applications.
APPLICATION_KEYWORDS = ("All", "None", "Office365", "MicrosoftAdminPortals")

# Application (client) ids of Microsoft's own resources that policies name most often.
WELL_KNOWN_APPLICATIONS = {
    "Windows Azure Service Management API": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "Device Registration Service": "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9",
}

# https://learn.microsoft.com/entra/identity/authentication/concept-authentication-strengths
AUTHENTICATION_STRENGTHS = {
    "Multifactor authentication": "00000000-0000-0000-0000-000000000002",
    "Passwordless MFA": "00000000-0000-0000-0000-000000000003",
    "Phishing-resistant MFA": "00000000-0000-0000-0000-000000000004",
}
