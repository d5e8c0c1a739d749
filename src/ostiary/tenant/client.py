"""Microsoft Graph, for what Pulumi does not do: list what a tenant holds, remove a duplicate."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from ostiary.errors import TenantError
from ostiary.tenant.credentials import credential

_PATH = "/v1.0/identity/conditionalAccess/"
# Microsoft's clouds, by the azuread provider's names.
_CLOUDS = {
    "public": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "global": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "usgovernment": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "usgovernmentl4": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "usgovernmentl5": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "dod": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": ("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
}
_RETRIED = {408, 424, 429, 500, 502, 503, 504}
# Graph gives no Retry-After on these resources' 429, and allows one request a second.
_FIRST_WAIT, _LONGEST_WAIT, _PATIENCE = 1.0, 30.0, 120.0

Json = dict[str, Any]


class GraphClient:
    """Reads a tenant's policies and named locations with the credential of the environment."""

    def __init__(self, tenant_id: str, environ: Mapping[str, str]) -> None:
        verify = _trust(environ)
        self._http = httpx.Client(verify=verify, timeout=30.0, trust_env=True)
        login, self._graph = self._endpoints(environ)
        self._credential = credential(environ, tenant_id, urlsplit(login).netloc)

    def policies(self) -> list[Json]:
        """List every Conditional Access policy, as Graph v1.0 shows it."""
        return list(self._pages("policies"))

    def named_locations(self) -> list[Json]:
        """List every named location, as Graph v1.0 shows it."""
        return list(self._pages("namedLocations"))

    def delete_policy(self, identity: str) -> None:
        """Delete one policy; Graph keeps it for 30 days."""
        self._ask("DELETE", self._graph + _PATH + f"policies/{identity}")

    def delete_named_location(self, location: Json) -> None:
        """Delete one named location; a trusted one must be told untrusted before."""
        url = self._graph + _PATH + f"namedLocations/{location['id']}"
        if location.get("isTrusted"):
            kind = location["@odata.type"]
            self._ask("PATCH", url, {"@odata.type": kind, "isTrusted": False})
        self._ask("DELETE", url)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _endpoints(self, environ: Mapping[str, str]) -> tuple[str, str]:
        host = environ.get("ARM_METADATA_HOSTNAME")
        if not host:
            return _CLOUDS[environ.get("ARM_ENVIRONMENT", "public").lower()]
        url = f"https://{host}/metadata/endpoints?api-version=2022-09-01"
        try:
            answer = self._http.get(url).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise TenantError(f"{url} does not answer: {type(error).__name__}") from None
        return (
            answer["authentication"]["loginEndpoint"].rstrip("/"),
            answer["microsoftGraphResourceId"].rstrip("/"),
        )

    def _pages(self, collection: str) -> Iterator[Json]:
        url: str | None = self._graph + _PATH + collection
        while url:
            page = self._ask("GET", url)
            yield from page["value"]
            url = page.get("@odata.nextLink")

    def _ask(self, method: str, url: str, body: Json | None = None) -> Json:
        """Ask Graph, again while it says that it is busy; raises TenantError past two minutes."""
        wait, ends = _FIRST_WAIT, time.monotonic() + _PATIENCE
        while True:
            answer = self._send(method, url, body)
            if answer.status_code not in _RETRIED or (
                method != "GET" and answer.status_code != httpx.codes.TOO_MANY_REQUESTS
            ):
                break
            after = answer.headers.get("Retry-After", "")
            pause = float(after) if after.isdecimal() else wait
            if time.monotonic() + pause > ends:
                break
            time.sleep(pause)
            wait = min(2 * wait, _LONGEST_WAIT)
        if answer.is_error:
            raise _refused(method, answer)
        return answer.json() if answer.content else {}

    def _send(self, method: str, url: str, body: Json | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token()}"}
        try:
            return self._http.request(method, url, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise TenantError(
                f"{method} {urlsplit(url).path} got no answer: {type(error).__name__}"
            ) from None

    def _token(self) -> str:
        from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 (slow to import)

        try:
            return self._credential.get_token(self._graph + "/.default").token
        except ClientAuthenticationError as error:
            reason = str(error.message).splitlines()[0]
            raise TenantError(f"Entra gave no token: {reason}") from None


def _trust(environ: Mapping[str, str]) -> ssl.SSLContext | bool:
    file = environ.get("SSL_CERT_FILE")
    return ssl.create_default_context(cafile=file) if file else True


def _refused(method: str, answer: httpx.Response) -> TenantError:
    path = urlsplit(str(answer.request.url)).path
    try:
        error = answer.json()["error"]
        said = f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        said = answer.reason_phrase
    hint = None
    if answer.status_code == httpx.codes.FORBIDDEN:
        hint = "the identity needs Policy.Read.All and Policy.ReadWrite.ConditionalAccess"
    return TenantError(f"Graph refused {method} {path}: {answer.status_code} {said}", hint=hint)
