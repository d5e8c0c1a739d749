"""The directory of the sandbox tenant: what an environment names is made to exist there."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ostiary.model.resolve import Resolved
from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.preflight import named
from ostiary.tenant.preflight.licences import LICENCES

Json = dict[str, Any]


def furnish(running: Running, resolved: Resolved) -> None:
    """Put what is missing into the tenant's directory; what is there stays as it is.

    Each emergency access group gets one member who can sign in, and the tenant every licence.
    """
    there = {
        str(each["id"]).lower()
        for kind, objects in running.directory(resolved.tenant_id).items()
        if kind not in {"organization", "licences"}
        for each in objects
    }
    wanted = _directory(resolved)
    missing = {
        kind: [each for each in objects if each["id"] not in there]
        for kind, objects in wanted.items()
    }
    if any(missing.values()):
        running.furnish(resolved.tenant_id, missing)


def _directory(resolved: Resolved) -> dict[str, list[Json]]:
    emergency = {group for of in resolved.emergency_access for group in of.groups}
    accounts = {group: str(uuid5(NAMESPACE_URL, f"emergency:{group}")) for group in emergency}
    return {
        "users": [
            {**_named(each, resolved), "userPrincipalName": f"{each}@sandbox.example"}
            for each in sorted({*named.users(resolved), *accounts.values()})
        ],
        "groups": [
            {**_named(each, resolved), "members": [accounts[each]] if each in accounts else []}
            for each in sorted(named.groups(resolved))
        ],
        "servicePrincipals": [
            *(
                {**_named(each, resolved), "appId": str(uuid5(NAMESPACE_URL, f"app:{each}"))}
                for each in sorted(named.service_principals(resolved))
            ),
            *(
                {
                    **_named(each, resolved),
                    "id": str(uuid5(NAMESPACE_URL, f"principal:{each}")),
                    "appId": each,
                }
                for each in sorted(named.applications(resolved))
            ),
        ],
        "authenticationStrengths": [
            _named(each, resolved) for each in sorted(named.strengths(resolved))
        ],
        "agreements": [_named(each, resolved) for each in sorted(named.terms_of_use(resolved))],
        "subscribedSkus": [
            {
                "id": str(uuid5(NAMESPACE_URL, f"licences:{resolved.tenant_id}")),
                "skuPartNumber": "SANDBOX",
                "servicePlans": [
                    {"servicePlanName": plan, "provisioningStatus": "Success"}
                    for plan in sorted({plan for each in LICENCES for plan in each.plans})
                ],
            }
        ],
    }


def _named(identity: str, resolved: Resolved) -> Json:
    return {"id": identity, "displayName": resolved.names.get(identity, "Emergency access")}
