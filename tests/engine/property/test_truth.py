"""What `prove` answers is what every other engine answers, on worlds drawn from seeds.

`make truth` asks more than 10,000 questions and prints how many; `make test` asks a few of them.
A difference names its seed: `Judge(world(seed)).differences`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.engine.oracles.judge import Judge
from tests.engine.oracles.worlds import world

FEW, ALL, STEP = 50, 2_600, 25

Record = Callable[[str, object], None]


def judged(first: int, record_property: Record, step: int = STEP) -> Counter[str]:
    counts: Counter[str] = Counter()
    differences: list[str] = []
    for seed in range(first, first + step):
        judge = Judge(world(seed))
        counts += judge.counts
        differences += judge.differences
    record_property("truth", {**counts, "differences": len(differences)})
    assert not differences, "\n".join(differences)
    return counts


@pytest.mark.parametrize("first", range(0, FEW, 10))
def test_every_engine_gives_the_same_answer(first: int, record_property: Record) -> None:
    counts = judged(first, record_property, 10)
    # Neither answer comes up by chance alone, so agreeing on both says something.
    assert counts["proof"] > counts["questions"] / 5
    assert counts["gap"] > counts["questions"] / 5


@pytest.mark.truth
@pytest.mark.parametrize("first", range(FEW, ALL, STEP))
def test_every_engine_gives_the_same_ten_thousand_answers(
    first: int, record_property: Record
) -> None:
    judged(first, record_property)
