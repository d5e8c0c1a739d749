"""Prove goals for generated tenants, and find the gap in them: ours beside z3 and CaDiCaL.

From `Policy` objects to the answer; every engine gets the same tenant, in turns, in this process.
"""

from __future__ import annotations

import argparse
import gc
import math
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from _machine import disagree, report, run, table, verdict
from _tenants import Tenant, pigeons, tenant

from ostiary.model.goal import Goal
from ostiary.model.policy import PolicySet
from ostiary.proof import networks
from ostiary.proof.prove import Gap, NotDecided, Proof, Prover, Result, holds, prove

# The engines that proofs are tested against stand with the tests.
sys.path.append(str(Path(__file__).resolve().parents[1]))

FAMILIES = ("partition", "realistic", "groups", "addresses")
SIZES = (10, 60, 240, 1000)
# Median milliseconds by size: proof, gap.
TARGETS = {240: {"proof": 20.0, "gap": 12.0}, 1000: {"proof": 250.0}}
GROWTH, RATIO, MEMORY = 1.6, 10.0, 100.0
REPEATS = 3
SLOW = 1.0


@dataclass(frozen=True)
class Case:
    """One tenant and a version of it for which its goal does not hold."""

    tenant: Tenant
    holed: PolicySet


def main() -> None:
    """Measure every family and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=20, help="of each size, all families")
    parser.add_argument("--quick", action="store_true", help="four tenants of up to 240 policies")
    parser.add_argument("--child", nargs=2, metavar=("FAMILY", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _prove_one(options.child[0], int(options.child[1]))
        return
    sizes = SIZES[:-1] if options.quick else SIZES
    tenants = 4 if options.quick else options.tenants
    # Before this process grows: a child counts what its parent took when it was started.
    peaks = [_peak(family, size) for size in sizes for family in FAMILIES]
    with report("proof and gap, end to end, in ms: medians (and the worst) of all tenants"):
        times: dict[tuple[str, int, str, str], list[float]] = {}
        for size in sizes:
            for number in range(tenants):
                family = FAMILIES[number % len(FAMILIES)]
                _measure(_case(family, size, number), size, times)
        _by_task(times, sizes)
        _by_family(times, sizes)
        _growth(times, sizes)
        _budget()
        print()
        head = ["peak of a process", "answer", "with imports alone", "in all", "target"]
        table(head, *peaks)


def _case(family: str, size: int, seed: int) -> Case:
    drawn = tenant(family, size, seed)
    for change in range(200):
        holed = drawn.narrow(change)
        if isinstance(prove(holed, drawn.goal), Gap):
            return Case(drawn, holed)
    return disagree(f"no change opens {family} of {size}, seed {seed}")  # type: ignore[func-returns-value]


def _measure(case: Case, size: int, times: dict[tuple[str, int, str, str], list[float]]) -> None:
    """Take the median times of each engine for each task; engines take turns."""
    goal = case.tenant.goal
    for task, policy_set in (("proof", case.tenant.policy_set), ("gap", case.holed)):
        took: dict[str, list[float]] = {name: [] for name in ENGINES}
        for repeat in range(REPEATS):
            for name, engine in _turned(repeat):
                if took[name] and max(took[name]) > SLOW:
                    continue
                networks._intervals.cache_clear()  # noqa: SLF001 (as if asked for the first time)
                gc.collect()
                started = time.perf_counter()
                answer = engine(policy_set, goal)
                took[name].append(time.perf_counter() - started)
                if (said := _said(answer, goal)) != task:
                    disagree(f"{name} says {said}, not {task}", case.tenant.family, size)
        for name, each in took.items():
            milliseconds = 1000 * median(each)
            times.setdefault((task, size, name, case.tenant.family), []).append(milliseconds)


def _turned(repeat: int) -> Iterator[tuple[str, Callable[[PolicySet, Goal], Result | str]]]:
    names = list(ENGINES)
    first = repeat % len(names)
    for name in names[first:] + names[:first]:
        yield name, ENGINES[name]


def _z3(policy_set: PolicySet, goal: Goal) -> str:
    from tests.engine.oracles.smt import Smt  # noqa: PLC0415 (not in the process measured)

    smt = Smt(policy_set, [goal])
    return "gap" if smt.possible(smt.spoken_of(goal), smt.violated(goal)) else "proof"


def _cadical(policy_set: PolicySet, goal: Goal) -> str:
    from tests.engine.oracles import sat  # noqa: PLC0415 (not in the process measured)

    prover = Prover(policy_set, [goal], only_asked=True)
    index = prover.index
    covered = all(
        sat.covered(
            prover.space.sizes,
            each.region,
            [
                cube
                for owner, cube in zip(index.owners, index.cubes, strict=True)
                if each.among >> owner & 1
            ],
        )
        for each in prover.questions(goal)
    )
    return "proof" if covered else "gap"


ENGINES: dict[str, Callable[[PolicySet, Goal], Result | str]] = {
    "ostiary": prove,
    "z3": _z3,
    "CaDiCaL": _cadical,
}


def _said(answer: Result | str, goal: Goal) -> str:
    """Name an answer; every sign-in of a gap must contradict the goal."""
    if isinstance(answer, Gap):
        wrong = any(holds(goal, each.decision) for each in answer.openings)
        return "a gap that is none" if wrong else "gap"
    if isinstance(answer, str):
        return answer
    return "proof" if isinstance(answer, Proof) else type(answer).__name__


def _all(
    times: dict[tuple[str, int, str, str], list[float]], task: str, size: int, engine: str
) -> list[float]:
    return [each for family in FAMILIES for each in times.get((task, size, engine, family), ())]


def _by_task(times: dict[tuple[str, int, str, str], list[float]], sizes: tuple[int, ...]) -> None:
    rows = []
    for size in sizes:
        for task in ("proof", "gap"):
            by_engine = {name: _all(times, task, size, name) for name in ENGINES}
            medians = {name: median(each) for name, each in by_engine.items()}
            target = TARGETS.get(size, {}).get(task)
            ratio = medians["z3"] / medians["ostiary"]
            rows.append(
                [
                    f"{size} {task}",
                    *(f"{median(each):.1f} ({max(each):.1f})" for each in by_engine.values()),
                    f"{ratio:.1f}",
                    verdict(medians["ostiary"], target, " ms") if target else "",
                    f">= {RATIO:g} x z3: {'met' if ratio >= RATIO else 'MISSED'}",
                ]
            )
    table(["policies, task", *ENGINES, "z3 / ostiary", "target", ""], *rows)


def _by_family(times: dict[tuple[str, int, str, str], list[float]], sizes: tuple[int, ...]) -> None:
    print()
    rows = [
        [
            f"{size} {task}",
            *(
                f"{median(mine):.1f} / {median(times[task, size, 'z3', family]):.1f}"
                if (mine := times.get((task, size, "ostiary", family)))
                else ""
                for family in FAMILIES
            ),
        ]
        for size in sizes
        for task in ("proof", "gap")
    ]
    table(["ostiary / z3, medians in ms", *FAMILIES], *rows)


def _growth(times: dict[tuple[str, int, str, str], list[float]], sizes: tuple[int, ...]) -> None:
    """Print the power of the number of policies by which the time grows."""
    first, last = SIZES[1], sizes[-1]
    print()
    rows = []
    for task in ("proof", "gap"):
        powers = [
            math.log(
                median(_all(times, task, last, name)) / median(_all(times, task, first, name)),
                last / first,
            )
            for name in ENGINES
        ]
        told = [f"{power:.2f}" for power in powers]
        rows.append([f"{task}, {first} to {last}", *told, verdict(powers[0], GROWTH)])
    table(["grows with the power", *ENGINES, "target"], *rows)


def _budget() -> None:
    """Show that what is too hard ends, and how."""
    print()
    rows = []
    for holes in (3, 4, 5, 6, 7):
        policy_set, goal = pigeons(holes)
        started = time.perf_counter()
        result = prove(policy_set, goal)
        took = time.perf_counter() - started
        said = result.reason if isinstance(result, NotDecided) else type(result).__name__
        if isinstance(result, Gap):
            disagree("pigeons that share no hole")
        rows.append([f"{holes + 1} in {holes}", len(policy_set.policies), f"{took:.2f} s", said])
    table(["pigeons", "policies", "took", "answer"], *rows)


def _peak(family: str, size: int) -> list[str]:
    """Measure the peak memory of a process that proves one tenant."""
    done = run([sys.executable, __file__, "--child", family, str(size)])
    if done.status:
        disagree(f"{family} of {size}", done.output)
    before, answer = done.output.split()
    target = verdict(done.peak, MEMORY, " MiB") if size == SIZES[-1] else ""
    return [f"{size} {family}", answer, f"{before} MiB", f"{done.peak:.0f} MiB", target]


def _prove_one(family: str, size: int) -> None:
    """Prove one tenant; print what the process had taken before, and the answer."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1024**2 if sys.platform == "darwin" else 1024
    drawn = tenant(family, size, 0)
    print(
        f"{before / unit:.0f}",
        _said(prove(drawn.policy_set, drawn.goal), drawn.policy_set, drawn.goal),
    )


if __name__ == "__main__":
    main()
