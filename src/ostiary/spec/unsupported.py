"""What Microsoft Graph has and pulumi-azuread cannot express, each with its reason.

A key or value found here is refused with that reason, so that nobody takes it for a typing error
or believes that it was deployed.  Checked against the inputs of pulumi-azuread 6.11.1.
"""

from __future__ import annotations

_NO_INPUT = "pulumi-azuread has no input for it"
_GRAPHS_OWN = "Graph sets it itself"
_DEVICE_STATE = "Microsoft replaced device state by the device filter"

# By the key's route without list indices, joined with dots.
KEYS = {
    "conditions.applications.includeAuthenticationContextClassReferences": (
        "authentication contexts cannot be targeted: " + _NO_INPUT
    ),
    "conditions.applications.globalSecureAccess": (
        "Global Secure Access traffic profiles cannot be targeted: " + _NO_INPUT
    ),
    "conditions.applications.networkAccess": (
        "Global Secure Access traffic profiles cannot be targeted: " + _NO_INPUT
    ),
    "conditions.agentIdRiskLevels": "agent risk cannot be a condition: " + _NO_INPUT,
    "conditions.deviceStates": _DEVICE_STATE,
    "conditions.devices.includeDevices": _DEVICE_STATE,
    "conditions.devices.excludeDevices": _DEVICE_STATE,
    "conditions.devices.includeDeviceStates": _DEVICE_STATE,
    "conditions.devices.excludeDeviceStates": _DEVICE_STATE,
    "conditions.times": "time conditions are not part of Graph v1.0",
    "conditions.clientApplications.includeAgentIdServicePrincipals": (
        "agent identities cannot be targeted: " + _NO_INPUT
    ),
    "conditions.clientApplications.excludeAgentIdServicePrincipals": (
        "agent identities cannot be targeted: " + _NO_INPUT
    ),
    "conditions.clientApplications.agentIdServicePrincipalFilter": (
        "agent identities cannot be targeted: " + _NO_INPUT
    ),
    "sessionControls.secureSignInSession": "token protection cannot be required: " + _NO_INPUT,
    "sessionControls.continuousAccessEvaluation": (
        "continuous access evaluation cannot be set: " + _NO_INPUT
    ),
    "sessionControls.globalSecureAccessFilteringProfile": (
        "a Global Secure Access profile cannot be set: " + _NO_INPUT
    ),
    "grantControls.authenticationStrength@odata.context": _GRAPHS_OWN,
    "id": _GRAPHS_OWN,
    "templateId": "a policy made from Microsoft's template cannot be told so: " + _NO_INPUT,
    "createdDateTime": _GRAPHS_OWN,
    "modifiedDateTime": _GRAPHS_OWN,
    "deletedDateTime": _GRAPHS_OWN,
    "partialEnablementStrategy": _NO_INPUT,
    "description": "a policy cannot carry a description: " + _NO_INPUT + "; use a comment",
    "@odata.type": "`type` says which kind of named location this is",
}

# By value, wherever an enumeration is asked for.
VALUES = {
    "unknownFutureValue": "Graph's mark for a value that it does not tell; it means nothing here",
    "approvedApplication": (
        "Microsoft no longer accepts it in new or changed policies; use `compliantApplication`"
    ),
    "riskRemediation": "risk remediation cannot be required: " + _NO_INPUT,
    "verifiedID": "Verified ID cannot be required: " + _NO_INPUT,
    "GuestsOrExternalUsers": "Graph's legacy word; list the types in includeGuestsOrExternalUsers",
    "strict": "strict enforcement cannot be set: " + _NO_INPUT,
    "AllAgentIdResources": "agent resources cannot be targeted: " + _NO_INPUT,
    "AllAgentIdUsers": "agent users cannot be targeted: " + _NO_INPUT,
}
