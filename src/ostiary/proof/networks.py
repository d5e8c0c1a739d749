"""Named locations by address → the classes of addresses that they can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise, repeat
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from ostiary.proof.cubes import bits

# Addresses of documentation (RFC 5737, RFC 3849) read best as examples of "anywhere else".
_PLAIN = {4: int(IPv4Address("192.0.2.1")), 6: int(IPv6Address("2001:db8::1"))}
_WIDTH = {4: 32, 6: 128}
_V6 = 6
_FAMILY = {4: AF_INET, 6: AF_INET6}
_NONE = (0, 0)

Block = int
"""A range: its first address, shifted by 8 to the left, and the length of its prefix.

In order, a range stands before those inside it.
"""


class AddressClass(NamedTuple):
    """Addresses that lie in the same locations.

    There are as many classes as ranges, and few are ever looked at: the rest is found when asked.
    """

    members: int
    all: _Addresses

    @property
    def locations(self) -> frozenset[str]:
        """The keys of the locations that the addresses lie in."""
        return frozenset(self.all.keys[place] for place in bits(self.members))

    @property
    def ipv4(self) -> int:
        """How many IPv4 addresses these are."""
        return self.all.counted[0].get(self.members, _NONE)[0]

    @property
    def ipv6(self) -> int:
        """How many IPv6 addresses these are."""
        return self.all.counted[1].get(self.members, _NONE)[0]

    @property
    def example(self) -> IPv4Address | IPv6Address:
        """One of the addresses."""
        ipv4, ipv6 = self.all.counted
        if self.members in ipv4:
            return IPv4Address(ipv4[self.members][1])
        return IPv6Address(ipv6.get(self.members, _NONE)[1])


@dataclass(frozen=True, slots=True)
class AddressClasses:
    """All addresses in classes; `inside` gives the mask of a location's classes by its key.

    The class of addresses in no location comes first; an address that is not known lies there too.
    """

    classes: tuple[AddressClass, ...]
    inside: Mapping[str, int]


def address_classes(locations: Mapping[str, Sequence[str]]) -> AddressClasses:
    """Part all IPv4 and IPv6 addresses by the locations (key → CIDR ranges) they lie in."""
    every = _Addresses(locations)
    found = sorted({0, *every.ipv4.members, *every.ipv6.members})
    # The locations of each class, as digits, give the classes of each location.
    width = len(every.keys)
    digits = "".join([f"{members:0{width}b}" for members in reversed(found)])
    inside = {
        key: int(digits[width - 1 - place :: width], 2) for place, key in enumerate(every.keys)
    }
    return AddressClasses(tuple([AddressClass(members, every) for members in found]), inside)


class Intervals(NamedTuple):
    """All addresses of a version: the first of each interval, and its locations, a bit each."""

    first: list[int]
    members: list[int]


class _Addresses:
    """All addresses of both versions, by the locations that they lie in."""

    def __init__(self, locations: Mapping[str, Sequence[str]]) -> None:
        self.keys = tuple(locations)
        self.ipv4, self.ipv6 = address_intervals(4, locations), address_intervals(6, locations)

    @cached_property
    def counted(self) -> tuple[dict[int, tuple[int, int]], dict[int, tuple[int, int]]]:
        """How many addresses lie in just the same locations, and one of them, by version."""
        return _counted(4, self.ipv4), _counted(6, self.ipv6)


def _counted(version: int, intervals: Intervals) -> dict[int, tuple[int, int]]:
    counted: dict[int, tuple[int, int]] = {}
    plain = _PLAIN[version]
    for (start, after), members in zip(
        pairwise([*intervals.first, 1 << _WIDTH[version]]), intervals.members, strict=True
    ):
        example = plain if start <= plain < after else start
        many, example = counted.get(members, (0, example))
        counted[members] = many + after - start, example
    return counted


def address_intervals(version: int, locations: Mapping[str, Sequence[str]]) -> Intervals:
    """Part all addresses of a version, 4 or 6, by the locations (key → CIDR) they lie in."""
    owners: dict[Block, int] = {}
    for number, ranges in enumerate(locations.values()):
        bit = 1 << number
        for block in blocks(tuple(ranges), version):
            owners[block] = owners.get(block, 0) | bit
    width = _WIDTH[version]
    sizes = [1 << width - length for length in range(width + 1)]
    found = Intervals([], [])
    # Of two ranges that overlap, one is inside the other: what an address is in is a stack.
    start, end, members = 0, 1 << width, 0
    around: list[tuple[int, int]] = []
    for block in sorted(owners):
        first = block >> 8
        while end <= first:
            if start < end:
                found.first.append(start)
                found.members.append(members)
                start = end
            end, members = around.pop()
        if start < first:
            found.first.append(start)
            found.members.append(members)
            start = first
        around.append((end, members))
        end, members = first + sizes[block & 0xFF], members | owners[block]
    around.append((end, members))
    while around:
        end, members = around.pop()
        if start < end:
            found.first.append(start)
            found.members.append(members)
            start = end
    return found


# The same location is asked about for each environment and each version of the policies.
@lru_cache(maxsize=8192)
def blocks(ranges: tuple[str, ...], version: int) -> tuple[Block, ...]:
    """Read the CIDR ranges of a version, 4 or 6."""
    halves = "/".join([each for each in ranges if (":" in each) is (version == _V6)]).split("/")
    if not halves[0]:
        return ()
    family = _FAMILY[version]
    packed = map(inet_pton, repeat(family), halves[::2])
    lengths = map(int, halves[1::2])
    return tuple(
        [
            int.from_bytes(first, "big") << 8 | length
            for first, length in zip(packed, lengths, strict=True)
        ]
    )
