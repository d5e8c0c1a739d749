"""Roll out many tenants at once, and the same by one `pulumi up` after another, side by side."""

from __future__ import annotations

import argparse
import heapq
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from _machine import Run, disagree, report, run, table

from ostiary.cli.up import project_of, sandboxed, stack_of, start_sandbox
from ostiary.deploy.stack import PARALLEL
from ostiary.model.resolve import Resolved, resolve
from ostiary.sandbox import lifecycle
from ostiary.sandbox.plugin.service import WAIT_SCALE
from ostiary.spec.workspace import load
from ostiary.tenant.client import GraphClient

REPOSITORY = Path(__file__).parents[1]
OSTIARY = Path(sys.executable).with_name("ostiary")
# What the provider waits for each object that it makes, in seconds, whatever Graph answers:
# hashicorp/terraform-provider-azuread, named_location_resource.go and
# conditional_access_policy_resource.go.
LOCATION_WAITS, POLICY_WAITS = 35.0, 20.0


@dataclass
class Memory:
    """The most memory that a command and all its descendants took at once, in MiB.

    Pages that several share are counted once.  Linux only; elsewhere 0.
    """

    peak: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Look ten times in a second at what this process started."""
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            self.peak = max(self.peak, sum(map(_memory, _descendants(os.getpid()))))


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, left = [], [pid]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def _memory(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> None:
    """Measure both ways, each with a sandbox of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--parallel", type=int, default=4, help="tenants at a time")
    parser.add_argument("--waits", type=float, default=0.0, help="of the fixed waits, this share")
    parser.add_argument("--quick", action="store_true", help="six tenants")
    options = parser.parse_args()
    os.environ[WAIT_SCALE] = str(options.waits)
    names = [f"tenant-{number:02}" for number in range(6 if options.quick else options.tenants)]
    with (
        tempfile.TemporaryDirectory(prefix="ostiary-bench-") as folder,
        report(
            f"{len(names)} tenants from one command, {options.parallel} at a time, "
            f"{options.waits:.0%} of the provider's fixed waits"
        ),
    ):
        at_once, one_by_one = Path(folder, "at-once"), Path(folder, "one-by-one")
        memory = Memory()
        with _workspace(at_once, names):
            rollout = [OSTIARY, "rollout", "--ring", "all", "--sandbox", "--format", "json"]
            rollout += ["--parallel", str(options.parallel)]
            with memory.watch():
                first = _succeed(run(rollout, cwd=at_once, env=_environ()))
            again = _succeed(run(rollout, cwd=at_once, env=_environ()))
            waits = [_waits(each) for each in _see_all_done(at_once, names)]
        with _workspace(one_by_one, names):
            ups = [_up(one_by_one, name) for name in names]
            _see_all_done(one_by_one, names)
        single = sum(each.wall for each in ups)
        cpu = sum(each.cpu for each in ups)
        peak = max(each.peak for each in ups)
        alone, together = sum(waits), _schedule(waits, options.parallel)
        of = _Rows(len(names), single)
        table(
            ["", "wall", "a tenant", "CPU", "peak memory", "ratio"],
            of.row("ostiary rollout", first.wall, first.cpu, f"{memory.peak:.0f} MiB in all"),
            of.row("the same again, nothing left", again.wall, again.cpu),
            of.row("pulumi up, one after another", single, cpu, f"{peak:.0f} MiB a process"),
            of.row("computed: the provider's fixed waits, one tenant after another", alone),
            of.row(f"computed: the same, {options.parallel} tenants at a time", together),
        )


@dataclass(frozen=True)
class _Rows:
    tenants: int
    single: float

    def row(self, what: str, wall: float, cpu: float | None = None, memory: str = "") -> list[str]:
        """Word one way to do it; the ratio is to one `pulumi up` after another."""
        return [
            what,
            f"{wall:.0f} s",
            f"{wall / self.tenants:.1f} s",
            "" if cpu is None else f"{cpu:.0f} s",
            memory,
            f"{wall / self.single:.2f}",
        ]


@contextmanager
def _workspace(root: Path, names: list[str]) -> Iterator[None]:
    """Write the shipped policies for so many tenants, and stop their sandbox at the end."""
    root.mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(REPOSITORY / name, root)
    shutil.copytree(REPOSITORY / "policies", root / "policies")
    (root / ".venv").symlink_to(sys.prefix)
    (root / "environments").mkdir()
    text = (REPOSITORY / "environments" / "contoso-dev.yaml").read_text(encoding="utf-8")
    for number, name in enumerate(names):
        tenant = text.replace("c0a80101-0000-4000-8000-0000", f"{number:08}-0000-4000-8000-0000")
        (root / "environments" / f"{name}.yaml").write_text(tenant, encoding="utf-8")
    (root / "rollout.yaml").write_text(f"rings: {{all: [{', '.join(names)}]}}\n", encoding="utf-8")
    try:
        yield
    finally:
        lifecycle.stop(root / ".ostiary" / "sandbox")


def _environ() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("ARM_", "PULUMI_"))}


def _specified(root: Path, name: str) -> Resolved:
    return resolve(load(root, [name]), name, date.today())  # noqa: DTZ011 (as `up` takes it)


def _up(root: Path, name: str) -> Run:
    """Run the engine's own `up` on a stack that was not there before."""
    stack = stack_of(root, _specified(root, name), local=True)
    stack.select()
    command = [stack.engine.command, "up", "--yes", "--skip-preview", "--non-interactive"]
    command += ["--stack", name, "--parallel", str(PARALLEL), "--suppress-outputs"]
    return _succeed(run(command, cwd=project_of(root, local=True), env=stack.environ))


def _succeed(done: Run) -> Run:
    if done.status:
        disagree("a run failed", done.output)
    return done


def _see_all_done(root: Path, names: list[str]) -> list[Resolved]:
    """See that each tenant holds what is specified for it."""
    running = start_sandbox(root)
    found = []
    for name in names:
        resolved = _specified(root, name)
        environ = sandboxed(root, running, resolved.tenant_id)
        with closing(GraphClient(resolved.tenant_id, environ)) as client:
            held = {each["displayName"] for each in (*client.policies(), *client.named_locations())}
        wanted = {each.display_name for each in (*resolved.policies, *resolved.named_locations)}
        if held != wanted:
            disagree(f"{name} holds something else", *sorted(held ^ wanted))
        found.append(resolved)
    return found


def _waits(of: Resolved) -> float:
    """Give how long the provider waits for one tenant, two objects at a time, locations first."""
    return _schedule(
        [*[LOCATION_WAITS] * len(of.named_locations), *[POLICY_WAITS] * len(of.policies)], PARALLEL
    )


def _schedule(times: list[float], parallel: int) -> float:
    """Give when the last of these is done; each begins as soon as a place is free."""
    free = [0.0] * parallel
    for each in times:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


if __name__ == "__main__":
    main()
