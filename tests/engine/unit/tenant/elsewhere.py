"""A web server that answers as a test wants, and time that passes when it is waited for."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import trustme

from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.patience import Clock

TENANT = "7b1c6b0e-0000-4000-8000-2f7f9f0c1d55"


def token(**claims: Any) -> str:
    """An access token of any claims; nobody checks its signature."""
    of_all = {"tid": TENANT, "oid": "object", "exp": 4102444800}
    parts = [{"alg": "none"}, {**of_all, **claims}]
    return (
        ".".join(
            base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
            for each in parts
        )
        + ".signature"
    )


@dataclass
class Answer:
    """One answer; `body` is sent as JSON unless it is bytes, and `length` may lie about it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass
class Asked:
    """One request that came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


Reply = Answer | Callable[[Asked], Answer]


class Elsewhere:
    """A server over TLS: a cloud's metadata and token endpoint, and whatever `answers` holds.

    `answers` are given one after another to all other requests, the last of them for ever; one that
    is a function is called with the request.
    """

    def __init__(
        self, folder: Path, *, tls: bool = True, authority: trustme.CA | None = None
    ) -> None:
        self.answers: list[Reply] = []
        self.token: Reply = Answer(
            body={"token_type": "Bearer", "expires_in": 3599}
            | {"access_token": token(roles=["Policy.Read.All"])}
        )
        self.metadata: Answer | None = None
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.origin = f"{'https' if tls else 'http'}://{self.host}"
        self.ca = folder / "ca.pem"
        if tls:
            authority = authority or _authority()
            authority.cert_pem.write_to_path(self.ca)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            _certificate(authority).configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead here."""
        return {
            "ARM_METADATA_HOSTNAME": self.host,
            "ARM_CLIENT_ID": "5f1d9b7e-0000-4000-8000-000000000001",
            "ARM_CLIENT_SECRET": "s3cret-of-this-test",
            "SSL_CERT_FILE": str(self.ca),
            "PATH": "",
        }

    def of_graph(self) -> list[Asked]:
        """The requests that were for Graph."""
        return [each for each in self.asked if each.path.startswith(("/v1.0", "/beta"))]

    def reply(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.path == "/metadata/endpoints":
            where = {"loginEndpoint": self.origin}
            return self.metadata or Answer(
                body={"authentication": where, "microsoftGraphResourceId": self.origin}
            )
        if asked.path.endswith("/openid-configuration"):
            return Answer(
                body={
                    "token_endpoint": f"{self.origin}/{TENANT}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{self.origin}/{TENANT}/oauth2/v2.0/authorize",
                    "issuer": f"{self.origin}/{TENANT}/v2.0",
                }
            )
        if asked.path.endswith("/oauth2/v2.0/token"):
            return self.token if isinstance(self.token, Answer) else self.token(asked)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return found if isinstance(found, Answer) else found(asked)


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def _certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("127.0.0.1")


def variables(running: Running, tenant: str) -> dict[str, str]:
    """What leads to a tenant of the sandbox; its own certificate suffices, and is soon read."""
    return {**running.environment(tenant), "SSL_CERT_FILE": str(running.ca)}


def _handler(server: Elsewhere) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, address.path, query, dict(self.headers), content)
            answer = server.reply(asked)
            body = (
                answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            )
            self.send_response_only(answer.status)
            headers = {"Content-Type": "application/json", **answer.headers}
            length = len(body) if answer.length is None else answer.length
            for name, value in {**headers, "Content-Length": str(length)}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = length != len(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 (as the base class calls them)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Time:
    """A clock on which time passes only by waiting; it keeps how long was waited."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.passed = 0.0

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.passed += seconds

    @property
    def clock(self) -> Clock:
        start = datetime.now(UTC)
        return Clock(
            monotonic=lambda: self.passed,
            sleep=self.sleep,
            now=lambda: start + timedelta(seconds=self.passed),
            jitter=lambda: 0.0,
        )
