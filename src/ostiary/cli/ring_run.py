"""One run over a ring: which tenants are left, what each is given, and what came of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ostiary.cli.furnish import furnish
from ostiary.cli.terminal import say
from ostiary.cli.up import project_of, sandboxed, start_sandbox
from ostiary.cli.workspace import today
from ostiary.deploy.engine import find_or_install
from ostiary.deploy.record import Entry, Record
from ostiary.deploy.slots import Event, Job, Slots
from ostiary.errors import DiagnosticsError, OstiaryError, PreflightError, errors_in
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.rollout import RolloutSpec
from ostiary.spec.workspace import Workspace, environment_names, load
from ostiary.tenant.apart import variables_of

CHANGES, INTERRUPTED = 2, 130
# What a tenant waits for is told when that has taken so many seconds, and again.
_OFTEN = 10.0
# -P: a file in the current directory must not pass for a module of the worker.
_WORKER = (sys.executable, "-P", "-m", "ostiary.cli.rollout_worker")

Json = dict[str, Any]


class RingRun:
    """One run over one ring, to preview or to apply it."""

    def __init__(
        self, root: Path, spec: RolloutSpec, ring: str, *, local: bool, preview: bool
    ) -> None:
        self.root, self.spec, self.ring = root, spec, ring
        self.local, self.preview = local, preview
        self.results: dict[str, Json] = {}
        self.failures = 0
        self.interrupted = False
        self._record = Record(
            root / ".ostiary" / "rollout" / ("sandbox.json" if local else "tenants.json")
        )
        rings = list(spec.rings)
        self._before = rings[: rings.index(ring)]
        self._resolved = self._resolve([*self._before, ring])
        self._watch = _Watch()

    def see_earlier_rings_done(self) -> None:
        """Refuse to go on while an environment of an earlier ring is not as specified now."""
        for ring in self._before:
            missing = [each for each in self.spec.rings[ring] if not self._done(each)]
            if missing:
                raise PreflightError(
                    f"ring `{ring}` is not done with what is specified now: {', '.join(missing)}",
                    hint=f"ostiary rollout --ring {ring}, or pass --out-of-order",
                )

    def left(self, *, again: bool) -> list[str]:
        """Give the environments of the ring that are to be done, in its order."""
        ring = self.spec.rings[self.ring]
        if again or self.preview:
            return list(ring)
        for each in ring:
            if (entry := self._done(each)) is not None:
                self.results[each] = {**entry.result, "state": "done before", "seconds": None}
        return [each for each in ring if each not in self.results]

    def go(self, left: Sequence[str], parallel: int) -> None:
        """Do what is left; gives no table of it yet."""
        slots = Slots(_WORKER, self._jobs(left), parallel, self._log())

        def interrupt(*_: object) -> None:
            self.interrupted = True

        former = signal.signal(signal.SIGINT, interrupt)
        try:
            while True:
                if self.failures >= self.spec.stop_after or self.interrupted:
                    self._stop(slots)
                if (event := slots.next()) is None:
                    return
                self._take(event)
        finally:
            signal.signal(signal.SIGINT, former)

    def table(self) -> list[Json]:
        """Give what came of each environment, in the ring's order."""
        return [
            {"environment": each, **self.results.get(each, {"state": "not begun"})}
            for each in self.spec.rings[self.ring]
        ]

    @property
    def exit_code(self) -> int:
        """130 when interrupted; that of what failed, 1 if that differs; 2 for changes to come."""
        if self.interrupted:
            return INTERRUPTED
        codes = {each["exitCode"] for each in self.results.values() if "exitCode" in each}
        if codes:
            return codes.pop() if len(codes) == 1 else 1
        changes = any(
            each.get(count)
            for each in self.results.values()
            for count in ("created", "updated", "deleted")
        )
        return CHANGES if self.preview and changes else 0

    def _resolve(self, rings: Sequence[str]) -> dict[str, Resolved | DiagnosticsError]:
        names = [name for ring in rings for name in self.spec.rings[ring]]
        workspace = load(self.root, names)
        found: dict[str, Resolved | DiagnosticsError] = {}
        for name in names:
            try:
                found[name] = resolve(_only(workspace, name), name, today())
            except DiagnosticsError as error:
                found[name] = error
        return found

    def _done(self, environment: str) -> Entry | None:
        resolved = self._resolved[environment]
        return self._record.done(resolved) if isinstance(resolved, Resolved) else None

    def _jobs(self, left: Sequence[str]) -> list[Job]:
        running = start_sandbox(self.root) if self.local and left else None
        every = environment_names(self.root)
        environs: dict[str, dict[str, str]] = {}
        for name in left:
            resolved = self._resolved[name]
            try:
                if isinstance(resolved, DiagnosticsError):
                    raise resolved
                if running:
                    furnish(running, resolved)
                    environs[name] = sandboxed(self.root, running, resolved.tenant_id)
                else:
                    environs[name] = variables_of(name, every, os.environ)
            except OstiaryError as error:
                self._failed(name, error)
        if not environs:
            return []
        engine = asdict(find_or_install(say))
        common = {
            "root": str(self.root),
            "project": str(project_of(self.root, local=self.local)),
            "engine": {**engine, "command": str(engine["command"])},
            "preview": self.preview,
        }
        return [
            Job(name, {**common, "environment": name, "environ": environ})
            for name, environ in environs.items()
        ]

    def _failed(self, environment: str, error: OstiaryError) -> None:
        told = (
            str(errors_in(error.diagnostics)[0])
            if isinstance(error, DiagnosticsError)
            else str(error)
        )
        say(f"{environment}: {told}")
        self._end(
            environment,
            {"state": "failed", "error": told, "hint": error.hint, "exitCode": error.exit_code},
        )

    def _take(self, event: Event) -> None:
        if event.kind == "begin":
            self._watch.begin(event.name)
            say(f"{event.name}: begins")
        elif event.kind == "line":
            self._watch.line(event.name, event.line)
        elif event.kind == "died":
            error = OstiaryError(
                f"its worker ended with status {event.line['status']}", hint=f"see {self._log()}"
            )
            self._watch.end(event.name)
            self._failed(event.name, error)
        elif event.kind == "end":
            result = {**event.line["end"], "seconds": self._watch.end(event.name)}
            why = f": {result['error'].splitlines()[0]}" if "error" in result else ""
            say(f"{event.name}: {result['state']} in {result['seconds']:.0f} s{why}")
            self._end(event.name, result)
        self._watch.tell()

    def _end(self, environment: str, result: Json) -> None:
        digest = result.pop("digest", "")
        self.results[environment] = result
        if result["state"] != "done":
            self.failures += 1
        elif self.preview:
            result["state"] = "previewed"
        else:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._record.keep(environment, digest, now, result)

    def _stop(self, slots: Slots) -> None:
        if left := slots.stop():
            why = "interrupted" if self.interrupted else f"{self.failures} failed"
            say(f"{why}: {len(left)} not begun: {', '.join(left)}")

    def _log(self) -> Path:
        folder = self.root / ".ostiary" / "rollout"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "workers.log"


class _Watch:
    """Tells what tenants do, and what they wait for where that takes long."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._waits: dict[str, str] = {}

    def begin(self, name: str) -> None:
        self._began[name] = self._told[name] = time.monotonic()

    def line(self, name: str, line: Mapping[str, Any]) -> None:
        if (said := line.get("say")) is not None:
            say(f"{name}: {said}")
            self._told[name] = time.monotonic()
            self._waits[name] = said
        elif (reason := line.get("wait")) is not None:
            self._waits[name] = f"waiting for {reason}"

    def tell(self) -> None:
        now = time.monotonic()
        for name, at in self._told.items():
            if now - at >= _OFTEN:
                self._told[name] = now
                say(f"{name}: {now - self._began[name]:.0f} s, {self._waits.get(name, 'starting')}")

    def end(self, name: str) -> float:
        """Give the seconds it took."""
        del self._told[name]
        return time.monotonic() - self._began[name]


def _only(workspace: Workspace, environment: str) -> Workspace:
    """Leave out what is wrong in the files of other environments."""
    file = f"environments/{environment}.yaml"
    return replace(
        workspace,
        found=tuple(
            each
            for each in workspace.found
            if each.location.path == file or not each.location.path.startswith("environments/")
        ),
    )
