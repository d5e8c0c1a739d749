"""Keep one engine per version and platform for all of a user's checkouts, whole or not at all.

An entry is made in a scratch directory beside its place, under a lock, and moved there in one
step; a checksum tells when it was damaged since.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from ostiary.errors import EngineError

if sys.platform != "win32":
    import fcntl

Origin = Literal["path", "cache", "installer", "built"]

SPACE = (
    "free 4 GB for Go's caches and the engine, or move them: "
    "OSTIARY_CACHE, GOCACHE and GOMODCACHE name directories"
)

_ASK_AGAIN = 0.5
_SAY_AGAIN = 60.0


def cache_root(environ: Mapping[str, str]) -> Path:
    """Give the user's cache directory for ostiary: `$OSTIARY_CACHE`, or the platform's custom."""
    if chosen := environ.get("OSTIARY_CACHE"):
        return Path(chosen).expanduser().absolute()
    if custom := environ.get("XDG_CACHE_HOME"):
        return Path(custom) / "ostiary"
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "ostiary"


@dataclass(frozen=True, slots=True)
class Entry:
    """The place of one engine, `directory/bin/pulumi`; lock and scratch stand beside it."""

    directory: Path

    @classmethod
    def of(cls, version: str, cache: Path) -> Entry:
        """Give the entry for a version (without `v`) on this platform."""
        machine = f"{platform.system()}-{platform.machine()}".lower()
        return cls(cache / "engine" / f"v{version}-{machine}")

    @property
    def command(self) -> Path:
        """The engine itself."""
        return self.directory / "bin" / "pulumi"

    def intact(self) -> bool:
        """Tell whether the engine is there and as it was when it was put there."""
        try:
            return (self.directory / "sha256").read_text() == _checksum(self.command)
        except FileNotFoundError:
            return False

    def provide(self, make: Callable[[Path], Origin], say: Callable[[str], None]) -> Origin:
        """Have `make` fill the entry unless it is intact, and give the entry's origin.

        `make` gets an empty scratch directory and leaves `entry/bin/pulumi` in it; what it returns
        is the origin.  Of two processes at once one makes, and the other waits for it, says so,
        and gets `cache`.  Raises `EngineError` when the cache cannot be written to.
        """
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            with self._locked(say):
                if self.intact():
                    return "cache"
                if self.directory.exists():
                    say(f"the engine in {self.directory} is damaged and will be made again")
                return self._filled(make)
        except OSError as error:
            raise _unwritable(self.directory.parent, error) from None

    def _filled(self, make: Callable[[Path], Origin]) -> Origin:
        # a maker that was killed could not clean up; what it left is worth nothing
        for remains in self.directory.parent.glob(f"{self.directory.name}.scratch-*"):
            shutil.rmtree(remains, ignore_errors=True)
        scratch = self._beside(f"scratch-{os.getpid()}")
        scratch.mkdir()
        try:
            origin = make(scratch)
            made = scratch / "entry"
            (made / "sha256").write_text(_checksum(made / "bin" / "pulumi"))
            if self.directory.exists():
                shutil.rmtree(self.directory)
            made.rename(self.directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return origin

    @contextmanager
    def _locked(self, say: Callable[[str], None]) -> Iterator[None]:
        """Hold the entry's lock, which the kernel gives back however its holder ends."""
        with self._beside("lock").open("a+") as lock:
            started = time.monotonic()
            said = -_SAY_AGAIN
            while not _taken(lock):
                waited = time.monotonic() - started
                if waited - said >= _SAY_AGAIN:
                    said = waited
                    lock.seek(0)
                    holder = lock.read().strip() or "another process"
                    say(f"waiting for {holder}, which is getting the same engine")
                time.sleep(_ASK_AGAIN)
            lock.truncate(0)
            lock.write(f"process {os.getpid()}, at work since {time.strftime('%H:%M:%S')}")
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def _beside(self, suffix: str) -> Path:
        return self.directory.with_name(f"{self.directory.name}.{suffix}")


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unwritable(directory: Path, error: OSError) -> EngineError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError(f"no space left in {directory}", hint=SPACE)
    return EngineError(
        f"the engine's cache {directory} cannot be used: {error.strerror or error}",
        hint="name a directory of yours in OSTIARY_CACHE",
    )
