"""Executables by which a Pulumi engine finds the sandbox's language host and plugin on PATH.

They are written into a folder of their own, never installed: a user's official ones must not be
shadowed where they are meant.
"""

from __future__ import annotations

import os
import shlex
import sys
from importlib import metadata
from pathlib import Path

from ostiary.sandbox.plugin.serving import PARENT

LANGUAGE_HOST = "pulumi-language-python"
PLUGIN = "pulumi-resource-azuread"
_MODULES = {LANGUAGE_HOST: "ostiary.sandbox.language_host", PLUGIN: "ostiary.sandbox.plugin"}


def write_launchers(directory: Path, names: tuple[str, ...] = (LANGUAGE_HOST, PLUGIN)) -> None:
    """Write the launchers `names` into `directory`, which is made if need be.

    They run the current interpreter; put `directory` in front on the PATH of the engine.  The
    engine warns about what it finds there, but not about a language host beside its own binary.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        # -P: the engine's working directory is the user's, whose files must not shadow modules.
        command = f"exec {shlex.quote(sys.executable)} -P -m {_MODULES[name]}"
        temporary = directory / f".{name}.{os.getpid()}"
        temporary.write_text(f'#!/bin/sh\n{PARENT}=$PPID {command} "$@"\n')
        temporary.chmod(0o755)
        temporary.replace(directory / name)


def install_plugin(pulumi_home: Path) -> None:
    """Put the plugin where an engine with this PULUMI_HOME looks for the real one.

    It is then neither warned about nor downloaded.  `pulumi_home` must be the sandbox's own: in
    the user's it would stand in for the real plugin everywhere.
    """
    version = metadata.version("pulumi_azuread")
    write_launchers(pulumi_home / "plugins" / f"resource-azuread-v{version}", (PLUGIN,))
