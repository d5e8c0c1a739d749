"""Whether cubes cover a region, against all points of small spaces, one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.proof.certificate import Certificate, CertificateError, check
from ostiary.proof.cover import Covered, Hole, Index
from ostiary.proof.cubes import Cube, Space, bits, contains, plainest, volume
from tests.engine.property.examples import examples

Point = tuple[int, ...]
OWNERS = 8


@dataclass(frozen=True)
class Case:
    space: Space
    cubes: list[tuple[int, Cube]]
    region: Cube
    among: int

    @property
    def counted(self) -> list[Cube]:
        return [cube for owner, cube in self.cubes if self.among >> owner & 1]

    @property
    def index(self) -> Index:
        return Index(self.space, self.cubes)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw parts of a space, most often all of them, among other cubes: nearly each is needed."""
    sizes = draw(st.lists(st.sampled_from((1, 2, 2, 2, 3, 4)), max_size=6))
    space = Space(tuple(sizes))
    parts: list[Cube] = [{}]
    for _ in range(draw(st.integers(0, 12)) if sizes else 0):
        part = parts.pop(draw(st.integers(0, len(parts) - 1)))
        key = draw(st.integers(0, len(sizes) - 1))
        left = part.get(key, space.full(key))
        inside = draw(st.integers(0, left)) & left
        halves = ({**part, key: inside}, {**part, key: left & ~inside})
        parts += [cube for half in halves if (cube := space.cube(half)) is not None]
    parts = parts[draw(st.sampled_from((0, 0, 1, 2))) :]
    parts += draw(st.lists(_cube(space, most=len(sizes)), max_size=4))
    return Case(
        space,
        [(draw(st.integers(0, OWNERS - 1)), part) for part in draw(st.permutations(parts))],
        draw(_cube(space, most=2)),
        draw(st.one_of(st.just(-1), st.integers(0, (1 << OWNERS) - 1))),
    )


@st.composite
def _cube(draw: st.DrawFn, space: Space, most: int) -> Cube:
    wide = [key for key, size in enumerate(space.sizes) if size > 1]
    keys = draw(st.lists(st.sampled_from(wide), max_size=most, unique=True)) if wide else []
    return {key: draw(st.integers(1, space.full(key) - 1)) for key in keys}


def points(space: Space, region: Cube, *without: Cube) -> set[Point]:
    return {
        point
        for point in product(*map(range, space.sizes))
        if _in(point, region) and not any(_in(point, cube) for cube in without)
    }


def _in(point: Point, cube: Cube) -> bool:
    return all(mask >> point[key] & 1 for key, mask in cube.items())


def assert_maximal(case: Case, hole: Cube) -> None:
    assert contains(case.region, hole)
    open_points = points(case.space, case.region, *case.counted)
    assert points(case.space, hole) <= open_points
    for key in hole:
        whole = case.region.get(key, case.space.full(key))
        for more in bits(whole & ~hole[key]):
            wider = case.space.cube({**hole, key: hole[key] | 1 << more})
            assert wider is not None
            assert not points(case.space, wider) <= open_points


@given(cases())
@settings(max_examples=examples(150))
def test_a_hole_or_a_proof_that_there_is_none(case: Case) -> None:
    answer = case.index.gap(case.region, case.among)
    if points(case.space, case.region, *case.counted):
        assert isinstance(answer, Hole)
        assert_maximal(case, answer.cube)
    else:
        assert isinstance(answer, Covered)
        cubes = [cube for _, cube in case.cubes]
        check(case.space.sizes, case.region, cubes, answer.certificate)
        assert answer.used == {case.cubes[each][0] for each in answer.certificate.premises}
        assert all(case.among >> owner & 1 for owner in answer.used)


@given(st.integers(0, 2**32), st.integers(15, 40))
@settings(max_examples=examples(100))
def test_many_overlapping_cubes_need_splits_inside_splits(seed: int, count: int) -> None:
    random = Random(seed)
    space = Space((2, 2, 2, 2, 2, 3, 3))
    cubes = [
        {key: random.randrange(1, space.full(key)) for key in random.sample(range(7), 3)}
        for _ in range(count)
    ]
    answer = Index(space, list(enumerate(cubes))).gap({})
    rest = points(space, {}, *cubes)
    if isinstance(answer, Hole):
        assert points(space, answer.cube) <= rest
    else:
        assert isinstance(answer, Covered)
        assert not rest
        check(space.sizes, {}, cubes, answer.certificate)


@given(cases(), st.data())
def test_the_plain_hole_has_the_plainest_point(case: Case, data: st.DataObject) -> None:
    keys = range(len(case.space.sizes))
    prefer = data.draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    answer = case.index.gap(case.region, case.among, prefer=prefer)
    if isinstance(answer, Hole):
        assert_maximal(case, answer.cube)
        rest = points(case.space, case.region, *case.counted)
        best = min(tuple(point[key] for key in prefer) for point in rest)
        assert tuple(plainest(case.space, answer.cube)[key] for key in prefer) == best


