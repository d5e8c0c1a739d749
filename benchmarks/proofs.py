"""Prove goals for generated tenants, find gaps, compare versions: ours beside z3 and CaDiCaL.

From `Policy` objects to the answer; every engine gets the same tenant, in turns, in this process.
Times are those of the processor: nothing here waits, and what else runs should not count.
"""

from __future__ import annotations

import argparse
import gc
import math
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from _machine import disagree, report, run, table, verdict
from _tenants import Tenant, pigeons, tenant

from ostiary.model.goal import Goal
from ostiary.model.policy import PolicySet
from ostiary.proof import conditions, networks
from ostiary.proof.compare import Difference, compare
from ostiary.proof.prove import Prover, holds, prove
from ostiary.proof.results import Gap, NotDecided, Proof

# The engines that proofs are tested against stand with the tests.
sys.path.append(str(Path(__file__).resolve().parents[1]))

FAMILIES = ("partition", "realistic", "groups", "addresses")
SIZES = (10, 60, 240, 1000)
TASKS = ("proof", "gap", "same", "differs")
# Median milliseconds, by size and task.
TARGETS = {
    240: {"proof": 20.0, "gap": 12.0, "same": 25.0, "differs": 150.0},
    1000: {"proof": 250.0},
}
GROWTH, RATIO, MEMORY = 1.6, 10.0, 100.0
REPEATS = 3
SLOW = 1.0
CHANGES = 200

# Milliseconds of each tenant, by task, size, engine and family.
Times = dict[tuple[str, int, str, str], list[float]]


@dataclass(frozen=True)
class Case:
    """One tenant, and versions of it: the goal does not hold, all means the same, it does not."""

    tenant: Tenant
    holed: PolicySet
    refactored: PolicySet
    changed: PolicySet

    def asked(self, task: str) -> Asked:
        """Give what one task asks about."""
        mine, goal = self.tenant.policy_set, self.tenant.goal
        match task:
            case "proof":
                return Asked(mine, goal)
            case "gap":
                return Asked(self.holed, goal)
            case "same":
                return Asked(mine, goal, self.refactored)
            case _:
                return Asked(mine, goal, self.changed)


@dataclass(frozen=True)
class Asked:
    """Whether the goal holds; or, with another version, whether that means the same."""

    policy_set: PolicySet
    goal: Goal
    other: PolicySet | None = None


Engine = Callable[[Asked], object]


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
    with report("proofs, gaps, comparisons, end to end, in ms of CPU: median (worst) of tenants"):
        times: Times = {}
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
    holed = changed = None
    for change in range(CHANGES):
        if holed is None and isinstance(prove(version := drawn.narrow(change), drawn.goal), Gap):
            holed = version
        if changed is None and compare(drawn.policy_set, version := drawn.change(change)).changes:
            changed = version
        if holed and changed:
            return Case(drawn, holed, drawn.refactor(seed), changed)
    raise SystemExit(f"no change opens {family} of {size}, seed {seed}")


def _measure(case: Case, size: int, times: Times) -> None:
    """Take the median time of each engine for each task; engines take turns."""
    for task in TASKS:
        asked = case.asked(task)
        engines = {name: each for name, each in ENGINES.items() if (task, name) not in SKIPPED}
        took: dict[str, list[float]] = {name: [] for name in engines}
        for repeat in range(REPEATS):
            for name in _turned(list(engines), repeat):
                if took[name] and max(took[name]) > SLOW:
                    continue
                _forget()
                gc.collect()
                started = time.process_time()
                answer = engines[name](asked)
                took[name].append(time.process_time() - started)
                if (said := _said(answer, asked.goal)) != task:
                    disagree(f"{name} says {said}, not {task}", case.tenant.family, size)
        for name, each in took.items():
            milliseconds = 1000 * median(each)
            times.setdefault((task, size, name, case.tenant.family), []).append(milliseconds)


def _forget() -> None:
    """Ask as if for the first time."""
    networks.blocks.cache_clear()
    conditions.device_rule.cache_clear()


def _turned(names: list[str], repeat: int) -> list[str]:
    first = repeat % len(names)
    return names[first:] + names[:first]


def _ours(asked: Asked) -> object:
    if asked.other is not None:
        return compare(asked.policy_set, asked.other)
    return prove(asked.policy_set, asked.goal)


def _z3(asked: Asked) -> object:
    from tests.engine.oracles.smt import Smt  # noqa: PLC0415 (not in the process measured)

    goal = asked.goal
    if asked.other is None:
        smt = Smt(asked.policy_set, [goal])
        return "gap" if smt.possible(smt.spoken_of(goal), smt.violated(goal)) else "proof"
    before, after = asked.policy_set.policies, asked.other.policies
    kept = {id(each) for each in before}
    every = (*before, *(each for each in after if id(each) not in kept))
    smt = Smt(replace(asked.policy_set, policies=every))
    return "differs" if smt.differ(before, after) else "same"


def _cadical(asked: Asked) -> object:
    from tests.engine.oracles import sat  # noqa: PLC0415 (not in the process measured)

    prover = Prover(asked.policy_set, [asked.goal], only_asked=True)
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
        for each in prover.questions(asked.goal)
    )
    return "proof" if covered else "gap"


ENGINES: dict[str, Engine] = {"ostiary": _ours, "z3": _z3, "CaDiCaL": _cadical}
SKIPPED = {("same", "CaDiCaL"), ("differs", "CaDiCaL")}


def _said(answer: object, goal: Goal) -> str:
    """Name an answer; every sign-in of a gap must contradict the goal."""
    match answer:
        case Gap():
            wrong = any(holds(goal, each.decision) for each in answer.openings)
            return "a gap that is none" if wrong else "gap"
        case Difference():
            wrong = any(each.before.effect == each.after.effect for each in answer.changes)
            return "a change that is none" if wrong else "same" if answer.empty else "differs"
        case Proof():
            return "proof"
        case _:
            return answer if isinstance(answer, str) else type(answer).__name__


def _all(times: Times, task: str, size: int, engine: str) -> list[float]:
    return [each for family in FAMILIES for each in times.get((task, size, engine, family), ())]


def _by_task(times: dict[tuple[str, int, str, str], list[float]], sizes: tuple[int, ...]) -> None:
    rows = []
    for size in sizes:
        for task in TASKS:
            by_engine = {name: _all(times, task, size, name) for name in ENGINES}
            mine = median(by_engine["ostiary"])
            target = TARGETS.get(size, {}).get(task)
            ratio = median(by_engine["z3"]) / mine
            rows.append(
                [
                    f"{size} {task}",
                    *(
                        f"{median(each):.1f} ({max(each):.1f})" if each else ""
                        for each in by_engine.values()
                    ),
                    f"{ratio:.1f}",
                    verdict(mine, target, " ms") if target else "",
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
        for task in TASKS
    ]
    table(["ostiary / z3, medians in ms", *FAMILIES], *rows)


def _growth(times: dict[tuple[str, int, str, str], list[float]], sizes: tuple[int, ...]) -> None:
    """Print the power of the number of policies by which the time grows."""
    first, last = SIZES[1], sizes[-1]
    print()
    rows = []
    for task in TASKS:
        powers = [
            math.log(median(larger) / median(_all(times, task, first, name)), last / first)
            if (larger := _all(times, task, last, name))
            else math.nan
            for name in ENGINES
        ]
        told = ["" if math.isnan(power) else f"{power:.2f}" for power in powers]
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
    answer = _said(prove(drawn.policy_set, drawn.goal), drawn.goal)
    print(f"{before / unit:.0f}", answer)


if __name__ == "__main__":
    main()
