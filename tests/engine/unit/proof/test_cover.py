from __future__ import annotations

from itertools import permutations, product

import pytest

from ostiary.proof.certificate import Certificate, check
from ostiary.proof.cover import Covered, Hole, Holes, Index, Undecided
from ostiary.proof.cubes import Cube, Space

SPACE = Space((3, 2, 2))
# Owner 0 covers two classes of key 0 for non-members of the first group, owner 1 for members;
# owner 2 covers the third class, in two cubes.
PARTS: list[tuple[int, Cube]] = [
    (0, {0: 0b011, 1: 0b01}),
    (1, {0: 0b011, 1: 0b10}),
    (2, {0: 0b100, 2: 0b01}),
    (2, {0: 0b100, 2: 0b10}),
]
EVERY_POINT: list[tuple[int, Cube]] = [
    (number, {key: 1 << member for key, member in enumerate(point)})
    for number, point in enumerate(product((0, 1), repeat=6))
]


def index(cubes: list[tuple[int, Cube]] = PARTS, space: Space = SPACE) -> Index:
    return Index(space, cubes)


def covered(answer: object) -> Covered:
    assert isinstance(answer, Covered), answer
    return answer


def hole(cube: Cube) -> Hole:
    return Hole(cube, cube)


def test_parts_cover_the_whole() -> None:
    answer = covered(index().gap({}))
    assert answer.used == {0, 1, 2}
    check(SPACE.sizes, {}, index().cubes, answer.certificate)


def test_a_proof_names_only_what_it_needs() -> None:
    cubes = [*PARTS, (7, {0: 0b010, 2: 0b01}), (8, {1: 0b10, 2: 0b10})]
    answer = covered(index(cubes).gap({0: 0b011}))
    assert answer.used == {0, 1}
    assert answer.certificate == Certificate((0, 1), ((1, 0, 1),))


def test_a_cube_that_contains_the_region_is_the_whole_proof() -> None:
    assert index().gap({0: 0b001, 1: 0b10}) == Covered(Certificate((1,), ()), frozenset({1}))


def test_a_hole_is_as_large_as_it_can_be() -> None:
    assert index(PARTS[:3]).gap({}) == hole({0: 0b100, 2: 0b10})
    assert index(PARTS[:1]).gap({1: 0b01}) == hole({0: 0b100, 1: 0b01})


def test_only_the_owners_asked_for_count() -> None:
    assert isinstance(index().gap({}, 0b111), Covered)
    assert index().gap({}, 0b011) == hole({0: 0b100})
    assert index().gap({}, 0b1111_0110) == hole({0: 0b011, 1: 0b01})
    assert isinstance(index().gap({0: 0b100}, ~0b011), Covered)


def test_owners_are_any_numbers_from_0() -> None:
    cubes = [(5000, {0: 0b011}), (40, {0: 0b100})]
    assert covered(index(cubes).gap({})).used == {40, 5000}
    assert index(cubes).gap({}, 1 << 5000) == hole({0: 0b100})
    with pytest.raises(ValueError, match="from 0, not -1"):
        index([(-1, {})])


def test_without_cubes_the_region_is_the_hole() -> None:
    assert index([]).gap({}) == hole({})
    assert index([]).gap({0: 0b110}) == hole({0: 0b110})
    assert index().gap({0: 0b110}, 0) == hole({0: 0b110})


def test_a_cube_without_restrictions_covers_everything() -> None:
    assert index([(3, {})]).gap({}) == Covered(Certificate((0,), ()), frozenset({3}))


def test_a_space_without_keys_is_one_point() -> None:
    assert Index(Space(()), []).gap({}) == hole({})
    assert isinstance(Index(Space(()), [(0, {})]).gap({}), Covered)


def test_a_key_with_one_class_restricts_nothing() -> None:
    space = Space((1, 2))
    assert Index(space, [(0, {1: 0b01})]).gap({}) == hole({1: 0b10})
    with pytest.raises(ValueError, match="key 0"):
        Index(space, [(0, {0: 1})])


@pytest.mark.parametrize("bad", [{0: 0}, {0: 0b111}, {0: 0b1001}, {0: -1}, {3: 1}, {-1: 1}])
def test_what_is_no_cube_is_refused(bad: Cube) -> None:
    with pytest.raises(ValueError, match="key"):
        index([(0, bad)])
    with pytest.raises(ValueError, match="key"):
        index().gap(bad)
    with pytest.raises(ValueError, match="key"):
        index().holes(bad)
    with pytest.raises(ValueError, match="key"):
        index().lost_without(0, bad)
    with pytest.raises(ValueError, match="key"):
        index().near(bad)


@pytest.mark.parametrize("budget", [-1, 0, 1, 5])
def test_beyond_the_budget_nothing_is_claimed(budget: int) -> None:
    answer = index(EVERY_POINT, Space((2,) * 6)).gap({}, budget=budget)
    assert isinstance(answer, Undecided)
    assert answer.nodes == max(0, budget)
    assert index().gap({}, budget=0) == Undecided(0, (0, 1, 2))


def test_the_undecided_names_owners_that_the_search_went_into() -> None:
    aside: list[tuple[int, Cube]] = [(900, {6: 0b10})]
    answer = index(EVERY_POINT + aside, Space((2,) * 7)).gap({6: 0b01}, budget=20)
    assert isinstance(answer, Undecided)
    assert len(answer.owners) == 5
    assert 900 not in answer.owners


