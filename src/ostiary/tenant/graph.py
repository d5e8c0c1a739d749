"""Microsoft Graph's transport: one tenant, one token, paced requests that are repeated if safe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

import httpx

from ostiary.errors import TenantError
from ostiary.tenant.clouds import cloud
from ostiary.tenant.credentials import hidden
from ostiary.tenant.http import DISTRUSTED, NEVER_SENT, connect, is_this_machine
from ostiary.tenant.patience import (
    AgainError,
    Clock,
    Pacer,
    Patience,
    Persistence,
    passes,
    retry_after,
)
from ostiary.tenant.permissions import Identity, advice, identity_of
from ostiary.tenant.sign_in import SignIn

Json = dict[str, Any]
Version = Literal["v1.0", "beta"]

_PACED = ("identity/conditionalAccess/", "identityProtection/")
_SPACING = 1.0
# Statuses after which a write is repeated: one that says that nothing was done, and two that leave
# it open, for what can be done twice.  What is `repeatable` is repeated whenever a status `passes`.
_REPEATED = {"POST": {429}, "PATCH": {429, 503, 504}, "DELETE": {429, 503, 504}}
_OPEN = "it may have been carried out or not; look before you try again"
_DISTRUSTED = (
    "set SSL_CERT_FILE to the certificates to trust, if a proxy of yours stands in between"
)
_HEADERS = {
    "Accept": "application/json",
    # https://learn.microsoft.com/graph/best-practices-concept#handling-future-members-in-evolvable-enumerations
    "Prefer": "include-unknown-enum-members",
}


class GraphError(TenantError):
    """Graph refused a request, with an HTTP `status`."""

    def __init__(self, message: str, status: int, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Graph:
    """One tenant's Microsoft Graph, for one thread.

    Every method raises GraphError when Graph refuses, and TenantError when it cannot be had or
    patience ends.  Both say what was asked, how often, and what came back, but never a token, nor
    the page of a proxy.
    The options of a query are given without their `$`: `pages("users", select="id")`.
    """

    def __init__(
        self,
        tenant_id: str,
        environ: Mapping[str, str],
        *,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        patience = patience or Patience()
        self._environ = environ
        self._clock = clock or Clock()
        self._persistence = Persistence(patience, self._clock)
        where = cloud(environ)
        self._origin = where.graph
        self._sign_in = SignIn(environ, tenant_id, where, self._clock)
        spacing = patience.spacing
        if spacing is None:
            spacing = 0.0 if is_this_machine(self._origin) else _SPACING
        self._pacer = Pacer(spacing, self._clock)
        self._http = connect(environ, self._origin)

    @property
    def root(self) -> str:
        """Where objects are, to refer to one: `https://graph.microsoft.com/v1.0`."""
        return f"{self._origin}/v1.0"

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def listen(self, hooks: Mapping[str, list[Callable[..., None]]]) -> None:
        """Have `hooks` called at each try; https://www.python-httpx.org/advanced/event-hooks/."""
        self._http.event_hooks = dict(hooks)

    def identity(self) -> Identity:
        """Say who the token is for and what it allows; fetches it if there is none."""
        return identity_of(
            self._persistence.carry_out("signing in", lambda _: self._sign_in.token())
        )

    def get(self, path: str, *, version: Version = "v1.0", **query: object) -> Json:
        """Read one object; `path` comes after the version."""
        return self._ask("GET", self._url(version, path, query))

    def pages(self, path: str, *, version: Version = "v1.0", **query: object) -> Iterator[Json]:
        """Read all objects of a collection, page after page."""
        url: str | None = self._url(version, path, query)
        seen: set[str] = set()
        while url:
            seen.add(url)
            page = self._ask("GET", url)
            yield from objects_in(page, f"GET {urlsplit(url).path}")
            url = page.get("@odata.nextLink")
            # The token goes where the link points, so it must not lead to another host.
            if url and (url in seen or not str(url).startswith(f"{self._origin}/")):
                where = "back" if url in seen else f"to `{hidden(str(url), self._environ)}`"
                raise TenantError(f"GET /{version}/{path}: the link to the next page leads {where}")

    def post(
        self,
        path: str,
        body: Json | None = None,
        *,
        version: Version = "v1.0",
        repeatable: bool = False,
    ) -> Json:
        """Create or do something.

        It is not repeated after an answer that leaves open whether it was carried out, as a second
        object would be the price, unless it is `repeatable`: done twice, it does no more than once.
        """
        return self._ask("POST", self._url(version, path, {}), body, repeatable=repeatable)

    def patch(self, path: str, body: Json, *, version: Version = "v1.0") -> Json:
        """Change an object; gives it where Graph does."""
        return self._ask("PATCH", self._url(version, path, {}), body)

    def delete(self, path: str, *, version: Version = "v1.0") -> None:
        """Delete an object."""
        self._ask("DELETE", self._url(version, path, {}))

    def _url(self, version: Version, path: str, query: Mapping[str, object]) -> str:
        options = {f"${name}": str(value) for name, value in query.items()}
        asked = f"?{urlencode(options, safe='$,()/:', quote_via=quote)}" if options else ""
        return f"{self._origin}/{version}/{path}{asked}"

    def _ask(
        self, method: str, url: str, body: Json | None = None, *, repeatable: bool = False
    ) -> Json:
        request = _Request(method, url, body, repeatable=repeatable or method == "GET")
        tries = 0

        def attempt(seconds: float) -> Json:
            nonlocal tries
            token = self._sign_in.token()
            if request.path.startswith(_PACED):
                self._pacer.take_turn()
            tries += 1
            answer = self._send(request, token, seconds)
            if method == "DELETE" and tries > 1 and answer.status == HTTPStatus.NOT_FOUND:
                return {}  # an earlier try did it
            if answer.status not in range(200, 300):
                raise self._refusal(request, answer, token)
            return _object(request, answer) if answer.content else {}

        return self._persistence.carry_out(str(request), attempt)

    def _send(self, request: _Request, token: str, seconds: float) -> _Answer:
        """Send a request once; an answer that trickles ends with `seconds` too."""
        ends = self._clock.monotonic() + seconds
        content = bytearray()
        try:
            with self._http.stream(
                request.method,
                request.url,
                json=request.body,
                headers={**_HEADERS, "Authorization": f"Bearer {token}"},
                timeout=seconds,
            ) as answer:
                for chunk in answer.iter_bytes():
                    content += chunk
                    if self._clock.monotonic() > ends:
                        raise httpx.ReadTimeout("the answer does not come to an end")
            return _Answer(answer.status_code, answer.headers, bytes(content))
        except httpx.RequestError as error:
            # Told below: this error holds the request, and that holds the token.
            lost, unreached = str(error) or type(error).__name__, isinstance(error, NEVER_SENT)
        if "CERTIFICATE_VERIFY_FAILED" in lost:
            raise TenantError(f"{request} got no answer: {lost}", hint=DISTRUSTED)
        if request.repeatable or unreached:
            raise AgainError(f"there was no answer: {lost}", unreached=unreached)
        raise TenantError(f"{request} got no answer: {lost}", hint=_OPEN)

    def _refusal(self, request: _Request, answer: _Answer, token: str) -> Exception:
        """Say what Graph refused, as an error to raise: one to try again after, or the last."""
        said = f"Graph said {hidden(_words(answer), self._environ)}"
        if request.is_repeated_after(answer.status):
            after, date = (answer.headers.get(name, "") for name in ("Retry-After", "Date"))
            return AgainError(said, retry_after(after, date, self._clock.now()))
        hint = None
        if answer.status == HTTPStatus.UNAUTHORIZED:
            hint = "the token is not valid here: is it for this cloud and this tenant?"
        elif answer.status == HTTPStatus.FORBIDDEN:
            hint = advice(request.method, request.path, token)
        elif not request.repeatable and passes(answer.status):
            hint = _OPEN
        return GraphError(f"{request}: {said}", answer.status, hint=hint)


