"""Wait for processes, for the tests that start and end them."""

import subprocess
import time
from collections.abc import Callable


def gone(pid: int) -> bool:
    """Tell whether a process ended, also where nobody has asked yet how."""
    answer = subprocess.run(  # noqa: PLW1510 - status 1 is an answer
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
    )
    return answer.stdout.strip()[:1] in ("", "Z")


def until(true: Callable[[], bool]) -> None:
    """Ask again until it is true, for a minute at most."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
