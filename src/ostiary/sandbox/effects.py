"""What the faults that are switched on do to one request."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from ostiary.sandbox.answers import Answer, Json, RefusalError
from ostiary.sandbox.faults import Fault
from ostiary.sandbox.graph_call import Collection, entity, missing, preview_features
from ostiary.sandbox.graph_rules import referenced_locations, unknown_location
from ostiary.sandbox.store import Echo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ostiary.sandbox.store import Store

_OBJECT = re.compile(
    r"/(?:v1\.0|beta)/identity/conditionalAccess/(?P<kind>policies|namedLocations)(?:/(?P<id>[^/]+))?"
)
_POLICY_WRITES = frozenset({"POST", "PATCH"})
# What a kind is about, whatever the fault's own pattern says; other kinds are about any request.
_METHODS = {
    "not_found_after_create": frozenset({"POST"}),
    "stale_reads": frozenset({"POST", "PATCH", "DELETE"}),
    "reordered_lists": frozenset({"GET"}),
    "unknown_enum": frozenset({"GET"}),
    "beta_only": frozenset({"GET"}),
    "location_too_new": _POLICY_WRITES,
}
_WHOLE_LIST = ""  # the id under which an echo waits for a list
_KNOWS_NEW_MEMBERS = "include-unknown-enum-members"


class DroppedError(Exception):
    """The connection is to be cut instead of answered."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the faults look at in a request; `origin` is `https://host:port`."""

    origin: str
    method: str
    path: str
    tenant: str | None
    body: Any
    headers: Mapping[str, str]

    @property
    def kind(self) -> Collection | None:
        """The collection the path is in, if it is one of Conditional Access."""
        match = _OBJECT.fullmatch(self.path)
        return cast("Collection", match["kind"]) if match else None

    @property
    def object_id(self) -> str | None:
        """The id at the end of the path."""
        match = _OBJECT.fullmatch(self.path)
        return match["id"].lower() if match and match["id"] else None

    @property
    def root(self) -> str:
        """The version of Graph that is asked, `https://host:port/v1.0`."""
        return f"{self.origin}/{self.path.split('/')[1]}"

    @property
    def locations(self) -> list[str]:
        """The named locations that a policy in the body names."""
        try:
            return list(referenced_locations(self.body))
        except (TypeError, KeyError, AttributeError):
            return []


def fire(store: Store, target: Target) -> list[Fault]:
    """Give the faults that fire on this request, and count it for all that it matches."""
    fired = []
    for position, settings, seen in store.faults():
        fault = Fault(**settings)
        if fault.matches(target.method, target.path, target.tenant) and _is_about(fault, target):
            store.count_fault(position)
            if fault.fires(seen) and not _passes(store, fault, target):
                fired.append(fault)
    return fired


def _passes(store: Store, fault: Fault, target: Target) -> bool:
    """Tell whether a request stays within a rate limit that matches it."""
    return fault.kind == "rate_limit" and store.pass_limit(
        str(target.tenant), time.time(), 1 / fault.per_second
    )


def _is_about(fault: Fault, target: Target) -> bool:
    if target.method not in _METHODS.get(fault.kind, {target.method}):
        return False
    if fault.kind == "location_too_new":
        return target.kind == "policies" and bool(target.locations)
    if fault.kind == "stale_reads":
        return target.kind is not None
    if fault.kind == "rate_limit":
        return target.tenant is not None and "/identity/conditionalAccess/" in target.path
    if fault.kind == "beta_only":
        return target.path.startswith("/v1.0/") and target.object_id is not None
    return True


def instead(fired: Sequence[Fault], target: Target) -> Answer | None:
    """Give what is answered in Graph's place, or None; raises RefusalError and DroppedError."""
    for fault in fired:
        match fault:
            case Fault(kind="throttle", retry_after=seconds):
                return _failure(429, {} if seconds is None else {"Retry-After": str(seconds)})
            case Fault(kind="rate_limit"):
                return _failure(429)
            case Fault(kind="status", status=status):
                return _failure(status)
            case Fault(kind="drop_connection", committed=False):
                raise DroppedError
            case Fault(kind="location_too_new"):
                raise unknown_location(target.locations[0])
            case Fault(kind="beta_only"):
                raise preview_features()
            case _:
                pass
    return None


