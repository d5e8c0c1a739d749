"""What the two logs of a tenant have in common: who may read them, their order and their pages.

https://learn.microsoft.com/graph/api/directoryaudit-list and
https://learn.microsoft.com/graph/api/signin-list
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ostiary.sandbox.answers import Answer, Json, RefusalError, bad_request
from ostiary.sandbox.filters import filtered
from ostiary.sandbox.graph_call import OPTIONS, Call, page

if TYPE_CHECKING:
    from collections.abc import Collection

PAGE = 1000


def require_log_reader(call: Call) -> None:
    """Refuse who may not read logs, in the logs' own words.

    The page of the audit log names Directory.Read.All too, which Graph does not ask for.
    """
    if "AuditLog.Read.All" not in call.roles:
        raise RefusalError(
            403,
            "Authentication_MSGraphPermissionMissing",
            "The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All"
            " to call this API. For more information about Microsoft Graph permissions, please"
            " visit https://learn.microsoft.com/graph/permissions-overview.",
        )


def log_page(call: Call, found: list[Json], moment: str, filters: Collection[str]) -> Answer:
    """Give a page of a log, newest first unless `$orderby` asks otherwise.

    `moment` is the property that holds an entry's time, `filters` are the ones `$filter` knows.
    """
    order = call.query.get("$orderby", f"{moment} desc")
    if order not in {moment, f"{moment} asc", f"{moment} desc"}:
        raise bad_request(f"$orderby knows {moment} only.")
    kept = sorted(
        filtered(found, call.query.get("$filter"), filters),
        key=lambda each: datetime.fromisoformat(each[moment]),
        reverse=order.endswith(" desc"),
    )
    options = OPTIONS | {"$orderby"}
    return Answer(200, page(call, kept, usual=PAGE, largest=PAGE, options=options))
