"""What a client asks Entra before it asks Graph: the cloud's endpoints, and a token.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from ostiary.sandbox import tokens
from ostiary.sandbox.answers import Answer, Json
from ostiary.sandbox.graph_call import now
from ostiary.sandbox.graph_types import is_guid
from ostiary.sandbox.store import Store, Tenant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostiary.sandbox.home import Secrets

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request for a token; `origin` is `https://host:port`, `form` the decoded body."""

    origin: str
    tenant_id: str
    form: Mapping[str, str]


def metadata(origin: str) -> Answer:
    """`GET /metadata/endpoints`: the fields that the azuread provider needs, and no more.

    The login endpoint has no slash at its end, because the provider appends to it as it stands.
    """
    return Answer(
        200,
        {
            "name": "AzureCloud",
            "portal": origin,
            "authentication": {
                "loginEndpoint": origin,
                "audiences": [origin],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "resourceManager": origin,
            "microsoftGraphResourceId": origin,
        },
    )


def discovery(origin: str, tenant_id: str) -> Answer:
    """`GET /{tenant}/v2.0/.well-known/openid-configuration`."""
    return Answer(
        200,
        {
            "token_endpoint": f"{origin}/{tenant_id}/oauth2/v2.0/token",
            "authorization_endpoint": f"{origin}/{tenant_id}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{origin}/{tenant_id}/oauth2/v2.0/devicecode",
            "issuer": f"{origin}/{tenant_id}/v2.0",
            "jwks_uri": f"{origin}/{tenant_id}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "tenant_region_scope": None,
        },
    )


def token(request: TokenRequest, secrets: Secrets, store: Store) -> Answer:
    """`POST /{tenant}/oauth2/v2.0/token`: a token, and a tenant if there was none.

    A client assertion is taken for any content that has not expired: who signed it is a matter of
    the federated credential, which the sandbox has none of.
    """
    form, tenant_id = request.form, request.tenant_id.lower()
    if not is_guid(tenant_id):
        return _refuse(400, "invalid_request", 90002, f"Tenant '{request.tenant_id}' not found.")
    if form.get("grant_type") != "client_credentials":
        return _refuse(400, "unsupported_grant_type", 70003, "The grant type is not supported.")
    if form.get("client_id") != secrets.client_id:
        return _refuse(
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{form.get('client_id', '')}' was not found in the"
            f" directory '{tenant_id}'.",
        )
    refusal = _check_credential(form, secrets)
    if refusal:
        return refusal
    audience = form.get("scope", "").removesuffix("/.default")
    if audience not in {request.origin, f"{request.origin}/", "https://graph.microsoft.com"}:
        return _refuse(
            400,
            "invalid_scope",
            70011,
            f"The provided value for the input parameter 'scope' is not valid. The scope"
            f" {form.get('scope', '')} is not valid.",
        )
    tenant = store.tenant(tenant_id)
    if tenant is None:
        tenant = Tenant(tenant_id)
        store.put_tenant(tenant)
    access_token = tokens.issue(
        secrets.signing_key.encode(),
        tenant_id=tenant_id,
        client_id=secrets.client_id,
        audience=audience,
        roles=tenant.roles,
    )
    lifetime = tokens.LIFETIME
    return Answer(
        200,
        {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": access_token,
        },
        {"Cache-Control": "no-store, no-cache"},
    )


def _check_credential(form: Mapping[str, str], secrets: Secrets) -> Answer | None:
    return _check_assertion(form) if "client_assertion" in form else _check_secret(form, secrets)


def _check_assertion(form: Mapping[str, str]) -> Answer | None:
    if form.get("client_assertion_type") != _ASSERTION_TYPE:
        return _refuse(400, "invalid_request", 90014, "client_assertion_type is missing.")
    try:
        claims = tokens.payload(form["client_assertion"])
    except tokens.TokenError:
        return _refuse(401, "invalid_client", 50027, "JWT token is invalid or malformed.")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or expires <= time.time():
        return _refuse(
            401,
            "invalid_client",
            700024,
            "Client assertion is not within its valid time range.",
        )
    return None


def _check_secret(form: Mapping[str, str], secrets: Secrets) -> Answer | None:
    given = form.get("client_secret")
    if given is None:
        return _refuse(
            401,
            "invalid_client",
            7000218,
            "The request body must contain the following parameter: 'client_assertion' or"
            " 'client_secret'.",
        )
    if not hmac.compare_digest(given.encode(), secrets.client_secret.encode()):
        return _refuse(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the"
            " client secret value, not the client secret ID, for a secret added to app"
            f" '{secrets.client_id}'.",
        )
    return None


def _refuse(status: int, error: str, code: int, message: str) -> Answer:
    """Give an error as the token endpoint words it.

    https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    """
    trace, correlation, moment = str(uuid4()), str(uuid4()), f"{now()[:10]} {now()[11:19]}Z"
    description = (
        f"AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation}"
        f" Timestamp: {moment}"
    )
    body: Json = {
        "error": error,
        "error_description": description,
        "error_codes": [code],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return Answer(status, body)
