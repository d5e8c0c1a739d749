from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

OTHERS = {"azure", "grpc", "httpx", "pulumi", "pulumi_azuread", "starlette", "trustme", "uvicorn"}


def ostiary(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from ostiary.cli.main import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def every() -> str:
    return ostiary("--help").stdout


def test_check_imports_nothing_that_only_deploying_needs() -> None:
    program = (
        "import sys; from ostiary.cli.main import application; application('check');"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert not OTHERS & set(done.stdout.split())
    assert "pydantic" in done.stdout.split()


@pytest.mark.parametrize(
    ("verb", "shows"),
    [
        ("check", "[environments]"),
        ("prove", "--goal"),
        ("what-if", "--plain"),
        ("explain", "CODE|GOAL"),
        ("up", "--yes"),
        ("pulumi", "{arguments}"),
        ("affected", "BASE"),
        ("engine", "engine"),
        ("sandbox", "COMMAND"),
    ],
)
def test_a_verb_keeps_its_name_when_it_is_imported_alone(every: str, verb: str, shows: str) -> None:
    alone = ostiary(verb, "--help")
    assert f" {verb} " in every
    assert alone.returncode == 0
    assert f"ostiary {verb} " in alone.stdout.replace("-c", "ostiary")
    assert shows in alone.stdout


def test_a_verb_that_is_none_is_answered_with_one_that_is() -> None:
    done = ostiary("chek")
    assert done.returncode == 64
    assert "Did you mean 'check'?" in done.stderr
