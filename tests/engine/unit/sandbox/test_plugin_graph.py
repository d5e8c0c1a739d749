"""Retries, waits and limits of the plugin's requests, against a server that answers by a script."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ostiary.sandbox.plugin.graph import Clock, Connections, Graph, GraphError, OperationError
from ostiary.sandbox.plugin.session import ConfigurationError, configuration, require_this_machine

FIVE_MINUTES = 300.0
HANG_UP, RESET, CLOSE = 0, 1, 2


@dataclass
class Script:
    """A server that answers with the statuses of `answers`, the last one for ever.

    HANG_UP closes the connection instead, RESET resets it; CLOSE answers 200 and then closes it
    without having said that it would.  `closed` is set when a connection was closed.
    """

    answers: list[int]
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""
    closed: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def serve() -> Iterator[Callable[..., Script]]:
    servers = []

    def start(*answers: int, **headers: str) -> Script:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        script = Script(list(answers), named)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.asked.append((self.command, self.path, json.loads(body or b"null")))
                status = script.answers[min(len(script.asked), len(script.answers)) - 1]
                self.close_connection = status in {HANG_UP, RESET, CLOSE}
                if status == RESET:
                    self.connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + b"\0" * 7
                    )
                if status in {HANG_UP, RESET}:
                    return
                status = 200 if status == CLOSE else status
                error = {"error": {"code": "Code", "message": "words"}}
                data = json.dumps({"id": "x"} if status < 300 else error).encode()
                self.send_response(status)
                for name, value in script.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - names of the base

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def shutdown_request(self, request: Any) -> None:
                # A linger of 0 seconds resets the connection, unless it was shut down before.
                self.close_request(request)
                script.closed.set()

        server = Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        return script

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def connections() -> Iterator[Connections]:
    made = Connections()
    yield made
    made.close()


def clock(seconds: float = FIVE_MINUTES, scale: float = 0) -> Clock:
    return Clock(seconds, scale=scale, cancelled=threading.Event())


def graph(script: Script, connections: Connections) -> Graph:
    return Graph(script.url, connections, lambda: "token")


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_an_answer_that_may_pass_is_asked_for_again(
    serve: Callable[..., Script], connections: Connections, method: str
) -> None:
    script = serve(408, 424, 429, 500, 502, 503, 504, 200)
    body = {"a": 1} if method in {"POST", "PATCH"} else None
    assert graph(script, connections)(clock(), method, "/policies", body) == {"id": "x"}
    assert script.asked == [(method, "/v1.0/policies", body)] * 8


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 501])
def test_an_answer_that_stays_is_an_error_at_once(
    serve: Callable[..., Script], connections: Connections, status: int
) -> None:
    script = serve(status)
    with pytest.raises(GraphError, match="with error: Code: words") as caught:
        graph(script, connections)(clock(), "GET", "/policies")
    assert caught.value.status == status
    assert len(script.asked) == 1


@pytest.mark.parametrize(("seconds", "requests"), [(300, 10), (900, 20), (50, 6), (2, 2), (0.5, 1)])
def test_the_time_left_decides_how_often(
    serve: Callable[..., Script], connections: Connections, seconds: float, requests: int
) -> None:
    script = serve(503)
    time_left = clock(seconds)
    with pytest.raises(GraphError, match=r"unexpected status 503 \(503 Service Unavailable\)"):
        graph(script, connections)(time_left, "POST", "/policies", {})
    assert len(script.asked) == requests


def test_retry_after_is_honoured(serve: Callable[..., Script], connections: Connections) -> None:
    script = serve(429, 200, Retry_After="90")
    time_left = clock()
    graph(script, connections)(time_left, "GET", "/policies")
    assert FIVE_MINUTES - 95 < time_left.remaining() <= FIVE_MINUTES - 90


def test_no_answer_is_asked_for_again_only_with_get(
    serve: Callable[..., Script], connections: Connections
) -> None:
    script = serve(RESET, 200)
    with pytest.raises(OperationError, match="reset"):
        graph(script, connections)(clock(), "POST", "/policies", {})
    assert len(script.asked) == 1
    script = serve(RESET, RESET, 200)
    graph(script, connections)(clock(), "GET", "/policies")
    assert len(script.asked) == 3


def test_a_connection_that_ends_is_an_error_at_once(
    serve: Callable[..., Script], connections: Connections
) -> None:
    script = serve(HANG_UP, 200)
    with pytest.raises(OperationError, match="closed connection"):
        graph(script, connections)(clock(), "GET", "/policies")
    assert len(script.asked) == 1


def test_a_kept_connection_that_the_server_closed_is_no_failure(
    serve: Callable[..., Script], connections: Connections
) -> None:
    script = serve(CLOSE, 200)
    client = graph(script, connections)
    client(clock(), "GET", "/policies")
    assert script.closed.wait(10)
    client(clock(), "POST", "/policies", {})
    assert [method for method, *_ in script.asked] == ["GET", "POST"]


def test_a_kept_connection_that_closes_under_a_request_is_no_failure_for_get(
    serve: Callable[..., Script], connections: Connections
) -> None:
    script = serve(200, HANG_UP, 200, HANG_UP)
    client = graph(script, connections)
    client(clock(), "GET", "/policies")
    client(clock(), "GET", "/policies")
    assert len(script.asked) == 3
    with pytest.raises(OperationError, match="closed connection"):
        client(clock(), "POST", "/policies", {})
    assert len(script.asked) == 4


def test_nobody_there_is_an_error_at_once(connections: Connections) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = Graph(f"http://127.0.0.1:{port}", connections, lambda: "token")
    time_left = clock()
    with pytest.raises(OperationError, match="refused"):
        client(time_left, "GET", "/policies")
    assert time_left.remaining() > FIVE_MINUTES - 1


def test_a_wait_needs_five_in_a_row_five_seconds_apart() -> None:
    seen = iter([True, True, False, True, True, True, True, True])
    time_left = clock()
    time_left.until(lambda: next(seen), delay=15)
    assert not list(seen)
    # 15 to begin with, twice 5, and once it had not held five times 10.
    assert FIVE_MINUTES - 76 < time_left.remaining() <= FIVE_MINUTES - 75


def test_a_wait_that_never_holds_ends_in_the_timeout_without_taking_the_time() -> None:
    calls = 0

    def never() -> bool:
        nonlocal calls
        calls += 1
        return False

    began = time.monotonic()
    with pytest.raises(OperationError, match=r"'Done' .last state: 'Waiting', timeout: 1m30s"):
        clock(90).until(never)
    assert calls == 10
    assert time.monotonic() - began < 1


def test_the_scale_makes_pauses_real() -> None:
    began = time.monotonic()
    clock(scale=0.01).until(lambda: True)
    assert 0.2 <= time.monotonic() - began < 2


def test_a_cancelled_wait_ends_at_once() -> None:
    cancelled = threading.Event()
    waiting = Clock(FIVE_MINUTES, scale=1, cancelled=cancelled)
    threading.Timer(0.05, cancelled.set).start()
    with pytest.raises(OperationError, match="context canceled"):
        waiting.wait(60)


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.microsoft.com",
        "https://login.microsoftonline.com",
        "https://192.0.2.1:8443",
        "https://localhost.example.com",
        "https://127.0.0.1@graph.microsoft.com",
        "https://127.0.0.1.nip.io",
        "https://",
        "https://[::ffff:192.0.2.1]",
        "https://0.0.0.0:8443",
    ],
)
def test_only_loopback_addresses_are_this_machine(url: str) -> None:
    with pytest.raises(ConfigurationError, match="refuses to reach"):
        require_this_machine(url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "127.8.9.10"])
def test_loopback_addresses_are_this_machine(host: str) -> None:
    require_this_machine(f"https://{host}:8443/t/contoso")


INPUTS = {
    "metadataHost": "127.0.0.1:8443",
    "tenantId": "7b1c6b0e-0000-4000-8000-2f7f9f0c1d55",
    "clientId": "client",
}


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("METADATA_HOSTNAME", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "USE_OIDC"):
        monkeypatch.delenv(f"ARM_{name}", raising=False)
    monkeypatch.delenv("ARM_OIDC_TOKEN", raising=False)
    return monkeypatch


def test_inputs_win_over_the_environment(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("ARM_CLIENT_ID", "another")
    clean.setenv("ARM_CLIENT_SECRET", "from the environment")
    found = configuration(INPUTS)
    assert (found.client_id, found.secret) == ("client", "from the environment")
    assert "from the environment" not in repr(found)


def test_a_secret_wins_over_a_token(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("ARM_USE_OIDC", "true")
    clean.setenv("ARM_OIDC_TOKEN", "token")
    assert configuration(INPUTS).assertion == "token"
    assert configuration(INPUTS).secret is None
    assert configuration(INPUTS | {"clientSecret": "secret"}).secret == "secret"


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metadataHost": ""}, "metadataHost .ARM_METADATA_HOSTNAME. must name a sandbox"),
        ({"metadataHost": "management.azure.com"}, "refuses to reach `management.azure.com`"),
        ({"tenantId": ""}, "tenantId"),
        ({}, "no way to sign in"),
        ({"oidcToken": "token"}, "no way to sign in"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        configuration(INPUTS | changes)
