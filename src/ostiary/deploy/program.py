"""The Pulumi program of a workspace: check the selected environment, then declare it."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pulumi

from ostiary.deploy import IMPORTS
from ostiary.deploy.resources import declare
from ostiary.errors import OstiaryError
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import load


def run(root: Path) -> None:
    """Deploy the environment that the selected stack is named after.

    Raises pulumi.RunError with everything that is wrong in the specs, so that neither preview nor
    up gets past them, whoever starts it.
    """
    try:
        resolved = _resolved(root)
    except OstiaryError as error:
        hint = f"\n  hint: {error.hint}" if error.hint else ""
        raise pulumi.RunError(f"{error}{hint}") from None
    imports = os.environ.get(IMPORTS)
    if imports is None:  # else `ostiary up` has told them
        for warning in resolved.warnings:
            pulumi.log.warn(str(warning))
    declare(resolved, json.loads(imports or "{}"))


def _resolved(root: Path) -> Resolved:
    environment = pulumi.get_stack()
    workspace = load(root, [environment])
    return resolve(workspace, environment, date.today())  # noqa: DTZ011 (an exception ends where its owner lives)
