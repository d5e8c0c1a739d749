"""From provider configuration to a signed-in Graph client of one tenant, on this machine only."""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from ostiary.sandbox.plugin.graph import (
    TOKEN_RETRIES,
    Clock,
    Connections,
    Graph,
    OperationError,
    Request,
    error_of,
    exchange,
)
from ostiary.sandbox.plugin.values import UNKNOWN, reveal

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SIGN_IN_SECONDS = 60.0
_RENEW_BEFORE = 300.0


class ConfigurationError(Exception):
    """The configuration does not lead to a sandbox tenant; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where the tenant is, and how to sign in: with `secret`, or with `assertion`."""

    metadata_host: str
    tenant_id: str
    client_id: str
    secret: str | None = field(default=None, repr=False)
    assertion: str | None = field(default=None, repr=False)


def configuration(inputs: Mapping[str, Any]) -> Configuration:
    """Read the provider's inputs, and the environment for what they leave out.

    A secret wins over an OIDC token, as with the real plugin.  Raises ConfigurationError.
    """
    given = {name: each for name, each in reveal(dict(inputs)).items() if each is not UNKNOWN}

    def setting(name: str, variable: str) -> str:
        return str(given.get(name) or os.environ.get(variable) or "")

    def content(name: str, variable: str) -> str:
        path = setting(f"{name}FilePath", f"{variable}_FILE_PATH")
        try:
            return setting(name, variable) or (Path(path).read_text().strip() if path else "")
        except OSError as error:
            raise ConfigurationError(f"cannot read {name}FilePath: {error}") from None

    host = setting("metadataHost", "ARM_METADATA_HOSTNAME")
    if not host:
        raise ConfigurationError(
            "this is the stand-in azuread plugin, for a sandbox tenant only: metadataHost"
            " (ARM_METADATA_HOSTNAME) must name a sandbox on this machine"
        )
    require_this_machine(f"https://{host}")
    oidc = setting("useOidc", "ARM_USE_OIDC").lower() in {"true", "1"}
    found = Configuration(
        host,
        setting("tenantId", "ARM_TENANT_ID"),
        content("clientId", "ARM_CLIENT_ID"),
        content("clientSecret", "ARM_CLIENT_SECRET") or None,
        (content("oidcToken", "ARM_OIDC_TOKEN") or None) if oidc else None,
    )
    if not found.tenant_id or not found.client_id:
        raise ConfigurationError(
            "tenantId (ARM_TENANT_ID) and clientId (ARM_CLIENT_ID) are required"
        )
    if not found.secret and not found.assertion:
        raise ConfigurationError(
            "no way to sign in: set clientSecret (ARM_CLIENT_SECRET), or useOidc with oidcToken"
            " (ARM_USE_OIDC, ARM_OIDC_TOKEN)"
        )
    return found


def require_this_machine(url: str) -> None:
    """Raise ConfigurationError unless `url` leads to a loopback address."""
    try:
        host = urlsplit(url).hostname or ""
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigurationError(
            f"this is the stand-in azuread plugin, for a sandbox tenant only: it refuses to reach"
            f" `{urlsplit(url).netloc}`, which is not on this machine"
        )


class Session:
    """A signed-in client; the token is renewed when it is about to expire."""

    def __init__(self, config: Configuration) -> None:
        """Ask for the endpoints and a token, as `pulumi preview` already does."""
        self.config = config
        self._connections = Connections()
        self._lock = threading.Lock()
        self._expires = 0.0
        self._access_token = ""
        try:
            self._login, self._base = self._endpoints()
            self.token()
        except BaseException:
            self.close()
            raise
        self.graph = Graph(self._base, self._connections, self.token)

    def _endpoints(self) -> tuple[str, str]:
        """Give where to sign in, and Graph, as the metadata names them."""
        url = f"https://{self.config.metadata_host}/metadata/endpoints?api-version=2022-09-01"
        found = self._ask("GET", url, retries=0)
        try:
            login = found["authentication"]["loginEndpoint"]
            base = found["microsoftGraphResourceId"].rstrip("/")
        except (KeyError, TypeError, AttributeError):
            raise ConfigurationError(f"{url} does not name the endpoints of a cloud") from None
        require_this_machine(login)
        require_this_machine(base)
        return login, base

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def token(self) -> str:
        """Give an access token that is still valid for some minutes."""
        with self._lock:
            if time.monotonic() < self._expires:
                return self._access_token
            form = {
                "client_id": self.config.client_id,
                "grant_type": "client_credentials",
                "scope": f"{self._base}/.default",
            }
            if self.config.secret:
                form["client_secret"] = self.config.secret
            else:
                form["client_assertion"] = self.config.assertion or ""
                form["client_assertion_type"] = _ASSERTION
            url = f"{self._login}/{self.config.tenant_id}/oauth2/v2.0/token"
            found = self._ask("POST", url, retries=TOKEN_RETRIES, body=urlencode(form).encode())
            self._access_token = str(found.get("access_token", ""))
            lifetime = float(found.get("expires_in", 0))
            self._expires = time.monotonic() + max(lifetime - _RENEW_BEFORE, lifetime / 2)
            return self._access_token

    def object_id(self) -> str:
        """Give the `oid` of the token, which the real plugin reads too; it does not ask Graph."""
        try:
            claims = self.token().split(".")[1]
            padded = claims + "=" * (-len(claims) % 4)
            return str(json.loads(base64.urlsafe_b64decode(padded)).get("oid", ""))
        except (IndexError, ValueError):
            return ""

    def _ask(
        self, method: str, url: str, *, retries: int, body: bytes | None = None
    ) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        clock = Clock(_SIGN_IN_SECONDS, scale=1, cancelled=threading.Event())
        request = Request(method, url, headers, body)
        try:
            answer = exchange(self._connections, request, clock, retries=retries)
        except OperationError as error:
            raise ConfigurationError(str(error)) from error
        if answer.status != 200 or not isinstance(answer.body, dict):  # noqa: PLR2004 - OK
            reason = answer.body.get("error_description") if isinstance(answer.body, dict) else None
            raise ConfigurationError(f"{method} {url}: {reason or error_of(answer)}")
        return answer.body
