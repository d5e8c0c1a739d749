"""Build the engine from its Go module, for machines that reach package registries only.

Nothing but go.mod and go.sum in engine_module says what is built; Go's own module and build caches
make a build that was interrupted go on where it stopped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostiary.deploy.engine_cache import SPACE
from ostiary.deploy.engine_process import Progress, follow
from ostiary.deploy.engine_toolchain import find_go
from ostiary.errors import EngineError

_DOWNLOADING = "go: downloading "
_UNREACHABLE = (
    "dial tcp|no such host|connection re|i/o timeout|handshake timeout|deadline exceeded"
    "|unreachable|proxyconnect|x509:|GOPROXY|: EOF$|: [45][0-9][0-9] "
)
_REACH = (
    "see that what `go env GOPROXY` names is reached from here, or install pulumi: "
    "https://www.pulumi.com/docs/install/"
)
_FAILURES = (
    ("no space left on device|disk quota exceeded", "no space left on the disk", SPACE),
    (
        "checksum mismatch|SECURITY ERROR",
        "a Go module is not what go.sum says it must be",
        "whatever serves Go modules here changed it; see `go env GOPROXY`",
    ),
    (_UNREACHABLE, "Go modules could not be downloaded", _REACH),
    (
        "signal: killed",
        "the compiler was killed, most likely for want of memory",
        "free some, or compile one package at a time with GOFLAGS=-p=1",
    ),
)


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A command to build: `package`, as the go.mod and go.sum in the directory `module` pin it.

    `version` (without `v`) is written into the string variable `version_variable`; the command
    prints it when called with `version`.
    """

    module: Path
    package: str
    version: str
    version_variable: str


PULUMI = GoProgram(
    module=Path(__file__).parent / "engine_module",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    version="3.250.0",
    version_variable="github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
)


def build(
    program: GoProgram,
    scratch: Path,
    *,
    cache: Path,
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Build `program` to `scratch/entry/bin/pulumi` and see that it runs.

    Uses the `go` on PATH if it is new enough, else one that is put under `cache`.  The user's Go
    settings hold, except those that would build for another machine or from another module.
    Raises `EngineError` with the way out in its hint when the network, the disk or the compiler
    fails; what Go said is then in `engine-build.log` in `cache`.
    """
    go = find_go(program.module, cache=cache, environ=environ, say=say)
    settings = {
        "GOTMPDIR": str(scratch),  # large, and cleared with the scratch directory if all is killed
        **environ,
        **go.settings,
        "GOWORK": "off",
        "CGO_ENABLED": "0",  # asks for no C compiler
        "PULUMI_SKIP_UPDATE_CHECK": "true",  # when the result is tried
    }
    flags = [
        "-mod=readonly",
        "-buildvcs=false",
        "-trimpath",
        f"-ldflags=-s -w -X {program.version_variable}=v{program.version}",
    ]
    progress = Progress(f"building pulumi {program.version} from its Go module", say)
    output = scratch / "entry" / "bin" / "pulumi"
    output.parent.mkdir(parents=True)

    def run(command: Sequence[str | Path], watch: Callable[[Sequence[str]], None]) -> list[str]:
        status, lines = follow(command, cwd=program.module, environ=settings, watch=watch)
        if status:
            raise _failed(lines, cache / "engine-build.log")
        return lines

    modules = len(re.findall(r"^\t", (program.module / "go.mod").read_text(), re.MULTILINE))

    def tell_downloaded(lines: Sequence[str]) -> None:
        downloaded = sum(line.startswith(_DOWNLOADING) for line in lines)
        progress.tell(f"{downloaded} modules downloaded of at most {modules}")

    select = ["-deps", "-f", "{{if .Stale}}stale {{.ImportPath}}{{end}}"]
    listed = run([go.command, "list", *flags, *select, program.package], tell_downloaded)
    stale = sum(line.startswith("stale ") for line in listed)

    def tell_compiled(lines: Sequence[str]) -> None:
        # the program's own package is named last, and linking it after that says nothing
        progress.tell(f"{len(lines)} of {stale} packages" if len(lines) < stale else "linking")

    progress.tell(f"{stale} packages to compile", at_once=True)
    run([go.command, "build", *flags, "-v", "-o", output, program.package], tell_compiled)
    answer = run([output, "version"], lambda _lines: progress.tell("trying it"))
    if answer != [f"v{program.version}"]:
        raise EngineError(f"the engine was built, but says its version is {answer}")


def _failed(lines: Sequence[str], log: Path) -> EngineError:
    log.write_text("\n".join(lines) + "\n")
    for pattern, what, hint in _FAILURES:
        for line in lines:
            if re.search(pattern, line):
                return EngineError(
                    f"the engine could not be built: {what}: {line.strip()}", hint=hint
                )
    # a complaint has a colon in it, and the packages that go names have none
    complaints = [line for line in lines if ": " in line and not line.startswith(_DOWNLOADING)]
    first = [*complaints, *reversed(lines), "no reason given"][0].strip()
    return EngineError(f"the engine could not be built: {first}", hint=f"all that Go said: {log}")
