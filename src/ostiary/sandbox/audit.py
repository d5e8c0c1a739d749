"""The audit log: who changed which policy or location, when, and how.

https://learn.microsoft.com/graph/api/resources/directoryaudit.  An entry is there at once, and
stays: Entra takes some minutes, and keeps it for 7 or 30 days.
"""

from __future__ import annotations

import json
from uuid import uuid4

from ostiary.sandbox.answers import Answer, Json
from ostiary.sandbox.graph_call import Call, Collection, Routes, now
from ostiary.sandbox.logs import log_page, require_log_reader

_NAMES = {
    "policies": ("conditional access policy", "ConditionalAccessPolicy"),
    "namedLocations": ("named location", "NamedLocation"),
}
_FILTERS = frozenset(
    {
        "activityDateTime",
        "activityDisplayName",
        "category",
        "correlationId",
        "id",
        "initiatedBy/app/appId",
        "initiatedBy/app/displayName",
        "initiatedBy/user/id",
        "initiatedBy/user/userPrincipalName",
        "loggedByService",
        "result",
        "targetResources",
    }
)


def record(call: Call, verb: str, kind: Collection, *, old: Json | None, new: Json | None) -> None:
    """Enter a change in the audit log; `verb` is Add, Update, Delete or Restore.

    The entry is shaped like the ones in the tests of
    https://github.com/panther-labs/panther-analysis, whose values have no null in them; the last
    verb, and the name of a location's values, are assumed.
    """
    what, property_name = _NAMES[kind]
    subject = new or old or {}
    correlation = str(uuid4())
    values = {"oldValue": _value(old), "newValue": _value(new)}
    target = {
        "id": subject["id"],
        "displayName": subject["displayName"],
        "type": "Policy",
        "userPrincipalName": None,
        "groupType": None,
        "modifiedProperties": [{"displayName": property_name} | values],
    }
    entry = {
        "id": f"IPCGraph_{correlation}",
        "category": "Policy",
        "correlationId": correlation,
        "result": "success",
        "resultReason": None,
        "activityDisplayName": f"{verb} {what}",
        "activityDateTime": now(),
        "loggedByService": "Conditional Access",
        "operationType": verb,
        "initiatedBy": _initiator(call.claims),
        "targetResources": [target],
        "additionalDetails": [{"key": "Category", "value": "Conditional Access"}],
    }
    call.store.put(call.tenant.id, "directoryAudits", entry)


def _value(body: Json | None) -> str | None:
    return None if body is None else json.dumps(_without_null(body), separators=(",", ":"))


def _without_null(value: Json) -> Json:
    return {
        name: _without_null(each) if isinstance(each, dict) else each
        for name, each in value.items()
        if each is not None
    }


def _initiator(claims: Json) -> Json:
    """Name who a token was issued to; of a person Graph gives no display name here."""
    if claims["idtyp"] == "user":
        person = {
            "id": claims["oid"],
            "displayName": None,
            "userPrincipalName": claims["upn"],
            "ipAddress": claims["ipaddr"],
        }
        return {"app": None, "user": person}
    app = {
        "appId": claims["appid"],
        "displayName": claims["app_displayname"],
        "servicePrincipalId": claims["oid"],
        "servicePrincipalName": None,
    }
    return {"app": app, "user": None}


def audits(call: Call) -> Answer:
    """`GET /auditLogs/directoryAudits`."""
    require_log_reader(call)
    found = call.store.objects(call.tenant.id, "directoryAudits")
    return log_page(call, found, "activityDateTime", _FILTERS)


ROUTES: Routes = (("GET", "auditLogs/directoryAudits", audits),)
