"""Run a Pulumi program, in whatever interpreter the program's virtual environment has.

A script, started by path: it imports nothing of ostiary, which need not be installed there.
`python language_program.py packages` lists instead what the interpreter has installed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

# Tells the language host that the user has seen the reason already.  The number is that of
# https://github.com/pulumi/pulumi-python, cmd/pulumi-language-python/main.go
SHOWN = 32
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def packages() -> dict[str, Any]:
    """Give what is installed: every distribution, and the plugins that packages ask for."""
    found, required = {}, set()
    for each in metadata.distributions():
        found[_normal(each.metadata["Name"])] = each.version
        needs = (_NAME.match(need) for need in each.requires or () if "extra ==" not in need)
        required |= {_normal(need[0]) for need in needs if need}
    plugins = []
    for place in sys.path:
        for path in sorted(Path(place or ".").glob("*/pulumi-plugin.json")):
            plugin = json.loads(path.read_text())
            if plugin.get("resource"):
                plugins.append(plugin)
    return {
        "executable": sys.executable,
        "version": ".".join(map(str, sys.version_info[:3])),
        "distributions": found,
        "direct": sorted(found.keys() - required),
        "plugins": plugins,
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def run(settings: dict[str, Any]) -> int:
    """Run the program that `settings` names against the engine they name; gives the exit code."""
    try:
        import pulumi  # noqa: PLC0415 - listing packages must not need it
        from pulumi import runtime  # noqa: PLC0415
    except ImportError:
        sys.stderr.write(
            f"the Pulumi SDK is not installed for {sys.executable}:"
            " run `pip install -r requirements.txt` in the program's virtual environment\n"
        )
        return SHOWN
    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    runtime.configure(runtime.Settings(**settings["runtime"]))
    os.chdir(settings["directory"])
    program = settings["program"]
    sys.argv = [program, *settings["arguments"]]
    # As for any script, the program's folder stands first; this script's must not be there at all.
    place = Path(program)
    sys.path[0] = str((place if place.is_dir() else place.parent).resolve())
    # A program that fails leaves resources unawaited on purpose; that is no news to the user.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(max(settings["runtime"]["parallel"], 1) * 4))

    def main() -> None:
        runpy.run_path(program, run_name="__main__")

    try:
        loop.run_until_complete(runtime.run_in_stack(main))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except Exception as error:  # noqa: BLE001 - whatever the user's program raises
        pulumi.log.error("Program failed with an unhandled exception:\n" + _traceback(error, place))
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return SHOWN


def _traceback(error: BaseException, program: Path) -> str:
    """Word an exception from the first frame in the user's own program on."""
    main = (program / "__main__.py" if program.is_dir() else program).resolve()
    frames = traceback.extract_tb(error.__traceback__)
    own = [at for at, frame in enumerate(frames) if Path(frame.filename).resolve() == main]
    limit = own[0] - len(frames) if own else None
    return "".join(traceback.format_exception(error, limit=limit))


if __name__ == "__main__":
    # The engine interrupts the whole process group at the end: not a word about it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.argv[1:] == ["packages"]:
        sys.stdout.write(json.dumps(packages()))
    else:
        code = run(json.loads(os.environ.pop("OSTIARY_PROGRAM")))
        sys.stdout.flush()
        # Threads of unfinished remote calls would hold up a normal exit of a failed program.
        os._exit(code) if code else sys.exit(0)
