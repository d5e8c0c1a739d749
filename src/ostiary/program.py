"""The Pulumi program of a workspace: prove the selected environment, then declare it."""

from __future__ import annotations

import gc
import json
import os
from datetime import date
from pathlib import Path

import pulumi

from ostiary.deploy import IMPORTS, ORDER
from ostiary.deploy.resources import declare
from ostiary.errors import OstiaryError, errors_in
from ostiary.model.resolve import resolve
from ostiary.proof.examine import examine
from ostiary.proof.findings import errors
from ostiary.spec.workspace import load


def run(root: Path) -> None:
    """Deploy the environment that the selected stack is named after.

    Raises pulumi.RunError with everything that is wrong in the specs, and with a sign-in for each
    goal that does not hold, so that neither preview nor up gets past them, whoever starts it.
    Nothing switches this off; a waiver in the environment's file is told each time.
    """
    # The engine waits for a process that ends soon: looking for what it could free costs more.
    gc.set_threshold(100_000)
    try:
        environment = pulumi.get_stack()
        workspace = load(root, [environment])
        today = date.today()  # noqa: DTZ011 (an exception ends where its owner lives)
        resolved = resolve(workspace, environment, today)
    except OstiaryError as error:
        hint = f"\n  hint: {error.hint}" if error.hint else ""
        raise pulumi.RunError(f"{error}{hint}") from None
    examined = examine(resolved)
    found = [*resolved.warnings, *errors(workspace, examined)]
    stopping, let_pass = [*map(str, errors_in(found))], [*map(str, found)]
    if examined.failed or examined.waivers:
        from ostiary.report import gate  # noqa: PLC0415 (a run that finds nothing need not load it)

        stopping += gate.failures(workspace, examined)
        let_pass += gate.waived(workspace, examined)
    if stopping:
        raise pulumi.RunError("\n".join(stopping))
    imports = os.environ.get(IMPORTS)
    if imports is None:  # else `ostiary up` has told them
        for warning in let_pass:
            pulumi.log.warn(warning)
    order = [(tuple(first), tuple(then)) for first, then in json.loads(os.environ.get(ORDER, "[]"))]
    declare(resolved, json.loads(imports or "{}"), order)
