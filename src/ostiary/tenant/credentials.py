"""Which credential the environment holds, in the order in which the azuread provider looks.

Order and variables: https://www.pulumi.com/registry/packages/azuread/installation-configuration/
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ostiary.errors import TenantError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_TRUE = {"1", "true"}


def describe(environ: Mapping[str, str]) -> str | None:
    """Say in words which credential would be used, without its value; None when there is none."""
    if not environ.get("ARM_CLIENT_ID") and not environ.get("ARM_CLIENT_ID_FILE_PATH"):
        if environ.get("ARM_USE_MSI", "").lower() in _TRUE:
            return "the managed identity"
        az = environ.get("ARM_USE_CLI", "true").lower() in _TRUE and shutil.which(
            "az", path=environ.get("PATH")
        )
        return "the account that az is logged in with" if az else None
    for variable, words in (
        ("ARM_CLIENT_CERTIFICATE", "a client certificate"),
        ("ARM_CLIENT_CERTIFICATE_PATH", "a client certificate"),
        ("ARM_CLIENT_SECRET", "a client secret"),
        ("ARM_CLIENT_SECRET_FILE_PATH", "a client secret"),
    ):
        if environ.get(variable):
            return f"{words} (${variable})"
    if environ.get("ARM_USE_OIDC", "").lower() not in _TRUE:
        return None
    for variable in (
        "ARM_OIDC_TOKEN",
        "ARM_OIDC_TOKEN_FILE_PATH",
        "ARM_OIDC_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
    ):
        if environ.get(variable):
            return f"an OpenID Connect token (${variable})"
    return None


def require(environ: Mapping[str, str], environment: str) -> str:
    """Say which credential will be used for an environment; raises TenantError without one."""
    found = describe(environ)
    if found is None:
        raise TenantError(
            f"there are no credentials for `{environment}`",
            hint="set ARM_CLIENT_ID and one of ARM_CLIENT_SECRET, ARM_CLIENT_CERTIFICATE_PATH or "
            "ARM_USE_OIDC=true with a token; or log in with `az login` (docs/pipelines.md)",
        )
    return found


def credential(environ: Mapping[str, str], tenant_id: str, authority: str) -> TokenCredential:
    """Make the credential that `describe` names; `authority` is the login endpoint's host.

    A static OpenID Connect token is read anew at each use, as its file may have been renewed.
    """
    from azure.identity import (  # noqa: PLC0415 (half a second that only this needs)
        AzureCliCredential,
        CertificateCredential,
        ClientAssertionCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
    )

    client_id = _value(environ, "ARM_CLIENT_ID")
    verify = environ.get("SSL_CERT_FILE") or True
    common = {
        "authority": authority,
        "connection_verify": verify,
        # A sandbox or a sovereign cloud is no authority that the public one knows.
        "disable_instance_discovery": bool(environ.get("ARM_METADATA_HOSTNAME")),
    }
    if not client_id:
        if environ.get("ARM_USE_MSI", "").lower() in _TRUE:
            return ManagedIdentityCredential()
        return AzureCliCredential(tenant_id=tenant_id)
    if path := environ.get("ARM_CLIENT_CERTIFICATE_PATH"):
        return CertificateCredential(
            tenant_id,
            client_id,
            path,
            password=environ.get("ARM_CLIENT_CERTIFICATE_PASSWORD"),
            **common,
        )
    if secret := _value(environ, "ARM_CLIENT_SECRET"):
        return ClientSecretCredential(tenant_id, client_id, secret, **common)
    return ClientAssertionCredential(tenant_id, client_id, lambda: _assertion(environ), **common)


def _assertion(environ: Mapping[str, str]) -> str:
    if token := _value(environ, "ARM_OIDC_TOKEN", file="ARM_OIDC_TOKEN_FILE_PATH"):
        return token
    import httpx  # noqa: PLC0415 (only here)

    url = environ.get("ARM_OIDC_REQUEST_URL") or environ["ACTIONS_ID_TOKEN_REQUEST_URL"]
    bearer = environ.get("ARM_OIDC_REQUEST_TOKEN") or environ.get(
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN", ""
    )
    answer = httpx.get(
        url,
        params={"audience": "api://AzureADTokenExchange"},
        headers={"Authorization": f"Bearer {bearer}"},
    )
    if answer.is_error:
        raise TenantError(f"the pipeline gave no OpenID Connect token: HTTP {answer.status_code}")
    return str(answer.json()["value"])


def _value(environ: Mapping[str, str], name: str, *, file: str | None = None) -> str | None:
    path = environ.get(file or f"{name}_FILE_PATH")
    if value := environ.get(name):
        return value
    return Path(path).read_text(encoding="utf-8").strip() if path else None
