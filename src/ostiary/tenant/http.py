"""HTTP as the variables say: whom to trust, which proxy to ask."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

import httpx

# What is raised before anything of a request left.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
DISTRUSTED = "set SSL_CERT_FILE to the certificates to trust, if a proxy of yours stands in between"


def connect(environ: Mapping[str, str], url: str) -> httpx.Client:
    """Give a client for what is at `url`; it trusts $SSL_CERT_FILE alone where that is set."""
    return httpx.Client(
        verify=_trust(environ.get("SSL_CERT_FILE")),
        timeout=30.0,
        trust_env=not is_this_machine(url),
    )


@cache
def _trust(file: str | None) -> ssl.SSLContext:
    """Read the certificates to trust, once: there are hundreds of them, and many tenants."""
    return ssl.create_default_context(cafile=file) if file else httpx.create_ssl_context()


def is_this_machine(url: str) -> bool:
    """Tell whether an address is a loopback one, as a sandbox's is; no proxy leads there."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
