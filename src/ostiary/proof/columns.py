"""Sign-ins → columns of numbers, and the values that they number, for `batch`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ostiary.model.sign_in import (
    Application,
    Attributes,
    ServicePrincipal,
    SignIn,
    Unknown,
    Unregistered,
    User,
    UserAction,
)
from ostiary.proof.dimensions import Request
from ostiary.proof.located import Addresses, Place
from ostiary.proof.tables import Tables

Numbers = npt.NDArray[np.integer[Any]]


class Columns(NamedTuple):
    """Sign-ins: for each, the numbers of its values; `intp` is the fastest to look up."""

    identities: Numbers
    targets: Numbers
    requests: Numbers
    places: Numbers
    devices: Numbers


class Values(NamedTuple):
    """The values that sign-ins have in each dimension; columns number them from 0."""

    identities: Sequence[User | ServicePrincipal]
    targets: Sequence[Application | UserAction]
    requests: Sequence[Request]
    places: Sequence[Place]
    devices: Sequence[Attributes | Unregistered | Unknown]


def numbered(tables: Tables, sign_ins: Iterable[SignIn]) -> tuple[Values, Columns]:
    """Take sign-ins apart; equal objects may become two values, the same object never does."""
    identities, targets, devices = _ByObject(), _ByObject(), _ByObject()
    requests: dict[Request, int] = {}
    places: dict[Place, int] = {}
    rows = [
        (
            identities.number(of.identity),
            targets.number(of.target),
            requests.setdefault(Request.of(of), len(requests)),
            places.setdefault(tables.places.place(of), len(places)),
            devices.number(of.device),
        )
        for of in sign_ins
    ]
    values = Values(identities.values, targets.values, list(requests), list(places), devices.values)
    columns = np.array(rows, dtype=np.intp).reshape(-1, len(Columns._fields)).T
    return values, Columns(*columns.copy())


class _ByObject:
    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[int, int] = {}

    def number(self, value: object) -> int:
        number = self._numbers.setdefault(id(value), len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def address_classes(
    addresses: Addresses, ipv4: npt.NDArray[np.uint32] | npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """Give the numbers of IPv4 addresses' classes; each address is an integer."""
    first = np.array(addresses.ipv4.first, dtype=ipv4.dtype)
    numbers = np.array(addresses.ipv4.number, dtype=np.intp)
    return numbers[np.searchsorted(first, ipv4, side="right") - 1]


def address_classes_ipv6(
    addresses: Addresses, ipv6: npt.NDArray[np.bytes_]
) -> npt.NDArray[np.intp]:
    """Give the numbers of IPv6 addresses' classes; each address is its 16 bytes, as `S16`."""
    first = np.array([each.to_bytes(16, "big") for each in addresses.ipv6.first], dtype="S16")
    numbers = np.array(addresses.ipv6.number, dtype=np.intp)
    return numbers[np.searchsorted(first, ipv6, side="right") - 1]


def fused(
    columns: Sequence[Numbers], sizes: Sequence[int]
) -> tuple[Numbers, list[tuple[int, ...]]]:
    """Make one column of several: a number for each combination that occurs, and these.

    `sizes` are how many values each column has.  Takes memory in proportion to their product.
    """
    flat = np.ravel_multi_index(tuple(columns), tuple(sizes))
    occurs = np.zeros(math.prod(sizes), dtype=np.bool_)
    occurs[flat] = True
    numbers = np.cumsum(occurs, dtype=np.intp)[flat] - 1
    combinations = np.unravel_index(np.flatnonzero(occurs), tuple(sizes))
    return numbers, list(zip(*(each.tolist() for each in combinations), strict=True))