def snapshot(fired: Sequence[Fault], target: Target, store: Store) -> Json | None:
    """Give the object as it is before the request, if a fault will show it afterwards."""
    stale = any(fault.kind == "stale_reads" for fault in fired)
    if not stale or target.kind is None or target.object_id is None or target.tenant is None:
        return None
    return store.object(target.tenant, target.kind, target.object_id)


def leave_echoes(
    fired: Sequence[Fault], target: Target, answer: Answer, before: Json | None, store: Store
) -> None:
    """After the request was carried out, leave on its object what later reads will meet."""
    if target.kind is None or target.tenant is None or answer.status >= HTTPStatus.BAD_REQUEST:
        return
    for fault in fired:
        if fault.kind == "not_found_after_create":
            new = answer.body["id"]
            store.add_echo(target.tenant, target.kind, new, echo="absent", reads=fault.reads)
        if fault.kind == "stale_reads":
            written = target.object_id or answer.body["id"]
            store.add_echo(
                target.tenant,
                target.kind,
                _WHOLE_LIST,
                echo="alternating",
                reads=fault.reads,
                body={"id": written, "before": before},
            )
        if fault.kind == "stale_reads" and before is not None:
            echo = "present" if target.method == "DELETE" else "alternating"
            store.add_echo(
                target.tenant, target.kind, before["id"], echo=echo, reads=fault.reads, body=before
            )


def echo(target: Target, answer: Answer, store: Store) -> Answer:
    """Give a read of one object as an earlier fault lets it be seen; RefusalError for a 404."""
    kind, object_id = target.kind, target.object_id
    if target.method != "GET" or kind is None or object_id is None or target.tenant is None:
        return answer
    if answer.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        return answer
    heard = store.next_echo(target.tenant, kind, object_id)
    match heard:
        case None:
            return answer
        case Echo(echo="absent"):
            raise missing(kind, object_id)
        case Echo(echo="alternating", age=age) if age % 2:
            return answer
    return Answer(HTTPStatus.OK, entity(target.root, kind, heard.body or {}))


def stale_list(store: Store, tenant_id: str, kind: Collection, found: list[Json]) -> list[Json]:
    """Give a list as an earlier fault lets it be seen: every other read as before the write."""
    heard = store.next_echo(tenant_id, kind, _WHOLE_LIST)
    if heard is None or heard.body is None or heard.age % 2:
        return found
    written, before = heard.body["id"], heard.body["before"]
    old = [before if each["id"] == written else each for each in found]
    if written not in {each["id"] for each in found}:
        old.append(before)
    return [each for each in old if each is not None]


def bend(fired: Sequence[Fault], target: Target, answer: Answer) -> Answer:
    """Give the answer as the faults bend it once it is true; raises DroppedError."""
    for fault in fired:
        match fault:
            case Fault(kind="commit_then_status", status=status):
                return _failure(status)
            case Fault(kind="drop_connection", committed=True):
                raise DroppedError
            case Fault(kind="reordered_lists"):
                answer = Answer(answer.status, _reversed(answer.body), answer.headers)
            case Fault(kind="unknown_enum") if _KNOWS_NEW_MEMBERS not in target.headers.get(
                "prefer", ""
            ):
                answer = Answer(answer.status, _without_linux(answer.body), answer.headers)
            case _:
                pass
    return answer


def _failure(status: int, headers: Mapping[str, str] | None = None) -> Answer:
    codes = {429: "TooManyRequests", 503: "ServiceUnavailable", 504: "GatewayTimeout"}
    refusal = RefusalError(status, codes.get(status, "UnknownError"), "A fault of the sandbox.")
    error = {"code": refusal.code, "message": refusal.message}
    return Answer(status, {"error": error}, dict(headers or {}))


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            # A page keeps its order: it is the lists inside an object that Graph shuffles.
            name: [_reversed(item) for item in each] if name == "value" else _reversed(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_reversed(each) for each in reversed(value)]
    return value


def _without_linux(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_linux(each) for name, each in value.items()}
    if isinstance(value, list):
        # Every other list of strings holds ids or values of another enumeration.
        return ["unknownFutureValue" if each == "linux" else _without_linux(each) for each in value]
    return value
