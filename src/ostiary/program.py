"""The Pulumi program of a workspace: prove the selected environment, then declare it."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pulumi

from ostiary.deploy import IMPORTS, ORDER
from ostiary.deploy.resources import declare
from ostiary.errors import Diagnostic, OstiaryError, errors_in
from ostiary.model.resolve import resolve
from ostiary.proof.examine import Examined, examine
from ostiary.proof.findings import findings
from ostiary.spec.workspace import load


def run(root: Path) -> None:
    """Deploy the environment that the selected stack is named after.

    Raises pulumi.RunError with everything that is wrong in the specs, and with a sign-in for each
    goal that does not hold, so that neither preview nor up gets past them, whoever starts it.
    Nothing switches this off; a waiver in the environment's file is told each time.
    """
    try:
        examined, found = _examined(root)
    except OstiaryError as error:
        hint = f"\n  hint: {error.hint}" if error.hint else ""
        raise pulumi.RunError(f"{error}{hint}") from None
    stopping = [str(each) for each in errors_in(found)]
    stopping += [f"not proven: {each.goal.key}" for each in examined.failed]
    if stopping:
        raise pulumi.RunError("\n".join(stopping))
    imports = os.environ.get(IMPORTS)
    if imports is None:  # else `ostiary up` has told them
        for warning in found:
            pulumi.log.warn(str(warning))
    order = [(tuple(first), tuple(then)) for first, then in json.loads(os.environ.get(ORDER, "[]"))]
    declare(examined.resolved, json.loads(imports or "{}"), order)


def _examined(root: Path) -> tuple[Examined, list[Diagnostic]]:
    environment = pulumi.get_stack()
    workspace = load(root, [environment])
    today = date.today()  # noqa: DTZ011 (an exception ends where its owner lives)
    resolved = resolve(workspace, environment, today)
    examined = examine(resolved)
    return examined, [*resolved.warnings, *findings(workspace, examined).diagnostics]
