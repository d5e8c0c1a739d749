"""CIDR ranges and countries in the one form that Graph gives back, and what is wrong with them.

The provider compares the lists it sent with those it reads, in order and letter by letter, and
waits until they agree: a range in another spelling makes it wait until its timeout
(https://github.com/hashicorp/terraform-provider-azuread/issues/1746).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise

import iso3166

from ostiary.catalog import RANGES_PER_NAMED_LOCATION, WIDEST_PREFIX
from ostiary.errors import Severity

Network = IPv4Network | IPv6Network

# What never appears as the public address of a sign-in; documentation ranges are left to examples.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3", "::/8", "fc00::/7", "fe80::/10",
        "ff00::/8",
    )
)  # fmt: skip
# Graph knows Kosovo by the code that ISO 3166-1 leaves to its users.
_COUNTRIES = frozenset(iso3166.countries_by_alpha2) | {"XK"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with the entry at `index` of a list."""

    index: int
    code: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR


def canonical_ranges(texts: Sequence[str]) -> tuple[tuple[str, ...], list[Finding]]:
    """Give CIDR ranges compressed, lower case and sorted, IPv4 first, and everything wrong in them.

    Errors: no range, host bits set, wider than /8, given twice, too many.  Warnings: not public,
    inside another range of the list.
    """
    found: list[Finding] = []
    networks: list[tuple[Network, int]] = []
    for index, text in enumerate(texts):
        network = _network(text, index, found)
        if network is not None:
            networks.append((network, index))
    networks.sort(key=lambda each: (each[0].version, each[0]))
    for (first, _), (second, index) in pairwise(networks):
        if first == second:
            found.append(
                Finding(index, "repeated-value", f"`{texts[index]}` stands twice", "remove one")
            )
    found += _overlaps(networks, texts)
    if len(texts) > RANGES_PER_NAMED_LOCATION:
        found.append(
            Finding(
                RANGES_PER_NAMED_LOCATION,
                "too-many-ranges",
                f"{len(texts)} ranges; Entra takes {RANGES_PER_NAMED_LOCATION}",
                "merge neighbouring ranges, or split the location",
            )
        )
    return tuple(str(network) for network, _ in networks), found


def without_host_bits(text: str) -> str:
    """Give the range around an address with a prefix; what is no such thing stays as it is."""
    try:
        return str(ip_network(text, strict=False)) if "/" in text else text
    except ValueError:
        return text


def _network(text: str, index: int, found: list[Finding]) -> Network | None:
    if "/" not in text:
        found.append(Finding(index, "not-a-range", f"`{text}` is not a range", _as_range(text)))
        return None
    try:
        network = ip_network(text, strict=False)
        address = ip_address(text.partition("/")[0])
    except ValueError:
        found.append(
            Finding(
                index,
                "not-a-range",
                f"`{text}` is not a range",
                "a range looks like 203.0.113.0/24 or 2001:db8:10::/48",
            )
        )
        return None
    if address != network.network_address:
        found.append(
            Finding(
                index,
                "host-bits-set",
                f"`{text}` has bits set beyond its prefix",
                f"the range that holds it is `{network}`, the one address "
                f"`{address}/{network.max_prefixlen}`",
            )
        )
        return None
    if network.prefixlen < WIDEST_PREFIX:
        found.append(
            Finding(
                index,
                "range-too-wide",
                f"`{text}` is wider than /{WIDEST_PREFIX}, which Entra refuses",
            )
        )
        return None
    if any(network.version == other.version and network.overlaps(other) for other in _NOT_PUBLIC):
        found.append(
            Finding(
                index,
                "private-range",
                f"`{text}` is not public, and Entra sees public addresses only",
                "name the public addresses that this network leaves from",
                Severity.WARNING,
            )
        )
    return network


def _as_range(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return "a range looks like 203.0.113.0/24 or 2001:db8:10::/48"
    return f"write `{address}/{address.max_prefixlen}` for the one address"


def _overlaps(networks: Iterable[tuple[Network, int]], texts: Sequence[str]) -> Iterable[Finding]:
    """Find what lies inside a wider range; in sorted order a wider one comes first."""
    widest: Network | None = None
    for network, index in networks:
        if widest and widest.version == network.version and widest.overlaps(network):
            if widest != network:
                yield Finding(
                    index,
                    "overlapping-ranges",
                    f"`{texts[index]}` lies inside `{widest}`",
                    "remove it",
                    Severity.WARNING,
                )
        else:
            widest = network


def canonical_countries(texts: Sequence[str]) -> tuple[tuple[str, ...], list[Finding]]:
    """Give country codes in upper case, sorted, and those that ISO 3166-1 does not have."""
    codes = [text.upper() for text in texts]
    found = [
        Finding(
            index,
            "unknown-country",
            f"no country has the code `{texts[index]}`",
            "write `GB`" if code == "UK" else "write the two letters of ISO 3166-1, as `NO`",
        )
        for index, code in enumerate(codes)
        if code not in _COUNTRIES
    ]
    found += [
        Finding(index, "repeated-value", f"`{texts[index]}` stands twice", "remove one")
        for index, code in enumerate(codes)
        if code in codes[:index]
    ]
    return tuple(sorted(set(codes))), found
