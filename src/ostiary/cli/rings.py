"""How the verbs that need rollout.yaml read it."""

from __future__ import annotations

from pathlib import Path

from ostiary.cli.workspace import report
from ostiary.errors import DiagnosticsError, OstiaryError, errors_in
from ostiary.spec.rollout import FILE, RolloutSpec, load_rollout
from ostiary.spec.workspace import Sourced


def rollout_or_exit(root: Path) -> Sourced[RolloutSpec]:
    """Read rollout.yaml; prints what is wrong, and ends with 3 if that stops the run."""
    rollout, found = load_rollout(root)
    report(found)
    if errors_in(found):
        raise SystemExit(DiagnosticsError.exit_code)
    if rollout is None:
        raise OstiaryError(f"there is no {FILE}", hint="docs/rollout.md shows one")
    return rollout
