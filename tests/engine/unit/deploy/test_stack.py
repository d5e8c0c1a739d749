from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ostiary.deploy.stack import lock_holder, stale_lock


@pytest.fixture
def dead() -> int:
    """Give the number of a process that is no more."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def locked(folder: Path, pid: int, host: str = os.uname().nodename) -> dict[str, str]:
    locks = folder / ".pulumi" / "locks" / "organization" / "ostiary" / "here"
    locks.mkdir(parents=True)
    (locks / "a.json").write_text(json.dumps({"pid": pid, "hostname": host}))
    return {"PULUMI_BACKEND_URL": f"file://{folder}"}


def test_a_lock_of_a_process_that_is_alive_is_held(tmp_path: Path) -> None:
    environ = locked(tmp_path, os.getpid())
    assert lock_holder("here", environ) == f"process {os.getpid()} on {os.uname().nodename}"
    assert not stale_lock("here", environ)


def test_a_lock_of_a_process_that_is_no_more_is_stale(tmp_path: Path, dead: int) -> None:
    environ = locked(tmp_path, dead)
    assert lock_holder("here", environ) is None
    assert stale_lock("here", environ)


def test_a_lock_of_another_machine_cannot_be_judged(tmp_path: Path, dead: int) -> None:
    environ = locked(tmp_path, dead, "elsewhere")
    assert lock_holder("here", environ) == f"process {dead} on elsewhere"
    assert not stale_lock("here", environ)


def test_without_a_lock_or_a_folder_nobody_is_known_to_hold_it(tmp_path: Path) -> None:
    for backend in (f"file://{tmp_path}", "azblob://state"):
        environ = {"PULUMI_BACKEND_URL": backend}
        assert lock_holder("here", environ) is None
        assert not stale_lock("here", environ)
