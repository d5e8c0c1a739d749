"""Which environments a change touches; when in doubt, all of them.

A path is known to matter to one environment, or known not to matter, or else it may be read by the
Pulumi program and matters to every environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath


def affected_environments(paths: Iterable[str], environments: Iterable[str]) -> list[str]:
    """Give the environments that a change to these files touches, sorted.

    `paths` are relative to the workspace, with forward slashes.  An environment that is in no
    `environments` any more, because its file was deleted, is never among the results.
    """
    known = set(environments)
    touched: set[str] = set()
    for path in paths:
        touched |= _touched(PurePosixPath(path), known)
    return sorted(touched)


def _touched(path: PurePosixPath, known: set[str]) -> set[str]:
    if path.parts[0] in {"docs", "tests"} or path.suffix == ".md":
        return set()
    if path.parts == ("rollout.yaml",):  # when a tenant gets what it gets, and not what
        return set()
    if path.suffix == ".yaml" and path.parts[:-1] == ("environments",):
        return known & {path.stem}
    if len(path.parts) == 1 and path.name.startswith("Pulumi.") and path.suffix == ".yaml":
        stack = path.stem.removeprefix("Pulumi.")
        return known if path.name == "Pulumi.yaml" else known & {stack}
    return known
