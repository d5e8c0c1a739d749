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


def issue(
    key: bytes, *, tenant_id: str, client_id: str, audience: str, roles: tuple[str, ...]
) -> str:
    """Give a signed token that is valid for LIFETIME seconds from now."""
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant_id}/",
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "appid": client_id,
        "idtyp": "app",
        "oid": str(uuid5(NAMESPACE_URL, f"{tenant_id}/{client_id}")),
        "roles": list(roles),
        "tid": tenant_id,
        "ver": "1.0",
    }
    return sign(key, claims)


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
