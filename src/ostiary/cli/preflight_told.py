"""How preflight is told before an apply: what was found, and each goal that the tenant breaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ostiary.cli.terminal import say, show
from ostiary.report import preflight as report
from ostiary.spec.workspace import load
from ostiary.tenant.preflight.values import Preflight

Tell = Callable[[str], None]


def tell_preflight(root: Path, say: Tell = say, show: Tell = show) -> Callable[[Preflight], None]:
    """Give what tells a preflight of an environment of the workspace."""

    def tell(found: Preflight) -> None:
        for line in report.lines(found):
            say(line)
        if found.examined and found.examined.failed:
            workspace = load(root, [found.resolved.environment])
            for line in report.goals_failed(workspace, found):
                show(line)

    return tell
