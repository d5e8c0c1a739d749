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
# The provider does not take `hidden` here.
ServicePrincipalRiskLevel = Literal["low", "medium", "high", "none"]
InsiderRiskLevel = Literal["minor", "moderate", "elevated"]
AuthenticationFlow = Literal["deviceCodeFlow", "authenticationTransfer"]
ApplicationUserAction = Literal["urn:user:registersecurityinfo", "urn:user:registerdevice"]
FilterMode = Literal["include", "exclude"]
Operator = Literal["AND", "OR"]
BuiltInControl = Literal[
    "block",
    "mfa",
    "compliantDevice",
    "domainJoinedDevice",
    "compliantApplication",
    "passwordChange",
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

# Application (client) ids of Microsoft's own resources that policies name; never a public client
# such as Azure CLI, which a policy cannot target.  Each was found in two public sources, half in
# https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
WELL_KNOWN_APPLICATIONS = {
    "Azure DevOps": "499b84ac-1321-427f-aa17-267ca6975798",
    "Azure Key Vault": "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
    "Azure SQL Database": "022907d3-0f1b-48f7-badc-1ba6abab6d66",
    "Azure Storage": "e406a681-f3d4-42a8-90b6-c2b029497af1",
    "Azure Virtual Desktop": "9cdead84-a844-4324-93f2-b2e6bb768d07",
    "Dataverse": "00000007-0000-0000-c000-000000000000",
    "Device Registration Service": "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9",
    "Microsoft Azure Windows Virtual Machine Sign-in": "372140e0-b3b7-4226-8ef9-d57986796201",
    "Microsoft Graph": "00000003-0000-0000-c000-000000000000",
    "Microsoft Intune": "0000000a-0000-0000-c000-000000000000",
    "Microsoft Intune Enrollment": "d4ebce55-015a-49b5-a083-c84d1797ae8c",
    "Microsoft Teams Services": "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe",
    "Office 365 Exchange Online": "00000002-0000-0ff1-ce00-000000000000",
    "Office 365 SharePoint Online": "00000003-0000-0ff1-ce00-000000000000",
    "Power BI Service": "00000009-0000-0000-c000-000000000000",
    "Windows 365": "0af06dc6-e4b5-4f28-818e-e78e62d137a5",
    "Windows Azure Active Directory": "00000002-0000-0000-c000-000000000000",
    "Windows Azure Service Management API": "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "Windows Cloud Login": "270efc09-cd0d-444b-a71f-39af4910ec45",
    "Windows Store for Business": "45a330b1-b1ec-4cc1-9161-9f03992aa49f",
}

# https://learn.microsoft.com/entra/identity/authentication/concept-authentication-strengths
AUTHENTICATION_STRENGTHS = {
    "Multifactor authentication": "00000000-0000-0000-0000-000000000002",
    "Passwordless MFA": "00000000-0000-0000-0000-000000000003",
    "Phishing-resistant MFA": "00000000-0000-0000-0000-000000000004",
}

# Named locations that every tenant has; country locations and these have no file.
# https://learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network
WELL_KNOWN_LOCATIONS = {
    "Multifactor authentication trusted IPs": "00000000-0000-0000-0000-000000000000",
}
