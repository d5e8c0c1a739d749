"""Load, validate and resolve workspaces of growing size, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from _machine import disagree, report, run, table, verdict
from _workspaces import ids, tenant, write_workspace

LIMIT = 5.0
TARGET = (300, 20)
# So many policies in all are resolved in one run only.
MANY = 10_000
# Environments by policies: each grows alone, then up to the most policies that a tenant may have.
GRID = ((1, 20), (30, 20), (75, 20), (150, 20), TARGET, (30, 60), (30, 120), (30, 240), (300, 240))
GROWTH = (
    ((30, 20), (300, 20)),
    ((30, 20), (30, 240)),
    ((300, 20), (300, 240)),
)
QUICK = ((30, 20), (150, 20), TARGET)


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="processes for each size but the last")
    parser.add_argument("--quick", action="store_true", help="one run of three sizes")
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "POLICIES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _measure(Path(options.child[0]), int(options.child[1]))
        return
    with report("load + validate + resolve: environments x policies, in a new process"):
        measured = {
            size: _median(size, 1 if options.quick or math.prod(size) > MANY else options.runs)
            for size in (QUICK if options.quick else GRID)
        }
        rows = [
            [
                f"{environments} x {policies}",
                *(f"{took[part]:.2f} s" for part in ("imports", "load", "resolve")),
                f"{took['load'] + took['resolve']:.2f} s",
                f"{took['peak']:.0f} MiB",
                verdict(took["load"] + took["resolve"], LIMIT, " s")
                if (environments, policies) == TARGET
                else "",
            ]
            for (environments, policies), took in measured.items()
        ]
        table(["size", "imports", "load", "resolve", "load + resolve", "peak", "target"], *rows)
        _growth(measured)


def _median(size: tuple[int, int], runs: int) -> dict[str, float]:
    environments, policies = size
    names = _names(environments)
    found = []
    with tempfile.TemporaryDirectory(prefix="ostiary-bench-") as folder:
        write_workspace(Path(folder), policies, names)
        for _ in range(runs):
            done = run([sys.executable, __file__, "--child", folder, str(policies)])
            if done.status:
                disagree(f"{environments} x {policies}", done.output)
            found.append({**json.loads(done.output), "peak": done.peak})
    return {part: median(each[part] for each in found) for part in found[0]}


def _measure(root: Path, policies: int) -> None:
    """Do in this process what `ostiary check` does, see that it is right, and print the times."""
    started = time.perf_counter()
    from datetime import date  # noqa: PLC0415 (what importing takes is measured)

    from ostiary.model.resolve import resolve  # noqa: PLC0415
    from ostiary.spec.workspace import environment_names, load  # noqa: PLC0415

    imported = time.perf_counter()
    names = environment_names(root)
    workspace = load(root)
    loaded = time.perf_counter()
    resolving = 0.0
    for name in names:
        begun = time.perf_counter()
        resolved = resolve(workspace, name, date(2026, 1, 1))
        resolving += time.perf_counter() - begun
        texts = {policy.key: repr(policy) for policy in resolved.policies}
        wrong = [
            key for key, needed in ids(policies, name) if not _all_in(needed, texts.get(key, ""))
        ]
        if wrong or resolved.tenant_id != tenant(name) or len(texts) != policies:
            disagree(f"{len(texts)} policies of {name}, wrong: {wrong}")
    times = {"imports": imported - started, "load": loaded - imported, "resolve": resolving}
    print(json.dumps(times))


def _all_in(needed: set[str], text: str) -> bool:
    return text != "" and all(each in text for each in needed)


def _names(environments: int) -> list[str]:
    return [f"tenant-{number:03}" for number in range(environments)]


def _growth(measured: dict[tuple[int, int], dict[str, float]]) -> None:
    """Print the power of the size by which each part grows: 1 is in proportion."""
    rows = []
    for smaller, larger in GROWTH:
        if {smaller, larger} <= measured.keys():
            factor = math.prod(larger) / math.prod(smaller)
            before, after = measured[smaller], measured[larger]
            powers = (
                math.log(after[part] / before[part], factor) for part in ("load", "resolve", "peak")
            )
            steps = " to ".join(
                f"{environments} x {policies}" for environments, policies in (smaller, larger)
            )
            rows.append([steps, f"{factor:g}", *(f"{power:.2f}" for power in powers)])
    print()
    table(["grows with the power", "times as large", "load", "resolve", "peak"], *rows)


if __name__ == "__main__":
    main()
