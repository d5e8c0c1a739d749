"""What a tenant has from its first day, and its own beside it: roles, strengths, licences, terms.

What an admin put for the tenant comes after what is built in.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from ostiary.sandbox.answers import Answer, Json, RefusalError
from ostiary.sandbox.directory import absent
from ostiary.sandbox.filters import filtered
from ostiary.sandbox.graph_call import (
    Call,
    Routes,
    context,
    page,
    require,
    require_in_directory,
    selected,
)
from ostiary.sandbox.store import Store, Tenant

# The roles of Microsoft's template "Require multifactor authentication for administrators", and
# the two readers: https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
_ROLES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Authentication Administrator": "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "Billing Administrator": "b0f54661-2d74-4c50-afa3-1ec803f12efe",
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Conditional Access Administrator": "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "Password Administrator": "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "SharePoint Administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
}
_RESISTANT = ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor")
_PASSWORDLESS = (*_RESISTANT, "deviceBasedPush")
_SECOND_FACTORS = ("softwareOath", "hardwareOath", "sms", "voice")
_MULTIFACTOR = (
    *_PASSWORDLESS,
    "temporaryAccessPassOneTime",
    "temporaryAccessPassMultiUse",
    "password,microsoftAuthenticatorPush",
    *(f"password,{each}" for each in _SECOND_FACTORS),
    "federatedMultiFactor",
    "microsoftAuthenticatorPush,federatedSingleFactor",
    *(f"{each},federatedSingleFactor" for each in _SECOND_FACTORS),
)


def _strength(number: int, name: str, combinations: tuple[str, ...]) -> Json:
    return {
        "id": f"00000000-0000-0000-0000-{number:012}",
        "createdDateTime": "2021-12-01T00:00:00Z",
        "modifiedDateTime": "2021-12-01T00:00:00Z",
        "displayName": name,
        "description": "",
        "policyType": "builtIn",
        "requirementsSatisfied": "mfa",
        "allowedCombinations": list(combinations),
        "combinationConfigurations": [],
    }


# https://learn.microsoft.com/graph/api/authenticationstrengthroot-list-policies
STRENGTHS = {
    strength["id"]: strength
    for strength in (
        _strength(2, "Multifactor authentication", _MULTIFACTOR),
        _strength(3, "Passwordless MFA", _PASSWORDLESS),
        _strength(4, "Phishing-resistant MFA", _RESISTANT),
    )
}
_P1 = ("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM")
_P2 = ("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AAD_PREMIUM_P2")
_INTUNE = ("c1ec4a95-1f05-45b3-a911-aa3fa01094f5", "INTUNE_A")
# Part number → id and service plans, of which there are more:
# https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
LICENCES = {
    "AAD_PREMIUM": ("078d2b04-f1bd-4111-bbd4-b4b1b354cef4", (_P1,)),
    "AAD_PREMIUM_P2": ("84a661c4-e949-4bd2-a560-ed7766fcaf2b", (_P1, _P2)),
    "INTUNE_A": ("061f9ace-7d42-4136-88ac-31dc755f143f", (_INTUNE,)),
}


def roles(call: Call) -> Answer:
    """`GET /roleManagement/directory/roleDefinitions`."""
    require_in_directory(call, "RoleManagement.Read.Directory", "Directory.Read.All")
    built_in = [
        {"id": role, "templateId": role, "displayName": name, "isBuiltIn": True, "isEnabled": True}
        for name, role in _ROLES.items()
    ]
    found = [*built_in, *call.store.objects(call.tenant.id, "roleDefinitions")]
    known = {"id", "displayName", "templateId", "isBuiltIn"}
    return Answer(200, page(call, filtered(found, call.query.get("$filter"), known)))


def role_templates(call: Call) -> Answer:
    """`GET /directoryRoleTemplates`."""
    require_in_directory(call, "RoleManagement.Read.Directory", "Directory.Read.All")
    _one_page(call)
    found = [{"id": role, "displayName": name} for name, role in _ROLES.items()]
    return Answer(200, page(call, found))


def strengths(call: Call) -> Answer:
    """`GET /policies/authenticationStrengthPolicies`."""
    require(call, "Policy.Read.All", "Policy.Read.AuthenticationMethod")
    found = [*STRENGTHS.values(), *call.store.objects(call.tenant.id, "authenticationStrengths")]
    kept = filtered(found, call.query.get("$filter"), {"policyType", "displayName"})
    return Answer(200, page(call, kept))


def strength(call: Call) -> Answer:
    """`GET /policies/authenticationStrengthPolicies/{id}`."""
    require(call, "Policy.Read.All", "Policy.Read.AuthenticationMethod")
    key = call.segments["id"].lower()
    own = call.store.object(call.tenant.id, "authenticationStrengths", key)
    found = STRENGTHS.get(key) or own
    if found is None:
        raise absent(key)
    heading = context(call.root, "policies/authenticationStrengthPolicies/$entity")
    return Answer(200, {"@odata.context": heading} | selected(call, found))


def security_defaults(call: Call) -> Answer:
    """`GET /policies/identitySecurityDefaultsEnforcementPolicy`."""
    require(call, "Policy.Read.All")
    body = {
        "@odata.context": context(
            call.root, "policies/identitySecurityDefaultsEnforcementPolicy/$entity"
        ),
        "id": "00000000-0000-0000-0000-000000000005",
        "displayName": "Security Defaults",
        "isEnabled": call.tenant.security_defaults,
    }
    return Answer(200, body)


def agreements(call: Call) -> Answer:
    """`GET /identityGovernance/termsOfUse/agreements`.

    https://learn.microsoft.com/graph/api/termsofusecontainer-list-agreements says that no
    application may, although the role `Agreement.Read.All` is granted to applications for nothing
    else (https://learn.microsoft.com/graph/permissions-reference); that the role does is assumed.
    """
    require_in_directory(call, "Agreement.Read.All", "Agreement.ReadWrite.All")
    found = call.store.objects(call.tenant.id, "agreements")
    kept = filtered(found, call.query.get("$filter"), {"id", "displayName"})
    return Answer(200, page(call, kept))


def licences(call: Call) -> Answer:
    """`GET /subscribedSkus`."""
    require_in_directory(
        call, "LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"
    )
    _one_page(call)
    return Answer(200, page(call, bought(call.store, call.tenant)))


def bought(store: Store, tenant: Tenant) -> list[Json]:
    """Give the subscriptions of a tenant."""
    usual = [_subscription(tenant.id, each) for each in tenant.licences]
    return [*usual, *store.objects(tenant.id, "subscribedSkus")]


def _subscription(tenant_id: str, part_number: str) -> Json:
    sku_id, plans = LICENCES[part_number]
    return {
        "accountId": tenant_id,
        "accountName": "Sandbox",
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": 0,
        "id": f"{tenant_id}_{sku_id}",
        "prepaidUnits": {"enabled": 25, "lockedOut": 0, "suspended": 0, "warning": 0},
        "servicePlans": [
            {
                "servicePlanId": plan_id,
                "servicePlanName": plan,
                "provisioningStatus": "Success",
                "appliesTo": "User",
            }
            for plan_id, plan in plans
        ],
        "skuId": sku_id,
        "skuPartNumber": part_number,
        "subscriptionIds": [str(uuid5(NAMESPACE_URL, f"{tenant_id}/{sku_id}"))],
    }


def _one_page(call: Call) -> None:
    """Refuse a page size, as https://learn.microsoft.com/graph/paging says some resources do."""
    if "$top" in call.query:
        raise RefusalError(
            400,
            "Request_UnsupportedQuery",
            "This resource does not support custom page sizes. Please retry without a page size"
            " argument.",
        )


def organization(call: Call) -> Answer:
    """`GET /organization`: one, whose id is the tenant's."""
    require_in_directory(call, "Organization.Read.All", "Directory.Read.All")
    return Answer(200, page(call, [own_organization(call.store, call.tenant.id)]))


def own_organization(store: Store, tenant_id: str) -> Json:
    """Give the organization of a tenant, as it was put or as it is from the first."""
    domain = {
        "capabilities": "Email, OfficeCommunicationsOnline",
        "isDefault": True,
        "isInitial": True,
        "name": f"sandbox{tenant_id[:8]}.onmicrosoft.com",
        "type": "Managed",
    }
    new = {
        "id": tenant_id,
        "displayName": "Sandbox",
        "onPremisesSyncEnabled": None,
        "verifiedDomains": [domain],
    }
    return new | (store.object(tenant_id, "organization", tenant_id) or {})


ROUTES: Routes = (
    ("GET", "organization", organization),
    ("GET", "subscribedSkus", licences),
    ("GET", "roleManagement/directory/roleDefinitions", roles),
    ("GET", "directoryRoleTemplates", role_templates),
    ("GET", "policies/identitySecurityDefaultsEnforcementPolicy", security_defaults),
    ("GET", "policies/authenticationStrengthPolicies", strengths),
    ("GET", "policies/authenticationStrengthPolicies/{id}", strength),
    ("GET", "identityGovernance/termsOfUse/agreements", agreements),
)
