"""Run one job after another in each of a few worker processes.

A worker takes a job as a line of JSON and answers with lines of JSON: `of` is the name of the job,
and the last one has `end`.  It is a process because what leads to a tenant stands in the variables
of its process, and those of two tenants must never meet; it takes many jobs because starting one
costs more than some of them.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

_BEAT = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker gets; it may hold secrets."""

    name: str
    message: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a job: it begins, a line of a worker, its end, or that its worker died.

    A `beat` comes of no job, about once in a second of silence.
    """

    kind: Literal["begin", "line", "end", "died", "beat"]
    name: str = ""
    line: Mapping[str, Any] = field(default_factory=dict)


class Slots:
    """Some workers, each started when there is a job for it."""

    def __init__(
        self, command: Sequence[str], jobs: Iterable[Job], parallel: int, log: Path
    ) -> None:
        """Take `parallel` workers that a command starts; what they say on stderr goes to `log`."""
        self._left = deque(jobs)
        self._events: queue.SimpleQueue[tuple[_Slot, Event]] = queue.SimpleQueue()
        self._idle = [_Slot(command, log, self._events) for _ in range(parallel)]
        self._busy: list[_Slot] = []

    def stop(self) -> list[str]:
        """Begin no other job; gives the names of those that were not begun."""
        left = [each.name for each in self._left]
        self._left.clear()
        return left

    def next(self) -> Event | None:
        """Wait for the next event; None once every job that was begun has come to its end.

        Jobs are handed out here and nowhere else, so whoever stops over an event stops the next.
        """
        while self._left and self._idle:
            slot = self._idle.pop()
            self._busy.append(slot)
            slot.jobs.put(self._left.popleft())
        if not self._busy:
            for slot in self._idle:
                slot.end()
            return None
        try:
            slot, event = self._events.get(timeout=_BEAT)
        except queue.Empty:
            return Event("beat")
        if event.kind in {"end", "died"}:
            self._busy.remove(slot)
            self._idle.append(slot)
        return event


class _Slot:
    """A place for a worker, and a thread that speaks with it."""

    def __init__(
        self, command: Sequence[str], log: Path, events: queue.SimpleQueue[tuple[_Slot, Event]]
    ) -> None:
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._command = command
        self._log = log
        self._events = events
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let the worker end, and wait for it."""
        self.jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        worker: subprocess.Popen[str] | None = None
        with self._log.open("a", encoding="utf-8") as log:
            while (job := self.jobs.get()) is not None:
                self._events.put((self, Event("begin", job.name)))
                worker = worker or self._start(log)
                if not self._done(worker, job):
                    worker.communicate()
                    died = Event("died", job.name, {"status": worker.returncode})
                    worker = None
                    self._events.put((self, died))
            if worker is not None:
                worker.communicate()

    def _start(self, log: IO[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 (our own module, by our own interpreter)
            self._command,
            env={"PYTHONUTF8": "1"},  # each job brings its own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
        )

    def _done(self, worker: subprocess.Popen[str], job: Job) -> bool:
        """Have a worker do a job; False when it died over it."""
        assert worker.stdin is not None  # noqa: S101 (it is a pipe)
        assert worker.stdout is not None  # noqa: S101 (likewise)
        try:
            worker.stdin.write(json.dumps(job.message) + "\n")
            worker.stdin.flush()
        except BrokenPipeError:
            return False
        for text in worker.stdout:
            line = json.loads(text)
            ended = "end" in line
            if not ended and line.get("of") != job.name:
                continue  # a late word on the job before
            self._events.put((self, Event("end" if ended else "line", job.name, line)))
            if ended:
                return True
        return False
