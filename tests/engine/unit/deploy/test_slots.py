"""Jobs in worker processes: real ones, which answer, sulk and die."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from ostiary.deploy.slots import Event, Job, Slots

WORKER = """
import json, os, sys
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"say": "late", "of": "another job"}), flush=True)
    print(json.dumps({"say": job["said"], "of": job["name"]}), flush=True)
    if job["said"] == "die":
        print("a last word", file=sys.stderr)
        os._exit(7)
    print(json.dumps({"end": {"pid": os.getpid(), "env": dict(os.environ)}}), flush=True)
"""


@pytest.fixture
def command(tmp_path: Path) -> Sequence[str]:
    (tmp_path / "worker.py").write_text(WORKER)
    return [sys.executable, str(tmp_path / "worker.py")]


def jobs(*said: str) -> list[Job]:
    return [
        Job(f"job-{number}", {"name": f"job-{number}", "said": each})
        for number, each in enumerate(said)
    ]


def every(slots: Slots) -> list[Event]:
    found = []
    while (event := slots.next()) is not None:
        if event.kind != "beat":
            found.append(event)
    return found


def test_each_job_is_done_once_by_one_of_so_many_workers(
    command: Sequence[str], tmp_path: Path
) -> None:
    found = every(Slots(command, jobs(*"abcde"), 2, tmp_path / "log"))
    kinds = Counter((each.name, each.kind) for each in found)
    for number in range(5):
        assert [kinds[f"job-{number}", kind] for kind in ("begin", "line", "end")] == [1, 1, 1]
    pids = {each.line["end"]["pid"] for each in found if each.kind == "end"}
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_worker_that_dies_takes_one_job_along(command: Sequence[str], tmp_path: Path) -> None:
    found = every(Slots(command, jobs("a", "die", "b"), 1, tmp_path / "log"))
    ends = [(each.name, each.kind) for each in found if each.kind in {"end", "died"}]
    assert ends == [("job-0", "end"), ("job-1", "died"), ("job-2", "end")]
    (died,) = (each for each in found if each.kind == "died")
    assert died.line == {"status": 7}
    assert (tmp_path / "log").read_text() == "a last word\n"


@pytest.mark.parametrize("parallel", [1, 3])
def test_who_stops_over_an_end_stops_the_next(
    command: Sequence[str], tmp_path: Path, parallel: int
) -> None:
    slots = Slots(command, jobs(*"abcdefgh"), parallel, tmp_path / "log")
    while (event := slots.next()) is not None and event.kind != "end":
        pass
    left = slots.stop()
    assert left == [f"job-{number}" for number in range(parallel, 8)]
    assert len([each for each in every(slots) if each.kind == "end"]) == parallel - 1


def test_a_worker_knows_no_variable_but_those_of_its_job(
    command: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARM_CLIENT_SECRET", "of another tenant")
    found = every(Slots(command, jobs("a"), 1, tmp_path / "log"))
    (end,) = (each for each in found if each.kind == "end")
    assert not [name for name in end.line["end"]["env"] if name.startswith("ARM_")]


def test_what_a_job_holds_is_not_shown() -> None:
    assert "hush" not in repr(Job("a", {"environ": "hush"}))
