"""Policies and named locations → which policies the place of a sign-in lets through.

A dimension like those of `dimensions`, with its addresses parted into classes: addresses that lie
in the same named locations have one number.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from ostiary import catalog
from ostiary.model.policy import (
    Conditions,
    CountryNamedLocation,
    IpNamedLocation,
    Locations,
    NamedLocation,
)
from ostiary.model.sign_in import UNKNOWN, Ids, SignIn, Unknown
from ostiary.proof.bounds import Bounds, Named
from ostiary.proof.networks import address_intervals

_MFA_TRUSTED_IPS = catalog.WELL_KNOWN_LOCATIONS["Multifactor authentication trusted IPs"]


class Place(NamedTuple):
    """Where a sign-in comes from; all but the number of the class is as in `SignIn`."""

    address_class: int
    in_mfa_trusted_ips: bool | Unknown = UNKNOWN
    country: str | Unknown | None = UNKNOWN
    gps_country: str | Unknown | None = UNKNOWN
    other_locations: Ids = UNKNOWN


class Addresses:
    """All addresses, parted into intervals; each has the number of its class.

    `ipv4` and `ipv6` are the first addresses of the intervals, in order, beside the numbers.
    """

    def __init__(self, ranges: Mapping[str, Sequence[str]]) -> None:
        numbers: dict[int, int] = {}
        self.ipv4, self.ipv6 = (_Intervals([], []) for _ in ("ipv4", "ipv6"))
        for version, intervals in ((4, self.ipv4), (6, self.ipv6)):
            for first, members in zip(*address_intervals(version, ranges), strict=True):
                intervals.first.append(first)
                intervals.number.append(numbers.setdefault(members, len(numbers)))
        self.classes: tuple[int, ...] = tuple(numbers)
        self.unknown = len(numbers)

    def number(self, address: IPv4Address | IPv6Address | Unknown) -> int:
        """Give the number of the address's class; what is not known has one of its own."""
        if isinstance(address, IPv4Address):
            found = self.ipv4
        elif isinstance(address, IPv6Address):
            found = self.ipv6
        else:
            return self.unknown
        return found.number[bisect_right(found.first, int(address)) - 1]


class _Intervals(NamedTuple):
    first: list[int]
    number: list[int]


class Places:
    """Addresses, countries and other locations."""

    def __init__(
        self,
        policies: Bounds,
        conditions: Sequence[Conditions],
        named_locations: Iterable[NamedLocation],
    ) -> None:
        self._policies = policies
        sides = Bounds(2 * policies.size)
        by_address: dict[str, IpNamedLocation] = {}
        by_country: dict[str, CountryNamedLocation] = {}
        for each in named_locations:
            if isinstance(each, CountryNamedLocation):
                by_country[each.key] = each
            else:
                by_address[each.key] = each
        trusted = {key for key, each in by_address.items() if each.is_trusted} | {_MFA_TRUSTED_IPS}
        of = [each.locations or Locations(("All",)) for each in conditions]
        listed = [each.include_locations for each in of] + [each.exclude_locations for each in of]
        self._anywhere = sides.where("All" in each for each in listed)
        keys = [
            {*each, *(trusted if "AllTrusted" in each else ())} - {"All", "AllTrusted"}
            for each in listed
        ]
        self._mfa_trusted = Named(
            sides, [{True} if _MFA_TRUSTED_IPS in each else () for each in keys]
        )
        others = {_MFA_TRUSTED_IPS, *by_address, *by_country}
        self._others = Named(sides, [each - others for each in keys])
        self._countries, self._gps_countries = (
            Named(
                sides,
                [
                    [
                        country
                        for key in each & by_country.keys()
                        if by_country[key].country_lookup_method == method
                        for country in _countries(by_country[key])
                    ]
                    for each in keys
                ],
            )
            for method in ("clientIpAddress", "authenticatorAppGps")
        )
        self.addresses = Addresses({key: each.ip_ranges for key, each in by_address.items()})
        naming = [sides.where(key in each for each in keys) for key in by_address]
        self._addresses = [
            _union(each for at, each in enumerate(naming) if members >> at & 1)
            for members in self.addresses.classes
        ]
        self._addresses.append(sides.undecided(_union(naming) & sides.all))

    def place(self, sign_in: SignIn) -> Place:
        """Take these signals from a sign-in."""
        return Place(
            self.addresses.number(sign_in.ip_address),
            sign_in.in_mfa_trusted_ips,
            sign_in.country,
            sign_in.gps_country,
            sign_in.other_locations,
        )

    def reached(self, place: Place) -> int:
        """Give the policies that reach the place."""
        found = (
            self._anywhere
            | self._addresses[place.address_class]
            | self._mfa_trusted.having(place.in_mfa_trusted_ips)
            | self._countries.having(place.country)
            | self._gps_countries.having(place.gps_country)
            | self._others.meeting(place.other_locations)
        )
        return self._policies.within(found)


def _countries(location: CountryNamedLocation) -> Iterator[Hashable]:
    yield from location.countries_and_regions
    if location.include_unknown_countries_and_regions:
        yield None
    # A location without countries hangs on the country too, where that is unknown.
    yield location


def _union(sets: Iterable[int]) -> int:
    union = 0
    for each in sets:
        union |= each
    return union