def test_the_order_of_cubes_changes_no_verdict() -> None:
    for order in permutations(PARTS):
        assert covered(index(list(order)).gap({})).used == {0, 1, 2}
    for order in permutations(PARTS[1:]):
        assert index(list(order)).gap({}) == hole({0: 0b011, 1: 0b01})


def test_an_answer_does_not_depend_on_earlier_questions() -> None:
    asked = index(EVERY_POINT[:-1], Space((2,) * 6))
    first = asked.gap({})
    for number in range(6):
        asked.gap({number: 0b01}, -1 << number)
    assert asked.gap({}) == first == index(EVERY_POINT[:-1], Space((2,) * 6)).gap({})


def test_a_plain_hole_contains_the_plainest_point() -> None:
    # The holes are class 2 of key 0 for non-members, and classes 1 and 2 for members of group 1.
    cubes: list[tuple[int, Cube]] = [(0, {0: 0b001}), (1, {0: 0b010, 1: 0b01})]
    assert index(cubes).gap({}, prefer=(1, 0)) == hole({0: 0b100})
    assert index(cubes).gap({}, prefer=(0, 1)) == hole({0: 0b110, 1: 0b10})
    assert index(cubes).gap({1: 0b10}, prefer=(0,)) == hole({0: 0b110, 1: 0b10})
    with pytest.raises(ValueError, match="key 3"):
        index(cubes).gap({}, prefer=(0, 3))


def test_when_the_budget_runs_out_a_hole_is_only_less_plain() -> None:
    cubes = [each for each in EVERY_POINT if each[0] not in (1, 62)]
    space = Space((2,) * 6)
    plain = index(cubes, space).gap({}, prefer=range(6))
    assert plain == hole(EVERY_POINT[1][1])
    budget = next(n for n in range(1000) if isinstance(index(cubes, space).gap({}, budget=n), Hole))
    any_hole = index(cubes, space).gap({}, prefer=range(6), budget=budget)
    assert any_hole in (hole(EVERY_POINT[1][1]), hole(EVERY_POINT[62][1]))


def test_holes_are_all_that_is_not_covered() -> None:
    cubes: list[tuple[int, Cube]] = [(0, {0: 0b001}), (1, {0: 0b010, 1: 0b01})]
    assert index(cubes).holes({}) == Holes(
        (hole({0: 0b100}), hole({0: 0b110, 1: 0b10})), complete=True
    )
    nothing = index().holes({})
    assert (nothing.holes, nothing.complete) == ((), True)
    assert nothing.answer == index().gap({})
    assert index().covers({}) is True
    assert index([]).covers({}) is False
    assert index([]).holes({}) == Holes((hole({}),), complete=True)


def test_holes_up_to_a_limit_may_not_be_all() -> None:
    cubes = EVERY_POINT[::2]
    space = Space((2,) * 6)
    assert index(cubes, space).holes({}) == Holes((hole({5: 0b10}),), complete=True)
    assert index(cubes, space).holes({}, limit=1).complete
    checkers = [each for each in EVERY_POINT if each[0].bit_count() % 2]
    assert len(index(checkers, space).holes({}).holes) == 32
    some = index(checkers, space).holes({}, limit=31)
    assert (len(some.holes), some.complete) == (31, False)
    nothing = index(checkers, space).holes({}, budget=0)
    assert (nothing.holes, nothing.complete) == ((), False)
    assert isinstance(nothing.answer, Undecided)
    assert index(checkers, space).covers({}, budget=0) is None


def test_holes_come_largest_first() -> None:
    cubes = [each for each in EVERY_POINT if each[0] not in (0, 60, 61, 62, 63)]
    found = index(cubes, Space((2,) * 6)).holes({})
    assert [len(each.cube) for each in found.holes] == [4, 6]


def test_what_is_lost_without_an_owner() -> None:
    assert index().lost_without(0, {}) == hole({0: 0b011, 1: 0b01})
    assert index().lost_without(2, {2: 0b10}) == hole({0: 0b100, 2: 0b10})
    assert index().lost_without(0, {1: 0b10}) is None
    assert index().lost_without(0, {0: 0b100}) is None
    assert index().lost_without(77, {}) is None


def test_an_owner_that_others_replace_is_not_missed() -> None:
    cubes = [*PARTS, (9, {0: 0b101}), (10, {0: 0b010})]
    assert index(cubes).lost_without(0, {}) is None
    assert index(cubes).lost_without(0, {}, 0b10_0000_0111) == hole({0: 0b010, 1: 0b01})


def test_a_redundancy_that_is_not_decided_is_not_claimed() -> None:
    cubes = [*EVERY_POINT, (99, {})]
    space = Space((2,) * 6)
    assert isinstance(index(cubes, space).lost_without(99, {}, budget=3), Undecided)
    assert index(cubes, space).lost_without(99, {}) is None
    # A hole in a later cube counts, though an earlier one is undecided.
    split: list[tuple[int, Cube]] = [(99, {5: 0b01}), (99, {0: 0b10, 5: 0b10})]
    most = [each for each in EVERY_POINT if not each[0] & 1]
    answer = index([*most, *split], space).lost_without(99, {}, budget=3)
    assert answer == hole({0: 0b10, 5: 0b10})


def test_near_are_cubes_that_a_hole_escapes_by_one_key() -> None:
    hole = {0: 0b100, 1: 0b10}
    assert index().near(hole) == [(1, 0)]
    assert index().near(hole, ~0b010) == []
    assert index().near({0: 0b001, 1: 0b01}) == [(1, 1), (2, 0), (3, 0)]
    assert index().near({}) == []
