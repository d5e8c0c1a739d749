"""Build a throwaway Go program with the real Go toolchain: whole, at once, interrupted, failing."""

import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from ostiary.deploy.engine_build import GoProgram, build
from ostiary.errors import EngineError
from tests.engine.unit.deploy.processes import gone, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("go") is None, reason="there is no Go toolchain"),
]

PROVIDE = """
import os, signal, sys
from pathlib import Path
from ostiary.deploy.engine_build import GoProgram, build
from ostiary.deploy.engine_cache import Entry

module, cache = map(Path, sys.argv[1:])
program = GoProgram(module, "example/tiny", "1.2.3", "main.version")

def say(line):
    print(line, flush=True)

def make(scratch):
    build(program, scratch, cache=cache, environ=os.environ, say=say)
    return "built"

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
try:
    print("origin:", Entry.of("1.2.3", cache).provide(make, say))
except KeyboardInterrupt:
    sys.exit(130)
"""

# stands between go and its compiler, and holds the compilation of one package until it may go on
HOLD = """#!/bin/sh
case "$TOOLEXEC_IMPORTPATH $*" in
  *-V=full*) ;;
  example/tiny/slow*) echo "$PPID $$" >"$HELD.new"; mv "$HELD.new" "$HELD"; read -r go <"$GO_ON";;
esac
exec "$@"
"""


def a_module(directory: Path) -> GoProgram:
    """Write a module of two packages that no Go build cache has seen."""
    (directory / "slow").mkdir(parents=True)
    (directory / "go.mod").write_text("module example/tiny\n\ngo 1.21\n")
    (directory / "slow" / "slow.go").write_text(
        f'package slow\n\nconst Unseen = "{uuid.uuid4()}"\n'
    )
    (directory / "main.go").write_text(
        'package main\n\nimport "example/tiny/slow"\n\nvar version string\n\n'
        "var Unseen = slow.Unseen\n\nfunc main() { println(version) }\n"
    )
    return GoProgram(directory, "example/tiny", "1.2.3", "main.version")


class Held:
    """Builds in processes of their own that stop in the middle of compiling until `go_on`."""

    def __init__(self, tmp_path: Path) -> None:
        self.module = a_module(tmp_path / "module").module
        self.cache = tmp_path / "cache"
        self.held = tmp_path / "held"
        self.fifo = tmp_path / "fifo"
        os.mkfifo(self.fifo)
        hold = tmp_path / "hold"
        hold.write_text(HOLD)
        hold.chmod(0o755)
        self.environ = {
            **os.environ,
            "GOFLAGS": f"-toolexec={hold}",
            "HELD": str(self.held),
            "GO_ON": str(self.fifo),
        }

    def start(self, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROVIDE, self.module, self.cache],
            env=self.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_and_stop_in_the_middle(self) -> tuple[subprocess.Popen[str], list[int]]:
        process = self.start()
        until(self.held.exists)
        return process, [int(each) for each in self.held.read_text().split()]

    def go_on(self) -> None:
        self.fifo.write_text("go\n")

    def left(self) -> list[str]:
        return sorted(each.suffix for each in (self.cache / "engine").iterdir())


def test_a_program_is_built_with_its_version_and_tried(tmp_path: Path) -> None:
    program = a_module(tmp_path / "module")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    said: list[str] = []
    # what a user may have set for work of another kind
    environ = {**os.environ, "GOOS": "plan9", "GOARCH": "arm", "GOWORK": "/nowhere"}

    build(program, scratch, cache=tmp_path, environ=environ, say=said.append)

    built = subprocess.run(
        [scratch / "entry" / "bin" / "pulumi"], capture_output=True, text=True, check=True
    )
    assert built.stderr == "v1.2.3\n"
    assert re.fullmatch(
        r"building pulumi 1\.2\.3 from its Go module: \d+ packages to compile, \d+ s", said[0]
    )


def test_of_two_at_once_one_builds_and_the_other_says_for_whom_it_waits(tmp_path: Path) -> None:
    held = Held(tmp_path)
    first, _ = held.start_and_stop_in_the_middle()
    second = held.start()
    assert second.stdout
    assert second.stdout.readline().startswith(f"waiting for process {first.pid}, at work since ")

    held.go_on()

    assert first.communicate(timeout=60)[0].endswith("origin: built\n")
    assert second.communicate(timeout=60)[0] == "origin: cache\n"
    assert held.left() == [".3-" + os.uname().sysname.lower() + "-" + os.uname().machine, ".lock"]


def test_an_interrupt_ends_go_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    held = Held(tmp_path)
    process, (go, compiler) = held.start_and_stop_in_the_middle()

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in output
    assert gone(go)
    assert gone(compiler)
    assert held.left() == [".lock"]
    with held.start(GOFLAGS="") as again:
        assert again.communicate(timeout=60)[0].endswith("origin: built\n")


