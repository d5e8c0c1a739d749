"""`ostiary diff`: which sign-ins a change decides differently."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.terminal import show, slowly
from ostiary.cli.workspace import Format, resolved_all_or_exit, resolved_or_exit, workspace_root
from ostiary.errors import OstiaryError
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved
from ostiary.model.translate import translated
from ostiary.proof.compare import compare
from ostiary.proof.examine import policy_set_of
from ostiary.report.difference import difference, difference_json
from ostiary.spec.workspace import environment_names

CHANGED = 2


def diff(
    environments: Annotated[
        list[str] | None, typer.Argument(help="The environments to compare; by default all.")
    ] = None,
    *,
    base: Annotated[
        str, typer.Option(help="Compare with this revision of the repository.", metavar="REV")
    ] = "HEAD",
    against: Annotated[
        str | None,
        typer.Option("--with", help="Compare with another environment.", metavar="ENVIRONMENT"),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="For people, or for machines (docs/json.md).")
    ] = Format.TEXT,
) -> None:
    """Show which sign-ins are decided differently than in a revision or another environment."""
    root = workspace_root()
    _, every = resolved_all_or_exit(root, environments)
    tell = slowly()
    told: dict[str, object] = {}
    changed = False
    with tempfile.TemporaryDirectory(prefix="ostiary-") as folder:
        former = root if against else _checked_out(root, base, Path(folder))
        for resolved in every:
            tell(f"comparing {resolved.environment}")
            before = _before(former, resolved, against)
            found = compare(before, policy_set_of(resolved), resolved.facts)
            changed = changed or not found.empty
            if output is Format.JSON:
                told[resolved.environment] = difference_json(found, resolved.names)
                continue
            show(f"{resolved.environment}: compared with {against or base}")
            for line in difference(found, resolved.names):
                show(f"  {line}")
    if output is Format.JSON:
        show(json.dumps(told, indent=2, ensure_ascii=False))
    if changed:
        raise SystemExit(CHANGED)


def _before(former: Path, resolved: Resolved, against: str | None) -> PolicySet:
    if against is not None:
        return translated(resolved_or_exit(former, against), resolved)
    if resolved.environment not in environment_names(former):
        return PolicySet(())  # it is new
    return policy_set_of(resolved_or_exit(former, resolved.environment))


def _checked_out(root: Path, revision: str, folder: Path) -> Path:
    """Write the workspace as it was at a revision into `folder`."""
    if revision.startswith("-"):
        raise OstiaryError(f"`{revision}` is not a revision")
    done = subprocess.run(  # noqa: S603 (no option can be slipped in)
        ["git", "archive", "--format=tar", revision, "--", "policies", "environments"],  # noqa: S607
        cwd=root,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise OstiaryError(f"git has no policies at `{revision}`: {said}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder
