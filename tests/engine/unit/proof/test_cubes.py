from __future__ import annotations

import pytest

from ostiary.proof.cubes import Space, bits, contains, meet, plainest, volume

SPACE = Space((3, 2, 4))


def test_a_space_has_a_class_for_every_key() -> None:
    with pytest.raises(ValueError, match="key 1 has 0 classes"):
        Space((3, 0))


def test_a_cube_names_only_what_it_restricts() -> None:
    assert SPACE.cube({0: 0b111, 1: 0b10, 2: 0b0110}) == {1: 0b10, 2: 0b0110}
    assert SPACE.cube({}) == {}


def test_what_lies_outside_the_space_does_not_count() -> None:
    assert SPACE.cube({1: 0b110}) == {1: 0b10}
    assert SPACE.cube({1: 0b100}) is None


def test_nothing_is_no_cube() -> None:
    assert SPACE.cube({0: 0b001, 1: 0}) is None


def test_bits_come_lowest_first() -> None:
    assert list(bits(0b1010_0001)) == [0, 5, 7]
    assert list(bits(0)) == []
    assert list(bits(1 << 5000)) == [5000]


def test_two_cubes_meet_in_what_both_allow() -> None:
    assert meet({0: 0b011, 1: 0b01}, {0: 0b110, 2: 0b1000}) == {0: 0b010, 1: 0b01, 2: 0b1000}
    assert meet({}, {}) == {}


def test_two_cubes_that_differ_in_one_key_do_not_meet() -> None:
    assert meet({0: 0b011, 1: 0b01}, {0: 0b100, 1: 0b01}) is None


def test_a_cube_contains_what_it_restricts_no_further() -> None:
    assert contains({0: 0b011}, {0: 0b001, 1: 0b01})
    assert contains({}, {0: 0b001})
    assert contains({0: 0b011}, {0: 0b011})
    assert not contains({0: 0b011}, {0: 0b101})
    assert not contains({0: 0b011}, {1: 0b01})
    assert not contains({0: 0b011}, {})


def test_the_plainest_point_has_the_lowest_classes() -> None:
    assert plainest(SPACE, {0: 0b110, 2: 0b1000}) == (1, 0, 3)


def test_volume_counts_points() -> None:
    assert volume(SPACE, {}) == 24
    assert volume(SPACE, {0: 0b101, 2: 0b1000}) == 4
    assert volume(Space(()), {}) == 1
