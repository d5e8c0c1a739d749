"""`ostiary policy-pack`: the folder that `pulumi preview --policy-pack` asks for."""

from __future__ import annotations

import os
import sys
from importlib import metadata, util
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.terminal import Format, Output, show, show_json
from ostiary.cli.workspace import workspace_root
from ostiary.errors import OstiaryError

_MAIN = '''"""Hold a stack against its environment's goals; written by `ostiary policy-pack`."""

from pathlib import Path

from ostiary.policy_pack import guard

guard((Path(__file__).parent / "{root}").resolve())
'''
_PROJECT = """\
# Written by `ostiary policy-pack`.
description: The goals of an environment, proven for every possible sign-in
runtime:
  name: python
  options:
    virtualenv: {environment}
version: {version}
"""


def policy_pack(
    folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(
        ".ostiary/policy-pack"
    ),
    output: Output = Format.TEXT,
) -> None:
    """Write a policy pack that guards any Pulumi program by this repository's goals."""
    if util.find_spec("pulumi_policy") is None or sys.prefix == sys.base_prefix:
        raise OstiaryError(
            "a policy pack needs a virtual environment with ostiary and pulumi-policy",
            hint="python -m venv .venv && .venv/bin/pip install 'ostiary[policy-pack]'",
        )
    root = workspace_root()
    folder.mkdir(parents=True, exist_ok=True)
    project = _PROJECT.format(
        environment=os.path.relpath(sys.prefix, folder), version=metadata.version("ostiary")
    )
    (folder / "PulumiPolicy.yaml").write_text(project, encoding="utf-8")
    main = _MAIN.format(root=Path(os.path.relpath(root, folder)).as_posix())
    (folder / "__main__.py").write_text(main, encoding="utf-8")
    command = f"pulumi preview --policy-pack {folder}"
    if output is Format.JSON:
        show_json({"folder": str(folder), "command": command})
    else:
        show(command)
