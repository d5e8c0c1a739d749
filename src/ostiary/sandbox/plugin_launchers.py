"""Executables by which a Pulumi engine finds the sandbox's language host and plugin on PATH.

They are written into a folder of their own, never installed: a user's official ones must not be
shadowed where they are meant.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from ostiary.sandbox.plugin.serving import PARENT

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGE_HOST = "pulumi-language-python"
PLUGIN = "pulumi-resource-azuread"
_MODULES = {LANGUAGE_HOST: "ostiary.sandbox.language_host", PLUGIN: "ostiary.sandbox.plugin"}


def write_launchers(directory: Path, names: tuple[str, ...] = (LANGUAGE_HOST, PLUGIN)) -> None:
    """Write the launchers `names` into `directory`, which is made if need be.

    They run the current interpreter; put `directory` in front on the PATH of the engine.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        # -P: the engine's working directory is the user's, whose files must not shadow modules.
        command = f"exec {shlex.quote(sys.executable)} -P -m {_MODULES[name]}"
        launcher = directory / name
        temporary = directory / f".{name}.new"
        temporary.write_text(f'#!/bin/sh\n{PARENT}=$PPID {command} "$@"\n')
        temporary.chmod(0o755)
        temporary.replace(launcher)
