"""Access tokens as Entra issues them: three parts, signed, base64url without padding.

The azuread provider reads `oid` from the payload and otherwise asks Graph who it is, so `oid` is
always there.  https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from ostiary.sandbox.answers import Json

LIFETIME = 3599  # seconds, as Entra says in `expires_in`


class TokenError(Exception):
    """A token is missing, forged, expired, or no token at all."""


def issue(  # noqa: PLR0913 - each is a claim
    key: bytes,
    *,
    tenant_id: str,
    client_id: str,
    audience: str,
    roles: tuple[str, ...],
    name: str = "Sandbox client",
) -> str:
    """Give a signed token of an application; `name` is what it is called in the tenant."""
    app = {
        "appid": client_id,
        "app_displayname": name,
        "idtyp": "app",
        "oid": str(uuid5(NAMESPACE_URL, f"{tenant_id}/{client_id}")),
        "roles": list(roles),
    }
    return sign(key, _lifetime(tenant_id, audience) | app)


def issue_to_user(
    key: bytes, *, tenant_id: str, audience: str, scopes: tuple[str, ...], user: Json
) -> str:
    """Give a signed token of a person in the portal: `user` holds `id` and `userPrincipalName`."""
    person = {
        "appid": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
        "app_displayname": "Azure Portal",
        "idtyp": "user",
        "ipaddr": "203.0.113.9",
        "oid": user["id"],
        "scp": " ".join(scopes),
        "upn": user["userPrincipalName"],
    }
    return sign(key, _lifetime(tenant_id, audience) | person)


def _lifetime(tenant_id: str, audience: str) -> Json:
    """Give the claims of every token; it is valid for LIFETIME seconds from now."""
    now = int(time.time())
    return {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant_id}/",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "tid": tenant_id,
        "ver": "1.0",
    }


def sign(key: bytes, claims: Json) -> str:
    """Give a token of any claims."""
    head = f"{encode({'typ': 'JWT', 'alg': 'HS256'})}.{encode(claims)}"
    return f"{head}.{_signature(key, head)}"


def verify(key: bytes, token: str) -> Json:
    """Give the claims of a token that was issued with `key` and has not expired."""
    head, dot, signature = token.rpartition(".")
    if not dot or not hmac.compare_digest(signature.encode(), _signature(key, head).encode()):
        raise TokenError("the signature is not valid")
    claims = payload(token)
    if claims["exp"] <= time.time():
        raise TokenError("lifetime validation failed, the token is expired")
    return claims


def payload(token: str) -> Json:
    """Read the claims of a token without looking at its signature."""
    parts = token.split(".")
    try:
        _, claims, _ = parts
        decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        raise TokenError("the token is not a JSON web token") from None
    if not isinstance(decoded, dict):
        raise TokenError("the token has no claims")
    return decoded


def encode(value: Json) -> str:
    """Give one part of a token."""
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _signature(key: bytes, head: str) -> str:
    return _base64url(hmac.new(key, head.encode(), hashlib.sha256).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
