"""What stops a deployment, and what was let pass by a waiver, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostiary.model.places import Places
from ostiary.proof.examine import Examined
from ostiary.proof.explain import explain
from ostiary.proof.results import Result
from ostiary.report.goals import result
from ostiary.spec.workspace import Workspace


def failures(
    workspace: Workspace, examined: Examined, *, seek_repairs: bool = True
) -> Iterator[str]:
    """Tell each goal that is neither proven nor waived, with the sign-ins that show it."""
    yield from _told(workspace, examined, examined.failed, seek_repairs=seek_repairs)


def waived(workspace: Workspace, examined: Examined) -> Iterator[str]:
    """Tell each goal that does not hold and is waived: by whom, why, and until when."""
    open_ = (each for each in examined.results if each.goal.key in examined.waivers)
    yield from _told(workspace, examined, open_, seek_repairs=True)


def _told(
    workspace: Workspace, examined: Examined, results: Iterable[Result], *, seek_repairs: bool
) -> Iterator[str]:
    places = Places(workspace, examined.resolved.environment)
    for each in results:
        explained = explain(examined, each, seek_repairs=seek_repairs)
        yield result(each, explained, examined, places)
