"""Run a command and take its times, and print a table under the machine it was made on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_PACKAGES = ("ostiary", "pulumi", "pulumi-azuread", "pydantic", "PyYAML")


@dataclass(frozen=True)
class Run:
    """What one process took: seconds in all, to the line awaited, and of CPU; its peak in MiB.

    CPU and peak are those of the process and of the descendants it waited for.
    """

    wall: float
    told: float
    cpu: float
    peak: float
    status: int
    output: str


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    awaited: str = "",
) -> Run:
    """Run a command to its end, its errors among its output.

    `awaited` is a part of the line that is waited for; it may never come.
    """
    output: list[str] = []
    told = 0.0
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        for line in process.stdout:
            if not told and awaited in line:
                told = time.perf_counter() - started
            output.append(line)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return Run(
        wall,
        told,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / unit,
        process.returncode,
        "".join(output),
    )


def disagree(what: str, *details: object) -> None:
    """End the benchmark without any times: fast and wrong is no result."""
    print(f"no times, because the answers are wrong: {what}", *details, sep="\n  ", file=sys.stderr)
    raise SystemExit(1)


@contextmanager
def report(title: str) -> Iterator[None]:
    """Print the machine above what is printed inside, and how busy it was below."""
    print(f"{title}\n{_processor()}, {os.cpu_count()} cores, {platform.system()}")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    print(f"Python {platform.python_version()}, {versions}")
    before = os.getloadavg()[0]
    yield
    print(f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after\n")


def table(*rows: Sequence[object]) -> None:
    """Print rows as a Markdown table in columns; the first row is the head."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    texts.insert(1, ["-" * (width - 1) + ":" for width in widths])
    texts[1][0] = "-" * widths[0]
    for row in texts:
        first, *rest = (
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("|", " | ".join((first, *rest)), "|")


def verdict(value: float, limit: float, unit: str = "") -> str:
    """Word a target beside what was measured."""
    return f"<= {limit:g}{unit}: {'met' if value <= limit else 'MISSED'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    models = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
