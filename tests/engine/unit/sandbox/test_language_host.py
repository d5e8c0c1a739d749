"""The language host over gRPC, as an engine calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from ostiary.sandbox.language_host import LanguageHost
from tests.engine.unit.sandbox.processes import gone, until


@pytest.fixture
def stub() -> Iterator[Any]:
    server = grpc.server(ThreadPoolExecutor(8))
    host = LanguageHost()
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    host.children.kill_all()
    server.stop(None).wait()


def info(folder: Path, **options: str) -> language_pb2.ProgramInfo:
    chosen = struct_pb2.Struct()
    chosen.update(options)
    return language_pb2.ProgramInfo(
        root_directory=str(folder),
        program_directory=str(folder),
        entry_point=".",
        options=chosen,
    )


def test_the_plugins_of_installed_packages_are_required(
    stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_DEBUG_PROVIDERS", raising=False)
    request = language_pb2.GetRequiredPackagesRequest(info=info(tmp_path))
    found = {each.name: each for each in stub.GetRequiredPackages(request).packages}
    assert found["azuread"].kind == "resource"
    assert found["azuread"].version == "v6.11.1"
    # The engine would download what is attached already.
    monkeypatch.setenv("PULUMI_DEBUG_PROVIDERS", "other:1,azuread:12345")
    assert not stub.GetRequiredPackages(request).packages


def test_the_interpreter_and_its_packages_are_known(stub: Any, tmp_path: Path) -> None:
    about = stub.About(language_pb2.AboutRequest(info=info(tmp_path)))
    assert about.executable == sys.executable
    assert about.version == ".".join(map(str, sys.version_info[:3]))

    def names(*, transitive: bool) -> dict[str, str]:
        request = language_pb2.GetProgramDependenciesRequest(
            info=info(tmp_path), transitiveDependencies=transitive
        )
        answer = stub.GetProgramDependencies(request)
        return {each.name: each.version for each in answer.dependencies}

    assert names(transitive=True)["pulumi-azuread"] == "6.11.1"
    assert "pulumi-azuread" not in names(transitive=False)
    assert "ostiary" in names(transitive=False)
    assert not stub.RuntimeOptionsPrompts(language_pb2.RuntimeOptionsRequest()).prompts


def test_a_virtual_environment_is_asked_for_its_own_packages(stub: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")]
    subprocess.run(command, check=True)
    virtual = info(tmp_path, virtualenv="env")
    request = language_pb2.GetRequiredPackagesRequest(info=virtual)
    assert not stub.GetRequiredPackages(request).packages
    about = stub.About(language_pb2.AboutRequest(info=virtual))
    assert about.executable == str(tmp_path / "env" / "bin" / "python")
    # Without the SDK in it the program cannot run, and the reason is shown, not a traceback.
    answer = stub.Run(language_pb2.RunRequest(info=virtual, pwd=str(tmp_path)))
    assert answer.bail


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"virtualenv": "nowhere"}, "make one with `python -m venv nowhere`"),
        ({"toolchain": "poetry"}, "`toolchain: poetry` needs the official Python language host"),
    ],
)
def test_an_option_that_leads_nowhere_is_explained(
    stub: Any, tmp_path: Path, options: dict[str, str], words: str
) -> None:
    chosen = info(tmp_path, **options)
    assert words in stub.Run(language_pb2.RunRequest(info=chosen)).error
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=chosen))
    assert words in str(caught.value.details())


PLUGIN = """
import os, sys
print("arguments", sys.argv[1:], os.getcwd(), os.environ["GREETING"], flush=True)
print("trouble", file=sys.stderr, flush=True)
sys.exit(7)
"""


def test_a_plugin_in_python_is_streamed_to_its_exit_code(stub: Any, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(PLUGIN)
    (tmp_path / "elsewhere").mkdir()
    request = language_pb2.RunPluginRequest(
        info=info(tmp_path),
        pwd=str(tmp_path / "elsewhere"),
        args=["one", "two"],
        env=[*(f"{name}={value}" for name, value in os.environ.items()), "GREETING=a=b"],
    )
    answers = list(stub.RunPlugin(request))
    said = b"".join(each.stdout for each in answers).decode()
    assert said == f"arguments ['one', 'two'] {tmp_path / 'elsewhere'} a=b\n"
    assert b"".join(each.stderr for each in answers) == b"trouble\n"
    assert answers[-1].exitcode == 7


SLEEPER = """
import os, pathlib, signal
pathlib.Path("pid").write_text(str(os.getpid()))
signal.pause()
"""


def test_a_plugin_whose_request_is_cancelled_is_killed(stub: Any, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(SLEEPER)
    request = language_pb2.RunPluginRequest(info=info(tmp_path), pwd=str(tmp_path))
    stream = stub.RunPlugin(request)
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    stream.cancel()
    until(lambda: gone(int((tmp_path / "pid").read_text())))
