"""Choose the Pulumi engine: the user's if it fits, else the official one, else one built here."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ostiary.deploy.engine_build import PULUMI, build
from ostiary.deploy.engine_cache import Entry, Origin, cache_root
from ostiary.deploy.engine_process import follow
from ostiary.errors import EngineError

MINIMUM = (3, 250, 0)  # the oldest that the tests have run
_HOST = "pulumi-language-python"
_INSTALL_PAGE = "https://www.pulumi.com/docs/install/"
_INSTALLER = "https://get.pulumi.com/install.sh"

# The installer runs in a process of its own: the SDK sets no time limit on what it downloads, and
# an interrupt has to end the shell script too.
_PROBE = """
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=5).close()
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {getattr(error, 'reason', error)}")
"""
_INSTALL = """
import sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine to run: `version` is without `v`, `origin` tells where it came from in this run.

    `language_host_included` is false where ostiary's own `pulumi-language-python` must be put on
    PATH.
    """

    command: Path
    version: str
    origin: Origin
    language_host_included: bool


def find_or_install(
    say: Callable[[str], None],
    *,
    cache: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Engine:
    """Give a Pulumi engine, and get one first where there is none.

    In this order: the file that `$OSTIARY_ENGINE` names, or else `pulumi` on PATH; what an earlier
    run put into `cache` (by default the user's cache directory); the official installer; a build
    from the engine's Go module.  The user's own is never replaced: one that does not fit is an
    error.  `say` gets one line for each step, and at most one in ten seconds of progress.

    Raises `EngineError`, with the way out in its hint.
    """
    if sys.platform == "win32":
        raise EngineError("ostiary does not run on Windows", hint="use it in WSL")
    users = environ.get("OSTIARY_ENGINE") or shutil.which("pulumi", path=environ.get("PATH"))
    if users:
        command = Path(users).expanduser().absolute()
        version = version_of(command, environ)
        where = "OSTIARY_ENGINE names it" if environ.get("OSTIARY_ENGINE") else "it is on PATH"
        say(f"engine: pulumi {version} at {command}, because {where}")
        return Engine(command, version, "path", _has_language_host(command, environ))
    cache = (cache or cache_root(environ)).absolute()
    entry = Entry.of(PULUMI.version, cache)
    origin: Origin = "cache"
    if not entry.intact():
        origin = entry.provide(lambda scratch: _make(scratch, cache, environ, say), say)
    reasons: dict[Origin, str] = {
        "cache": "no `pulumi` is on PATH and an earlier run got this one",
        "installer": "no `pulumi` is on PATH; the official installer brought this one",
        "built": "no `pulumi` is on PATH and none could be downloaded; built from its Go module",
    }
    say(f"engine: pulumi {PULUMI.version} at {entry.command}, because {reasons[origin]}")
    return Engine(entry.command, PULUMI.version, origin, _has_language_host(entry.command, environ))


def version_of(command: Path, environ: Mapping[str, str], *, limit: float = 30.0) -> str:
    """Give the version of the `pulumi` at `command`, without `v`, if ostiary can use it.

    Raises `EngineError` when it is too old or too new, does not run, or takes over `limit` seconds.
    """
    fix = f"see {_INSTALL_PAGE}, or take it off PATH: ostiary then gets an engine of its own"
    try:
        status, lines = follow(
            [command, "version"], environ=quiet_environment(environ), limit=limit
        )
    except TimeoutError:
        raise EngineError(
            f"`{command} version` gave no answer in {limit:g} seconds", hint=f"repair it: {fix}"
        ) from None
    except OSError as error:
        raise EngineError(
            f"`{command}` cannot be run: {error.strerror}", hint=f"repair it: {fix}"
        ) from None
    found = [match for line in lines if (match := re.match(r"v?(\d+)\.(\d+)\.(\d+)\S*$", line))]
    if status or not found:
        said = lines[-1].strip() if lines else "nothing"
        raise EngineError(
            f"`{command} version` ended with {status} and said: {said}", hint=f"repair it: {fix}"
        )
    version = found[-1].group().removeprefix("v")
    numbers = tuple(int(each) for each in found[-1].groups())
    oldest = ".".join(str(each) for each in MINIMUM)
    if numbers < MINIMUM:
        raise EngineError(
            f"`{command}` is pulumi {version}, and ostiary needs {oldest} or newer",
            hint=f"upgrade it: {fix}",
        )
    if numbers[0] > MINIMUM[0]:
        raise EngineError(
            f"`{command}` is pulumi {version}, and ostiary knows pulumi {MINIMUM[0]} only",
            hint=f"put a pulumi from {oldest} on PATH: {fix}",
        )
    return version


def quiet_environment(
    environ: Mapping[str, str],
    *,
    backend_url: str | None = None,
    home: Path | None = None,
    passphrase: str | None = None,
) -> dict[str, str]:
    """Copy `environ`, adding what makes the engine quiet and, where given, local.

    What the user set stays; a passphrase is added only where neither
    `PULUMI_CONFIG_PASSPHRASE` nor `PULUMI_CONFIG_PASSPHRASE_FILE` is set.
    """
    # the link invites to a service that a state kept elsewhere cannot use
    added = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_SUPPRESS_NEO_LINK": "true"}
    if backend_url is not None:
        added["PULUMI_BACKEND_URL"] = backend_url
    if home is not None:
        added["PULUMI_HOME"] = str(home)
    if passphrase is not None and "PULUMI_CONFIG_PASSPHRASE_FILE" not in environ:
        added["PULUMI_CONFIG_PASSPHRASE"] = passphrase
    return {**added, **environ}


def _make(
    scratch: Path, cache: Path, environ: Mapping[str, str], say: Callable[[str], None]
) -> Origin:
    # what others wrote runs now, and has no business with the credentials of a tenant or a state
    environ = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("ARM_", "AZURE_", "PULUMI_"))
    }
    problem = _install(scratch / "entry", environ, say)
    if problem is None:
        return "installer"
    say(f"the official installer does not work here ({problem})")
    say(
        f"building pulumi {PULUMI.version} from its Go module instead: "
        "2 to 15 minutes, once per machine"
    )
    shutil.rmtree(scratch / "entry", ignore_errors=True)
    build(PULUMI, scratch, cache=cache, environ=environ, say=say)
    return "built"


def _install(root: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> str | None:
    """Have the official installer fill `root`; give the reason in one line if it could not.

    Whether its address answers is known within eight seconds; the download may take a quarter of
    an hour.
    """
    say(f"no `pulumi` on PATH; trying the official installer for {PULUMI.version}")
    for code, arguments, limit in (
        (_PROBE, [_INSTALLER], 8.0),
        (_INSTALL, [root, PULUMI.version], 900.0),
    ):
        try:
            status, lines = follow(
                [sys.executable, "-c", code, *arguments], environ=environ, limit=limit
            )
        except TimeoutError:
            return f"no answer in {limit:g} seconds"
        if status:
            return lines[-1].strip() if lines else f"it ended with {status}"
    return None


def _has_language_host(command: Path, environ: Mapping[str, str]) -> bool:
    beside = (command.parent, command.resolve().parent)
    search = os.pathsep.join([*map(str, beside), environ.get("PATH", "")])
    return shutil.which(_HOST, path=search) is not None
