"""The sandbox's own door, `/_sandbox/…`: faults, tenants, the request log, and reset.

Only who holds the home's admin token passes; the health check is open.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ostiary.sandbox import tokens
from ostiary.sandbox.answers import Json, RefusalError
from ostiary.sandbox.faults import Fault
from ostiary.sandbox.furnishing import furnish, furnished
from ostiary.sandbox.graph_call import now
from ostiary.sandbox.graph_rules import location_shape
from ostiary.sandbox.graph_shapes import POLICY
from ostiary.sandbox.graph_types import complete, is_guid
from ostiary.sandbox.store import Store, Tenant

if TYPE_CHECKING:
    from ostiary.sandbox.home import Secrets

Work = Callable[[Request, Any], Any]


class Admin:
    """The requests a test makes about the sandbox, not to the tenant in it."""

    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store = store
        self._secrets = secrets

    def routes(self) -> list[Route]:
        """Give the routes."""
        table: tuple[tuple[str, str, Work], ...] = (
            ("GET", "faults", self._list_faults),
            ("POST", "faults", self._add_fault),
            ("DELETE", "faults", self._clear_faults),
            ("GET", "requests", self._requests),
            ("POST", "reset", self._reset),
            ("GET", "tenants/{tenant}", self._tenant),
            ("PATCH", "tenants/{tenant}", self._change_tenant),
            ("GET", "tenants/{tenant}/directory", self._directory),
            ("PUT", "tenants/{tenant}/directory", self._furnish),
            ("POST", "tenants/{tenant}/tokens", self._issue),
            ("POST", "tenants/{tenant}/policies", self._put_policy),
            ("POST", "tenants/{tenant}/namedLocations", self._put_location),
        )
        guarded = [
            Route(f"/_sandbox/{path}", self._guard(work), methods=[method])
            for method, path, work in table
        ]
        return [Route("/_sandbox/health", self._health), *guarded]

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"instance": self._secrets.instance, "pid": os.getpid()})

    def _guard(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, f"Bearer {self._secrets.admin_token}".encode()):
                return JSONResponse({"error": "the admin token is missing or wrong"}, 401)
            try:
                body = await request.json() if await request.body() else {}
                with self._store.transaction():
                    return JSONResponse(work(request, body))
            except (ValueError, TypeError, KeyError, RefusalError) as error:
                return JSONResponse({"error": str(error)}, 400)

        return endpoint

    def _list_faults(self, _: Request, __: Json) -> list[Json]:
        return [fault | {"seen": seen} for _, fault, seen in self._store.faults()]

    def _add_fault(self, _: Request, body: Json) -> Json:
        return {"number": self._store.add_fault(asdict(Fault(**body)))}

    def _clear_faults(self, _: Request, __: Json) -> Json:
        self._store.clear_faults()
        return {}

    def _requests(self, request: Request, _: Json) -> list[Json]:
        return self._store.requests(request.query_params.get("tenant"))

    def _reset(self, _: Request, body: Json) -> Json:
        self._store.reset(body.get("tenant"))
        return {}

    def _tenant(self, request: Request, _: Json) -> Json:
        tenant = self._named(request)
        return {"roles": list(tenant.roles), "securityDefaults": tenant.security_defaults}

    def _change_tenant(self, request: Request, body: Json) -> Json:
        tenant = self._named(request)
        roles = tuple(str(each) for each in body.get("roles", tenant.roles))
        defaults = bool(body.get("securityDefaults", tenant.security_defaults))
        self._store.put_tenant(replace(tenant, roles=roles, security_defaults=defaults))
        return {}

    def _directory(self, request: Request, _: Json) -> Json:
        return furnished(self._store, self._named(request))

    def _furnish(self, request: Request, body: Json) -> Json:
        furnish(self._store, self._named(request), body)
        return {}

    def _issue(self, request: Request, body: Json) -> Json:
        """Give a token of another app, `{"app": name}`, or of a person: `{"user": {id, …}}`."""
        tenant = self._named(request)
        self._store.put_tenant(tenant)
        key = self._secrets.signing_key.encode()
        common = {"tenant_id": tenant.id, "audience": f"https://{request.headers['host']}"}
        if "user" in body:
            token = tokens.issue_to_user(key, scopes=tenant.roles, user=body["user"], **common)
        else:
            client = str(uuid5(NAMESPACE_URL, body["app"]))
            token = tokens.issue(
                key, client_id=client, roles=tenant.roles, name=body["app"], **common
            )
        return {"access_token": token}

    def _put_policy(self, request: Request, body: Json) -> Json:
        made = self._put(request, "policies", _with_unknown(complete(POLICY, body), body), body)
        if request.query_params.get("betaOnly") == "true":
            self._store.put(self._named(request).id, "betaOnly", {"id": made["id"]})
        return made

    def _put_location(self, request: Request, body: Json) -> Json:
        shape = location_shape({"@odata.type": body.get("@odata.type")})
        made = {"@odata.type": shape.types[0]} | complete(shape, body)
        return self._put(request, "namedLocations", made, body)

    def _put(self, request: Request, kind: str, made: Json, body: Json) -> Json:
        """Store an object past all rules: a tenant may hold what Graph takes no longer."""
        moment = now()
        read_only = {
            "id": str(uuid4()),
            "createdDateTime": moment,
            "modifiedDateTime": moment,
            "deletedDateTime": None,
        }
        read_only |= {"templateId": None} if kind == "policies" else {}
        kept = {name: body.get(name, value) for name, value in read_only.items()}
        tenant = self._named(request)
        self._store.put_tenant(tenant)
        self._store.put(tenant.id, kind, kept | made)
        return kept | made

    def _named(self, request: Request) -> Tenant:
        tenant_id = str(request.path_params["tenant"]).lower()
        if not is_guid(tenant_id):
            raise ValueError(f"`{tenant_id}` is not a tenant id")
        return self._store.tenant(tenant_id) or Tenant(tenant_id)


def _with_unknown(made: Any, sent: Any) -> Any:
    """Give `made` with the properties of `sent` that its shape does not know."""
    if not isinstance(made, dict) or not isinstance(sent, dict):
        return made if made is not None else sent
    unknown = {name: each for name, each in sent.items() if name not in made and "@" not in name}
    return {name: _with_unknown(each, sent.get(name)) for name, each in made.items()} | unknown
