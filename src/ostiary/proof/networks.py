"""Named locations by address → the classes of addresses that they can tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton

from ostiary.proof.cubes import bits

# Addresses of documentation (RFC 5737, RFC 3849) read best as examples of "anywhere else".
_PLAIN = {4: int(IPv4Address("192.0.2.1")), 6: int(IPv6Address("2001:db8::1"))}
_WIDTH = {4: 32, 6: 128}
_V6 = 6

# First addresses and those after the last, of ranges that neither overlap nor touch, in order.
Intervals = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AddressClass:
    """Addresses that lie in the same locations: how many of each version, and one of them."""

    locations: frozenset[str]
    ipv4: int
    ipv6: int
    example: IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class AddressClasses:
    """All addresses in classes; `inside` gives the mask of a location's classes by its key.

    The class of addresses in no location comes first; an address that is not known lies there too.
    """

    classes: tuple[AddressClass, ...]
    inside: Mapping[str, int]


def address_classes(locations: Mapping[str, Sequence[str]]) -> AddressClasses:
    """Part all IPv4 and IPv6 addresses by the locations (key → CIDR ranges) they lie in."""
    keys = list(locations)
    found: dict[int, dict[int, tuple[int, int]]] = {0: {}}
    for version in (4, 6):
        plain = _PLAIN[version]
        for start, after, members in address_intervals(version, locations):
            classes = found.setdefault(members, {})
            count, example = classes.get(version, (0, plain if start <= plain < after else start))
            classes[version] = (count + after - start, example)
    inside = dict.fromkeys(keys, 0)
    made = []
    for number, members in enumerate(sorted(found)):
        named = [keys[place] for place in bits(members)]
        for key in named:
            inside[key] |= 1 << number
        made.append(_class(named, found[members]))
    return AddressClasses(tuple(made), inside)


def _class(named: Iterable[str], by_version: Mapping[int, tuple[int, int]]) -> AddressClass:
    ipv4, example4 = by_version.get(4, (0, 0))
    ipv6, example6 = by_version.get(6, (0, 0))
    example = IPv4Address(example4) if ipv4 else IPv6Address(example6)
    return AddressClass(frozenset(named), ipv4, ipv6, example)


def address_intervals(
    version: int, locations: Mapping[str, Sequence[str]]
) -> Iterator[tuple[int, int, int]]:
    """Walk over all addresses of a version, 4 or 6, by the locations (key → CIDR) they lie in.

    Gives (first address, the one after the last, locations as bits in the order of `locations`).
    """
    changes: dict[int, int] = {}
    for number, ranges in enumerate(locations.values()):
        bit = 1 << number
        for first, after in _intervals(tuple(ranges))[version == _V6]:
            changes[first] = changes.get(first, 0) ^ bit
            changes[after] = changes.get(after, 0) ^ bit
    members, start = 0, 0
    for place in [*sorted(changes), 1 << _WIDTH[version]]:
        if place > start:
            yield start, place, members
        members ^= changes.get(place, 0)
        start = place


# The same location is asked about for each environment and each version of the policies.
@lru_cache(maxsize=4096)
def _intervals(ranges: tuple[str, ...]) -> tuple[Intervals, Intervals]:
    """Give the IPv4 and the IPv6 intervals of CIDR ranges, so that each end changes membership."""
    found: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    for cidr in ranges:
        address, _, prefix = cidr.partition("/")
        family, width, into = (AF_INET6, 128, 1) if ":" in cidr else (AF_INET, 32, 0)
        first = int.from_bytes(inet_pton(family, address), "big")
        found[into].append((first, first + (1 << width - int(prefix))))
    return tuple(_merged(found[0])), tuple(_merged(found[1]))


def _merged(intervals: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join intervals that overlap or touch."""
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
