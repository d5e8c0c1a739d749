"""Who changed what in a tenant, and when: Entra's audit log, where it may be read."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from ostiary.tenant.deviations import Touch
from ostiary.tenant.graph import Graph, GraphError
from ostiary.tenant.shapes import DirectoryAudit, read


def last_changes(graph: Graph, ids: Iterable[str]) -> dict[str, Touch] | None:
    """Give the last change of each object that the log knows of; None where it may not be read.

    Entra keeps the log for 7 or 30 days:
    https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention
    """
    wanted = {each.lower() for each in ids}
    found: dict[str, Touch] = {}
    entries = graph.pages(
        "auditLogs/directoryAudits",
        filter="loggedByService eq 'Conditional Access'",
        orderby="activityDateTime desc",
    )
    try:
        while wanted and (entry := next(entries, None)):
            audit = read(DirectoryAudit, entry)
            for target in audit.target_resources if audit.result == "success" else ():
                identity = (target.id or "").lower()
                if identity in wanted:
                    wanted.remove(identity)
                    found[identity] = Touch(
                        str(audit.initiated_by),
                        audit.activity_date_time,
                        audit.activity_display_name,
                    )
    except GraphError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return None
    return found
