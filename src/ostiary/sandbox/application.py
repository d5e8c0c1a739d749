"""What every request passes through on its way to a handler and back.

One transaction holds all of it: the faults that fire, the handler's work, the entry in the log.
The answer leaves after the commit.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ostiary.sandbox import (
    audit,
    catalogs,
    directory,
    effects,
    entra,
    graph,
    membership,
    sign_ins,
    tokens,
)
from ostiary.sandbox.admin import Admin
from ostiary.sandbox.answers import Answer, Json, RefusalError, graph_error
from ostiary.sandbox.graph_call import Call, Handler, Routes, now
from ostiary.sandbox.home import NAMES, Home
from ostiary.sandbox.store import Store

if TYPE_CHECKING:
    from ostiary.sandbox.faults import Fault

Endpoint = Callable[[Request], Awaitable[Response]]
_GRAPH: Routes = (
    *graph.ROUTES,
    *directory.ROUTES,
    *membership.ROUTES,
    *catalogs.ROUTES,
    *audit.ROUTES,
    *sign_ins.ROUTES,
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_DROPPED = 0  # the status in the log of a request that was never answered


def application(home: Home) -> Starlette:
    """Make the application of one home; its state is open while it runs."""
    sandbox = Sandbox(home)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(_watch(home))
        yield
        watching.cancel()
        sandbox.store.close()

    # A page in a browser can be made to call this machine under another name.
    known = Middleware(TrustedHostMiddleware, allowed_hosts=list(NAMES), www_redirect=False)
    return Starlette(routes=sandbox.routes(), lifespan=lifespan, middleware=[known])


class Sandbox:
    """The routes of one home, over its store."""

    def __init__(self, home: Home) -> None:
        self.secrets = home.secrets()
        self.store = Store(home.database)

    def routes(self) -> list[Route]:
        """Give all routes; an unknown path below a version of Graph is refused as Graph does."""
        routes = [
            *Admin(self.store, self.secrets).routes(),
            Route("/metadata/endpoints", self._metadata),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
        ]
        for version in ("v1.0", "beta"):
            routes += [
                Route(f"/{version}/{path}", self._graph(version, handler), methods=[method])
                for method, path, handler in _GRAPH
            ]
            everything = self._graph(version, graph.unknown)
            routes.append(Route(f"/{version}/{{path:path}}", everything, methods=_METHODS))
        return routes

    async def _metadata(self, request: Request) -> Response:
        target = _target(request, None, None)
        return await self._exchange(request, target, lambda: entra.metadata(_origin(request)))

    async def _discovery(self, request: Request) -> Response:
        tenant_id = request.path_params["tenant"]
        target = _target(request, tenant_id, None)
        return await self._exchange(
            request, target, lambda: entra.discovery(_origin(request), tenant_id)
        )

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        asked = entra.TokenRequest(_origin(request), request.path_params["tenant"], form)
        # The form holds a secret: neither faults nor the log see it.
        target = _target(request, asked.tenant_id.lower(), None)
        return await self._exchange(
            request, target, lambda: entra.token(asked, self.secrets, self.store)
        )

    def _graph(self, version: str, handler: Handler) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            body = _read_json(await request.body())
            try:
                claims = self._claims(request)
            except tokens.TokenError as error:
                refusal = RefusalError(401, "InvalidAuthenticationToken", f"{error}.")
                return await self._exchange(
                    request, _target(request, None, body), lambda: _word(refusal)
                )

            def work() -> Answer:
                tenant = self.store.tenant(claims["tid"])
                if tenant is None:
                    raise RefusalError(401, "InvalidAuthenticationToken", "The tenant is gone.")
                return handler(
                    Call(
                        root=f"{_origin(request)}/{version}",
                        path=request.url.path.removeprefix(f"/{version}/"),
                        segments=request.path_params,
                        query=dict(request.query_params),
                        body=body,
                        tenant=tenant,
                        claims=claims,
                        store=self.store,
                    )
                )

            return await self._exchange(request, _target(request, claims["tid"], body), work)

        return endpoint

    def _claims(self, request: Request) -> Json:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise tokens.TokenError("Access token is empty")
        return tokens.verify(self.secrets.signing_key.encode(), token)

    async def _exchange(
        self, request: Request, target: effects.Target, work: Callable[[], Answer]
    ) -> Response:
        with self.store.transaction():
            fired = effects.fire(self.store, target)
            delay = sum(fault.seconds for fault in fired if fault.kind == "slow")
            answer = None if delay else self._carry_out(fired, target, request.url.query, work)
        if delay:
            await asyncio.sleep(delay)
            with self.store.transaction():
                answer = self._carry_out(fired, target, request.url.query, work)
        if answer is None:
            return await _drop(request)
        return _respond(answer)

    def _carry_out(
        self, fired: Sequence[Fault], target: effects.Target, query: str, work: Callable[[], Answer]
    ) -> Answer | None:
        """Give the answer, or None when the connection is to be cut; the request is logged."""
        answer: Answer | None
        try:
            answer = effects.instead(fired, target)
            if answer is None:
                before = effects.snapshot(fired, target, self.store)
                answer = self._attempt(work)
                effects.leave_echoes(fired, target, answer, before, self.store)
                answer = effects.echo(target, answer, self.store)
                answer = effects.bend(fired, target, answer)
        except effects.DroppedError:
            answer = None
        except RefusalError as refusal:  # by a fault
            answer = _word(refusal)
        self.store.log(
            {
                "at": now(),
                "tenant": target.tenant,
                "method": target.method,
                "path": target.path,
                "query": query,
                "status": answer.status if answer else _DROPPED,
                "body": target.body,
            }
        )
        return answer

    def _attempt(self, work: Callable[[], Answer]) -> Answer:
        """Let the handler answer; what it wrote before it refused is taken back."""
        try:
            with self.store.attempt():
                return work()
        except RefusalError as refusal:
            return _word(refusal)


def _target(request: Request, tenant_id: str | None, body: Any) -> effects.Target:
    return effects.Target(
        _origin(request), request.method, request.url.path, tenant_id, body, request.headers
    )


def _origin(request: Request) -> str:
    return f"https://{request.headers['host']}"


def _read_json(data: bytes) -> Any:
    """Read a body; what is empty or not JSON is None, which no handler takes for an object."""
    try:
        return json.loads(data)
    except ValueError:
        return None


def _word(refusal: RefusalError) -> Answer:
    return graph_error(refusal, str(uuid4()), now()[:19])


def _respond(answer: Answer) -> Response:
    headers = {"request-id": str(uuid4()), "OData-Version": "4.0", **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, answer.status, headers, "application/json; charset=utf-8")


async def _watch(home: Home) -> None:
    """End the process when its folder is gone: no command could find it any more."""
    while home.database.exists():  # noqa: ASYNC110 - a file system raises no event here
        await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


async def _drop(request: Request) -> Response:
    """Cut the connection; what is returned goes nowhere."""
    request.state.transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()