@given(cases())
def test_holes_are_maximal_and_together_all_that_is_open(case: Case) -> None:
    found = case.index.holes(case.region, case.among)
    assert found.complete
    cubes = [each.cube for each in found.holes]
    for cube in cubes:
        assert_maximal(case, cube)
    together = {point for cube in cubes for point in points(case.space, cube)}
    assert together == points(case.space, case.region, *case.counted)
    volumes = [volume(case.space, cube) for cube in cubes]
    assert volumes == sorted(volumes, reverse=True)


@given(cases(), st.integers(0, OWNERS - 1))
def test_what_is_lost_without_an_owner_is_what_only_it_covers(case: Case, owner: int) -> None:
    answer = case.index.lost_without(owner, case.region, case.among)
    others = [cube for each, cube in case.cubes if each != owner and case.among >> each & 1]
    own = [cube for each, cube in case.cubes if each == owner]
    lost = {
        point
        for point in points(case.space, case.region, *others)
        if any(_in(point, cube) for cube in own)
    }
    assert (answer is None) == (not lost)
    if isinstance(answer, Hole):
        assert points(case.space, answer.cube) <= lost


@given(cases(), st.data())
def test_near_misses_one_key_and_no_other(case: Case, data: st.DataObject) -> None:
    cube = data.draw(_cube(case.space, most=6))
    near = case.index.near(cube, case.among)
    for number, (owner, other) in enumerate(case.cubes):
        by = [key for key, mask in other.items() if not mask & cube.get(key, mask)]
        expected = [(number, by[0])] if len(by) == 1 and case.among >> owner & 1 else []
        assert [each for each in near if each[0] == number] == expected


@given(cases(), st.data())
def test_a_certificate_that_was_tampered_with_proves_nothing_untrue(
    case: Case, data: st.DataObject
) -> None:
    answer = case.index.gap(case.region)
    if not isinstance(answer, Covered):
        return
    cubes = [dict(cube) for _, cube in case.cubes]
    region = dict(case.region)
    forged = _tampered(answer.certificate, data)
    if data.draw(st.booleans()) and cubes and case.space.sizes:
        target = data.draw(st.sampled_from([region, *cubes]))
        target.pop(data.draw(st.sampled_from(sorted(target) or [0])), None)
    try:
        check(case.space.sizes, region, cubes, forged)
    except CertificateError:
        return
    assert not points(case.space, region, *(cubes[each] for each in forged.premises))


def _tampered(certificate: Certificate, data: st.DataObject) -> Certificate:
    premises = list(certificate.premises)
    steps = [list(step) for step in certificate.steps]
    row = data.draw(st.sampled_from([premises, *steps]))
    place = data.draw(st.integers(0, len(row) - 1))
    row[place] += data.draw(st.integers(-2, 2))
    if steps and data.draw(st.booleans()):
        steps.pop(data.draw(st.integers(0, len(steps) - 1)))
    return replace(
        certificate,
        premises=tuple(premises),
        steps=tuple((left, right, key) for left, right, key in steps),
    )


@given(cases(), st.data())
def test_another_cube_never_opens_and_a_smaller_region_neither(
    case: Case, data: st.DataObject
) -> None:
    if isinstance(case.index.gap(case.region, case.among), Covered):
        more = (data.draw(st.integers(0, OWNERS - 1)), data.draw(_cube(case.space, most=3)))
        index = Index(case.space, [*case.cubes, more])
        assert isinstance(index.gap(case.region, case.among), Covered)
        assert isinstance(index.gap(case.region), Covered)
        other = data.draw(_cube(case.space, most=2))
        both = {
            key: mask & case.region.get(key, mask) or case.region[key]
            for key, mask in {**case.region, **other}.items()
        }
        assert isinstance(case.index.gap(both, case.among), Covered)


@given(cases(), st.randoms(use_true_random=False))
def test_order_and_copies_of_cubes_change_no_verdict(case: Case, random: Random) -> None:
    cubes = case.cubes * 2
    random.shuffle(cubes)
    index = Index(case.space, cubes)
    assert type(index.gap(case.region, case.among)) is type(case.index.gap(case.region, case.among))


@given(cases(), st.integers(0, 3))
def test_a_small_budget_gives_the_same_answer_or_none(case: Case, budget: int) -> None:
    answer = case.index.gap(case.region, case.among, budget=budget)
    if isinstance(answer, Covered | Hole):
        assert answer == case.index.gap(case.region, case.among)
    else:
        assert answer.nodes == budget


@given(cases(), st.integers(0, OWNERS - 1))
def test_a_wide_hole_holds_the_hole_and_besides_only_what_is_impossible(
    case: Case, impossible: int
) -> None:
    among = case.among | 1 << impossible
    index = Index(case.space, case.cubes, impossible)
    possible = [cube for each, cube in case.cubes if among >> each & 1 and each != impossible]
    rest = points(case.space, case.region, *possible)
    found = index.holes(case.region, among)
    assert found.complete
    for hole in found.holes:
        inside, wide = points(case.space, hole.cube), points(case.space, hole.wide)
        assert inside <= wide <= rest
    every = {point for hole in found.holes for point in points(case.space, hole.wide)}
    nowhere = [cube for each, cube in case.cubes if each == impossible]
    assert points(case.space, case.region, *possible, *nowhere) <= every
