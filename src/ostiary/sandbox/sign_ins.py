"""The sign-in log, whose entries an admin puts: see `ostiary.sandbox.furnishing`.

https://learn.microsoft.com/graph/api/resources/signin
"""

from __future__ import annotations

from ostiary.sandbox.answers import Answer, RefusalError
from ostiary.sandbox.catalogs import bought
from ostiary.sandbox.graph_call import Call, Routes
from ostiary.sandbox.logs import log_page, require_log_reader

_FILTERS = frozenset(
    {
        "appDisplayName",
        "appId",
        "conditionalAccessStatus",
        "correlationId",
        "createdDateTime",
        "id",
        "ipAddress",
        "isInteractive",
        "status/errorCode",
        "userDisplayName",
        "userId",
        "userPrincipalName",
    }
)
# https://learn.microsoft.com/graph/api/resources/signin: the rest is in beta only, what tells a
# device code flow among it.
_PROPERTIES = frozenset(
    {
        "appDisplayName",
        "appId",
        "appliedConditionalAccessPolicies",
        "clientAppUsed",
        "conditionalAccessStatus",
        "correlationId",
        "createdDateTime",
        "deviceDetail",
        "id",
        "ipAddress",
        "isInteractive",
        "location",
        "resourceDisplayName",
        "resourceId",
        "riskDetail",
        "riskEventTypes",
        "riskEventTypes_v2",
        "riskLevelAggregated",
        "riskLevelDuringSignIn",
        "riskState",
        "status",
        "userDisplayName",
        "userId",
        "userPrincipalName",
    }
)


def sign_ins(call: Call) -> Answer:
    """`GET /auditLogs/signIns`: v1.0 knows the interactive ones only, beta shows them unless asked.

    https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
    """
    require_log_reader(call)
    plans = {
        plan["servicePlanName"]
        for sku in bought(call.store, call.tenant)
        for plan in sku["servicePlans"]
    }
    if not plans & {"AAD_PREMIUM", "AAD_PREMIUM_P2"}:
        raise RefusalError(
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        )
    found = call.store.objects(call.tenant.id, "signIns")
    if "signInEventTypes" not in call.query.get("$filter", ""):
        found = [each for each in found if "interactiveUser" in each["signInEventTypes"]]
    if not call.roles & {"Policy.Read.All", "Policy.Read.ConditionalAccess"}:
        # What is shown in place of it is assumed.
        found = [each | {"appliedConditionalAccessPolicies": []} for each in found]
    if call.beta:
        return log_page(call, found, "createdDateTime", _FILTERS | {"signInEventTypes"})
    found = [{name: each[name] for name in each if name in _PROPERTIES} for each in found]
    return log_page(call, found, "createdDateTime", _FILTERS)


ROUTES: Routes = (("GET", "auditLogs/signIns", sign_ins),)
