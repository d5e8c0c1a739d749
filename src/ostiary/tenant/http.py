"""HTTP as the variables say: whom to trust, which proxy to ask."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

# What is raised before anything of a request left.
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def connect(environ: Mapping[str, str], url: str, *, timeout: float = 30.0) -> httpx.Client:
    """Give a client for what is at `url`; it trusts $SSL_CERT_FILE alone where that is set."""
    file = environ.get("SSL_CERT_FILE")
    verify = ssl.create_default_context(cafile=file) if file else True
    return httpx.Client(verify=verify, timeout=timeout, trust_env=not is_this_machine(url))


def is_this_machine(url: str) -> bool:
    """Tell whether an address is a loopback one, as a sandbox's is; no proxy leads there."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
