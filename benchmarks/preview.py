"""Preview a workspace, and the same resources as a hand-written azuread program, side by side."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from _machine import Run, disagree, report, run, table, verdict
from _workspaces import tenant, write_program, write_workspace

from ostiary.deploy.engine import find_or_install, quiet_environment
from ostiary.deploy.stack import PARALLEL
from ostiary.sandbox import lifecycle
from ostiary.sandbox.plugin_launchers import write_launchers

ENVIRONMENT = "benchmark"
LIMIT = 1.15
# Every four policies come with one named location.
POLICIES_IN = {20: 16, 200: 160}


@dataclass(frozen=True)
class Stack:
    """One of the two programs, with the engine to run it."""

    engine: Path
    folder: Path
    environ: Mapping[str, str]

    def pulumi(self, *arguments: str) -> Run:
        """Run a command that must succeed."""
        done = run(
            [self.engine, *arguments, "--stack", ENVIRONMENT, "--non-interactive"],
            cwd=self.folder,
            env=self.environ,
        )
        if done.status:
            disagree(f"pulumi {arguments[0]} failed", done.output)
        return done

    def preview(self) -> Run:
        """Preview as `ostiary up` does."""
        return self.pulumi(
            *("preview", "--refresh", "--suppress-outputs", "--suppress-permalink=true"),
            *("--parallel", str(PARALLEL), "--event-log", str(self.events)),
        )

    @property
    def events(self) -> Path:
        """What the last preview told."""
        return self.folder.with_suffix(".events")

    def plan(self) -> dict[str, Any]:
        """Give what the last preview would do: operation and inputs by URN."""
        steps = (json.loads(line) for line in self.events.read_text().splitlines())
        found = (
            each["resourcePreEvent"]["metadata"] for each in steps if "resourcePreEvent" in each
        )
        return {
            each["urn"]: (each["op"], _canonical(each["new"]["inputs"]))
            for each in found
            if each["type"] != "pulumi:pulumi:Stack"
        }


def main() -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="previews of each program")
    parser.add_argument("--quick", action="store_true", help="five pairs, of 20 resources only")
    options = parser.parse_args()
    sizes = [20] if options.quick else [20, 200]
    rows: list[list[str]] = []
    with (
        tempfile.TemporaryDirectory(prefix="ostiary-bench-") as folder,
        report("pulumi preview: a workspace against a hand-written azuread program"),
    ):
        home = Path(folder, "sandbox")
        sandbox = lifecycle.start(home)
        try:
            for size in sizes:
                pair = _stacks(Path(folder, str(size)), size, sandbox)
                rows += _measure(size, *pair, 5 if options.quick else options.pairs)
        finally:
            lifecycle.stop(home)
        head = ["", "runs", "wall", "CPU", "wall ratio", "least", "most", "CPU ratio", "target"]
        table(head, *rows)


def _stacks(root: Path, size: int, sandbox: lifecycle.Running) -> tuple[Stack, Stack]:
    """Write both programs, each with a state of its own, for one engine, plugin and tenant."""
    engine = find_or_install(lambda _: None).command
    write_launchers(root / "bin")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ARM_", "PULUMI_"))}
    kept |= sandbox.environment(tenant(ENVIRONMENT)) | {"PULUMI_DEBUG_COMMANDS": "true"}
    kept["PATH"] = os.pathsep.join(
        [str(root / "bin"), str(Path(sys.executable).parent), kept["PATH"]]
    )

    def stack(name: str) -> Stack:
        (root / "states" / name).mkdir(parents=True)
        environ = quiet_environment(
            kept,
            backend_url=f"file://{root / 'states' / name}",
            home=root / "home",
            passphrase="benchmark",  # noqa: S106 (of a state that lives for this run)
        )
        made = Stack(engine, root / name, environ)
        made.pulumi("stack", "init")
        return made

    write_program(root / "hand-written", POLICIES_IN[size], ENVIRONMENT)
    write_workspace(root / "workspace", POLICIES_IN[size], [ENVIRONMENT])
    return stack("hand-written"), stack("workspace")


def _measure(size: int, by_hand: Stack, ours: Stack, pairs: int) -> list[list[str]]:
    by_hand.preview()
    ours.preview()
    _same(size, by_hand.plan(), ours.plan())
    times: list[tuple[Run, Run]] = []
    for number in range(pairs):
        # Each goes first every other time, so that neither profits from the other.
        if number % 2:
            own, hand = ours.preview(), by_hand.preview()
        else:
            hand, own = by_hand.preview(), ours.preview()
        times.append((hand, own))
    _same(size, by_hand.plan(), ours.plan())
    first, second = zip(*times, strict=True)
    ratios = [ours.wall / by_hand.wall for by_hand, ours in times]
    middle = median(ratios)
    return [
        [f"{size} resources, by hand", *_medians(first), "", "", "", "", ""],
        [
            f"{size} resources, ostiary",
            *_medians(second),
            *(f"{ratio:.2f}" for ratio in (middle, min(ratios), max(ratios))),
            f"{median(ours.cpu / by_hand.cpu for by_hand, ours in times):.2f}",
            verdict(middle, LIMIT),
        ],
    ]


def _medians(runs: Sequence[Run]) -> list[str]:
    return [
        str(len(runs)),
        f"{median(each.wall for each in runs):.2f} s",
        f"{median(each.cpu for each in runs):.2f} s",
    ]


def _same(size: int, by_hand: dict[str, Any], ours: dict[str, Any]) -> None:
    """See that both plans create the same resources, with the same inputs."""
    different = [urn for urn in by_hand.keys() | ours.keys() if by_hand.get(urn) != ours.get(urn)]
    for urn in sorted(different)[:3]:
        print(urn, by_hand.get(urn), ours.get(urn), sep="\n  ", file=sys.stderr)
    if different:
        disagree(f"{len(different)} resources are planned differently")
    created = [urn for urn, (operation, _) in ours.items() if operation == "create"]
    # The provider is a resource too.
    if len(created) != size + 1:
        disagree(f"{len(created) - 1} resources would be created, not {size}")


def _canonical(value: Any) -> Any:
    """Order lists: to Graph, and so to ostiary, they are sets."""
    if isinstance(value, dict):
        return {key: _canonical(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return sorted((_canonical(each) for each in value), key=json.dumps)
    return value


if __name__ == "__main__":
    main()
