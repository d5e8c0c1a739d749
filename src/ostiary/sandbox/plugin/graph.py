"""Requests to the sandbox tenant, retried and waited for as the real plugin does.

Which answers are retried, and how often, is that of
https://github.com/hashicorp/go-azure-sdk, sdk/client, as measured against a local server.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]

_LONGEST_PAUSE = 61.0
_RETRIED = frozenset({408, 424, 429}) | (frozenset(range(500, 600)) - {501})
TOKEN_RETRIES = 4


class OperationError(Exception):
    """The operation failed; the message is for the user."""


@dataclass(slots=True)
class GraphError(OperationError):
    """Graph's answer was an error; the message is worded as the real plugin words it."""

    status: int
    message: str

    def __str__(self) -> str:
        return self.message


class Clock:
    """The time one operation has left, in the seconds the real plugin would count.

    With `scale` 0 no pause is slept, but each counts against the deadline, so that a wait that
    never ends still ends in the timeout the real plugin would end in.
    """

    def __init__(self, seconds: float, *, scale: float, cancelled: threading.Event) -> None:
        self.seconds = seconds
        self._scale = scale
        self._cancelled = cancelled
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Give the seconds left; negative when the time is over."""
        return self._end - time.monotonic()

    def wait(self, seconds: float) -> None:
        """Pause; raises OperationError when the engine cancels meanwhile."""
        if self._cancelled.wait(seconds * self._scale):
            raise OperationError("context canceled")
        self._end -= seconds * (1 - self._scale)

    def until(self, change: Callable[[], bool], *, state: str = "Done", delay: float = 0) -> None:
        """Call `change` until it held five times in a row, 5 seconds apart.

        Once it does not hold the pauses grow to 10 seconds, and stay so.  Raises OperationError
        at the deadline.  The rhythm is StateChangeConf of
        https://github.com/hashicorp/terraform-plugin-sdk, helper/retry/state.go
        """
        self.wait(delay)
        pause, in_a_row = 0.1, 0
        while True:
            in_a_row = in_a_row + 1 if change() else 0
            if in_a_row == 5:  # noqa: PLR2004 - ContinuousTargetOccurence of the provider
                return
            pause = min(max(pause if in_a_row else pause * 2, 5.0), 10.0)
            if self.remaining() < pause:
                last = state if in_a_row else "Waiting"
                raise OperationError(
                    f"timeout while waiting for state to become '{state}' (last state: '{last}',"
                    f" timeout: {_duration(self.seconds)})"
                )
            self.wait(pause)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the body if it was JSON."""

    status: int
    body: Any
    retry_after: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; headers may hold a token."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


class Connections:
    """Kept connections, one for each thread and origin."""

    def __init__(self) -> None:
        self._tls = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or None)
        self._kept = threading.local()
        self._all: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close every connection that is kept."""
        for each in self._all:
            each.close()

    def send(self, request: Request, timeout: float) -> Answer:
        """Send one request; raises OSError or HTTPException when no answer comes.

        A GET on a kept connection that the server closes meanwhile is sent once more on a new one,
        as Go does: https://pkg.go.dev/net/http#Transport
        """
        parts = urlsplit(request.url)
        connection = self._connection(f"{parts.scheme}://{parts.netloc}")
        kept = connection.sock is not None
        try:
            answer = _send(connection, request, timeout)
        except ConnectionError:
            if not kept or request.method != "GET":
                raise
            answer = _send(connection, request, timeout)
        return answer

    def _connection(self, origin: str) -> http.client.HTTPConnection:
        kept: dict[str, http.client.HTTPConnection] | None = getattr(self._kept, "by", None)
        if kept is None:
            kept = self._kept.by = {}
        connection = kept.get(origin)
        if connection is None:
            scheme, _, host = origin.partition("://")
            connection = kept[origin] = (
                http.client.HTTPSConnection(host, context=self._tls)
                if scheme == "https"
                else http.client.HTTPConnection(host)
            )
            self._all.append(connection)
        elif connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            # An idle connection that can be read was closed by the server.
            connection.close()
        return connection


def _send(connection: http.client.HTTPConnection, request: Request, timeout: float) -> Answer:
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.request(request.method, path, request.body, dict(request.headers))
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
    except BaseException:
        connection.close()
        raise
    try:
        parsed = json.loads(text) if text else None
    except ValueError:
        parsed = None
    return Answer(response.status, parsed, response.getheader("Retry-After"), text)


def exchange(
    connections: Connections, request: Request, clock: Clock, *, retries: int | None = None
) -> Answer:
    """Send a request until an answer comes that is not retried, or the retries are used up.

    Without `retries` there are as many as fit into the time left.  Raises OperationError when no
    answer comes: only a GET is sent again then.
    """
    left = _retries(clock.remaining()) if retries is None else retries
    pause = 1.0
    while True:
        if clock.remaining() <= 0:
            raise OperationError("context deadline exceeded")
        answer = None
        try:
            answer = connections.send(request, clock.remaining())
        except (OSError, http.client.HTTPException) as error:
            if left == 0 or request.method != "GET" or _final(error):
                reason = str(error) or type(error).__name__
                raise OperationError(f"{request.method} {request.url}: {reason}") from error
        if answer is not None and (answer.status not in _RETRIED or left == 0):
            return answer
        left -= 1
        asked = answer.retry_after if answer else None
        clock.wait(float(asked) if asked and asked.isdecimal() else pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _final(error: Exception) -> bool:
    """Tell whether a request without an answer is hopeless: no connection, its end, or no trust."""
    return isinstance(
        error, ConnectionRefusedError | http.client.RemoteDisconnected | ssl.SSLError | TimeoutError
    )


def _retries(seconds: float) -> int:
    """Give how many retries with doubling pauses fit into the time left."""
    count, pause = 0, 1.0
    while (seconds := seconds - pause) >= 0:
        count, pause = count + 1, min(pause * 2, _LONGEST_PAUSE)
    return count


def error_of(answer: Answer) -> GraphError:
    """Word an error status; the words are those of go-azure-sdk."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    start = f"unexpected status {answer.status} ({answer.status} {phrase})".replace(" )", ")")
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if isinstance(error, dict):
        return GraphError(
            answer.status, f"{start} with error: {error.get('code')}: {error.get('message')}"
        )
    return GraphError(answer.status, f"{start} with response: {answer.text[:500]}")


class Graph:
    """Microsoft Graph v1.0 of one tenant; `token` gives a valid access token."""

    def __init__(self, base: str, connections: Connections, token: Callable[[], str]) -> None:
        self._base = f"{base}/v1.0"
        self._connections = connections
        self._token = token

    def __call__(self, clock: Clock, method: str, path: str, body: Json | None = None) -> Json:
        """Give the body of a successful answer, `{}` if it has none; raises OperationError."""
        headers = {
            "Accept": "application/json; charset=utf-8; IEEE754Compatible=false",
            "Authorization": f"Bearer {self._token()}",
            "Odata-Maxversion": "4.0",
            "Odata-Version": "4.0",
        }
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            data = json.dumps(body, ensure_ascii=False).encode()
        request = Request(method, f"{self._base}{path}", headers, data)
        answer = exchange(self._connections, request, clock)
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise error_of(answer)
        return answer.body if isinstance(answer.body, dict) else {}
