"""Regions of a finite space as cubes: for each key, a bit mask of the classes that it allows.

A key is one thing that a sign-in is asked about (its platform, its address, whether the user is a
member of one group); a class is a set of values that no policy at hand tells apart, so a finite
number of classes stands for all values.  A cube names only the keys that it restricts: masks in a
cube are neither empty nor full, and one cube is one mapping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

Mask = int
"""Bit i set: class i is allowed."""

Cube = Mapping[int, Mask]
"""Key to mask; a key that is absent allows every class."""


@dataclass(frozen=True, slots=True)
class Space:
    """The number of classes of each key; a group has two: 0 is not a member, 1 is a member."""

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        for key, size in enumerate(self.sizes):
            if size < 1:
                raise ValueError(f"key {key} has {size} classes: there is no point in the space")

    def full(self, key: int) -> Mask:
        """Return the mask that allows every class of `key`."""
        return (1 << self.sizes[key]) - 1

    def cube(self, masks: Mapping[int, Mask]) -> Cube | None:
        """Return `masks` as a cube, or None where a mask is empty: no point is in it."""
        full = {key: mask & self.full(key) for key, mask in masks.items()}
        if not all(full.values()):
            return None
        return {key: mask for key, mask in full.items() if mask != self.full(key)}


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def meet(one: Cube, other: Cube) -> Cube | None:
    """Return what two cubes have in common, or None where that is nothing."""
    common = dict(one)
    for key, mask in other.items():
        if not (both := common.get(key, mask) & mask):
            return None
        common[key] = both
    return common


def contains(outer: Cube, inner: Cube) -> bool:
    """Tell whether every point of `inner` is in `outer`."""
    return outer.keys() <= inner.keys() and not any(
        inner[key] & ~mask for key, mask in outer.items()
    )


def plainest(space: Space, cube: Cube) -> tuple[int, ...]:
    """Return a point of `cube`: for each key the lowest class, so of a group a non-member."""
    return tuple(
        (cube[key] & -cube[key]).bit_length() - 1 if key in cube else 0
        for key in range(len(space.sizes))
    )


def volume(space: Space, cube: Cube) -> int:
    """Count the points of `cube`, exactly."""
    points = prod(space.sizes)
    for key, mask in cube.items():
        points = points // space.sizes[key] * mask.bit_count()
    return points
