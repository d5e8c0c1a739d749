"""Named locations by address → the classes of addresses that they can tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton

# Addresses of documentation (RFC 5737, RFC 3849) read best as examples of "anywhere else".
_PLAIN = {4: int(IPv4Address("192.0.2.1")), 6: int(IPv6Address("2001:db8::1"))}
_WIDTH = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class AddressClass:
    """Addresses that lie in the same locations: how many of each version, and one of them."""

    locations: frozenset[str]
    ipv4: int
    ipv6: int
    example: str


def address_classes(locations: Mapping[str, Sequence[str]]) -> tuple[AddressClass, ...]:
    """Part all IPv4 and IPv6 addresses by the locations (key → CIDR ranges) they lie in.

    The class of addresses in no location comes first; an address that is not known lies there too.
    """
    keys = list(locations)
    found: dict[int, dict[int, tuple[int, int]]] = {0: {}}
    for version in (4, 6):
        plain = _PLAIN[version]
        for start, after, members in address_intervals(version, locations):
            classes = found.setdefault(members, {})
            count, first = classes.get(version, (0, plain if start <= plain < after else start))
            classes[version] = (count + after - start, first)
    return tuple(_named(members, found[members], keys) for members in sorted(found))


def address_intervals(
    version: int, locations: Mapping[str, Sequence[str]]
) -> Iterable[tuple[int, int, int]]:
    """Walk over all addresses of a version, 4 or 6, by the locations (key → CIDR) they lie in.

    Gives (first address, the one after the last, locations as bits in the order of `locations`).
    """
    changes: dict[int, int] = {}
    for number, ranges in enumerate(locations.values()):
        for first, after in _merged(_intervals(version, ranges)):
            changes[first] = changes.get(first, 0) ^ 1 << number
            changes[after] = changes.get(after, 0) ^ 1 << number
    members, start = 0, 0
    for place in [*sorted(changes), 1 << _WIDTH[version]]:
        if place > start:
            yield start, place, members
        members ^= changes.get(place, 0)
        start = place


def _named(
    members: int, classes: Mapping[int, tuple[int, int]], keys: Sequence[str]
) -> AddressClass:
    ipv4, example4 = classes.get(4, (0, 0))
    ipv6, example6 = classes.get(6, (0, 0))
    example = IPv4Address(example4) if ipv4 else IPv6Address(example6)
    inside = frozenset(key for number, key in enumerate(keys) if members >> number & 1)
    return AddressClass(inside, ipv4, ipv6, str(example))


def _intervals(version: int, ranges: Iterable[str]) -> Iterable[tuple[int, int]]:
    family, width = (AF_INET, 32) if version == 4 else (AF_INET6, 128)  # noqa: PLR2004 (the version)
    for cidr in ranges:
        if (":" in cidr) == (version == 6):  # noqa: PLR2004 (likewise)
            address, _, prefix = cidr.partition("/")
            first = int.from_bytes(inet_pton(family, address), "big")
            yield first, first + (1 << width - int(prefix))


def _merged(intervals: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Join intervals that overlap or touch, so that each end is a change of membership."""
    current: tuple[int, int] | None = None
    for first, after in sorted(intervals):
        if current is None or first > current[1]:
            if current:
                yield current
            current = (first, after)
        else:
            current = (current[0], max(current[1], after))
    if current:
        yield current
