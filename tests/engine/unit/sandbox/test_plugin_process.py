"""The plugin as a process: how it starts, and that it does not outlive what started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2_grpc, provider_pb2_grpc

from ostiary.sandbox.plugin import VERSION
from ostiary.sandbox.plugin_launchers import LANGUAGE_HOST, PLUGIN, write_launchers
from tests.engine.unit.sandbox.processes import gone, until

pytestmark = pytest.mark.e2e
PARENT = """
import subprocess, sys

child = subprocess.Popen([sys.argv[1], "127.0.0.1:1"], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline().strip(), flush=True)
child.wait()
"""


@pytest.mark.parametrize("name", [PLUGIN, LANGUAGE_HOST])
def test_a_launched_process_ends_with_the_one_that_launched_it(tmp_path: Path, name: str) -> None:
    write_launchers(tmp_path / "a folder")
    launcher = str(tmp_path / "a folder" / name)
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, launcher], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        assert port
        assert not gone(pid)
        parent.kill()
    until(lambda: gone(pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["plugin", "language_host"])
def test_a_signal_ends_it_without_a_word(module: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", f"ostiary.sandbox.{module}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdecimal()
        process.send_signal(number)
        said = process.communicate(timeout=10)
    assert said == ("", "")
    assert process.returncode == 0


def test_the_working_directory_shadows_nothing(tmp_path: Path) -> None:
    for name in ("grpc.py", "json.py", "ostiary.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')\n")
    write_launchers(tmp_path / "bin")
    for name, stub in (
        (PLUGIN, provider_pb2_grpc.ResourceProviderStub),
        (LANGUAGE_HOST, language_pb2_grpc.LanguageRuntimeStub),
    ):
        with subprocess.Popen(
            [tmp_path / "bin" / name, "127.0.0.1:1"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                info = stub(channel).GetPluginInfo(empty_pb2.Empty())
            process.terminate()
        assert info.version == (VERSION if name == PLUGIN else "3.250.0")


def test_launchers_are_written_over_and_only_those_that_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / PLUGIN).write_text("old")
    write_launchers(tmp_path, (PLUGIN,))
    assert [each.name for each in tmp_path.iterdir()] == [PLUGIN]
    assert os.access(tmp_path / PLUGIN, os.X_OK)


def test_it_starts_fast() -> None:
    """The import of pulumi_azuread, a second on a small machine, must not creep in."""
    code = "import sys, ostiary.sandbox.plugin.service; print('pulumi_azuread' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
