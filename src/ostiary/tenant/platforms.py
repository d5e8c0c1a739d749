"""Tokens that a platform gives to what runs on it: GitHub, Azure DevOps, a managed identity.

The requests are the azuread provider's, so that what works here works there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from ostiary.errors import TenantError
from ostiary.tenant.http import NEVER_SENT, connect
from ostiary.tenant.patience import AgainError, passes

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

Environ = Mapping[str, str]
_AUDIENCE = "api://AzureADTokenExchange"


def github(environ: Environ, url: str, bearer: str) -> str:
    """Ask GitHub for an OpenID Connect token of this job.

    https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
    """
    headers = {"Authorization": f"Bearer {bearer}"}
    answer = _ask(environ, "GET", url, {"audience": _AUDIENCE}, headers)
    return _text(answer, "value", url)


def azure_devops(environ: Environ, url: str, bearer: str, connection: str) -> str:
    """Ask Azure DevOps for an OpenID Connect token of a service connection.

    https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
    """
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    query = {"api-version": "7.1", "serviceConnectionId": connection}
    answer = _ask(environ, "POST", url, query, headers)
    return _text(answer, "oidcToken", url)


class ManagedIdentity:
    """A credential from the endpoint that $ARM_MSI_ENDPOINT names, which azure-identity ignores.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
    """

    def __init__(self, environ: Environ, url: str, client_id: str | None) -> None:
        self._environ = environ
        self._url = url
        self._client = {"client_id": client_id} if client_id else {}

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Give a token for a scope `resource/.default`."""
        from azure.core.credentials import AccessToken  # noqa: PLC0415 (slow to import)

        resource = scopes[0].removesuffix("/.default")
        query = {"api-version": "2018-02-01", "resource": resource, **self._client}
        answer = _ask(self._environ, "GET", self._url, query, {"Metadata": "true"})
        try:
            lifetime = int(answer["expires_in"])
        except (KeyError, TypeError, ValueError):
            lifetime = 0  # taken for one use
        return AccessToken(_text(answer, "access_token", self._url), int(time.time()) + lifetime)


def _ask(
    environ: Environ, method: str, url: str, query: dict[str, str], headers: dict[str, str]
) -> dict[str, Any]:
    """Ask for JSON; what the answer says beside is not repeated, as it may hold what was sent."""
    body, unreached = None, False
    try:
        address = httpx.URL(url)
        # What the address asks for already is left as it is.
        asked = address.copy_with(params=httpx.QueryParams(query).merge(address.params))
        with connect(environ, url) as http:
            answer = http.request(method, asked, headers={"Accept": "application/json", **headers})
        said, again = f"HTTP {answer.status_code}", passes(answer.status_code)
        body = answer.json() if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        said, again = type(error).__name__, isinstance(error, httpx.TransportError)
        unreached = isinstance(error, NEVER_SENT)
    if isinstance(body, dict):
        return body
    told = f"{_host(url)} gave no token: {said}"
    raise AgainError(told, unreached=unreached) if again else TenantError(told)


def _text(answer: dict[str, Any], key: str, url: str) -> str:
    value = answer.get(key)
    if not isinstance(value, str) or not value:
        raise TenantError(f"{_host(url)} gave no token: there is no `{key}` in its answer")
    return value


def _host(url: str) -> str:
    return f"`{urlsplit(url).hostname}`"
