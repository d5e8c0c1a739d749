"""Whether cubes cover a region, asked of CaDiCaL: the classes of `partition`, another search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pysat.solvers import Solver

Cube = Mapping[int, int]
ENGINE = "cadical195"


def covered(sizes: Sequence[int], region: Cube, cubes: Iterable[Cube]) -> bool:
    """Tell whether every point of the region is in one of the cubes."""
    full = [(1 << size) - 1 for size in sizes]
    inside = [
        {key: mask for key, mask in cube.items() if region.get(key, full[key]) & ~mask}
        for cube in cubes
        if all(region.get(key, full[key]) & mask for key, mask in cube.items())
    ]
    with Solver(name=ENGINE, bootstrap_with=_clauses(full, region, inside)) as solver:
        return not solver.solve()


def _clauses(full: Sequence[int], region: Cube, cubes: Sequence[Cube]) -> list[list[int]]:
    """Say that a point of the region is in none of the cubes.

    One variable for each group of classes that the cubes do not tell apart, of which exactly one
    holds; and one for each mask, which is false of the groups outside of it.
    """
    clauses: list[list[int]] = []
    masks: dict[int, dict[int, int]] = {}
    for cube in cubes:
        for key, mask in cube.items():
            masks.setdefault(key, {})[mask] = 0
    variable = 0
    for key, found in masks.items():
        groups = _groups(region.get(key, full[key]), found)
        first = variable + 1
        variable += len(groups)
        clauses.append(list(range(first, variable + 1)))
        for mask in found:
            variable += 1
            found[mask] = variable
            outside = [first + n for n, each in enumerate(groups) if not each & mask]
            clauses.append([-variable, *outside])
        counter = None
        for each in range(first, first + len(groups)):  # at most one of them, by a running "or"
            variable += 1
            clauses.append([-each, variable])
            if counter:
                clauses += [[-counter, variable], [-counter, -each]]
            counter = variable
    # A cube is missed where one of its masks is.
    clauses += [[masks[key][mask] for key, mask in cube.items()] for cube in cubes]
    return clauses


def _groups(within: int, masks: Iterable[int]) -> list[int]:
    groups = [within]
    for mask in masks:
        groups = [part for each in groups for part in (each & mask, each & ~mask) if part]
    return groups
