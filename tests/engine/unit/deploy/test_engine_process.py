import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ostiary.deploy.engine_process import Progress, follow
from tests.engine.unit.deploy.processes import gone, until

pytestmark = pytest.mark.e2e


def test_status_and_lines_of_both_streams_come_back_without_credentials() -> None:
    script = "echo one; echo https://user:secret@host/path >&2; exit 3"
    assert follow(["sh", "-c", script], environ=os.environ) == (3, ["one", "https://***@host/path"])


def test_what_a_command_started_ends_with_it(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    pids: list[int] = []

    def stop(lines: Sequence[str]) -> None:
        if len(lines) == 2:
            pids.extend(int(each) for each in lines)
            raise StopError

    # background jobs of a shell ignore the interrupt that go is asked to end with
    with pytest.raises(StopError):
        follow(
            ["sh", "-c", "sleep 60 & echo $!; echo $$; wait"],
            environ=os.environ,
            cwd=tmp_path,
            watch=stop,
        )

    until(lambda: all(map(gone, pids)))


def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError):
        follow(["sleep", "60"], environ=os.environ, limit=0.1)


def test_silence_is_reported_so_that_progress_can_be_said() -> None:
    beats: list[int] = []
    follow(["sleep", "1.5"], environ=os.environ, watch=lambda lines: beats.append(len(lines)))
    assert beats[:1] == [0]


def test_progress_is_said_at_once_when_asked_and_otherwise_seldom() -> None:
    said: list[str] = []
    progress = Progress("building", said.append)

    progress.tell("1 of 9")
    progress.tell("9 to go", at_once=True)
    progress.tell("2 of 9")
    assert said == ["building: 9 to go, 0 s"]

    long_ago = Progress("building", said.append, time.monotonic() - 130, time.monotonic() - 11)
    long_ago.tell("8 of 9")
    long_ago.tell("9 of 9")
    assert said[1:] == ["building: 8 of 9, 2 min 10 s"]
