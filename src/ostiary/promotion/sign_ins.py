"""Sign-ins as Graph lists them → what a report-only policy would have refused.

Shape: https://learn.microsoft.com/graph/api/resources/signin and
https://learn.microsoft.com/graph/api/resources/appliedconditionalaccesspolicy
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostiary.errors import OstiaryError

# The user would have been refused, or asked for something: https://learn.microsoft.com/entra/
# identity/conditional-access/concept-conditional-access-report-only#policy-results
FAILURES = frozenset({"reportOnlyFailure", "reportOnlyInterrupted"})


@dataclass(frozen=True, slots=True)
class Reported:
    """What one report-only policy said of one sign-in."""

    sign_in: str
    at: datetime
    user: str
    user_id: str
    policy_id: str
    policy: str
    result: str


@dataclass(frozen=True, slots=True)
class Log:
    """What report-only policies said, in sign-ins between `first` and `last`; None without any."""

    reported: tuple[Reported, ...]
    first: datetime | None
    last: datetime | None

    def of(self, display_name: str) -> list[Reported]:
        """Give what one policy said, also under a former display name.

        Two policies that share a name share what is said here.
        """
        ids = {each.policy_id for each in self.reported if each.policy == display_name}
        return [each for each in self.reported if each.policy_id in ids]


def read_log(files: Iterable[Path]) -> Log:
    """Read pages of Graph's `auditLogs/signIns`, or lists of sign-ins; each sign-in counts once.

    Raises OstiaryError with the name of a file that holds something else.
    """
    days: list[datetime] = []
    reported: dict[tuple[str, str], Reported] = {}
    for file in files:
        try:
            for sign_in in _sign_ins(json.loads(file.read_text(encoding="utf-8-sig"))):
                at = datetime.fromisoformat(sign_in["createdDateTime"]).astimezone(UTC)
                days.append(at)
                for each in _reported(sign_in, at):
                    reported[each.sign_in, each.policy_id] = each
        except OSError as error:
            raise OstiaryError(f"`{file}` cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise OstiaryError(
                f"`{file}` does not hold sign-ins as Graph lists them",
                hint="save the answer of GET /v1.0/auditLogs/signIns as it came, as JSON",
            ) from None
    return Log(tuple(reported.values()), min(days, default=None), max(days, default=None))


def _sign_ins(data: Any) -> Iterator[dict[str, Any]]:
    yield from data["value"] if isinstance(data, dict) else data


def _reported(sign_in: dict[str, Any], at: datetime) -> Iterator[Reported]:
    for policy in sign_in.get("appliedConditionalAccessPolicies") or ():
        if str(policy["result"]).startswith("reportOnly"):
            yield Reported(
                sign_in=sign_in["id"],
                at=at,
                user=sign_in.get("userPrincipalName") or "",
                user_id=sign_in.get("userId") or "",
                policy_id=policy["id"],
                policy=policy["displayName"],
                result=policy["result"],
            )
