"""One authenticated request to Graph, and what all handlers ask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from ostiary.sandbox.answers import Answer, Json, RefusalError, bad_request
from ostiary.sandbox.graph_shapes import properties_sent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ostiary.sandbox.store import Store, Tenant

Collection = Literal["policies", "namedLocations"]
PAGE = 100
LARGEST_PAGE = 999
OPTIONS = frozenset({"$filter", "$top", "$skiptoken", "$select", "$count"})
KEPT_AFTER_DELETE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request; `root` is `https://host:port/v1.0`, `path` comes after it."""

    root: str
    path: str
    segments: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    tenant: Tenant
    claims: Json
    store: Store

    @property
    def roles(self) -> frozenset[str]:
        """What an application was granted, or a person agreed to."""
        return frozenset((*self.claims.get("roles", ()), *self.claims.get("scp", "").split()))

    @property
    def beta(self) -> bool:
        """Tell whether the beta version is asked."""
        return self.root.endswith("/beta")

    def payload(self) -> Json:
        """Give the body as an object."""
        if not isinstance(self.body, dict):
            raise bad_request("Unable to read JSON request payload. It must be a JSON object.")
        return properties_sent(self.body)


Handler = Callable[[Call], Answer]
# method, path below the version, handler
Routes = tuple[tuple[str, str, Handler], ...]


def now() -> str:
    """Give the time as Graph writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def require_read(call: Call) -> None:
    """Refuse who may not read Conditional Access."""
    require(call, "Policy.Read.All", "Policy.Read.ConditionalAccess")


def require_write(call: Call) -> None:
    """Refuse who may not write Conditional Access.

    Both roles: https://learn.microsoft.com/graph/api/conditionalaccessroot-post-policies
    """
    require_read(call)
    require(call, "Policy.ReadWrite.ConditionalAccess")


def require(call: Call, *roles: str) -> None:
    """Refuse unless the token carries one of `roles`, in the words of Conditional Access.

    https://github.com/AlexFilipin/ConditionalAccess/issues/10
    """
    if not call.roles & set(roles):
        raise RefusalError(
            403,
            "AccessDenied",
            "You cannot perform the requested operation, required scopes are missing in the token.",
        )


def require_in_directory(call: Call, *roles: str) -> None:
    """Refuse unless the token carries one of `roles`, in the words of the directory.

    https://learn.microsoft.com/graph/resolve-auth-errors
    """
    if not call.roles & set(roles):
        message = "Insufficient privileges to complete the operation."
        raise RefusalError(403, "Authorization_RequestDenied", message)


def context(root: str, path: str) -> str:
    """Give the `@odata.context` of what is at `path`; `root` as in `Call`."""
    return f"{root}/$metadata#{path}"


def entity(root: str, kind: Collection, body: Json) -> Json:
    """Give one object as it is answered; `root` is `https://host:port/v1.0`."""
    return {"@odata.context": context(root, f"identity/conditionalAccess/{kind}/$entity")} | body


def missing(kind: Collection, object_id: str) -> RefusalError:
    """Refuse an id that names nothing.

    https://github.com/DanielChronlund/DCToolbox/issues/5 for locations, assumed for policies.
    """
    name = {"policies": "ConditionalAccessPolicy", "namedLocations": "NamedLocation"}[kind]
    return RefusalError(
        404, "ResourceNotFound", f"{name} with id {object_id} does not exist in the directory."
    )


def preview_features() -> RefusalError:
    """Refuse to show a policy in v1.0.

    https://github.com/hashicorp/terraform-provider-azuread/issues/589
    """
    return bad_request(
        "1037: The policy you requested contains preview features. Use the Beta endpoint to"
        " retrieve this policy."
    )


def expire(call: Call) -> None:
    """Forget what was deleted too long ago."""
    oldest = datetime.now(UTC) - KEPT_AFTER_DELETE
    call.store.purge_deleted_before(oldest.isoformat())


def existing(call: Call, kind: Collection, *, deleted: bool = False) -> Json:
    """Give the object that the path names, or refuse with 404."""
    if deleted:
        expire(call)
    object_id = call.segments["id"]
    found = call.store.object(call.tenant.id, kind, object_id.lower(), deleted=deleted)
    if found is None:
        raise missing(kind, object_id)
    return found


def page(
    call: Call,
    found: list[Json],
    *,
    usual: int = PAGE,
    largest: int = LARGEST_PAGE,
    options: frozenset[str] = OPTIONS,
) -> Json:
    """Give the page of a list that the query asks for, and the link to the next."""
    unknown = set(call.query) - options
    if unknown:
        raise bad_request(f"The query option {min(unknown)} is not supported.")
    top = _number(call.query.get("$top"), usual)
    start = _number(call.query.get("$skiptoken"), 0)
    if not 0 < top <= largest:
        raise bad_request(f"$top must be between 1 and {largest}.")
    page: Json = {"@odata.context": context(call.root, call.path)}
    if call.query.get("$count") == "true":
        page["@odata.count"] = len(found)
    if start + top < len(found):
        query = dict(call.query) | {"$skiptoken": str(start + top)}
        page["@odata.nextLink"] = f"{call.root}/{call.path}?{urlencode(query, safe='$')}"
    return page | {"value": [selected(call, each) for each in found[start : start + top]]}


def selected(call: Call, body: Json, unasked: Iterable[str] | None = None) -> Json:
    """Give the properties that `$select` names, or without it `unasked`, None meaning all."""
    asked = call.query.get("$select")
    names = asked.split(",") if asked else unasked
    if names is None:
        return body
    wanted = {*names, "@odata.type"}
    return {name: value for name, value in body.items() if name in wanted}


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal():
        raise bad_request(f"Invalid value '{text}' for a query option.")
    return int(text)