def objects_in(answer: Json, request: str) -> list[Json]:
    """Give the objects of a collection, which must not pass for empty where it is none."""
    value = answer.get("value")
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TenantError(f"{request}: there is no list `value` of objects in the answer")
    return value


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked for; if `repeatable`, a second time does no harm."""

    method: str
    url: str
    body: Json | None
    repeatable: bool

    def __str__(self) -> str:
        return f"{self.method} {urlsplit(self.url).path}"

    def is_repeated_after(self, status: int) -> bool:
        """Tell whether an answer with this status is no last word."""
        return passes(status) if self.repeatable else status in _REPEATED[self.method]

    @property
    def path(self) -> str:
        """What comes after the version, without the query."""
        return re.sub(r".*?/(v1\.0|beta)/", "", urlsplit(self.url).path, count=1)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes


def _object(request: _Request, answer: _Answer) -> Json:
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TenantError(
            f"{request}: the answer is no JSON object but {_kind(answer)}",
            hint="is there a proxy in between?",
        )
    return body


def _words(answer: _Answer) -> str:
    """Repeat what Graph's error object says; anything else is told by its kind only."""
    try:
        error = json.loads(answer.content)["error"]
        return f"{answer.status} {error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status} with {_kind(answer)}"


def _kind(answer: _Answer) -> str:
    kind = answer.headers.get("Content-Type", "").partition(";")[0] or "no content type"
    return f"{len(answer.content)} bytes of {kind}"
