"""The server process: HTTP in, one transaction, HTTP out.

It listens on the loopback address only, and one process at a time serves a home.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ostiary.sandbox import entra, graph, tokens
from ostiary.sandbox.answers import Answer, RefusalError, bad_request, graph_error
from ostiary.sandbox.home import HOST, NAMES, Home, LockedError
from ostiary.sandbox.store import Store

UNREADABLE = object()


class Sandbox:
    """The application: what every request passes through on its way to a handler and back."""

    def __init__(self, home: Home) -> None:
        self.secrets = home.secrets()
        self.store = Store(home.database)

    def routes(self) -> list[Route]:
        """Give all routes."""
        routes = [
            Route("/metadata/endpoints", self.metadata),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.discovery),
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route("/_sandbox/health", self.health),
        ]
        for version in ("v1.0", "beta"):
            for method, path, handler in graph.ROUTES:
                endpoint = self.graph(version, handler)
                routes.append(Route(f"/{version}/{path}", endpoint, methods=[method]))
        return routes

    async def health(self, _: Request) -> Response:
        """Say which sandbox this is."""
        return respond(Answer(200, {"instance": self.secrets.instance, "pid": os.getpid()}))

    async def metadata(self, request: Request) -> Response:
        """Answer the cloud's endpoints."""
        return respond(entra.metadata(origin(request)))

    async def discovery(self, request: Request) -> Response:
        """Answer the OpenID Connect discovery document."""
        return respond(entra.discovery(origin(request), request.path_params["tenant"]))

    async def token(self, request: Request) -> Response:
        """Answer a token."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        asked = entra.TokenRequest(origin(request), request.path_params["tenant"], form)
        with self.store.transaction():
            answer = entra.token(asked, self.secrets, self.store)
            self._log(request, asked.tenant_id.lower(), None, answer)
        return respond(answer)

    def graph(self, version: str, handler: graph.Handler) -> Callable[[Request], Any]:
        """Make the endpoint of one handler."""

        async def endpoint(request: Request) -> Response:
            body = read_json(await request.body())
            path = request.url.path.removeprefix(f"/{version}/")
            with self.store.transaction():
                tenant_id = None
                try:
                    claims = self._claims(request)
                    tenant_id = claims["tid"]
                    tenant = self.store.tenant(tenant_id)
                    if tenant is None:
                        raise tokens.TokenError("the tenant does not exist")
                    call = graph.Call(
                        f"{origin(request)}/{version}",
                        path,
                        request.path_params,
                        dict(request.query_params),
                        body,
                        tenant,
                        frozenset(claims["roles"]),
                        self.store,
                    )
                    with self.store.attempt():
                        answer = handler(call)
                except tokens.TokenError as error:
                    answer = refuse(RefusalError(401, "InvalidAuthenticationToken", str(error)))
                except RefusalError as refusal:
                    answer = refuse(refusal)
                self._log(request, tenant_id, body, answer)
            return respond(answer)

        return endpoint

    def _claims(self, request: Request) -> dict[str, Any]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise tokens.TokenError("access token is empty")
        return tokens.verify(self.secrets.signing_key.encode(), token)

    def _log(self, request: Request, tenant_id: str | None, body: Any, answer: Answer) -> None:  # noqa: ANN401 - JSON
        self.store.log(
            {
                "at": graph.now(),
                "tenant": tenant_id,
                "method": request.method,
                "path": request.url.path,
                "query": request.url.query,
                "status": answer.status,
                "body": None if body is UNREADABLE else body,
            }
        )


def origin(request: Request) -> str:
    """Give `https://host:port` as the client calls it."""
    return f"https://{request.headers['host']}"


def read_json(data: bytes) -> Any:  # noqa: ANN401 - JSON of any kind
    """Read a request's body: None when empty, UNREADABLE when it is not JSON."""
    if not data:
        return None
    try:
        return json.loads(data)
    except ValueError:
        return UNREADABLE


def refuse(refusal: RefusalError) -> Answer:
    """Word a refusal as Graph does."""
    return graph_error(refusal, str(uuid4()), graph.now()[:19])


def respond(answer: Answer) -> Response:
    """Put an answer on the wire."""
    headers = {"request-id": str(uuid4()), "OData-Version": "4.0", **answer.headers}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    return Response(
        json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")),
        answer.status,
        headers,
        "application/json; charset=utf-8",
    )


def application(home: Home) -> Starlette:
    """Make the application of one home; its state is open while it runs."""
    sandbox = Sandbox(home)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        sandbox.store.close()

    return Starlette(routes=sandbox.routes(), lifespan=lifespan)


def listen(port: int, last: int) -> socket.socket:
    """Listen on the loopback address: on `port`, or if that is 0 on `last` if free, else on any."""
    for each in (port,) if port else (last, 0):
        # asyncio turns Nagle off only for a socket that says it is TCP: 40 ms per answer otherwise.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, each))
        except OSError:
            listener.close()
            continue
        listener.listen(128)
        return listener
    raise OSError(f"port {port} is in use")


def serve(home: Home, listener: socket.socket) -> None:
    """Serve until told to stop."""
    config = uvicorn.Config(
        application(home),
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        ssl_certfile=home.leaf,
        timeout_graceful_shutdown=0,
    )
    uvicorn.Server(config).run(sockets=[listener])


def main(arguments: list[str] | None = None) -> int:
    """Run the server; with `--detach`, return as soon as its port accepts connections."""
    parser = argparse.ArgumentParser(prog="python -m ostiary.sandbox.server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--detach", action="store_true")
    options = parser.parse_args(arguments)
    home = Home(options.home.resolve())
    try:
        with home.lock("server", seconds=5):
            home.prepare()
            listener = listen(options.port, home.port())
            home.set_port(listener.getsockname()[1])
            if options.detach and not detach(home):
                return 0
            home.set_pid(os.getpid())
            serve(home, listener)
    except LockedError:
        sys.stderr.write(f"another server already serves {home.path}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def detach(home: Home) -> bool:
    """Leave the terminal; gives True in the process that goes on, False in the one that returns."""
    if os.fork():
        return False
    os.setsid()
    log = os.open(home.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
