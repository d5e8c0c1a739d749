"""The language host under the real engine: what a program says, and how it may end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.lifecycle import Running
from tests.engine.e2e.stack import Stack
from tests.engine.unit.sandbox.processes import gone, until

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("sandbox") / "home"
    yield lifecycle.start(home)
    lifecycle.stop(home)


@pytest.fixture
def stack(tmp_path: Path, sandbox: Running) -> Stack:
    return Stack(tmp_path / "project", sandbox)


def main(stack: Stack, program: str) -> None:
    (stack.folder / "__main__.py").write_text(program)


def test_a_program_gets_its_stack_its_config_and_its_folder(stack: Stack) -> None:
    stack("config", "set", "greeting", "good morning", "--stack", "dev")
    stack("config", "set", "--secret", "word", "rosebud", "--stack", "dev")
    (stack.folder / "helper.py").write_text("NAME = 'helped'\n")
    main(
        stack,
        """
import sys
import pulumi
from pathlib import Path
import helper
import store  # noqa: F401 - a name that the sandbox has too
config = pulumi.Config()
print(helper.NAME, pulumi.get_stack(), pulumi.get_project(), pulumi.runtime.is_dry_run())
print(config.require("greeting"), Path("Pulumi.yaml").exists(), __name__)
print("to stderr", file=sys.stderr)
pulumi.export("word", config.require_secret("word"))
""",
    )
    (stack.folder / "store.py").write_text("")
    said = stack.preview()
    assert "helped dev project True" in said
    assert "good morning True __main__" in said
    assert "to stderr" in said
    assert "[secret]" in said
    assert "rosebud" not in said


def test_a_run_error_is_shown_once_and_without_a_traceback(stack: Stack) -> None:
    main(stack, "import pulumi\nraise pulumi.RunError('goal `x` is not proven')\n")
    said = stack.preview(fails=True)
    assert said.partition("Diagnostics:")[2].count("goal `x` is not proven") == 1
    assert "Traceback" not in said
    assert "exit code" not in said


def test_an_exception_shows_its_traceback_once_from_the_users_line_on(stack: Stack) -> None:
    main(stack, "def fail():\n    1 / 0\n\nfail()\n")
    diagnostics = stack.preview(fails=True).partition("Diagnostics:")[2]
    assert diagnostics.count("Traceback (most recent call last)") == 1
    assert diagnostics.count("ZeroDivisionError: division by zero") == 1
    assert "line 4, in <module>" in diagnostics
    assert "runpy" not in diagnostics
    assert "language_program" not in diagnostics
    assert "exit code" not in diagnostics


def test_a_program_that_exits_says_so(stack: Stack) -> None:
    main(stack, "import sys\nprint('bye')\nsys.exit(3)\n")
    said = stack.preview(fails=True)
    assert "bye" in said
    assert "program exited with non-zero exit code: 3" in said
    assert "Traceback" not in said


def test_the_virtual_environment_of_the_project_runs_the_program(
    tmp_path: Path, sandbox: Running
) -> None:
    runtime = "runtime: {name: python, options: {virtualenv: env}}"
    stack = Stack(tmp_path / "project", sandbox, runtime=runtime)
    main(stack, "import sys\nprint('prefix', sys.prefix)\n")
    said = stack.preview(fails=True)
    assert "`virtualenv: env` of Pulumi.yaml does not lead to a virtual environment" in said
    environment = stack.folder / "env"
    making = [sys.executable, "-m", "venv", "--without-pip", str(environment)]
    subprocess.run(making, check=True)
    packages = next((environment / "lib").glob("python3*/site-packages"))
    (packages / "shared.pth").write_text(str(Path(pulumi.__file__).parents[1]))
    assert f"prefix {environment}" in stack.preview()


def test_an_interrupt_ends_the_program(stack: Stack) -> None:
    main(
        stack,
        "import os, pathlib, signal\n"
        "pathlib.Path('new').write_text(str(os.getpid()))\n"
        "os.replace('new', 'pid')\n"
        "signal.pause()\n",
    )
    written = stack.folder / "pid"
    with subprocess.Popen(
        stack.command("preview", "--stack", "dev"),
        cwd=stack.folder,
        env=stack.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as engine:
        until(written.exists)
        engine.send_signal(signal.SIGINT)
        said, _ = engine.communicate(timeout=20)
    assert engine.returncode
    assert "Traceback" not in said
    until(lambda: gone(int(written.read_text())))


POLICY_PACK = """
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2


class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    def Handshake(self, request, context):
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def ConfigureStack(self, request, context):
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Configure(self, request, context):
        return empty_pb2.Empty()

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.0.0")

    def GetAnalyzerInfo(self, request, context):
        rule = analyzer_pb2.PolicyInfo(
            name="never", displayName="Never", enforcementLevel=analyzer_pb2.MANDATORY
        )
        return analyzer_pb2.AnalyzerInfo(name="pack", version="1.0.0", policies=[rule])

    def Analyze(self, request, context):
        found = analyzer_pb2.AnalyzeDiagnostic(
            policyName="never",
            policyPackName="pack",
            policyPackVersion="1.0.0",
            message="this may never be",
            enforcementLevel=analyzer_pb2.MANDATORY,
            urn=request.urn,
        )
        return analyzer_pb2.AnalyzeResponse(diagnostics=[found])

    def AnalyzeStack(self, request, context):
        return analyzer_pb2.AnalyzeResponse()

    def Remediate(self, request, context):
        return analyzer_pb2.RemediateResponse()


server = grpc.server(ThreadPoolExecutor())
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Pack(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


def test_a_policy_pack_in_python_is_run(stack: Stack) -> None:
    main(stack, "")
    pack = stack.folder / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 1.0.0\n")
    (pack / "__main__.py").write_text(POLICY_PACK)
    said = stack.preview("--policy-pack", "pack", fails=True)
    assert "this may never be" in said
    assert "Traceback" not in said
