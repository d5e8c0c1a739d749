"""Check a workspace in which one of 240 policies is broken, and wait for the diagnostic."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from _machine import Run, disagree, report, run, table, verdict
from _workspaces import write_workspace

from ostiary.spec.models import PolicySpec

POLICIES = 240
LIMIT = 0.5
BIN = Path(sys.executable).parent
OSTIARY = BIN / "ostiary"
BROKEN = "policies/devices-14.yaml"


@dataclass(frozen=True)
class Mistake:
    """What is changed in the broken file, and what has to be said of it."""

    name: str
    right: str
    wrong: str
    place: str
    code: str


MISTAKES = (
    Mistake("syntax", "grantControls:", "grantControls: {", "16:18", "yaml-syntax"),
    Mistake("unknown key", "includeGroups", "includeGruops", "5:5", "unknown-key"),
    Mistake("unknown name", "payroll-14", "payrol-14", "8:27", "unknown-application"),
    Mistake("bad filter", "-in [", "-within [", "13:41", "filter-syntax"),
)


@dataclass(frozen=True)
class Command:
    """A command to measure, and what it must say and end with."""

    name: str
    line: Sequence[str | Path]
    folder: Path
    says: str
    status: int

    def run(self) -> Run:
        """Run it; the benchmark ends if it does not say what it must."""
        done = run(self.line, cwd=self.folder, awaited=self.says)
        if done.status != self.status or self.says not in done.output:
            disagree(f"{self.name} ended with {done.status} and said:", done.output)
        return done


def main() -> None:
    """Measure each mistake, and beside them what other programs need for less."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="runs of each command")
    parser.add_argument("--quick", action="store_true", help="three runs of each")
    options = parser.parse_args()
    runs = 3 if options.quick else options.runs
    with (
        tempfile.TemporaryDirectory(prefix="ostiary-bench-") as folder,
        report(f"time to the first error: one broken file in {POLICIES}, a process for each run"),
    ):
        commands = [*_ours(Path(folder)), *_others(Path(folder))]
        for command in commands:
            command.run()
        taken = [[command.run() for command in commands] for _ in range(runs)]
        rows = (
            _row(command, each)
            for command, each in zip(commands, zip(*taken, strict=True), strict=True)
        )
        head = ["", "runs", "error told", "fastest", "slowest", "process", "CPU", "target"]
        table(head, *rows)


def _row(command: Command, runs: Sequence[Run]) -> list[str]:
    told = [each.told for each in runs]
    ours = command.line[0] == OSTIARY
    return [
        command.name,
        str(len(runs)),
        *(f"{each:.2f} s" if command.says else "" for each in (median(told), min(told), max(told))),
        f"{median(each.wall for each in runs):.2f} s",
        f"{median(each.cpu for each in runs):.2f} s",
        verdict(median(told), LIMIT, " s") if ours else "",
    ]


def _ours(root: Path) -> Iterator[Command]:
    for mistake in MISTAKES:
        folder = root / mistake.code
        write_workspace(folder, POLICIES, ["production"])
        text = (folder / BROKEN).read_text()
        (folder / BROKEN).write_text(text.replace(mistake.right, mistake.wrong, 1))
        yield Command(
            f"ostiary check, {mistake.name}",
            [OSTIARY, "check"],
            folder,
            f"{BROKEN}:{mistake.place}: {mistake.code}: ",
            3,
        )


def _others(root: Path) -> Iterator[Command]:
    """Give what only imports the same libraries, and what checks the same files by a schema."""
    imports = [sys.executable, "-c", "import pydantic, yaml"]
    yield Command("python -c 'import pydantic, yaml'", imports, root, "", 0)
    validator = BIN / "check-jsonschema"
    if validator.exists():
        (root / "policy.json").write_text(json.dumps(PolicySpec.model_json_schema()))
        folder = root / "unknown-key"
        files = sorted((folder / "policies").glob("*.yaml"))
        line: list[str | Path] = [validator, "--schemafile", root / "policy.json", *files]
        yield Command("check-jsonschema, unknown key", line, folder, "includeGruops", 1)


if __name__ == "__main__":
    main()
