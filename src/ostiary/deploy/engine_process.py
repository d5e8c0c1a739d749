"""Follow a command line by line, and leave nothing of it running."""

from __future__ import annotations

import math
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_BEAT = 1.0
_EVERY = 10.0
_PATIENCE = 5.0
_CREDENTIALS = re.compile(r"://[^@/\s]+@")


def follow(
    command: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    limit: float | None = None,
    watch: Callable[[Sequence[str]], None] = lambda _lines: None,
) -> tuple[int, list[str]]:
    """Run `command` and give its exit status and the lines that it wrote to stdout and stderr.

    `watch` is called with the lines so far whenever one comes, and in each second of silence.
    Credentials in addresses are taken out of them.  The command has a process group of its
    own, which is ended when this call ends early: on an interrupt, or with `TimeoutError` after
    `limit` seconds.  Raises `OSError` when the command cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - callers pass programs that the user installed
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,
    )
    arriving: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_pass_on, args=(process.stdout, arriving), daemon=True)
    reader.start()
    ends = math.inf if limit is None else time.monotonic() + limit
    lines: list[str] = []
    try:
        while (line := _next(arriving, ends)) is not None:
            if line:
                lines.append(line)
            watch(lines)
        status = process.wait()
    except BaseException:
        _end(process)
        raise
    finally:
        reader.join(_PATIENCE)
    return status, lines


def _next(arriving: queue.SimpleQueue[str | None], ends: float) -> str | None:
    """Give the next line, an empty one after a second of silence, or nothing at the end."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    try:
        return arriving.get(timeout=min(_BEAT, left))
    except queue.Empty:
        return ""


def _pass_on(stream: IO[str], arriving: queue.SimpleQueue[str | None]) -> None:
    with stream:
        for line in stream:
            arriving.put(_CREDENTIALS.sub("://***@", line.rstrip("\n")))
    arriving.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """End the whole group: first as Ctrl-C does, which lets go clean up, then for good."""
    try:
        _signal(process, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # a group of which only a zombie is left counts as gone on Linux, and as forbidden on macOS
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@dataclass(slots=True)
class Progress:
    """Say how far `what` is, at most every ten seconds, and how long it has taken."""

    what: str
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)

    def tell(self, how_far: str, *, at_once: bool = False) -> None:
        """Say `how_far` if it is time, or `at_once`."""
        now = time.monotonic()
        if at_once or now - self.said >= _EVERY:
            self.said = now
            minutes, seconds = divmod(int(now - self.started), 60)
            spent = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
            self.say(f"{self.what}: {how_far}, {spent}")