def test_after_kill_9_the_next_run_builds_and_clears_up(tmp_path: Path) -> None:
    held = Held(tmp_path)
    process, (go, _) = held.start_and_stop_in_the_middle()

    process.kill()
    process.communicate(timeout=60)

    assert [each for each in held.left() if each.startswith(".scratch")]
    with held.start(GOFLAGS="") as again:
        assert again.communicate(timeout=60)[0].endswith("origin: built\n")
    assert not [each for each in held.left() if each.startswith(".scratch")]
    held.go_on()
    until(lambda: gone(go))  # it writes to a pipe that nobody reads


def failing(program: GoProgram, tmp_path: Path, **environ: str) -> EngineError:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(EngineError) as raised:
        build(
            program,
            scratch,
            cache=tmp_path,
            environ={**os.environ, **environ},
            say=lambda _line: None,
        )
    return raised.value


def test_what_go_says_of_an_error_is_kept(tmp_path: Path) -> None:
    program = a_module(tmp_path / "module")
    (program.module / "main.go").write_text("package main\n\nfunc main() { return 1 }\n")

    error = failing(program, tmp_path)

    assert str(error) == "the engine could not be built: ./main.go:3:22: too many return values"
    assert str(tmp_path / "engine-build.log") in (error.hint or "")
    assert "main.go:3" in (tmp_path / "engine-build.log").read_text()


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [("https://user:secret@127.0.0.1:9", "connection refused"), ("off", "GOPROXY=off")],
)
def test_without_the_network_the_error_is_one_line(tmp_path: Path, proxy: str, reason: str) -> None:
    program = a_module(tmp_path / "module")
    with (program.module / "go.mod").open("a") as file:
        file.write("\nrequire example.com/absent v1.0.0\n")
    digest = "A" * 43 + "="
    (program.module / "go.sum").write_text(
        f"example.com/absent v1.0.0 h1:{digest}\nexample.com/absent v1.0.0/go.mod h1:{digest}\n"
    )
    (program.module / "slow" / "slow.go").write_text(
        'package slow\n\nimport "example.com/absent"\n\nconst Unseen = absent.Constant\n'
    )

    error = failing(program, tmp_path, GOPROXY=proxy, GOMODCACHE=str(tmp_path / "modules"))

    assert "Go modules could not be downloaded" in str(error)
    assert reason in str(error)
    assert "\n" not in str(error)
    assert "GOPROXY" in (error.hint or "")
    assert "secret" not in str(error) + (tmp_path / "engine-build.log").read_text()


@pytest.mark.parametrize(
    ("complaint", "message", "hint"),
    [
        ("write a.out: no space left on device", "no space left on the disk", "free 4 GB"),
        ("compile: signal: killed", "want of memory", "GOFLAGS=-p=1"),
    ],
)
def test_a_machine_that_is_too_small_is_told_as_such(
    tmp_path: Path, complaint: str, message: str, hint: str
) -> None:
    program = a_module(tmp_path / "module")
    tool = tmp_path / "tool"
    tool.write_text(
        '#!/bin/sh\ncase "$TOOLEXEC_IMPORTPATH $*" in\n*-V=full*) ;;\n'
        f'example/tiny*) echo "{complaint}" >&2; exit 1;;\nesac\nexec "$@"\n'
    )
    tool.chmod(0o755)

    error = failing(program, tmp_path, GOFLAGS=f"-toolexec={tool}")

    assert message in str(error)
    assert hint in (error.hint or "")


def test_a_result_of_another_version_is_not_taken(tmp_path: Path) -> None:
    program = a_module(tmp_path / "module")
    (program.module / "main.go").write_text('package main\n\nfunc main() { println("v9") }\n')

    assert "says its version is ['v9']" in str(failing(program, tmp_path))


def test_a_go_that_is_too_old_is_named_before_another_is_sought(tmp_path: Path) -> None:
    program = a_module(tmp_path / "module")
    (program.module / "go.mod").write_text("module example/tiny\n\ngo 1.999\n")
    said: list[str] = []

    with pytest.raises(EngineError, match="no Go toolchain could be installed") as raised:
        build(
            program,
            tmp_path,
            cache=tmp_path,
            # nothing to install one from either
            environ={
                **os.environ,
                "GOTOOLCHAIN": "local",
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": "",
            },
            say=said.append,
        )

    assert "go.mod requires go >= 1.999" in said[0]
    assert "a third party's repackaging" in said[1]
    assert "https://go.dev/dl/" in (raised.value.hint or "")
