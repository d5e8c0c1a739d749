"""Which credential the environment holds, in the order in which the azuread provider looks.

Order and variables: https://www.pulumi.com/registry/packages/azuread/installation-configuration/
What `describe` names is what `credential` makes: both go by one table, `_WAYS`.
"""

from __future__ import annotations

import base64
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from ostiary.errors import TenantError
from ostiary.tenant import platforms
from ostiary.tenant.http import is_this_machine

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

Environ = Mapping[str, str]

# What a provider's variables may hold that nobody is to read.
_SECRETS = (
    "ARM_CLIENT_CERTIFICATE",
    "ARM_CLIENT_CERTIFICATE_PASSWORD",
    "ARM_CLIENT_SECRET",
    "ARM_OIDC_TOKEN",
    "ARM_OIDC_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "SYSTEM_ACCESSTOKEN",
)
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_LONGEST = 300  # characters of somebody else's words
_CONNECTIONS = ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID")
_GITHUB = (
    ("ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL"),
    ("ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
)
_AZURE_DEVOPS = (
    ("ARM_OIDC_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"),
    ("ARM_OIDC_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"),
)
_HINT = (
    "set ARM_CLIENT_ID and one of ARM_CLIENT_SECRET, ARM_CLIENT_CERTIFICATE_PATH or "
    "ARM_USE_OIDC=true with a token; or log in with `az login` (docs/pipelines.md)"
)


@dataclass(frozen=True, slots=True)
class _Tenant:
    """What a credential is made for; `options` are those of azure-identity's HTTP pipeline."""

    environ: Environ
    tenant_id: str
    options: dict[str, Any]

    @property
    def application(self) -> tuple[str, str]:
        """The tenant's and the client's id, which an application signs in with."""
        return self.tenant_id, _client(self.environ)


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to sign in.

    `taken` gives the variable that decides for it, "" where none does, None where it is not taken.
    """

    words: str
    taken: Callable[[Environ], str | None]
    make: Callable[[_Tenant], TokenCredential]


def describe(environ: Environ) -> str | None:
    """Say in words which credential would be used, without its value; None when there is none."""
    for way in _WAYS:
        variable = way.taken(environ)
        if variable is not None:
            return f"{way.words} (${variable})" if variable else way.words
    return None


def require(environ: Environ, environment: str) -> str:
    """Say which credential will be used for an environment; raises TenantError without one."""
    found = describe(environ)
    if found is None:
        raise TenantError(f"there are no credentials for `{environment}`", hint=_HINT)
    return found


def credential(environ: Environ, tenant_id: str, authority: str) -> TokenCredential:
    """Make the credential that `describe` names; `authority` is the login endpoint's host.

    It asks once and does not repeat itself.  An OpenID Connect token in a file is read anew at each
    use, as the file may have been renewed.  Raises TenantError where it cannot be made.
    """
    # What it warns of repeats the answers of Entra and az as they are, with what these may hold.
    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
    options = {
        "authority": authority,
        # A sandbox or a sovereign cloud is no authority that the public one knows.
        "disable_instance_discovery": bool(environ.get("ARM_METADATA_HOSTNAME")),
        "connection_verify": environ.get("SSL_CERT_FILE") or True,
        "connection_timeout": 10,
        "read_timeout": 30,
        "retry_total": 0,
        # No proxy leads to this machine, whatever the environment says.
        "use_env_settings": not is_this_machine(f"https://{authority}"),
    }
    way = next((each for each in _WAYS if each.taken(environ) is not None), None)
    if way is None:
        raise TenantError(f"there are no credentials for tenant {tenant_id}", hint=_HINT)
    try:
        return way.make(_Tenant(environ, tenant_id, options))
    except (OSError, ValueError) as error:
        reason = hidden(str(error), environ)
    raise TenantError(f"{describe(environ)} cannot be used: {reason}")


def hidden(text: str, environ: Environ) -> str:
    """Give the first line of what somebody else said, without secrets of ours and tokens."""
    for secret in _secrets(environ):
        for spelling in (secret, quote_plus(secret)):
            text = text.replace(spelling, "***")
    lines = _TOKEN.sub("***", text).strip().splitlines() or [""]
    return lines[0] if len(lines[0]) <= _LONGEST else f"{lines[0][:_LONGEST]}…"


def _secrets(environ: Environ) -> Iterator[str]:
    for name in _SECRETS:
        with suppress(KeyError, OSError, ValueError):
            yield from filter(None, [_value(environ, name).strip()])


def _certificate(tenant: _Tenant) -> TokenCredential:
    from azure.identity import CertificateCredential  # noqa: PLC0415 (half a second to import)

    environ = tenant.environ
    data = environ.get("ARM_CLIENT_CERTIFICATE")
    return CertificateCredential(
        *tenant.application,
        None if data else environ["ARM_CLIENT_CERTIFICATE_PATH"],
        certificate_data=base64.b64decode("".join(data.split()), validate=True) if data else None,
        password=environ.get("ARM_CLIENT_CERTIFICATE_PASSWORD"),
        **tenant.options,
    )


def _secret(tenant: _Tenant) -> TokenCredential:
    from azure.identity import ClientSecretCredential  # noqa: PLC0415 (likewise)

    secret = _value(tenant.environ, "ARM_CLIENT_SECRET")
    return ClientSecretCredential(*tenant.application, secret, **tenant.options)


def _federated(tenant: _Tenant, assertion: Callable[[], str]) -> TokenCredential:
    from azure.identity import ClientAssertionCredential  # noqa: PLC0415 (likewise)

    return ClientAssertionCredential(*tenant.application, assertion, **tenant.options)


def _static(tenant: _Tenant) -> TokenCredential:
    return _federated(tenant, lambda: _value(tenant.environ, "ARM_OIDC_TOKEN"))


def _azure_devops(tenant: _Tenant) -> TokenCredential:
    environ = tenant.environ
    url, bearer = (environ[_first(environ, names) or ""] for names in _AZURE_DEVOPS)
    connection = environ[_first(environ, _CONNECTIONS) or ""]
    return _federated(tenant, lambda: platforms.azure_devops(environ, url, bearer, connection))


def _github(tenant: _Tenant) -> TokenCredential:
    environ = tenant.environ
    url, bearer = (environ[_first(environ, names) or ""] for names in _GITHUB)
    return _federated(tenant, lambda: platforms.github(environ, url, bearer))


def _managed_identity(tenant: _Tenant) -> TokenCredential:
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415 (likewise)

    client_id = _client(tenant.environ) or None
    if url := tenant.environ.get("ARM_MSI_ENDPOINT"):
        return platforms.ManagedIdentity(tenant.environ, url, client_id)
    return ManagedIdentityCredential(client_id=client_id)


def _az(tenant: _Tenant) -> TokenCredential:
    from azure.identity import AzureCliCredential  # noqa: PLC0415 (likewise)

    return AzureCliCredential(tenant_id=tenant.tenant_id, process_timeout=30)


def _of_application(
    *needed: tuple[str, ...], oidc: bool = False
) -> Callable[[Environ], str | None]:
    """Take a way where there is a client id and, of each group of variables, one."""

    def taken(environ: Environ) -> str | None:
        found = [_first(environ, names) for names in needed]
        if (
            not _has_client(environ)
            or None in found
            or (oidc and not _is_set(environ, "ARM_USE_OIDC"))
        ):
            return None
        return found[0]

    return taken


def _az_is_there(environ: Environ) -> str | None:
    wanted = _is_set(environ, "ARM_USE_CLI", default="true")
    return "" if wanted and shutil.which("az", path=environ.get("PATH")) else None


_WAYS = (
    _Way(
        "a client certificate",
        _of_application(("ARM_CLIENT_CERTIFICATE", "ARM_CLIENT_CERTIFICATE_PATH")),
        _certificate,
    ),
    _Way(
        "a client secret",
        _of_application(("ARM_CLIENT_SECRET", "ARM_CLIENT_SECRET_FILE_PATH")),
        _secret,
    ),
    _Way(
        "an OpenID Connect token",
        _of_application(("ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH"), oidc=True),
        _static,
    ),
    _Way(
        "an OpenID Connect token of Azure DevOps",
        _of_application(_CONNECTIONS, *_AZURE_DEVOPS, oidc=True),
        _azure_devops,
    ),
    _Way("an OpenID Connect token of GitHub", _of_application(*_GITHUB, oidc=True), _github),
    _Way(
        "the managed identity",
        lambda environ: "ARM_USE_MSI" if _is_set(environ, "ARM_USE_MSI") else None,
        _managed_identity,
    ),
    _Way("the account that az is logged in with", _az_is_there, _az),
)


def _first(environ: Environ, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if environ.get(name)), None)


def _is_set(environ: Environ, name: str, default: str = "") -> bool:
    return environ.get(name, default).lower() in {"1", "true"}


def _has_client(environ: Environ) -> bool:
    return _first(environ, ("ARM_CLIENT_ID", "ARM_CLIENT_ID_FILE_PATH")) is not None


def _client(environ: Environ) -> str:
    return _value(environ, "ARM_CLIENT_ID") if _has_client(environ) else ""


def _value(environ: Environ, name: str) -> str:
    """Give a variable's value, or the content of the file that its twin names."""
    value = environ.get(name)
    return value or Path(environ[f"{name}_FILE_PATH"]).read_text(encoding="utf-8").strip()
