from __future__ import annotations

from itertools import product

import pytest

from ostiary.proof import search
from ostiary.proof.cubes import Cube, Space
from ostiary.proof.search import Search, Table

GROUPS = Space((2,) * 7)
# Each point a cube of its own: nothing but joining all of them proves that they cover the space.
POINTS: list[Cube] = [
    {key: 1 << member for key, member in enumerate(point)} for point in product((0, 1), repeat=7)
]


def whole(space: Space, cubes: list[Cube], region: Cube | None = None) -> Search:
    return Search(Table(space, cubes), region or {}, (1 << len(cubes)) - 1)


def test_without_cubes_everything_is_left() -> None:
    space = Space((3, 2))
    found = whole(space, [], {0: 0b110})
    assert found.run(found.region, 1) == [0b110, 0b11]


def test_a_unit_takes_its_part_out_of_the_region() -> None:
    found = whole(Space((4,)), [{0: 0b0001}, {0: 0b0100}])
    assert found.run(found.region, 1) == [0b1010]
    assert found.nodes == 1


def test_what_is_covered_comes_as_a_cube_that_contains_it() -> None:
    found = whole(GROUPS, POINTS)
    packed, number = found.run(found.region, 10_000) or ()
    assert packed == Table(GROUPS, POINTS).packed({})
    assert number == len(POINTS) + len(found.keys) - 1


def test_the_budget_counts_nodes() -> None:
    found = whole(GROUPS, POINTS)
    assert found.run(found.region, 10) is None
    assert found.nodes == 10
    assert 0 < sum(found.effort.values()) <= 10
    needed = whole(GROUPS, POINTS)
    needed.run(needed.region, 10_000)
    exact = whole(GROUPS, POINTS)
    assert isinstance(exact.run(exact.region, needed.nodes), tuple)
    short = whole(GROUPS, POINTS)
    assert short.run(short.region, needed.nodes - 1) is None


def test_what_was_learned_helps_the_next_run() -> None:
    found = whole(GROUPS, POINTS)
    found.run(found.region, 10_000)
    before = found.nodes
    assert isinstance(found.run(found.region, 1), tuple)
    assert found.nodes == before + 1


def test_a_part_of_the_region_can_be_searched() -> None:
    found = whole(Space((3, 2)), [{0: 0b001}, {0: 0b010, 1: 0b01}])
    assert isinstance(found.run([0b001, 0b11], 10), tuple)
    assert found.run([0b011, 0b11], 10) == [0b010, 0b10]


def test_the_search_goes_on_beyond_what_it_found() -> None:
    found = whole(Space((2,) * 17), [{0: 0b01}, {1: 0b01, 2: 0b01}])
    many = dict.fromkeys(range(17), 0b10)  # restricts more keys than any cube of the table
    assert isinstance(found.run(list(many.values()), 100), list)
    assert isinstance(found.beyond(many, 100), tuple)
    left = found.run(found.region, 100)
    assert isinstance(left, list)
    assert 0b01 in left[1:]
    other = found.beyond({0: 0b10, 1: left[1], 2: left[2]}, 100)
    assert isinstance(other, list)
    assert not (other[1] & left[1] and other[2] & left[2])
    assert isinstance(found.beyond({0: 0b10}, 100), tuple)


@pytest.mark.parametrize("limit", [2, 3, 10])
def test_forgetting_changes_no_verdict(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(search, "_LEARNED", limit)
    covered = whole(GROUPS, POINTS)
    assert isinstance(covered.run(covered.region, 100_000), tuple)
    for missing in (0, 77, 127):
        found = whole(GROUPS, POINTS[:missing] + POINTS[missing + 1 :])
        left = found.run(found.region, 100_000)
        assert left == list(POINTS[missing].values())
        assert isinstance(found.beyond(POINTS[missing], 100_000), tuple)


def test_a_table_forgets_effects_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_EFFECTS", 2)
    table = Table(Space((4, 2)), [{0: 0b0011}, {0: 0b0110, 1: 0b01}])
    effects = {mask: table.effect(0, mask) for mask in range(1, 15)}
    assert effects[0b0001] == (0b10, 0b01)
    assert effects[0b0110] == (0b00, 0b10)
    assert effects[0b1000] == (0b11, 0b00)
    assert effects == {mask: table.effect(0, mask) for mask in range(1, 15)}


def test_packing_and_back() -> None:
    table = Table(Space((3, 2, 70)), [])
    cube = {0: 0b101, 2: 1 << 69 | 1}
    assert dict(table.unpacked(table.packed(cube))) == cube
    assert table.unpacked(table.packed({})) == []
