"""`ostiary diff`: which sign-ins a change decides differently."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ostiary.cli.terminal import Format, Output, show, show_json, slowly
from ostiary.cli.up import environ_of
from ostiary.cli.workspace import resolved_all_or_exit, resolved_or_exit, workspace_root
from ostiary.errors import OstiaryError
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved
from ostiary.model.translate import translated
from ostiary.proof.compare import compare
from ostiary.proof.examine import policy_set_of
from ostiary.report.difference import difference, difference_json
from ostiary.spec.workspace import SANDBOX, environment_names
from ostiary.tenant.client import GraphClient
from ostiary.tenant.held import Held, everything

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
    tenant: Annotated[
        bool, typer.Option("--tenant", help="Compare with what the tenant holds, whoever made it.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show which sign-ins are decided differently than in a revision, environment or tenant."""
    if tenant and against:
        raise typer.BadParameter(
            "compare with an environment or with the tenant", param_hint="--with"
        )
    root = workspace_root()
    _, every = resolved_all_or_exit(root, environments)
    tell = slowly()
    told: dict[str, object] = {}
    changed = False
    with tempfile.TemporaryDirectory(prefix="ostiary-") as folder:
        former = root if against or tenant else _checked_out(root, base, Path(folder))
        for resolved in every:
            tell(f"comparing {resolved.environment}")
            before = _held(root, resolved) if tenant else _before(former, resolved, against)
            found = compare(before.policy_set, policy_set_of(resolved), resolved.facts)
            if before.unreadable:
                names = ", ".join(f"`{name}`" for name in before.unreadable)
                found = replace(found, complete=False, undecided=f"{names} cannot be read here")
            changed = changed or not found.empty
            if output is Format.JSON:
                told[resolved.environment] = difference_json(found, resolved.names)
                continue
            what = "the tenant" if tenant else against or base
            show(f"{resolved.environment}: compared with {what}")
            for line in difference(found, resolved.names):
                show(f"  {line}")
    if output is Format.JSON:
        show_json(told)
    if changed:
        raise SystemExit(CHANGED)


def _before(former: Path, resolved: Resolved, against: str | None) -> Held:
    if against is not None:
        return Held(translated(resolved_or_exit(former, against), resolved))
    if resolved.environment not in environment_names(former):
        return Held(PolicySet(()))  # it is new
    return Held(policy_set_of(resolved_or_exit(former, resolved.environment)))


def _held(root: Path, resolved: Resolved) -> Held:
    environ = environ_of(root, resolved, local=resolved.environment == SANDBOX)
    with closing(GraphClient(resolved.tenant_id, environ)) as client:
        return everything(client.policies(), client.named_locations())


def _checked_out(root: Path, revision: str, folder: Path) -> Path:
    """Write the workspace as it was at a revision into `folder`."""
    if revision.startswith("-"):
        raise OstiaryError(f"`{revision}` is not a revision")
    done = subprocess.run(  # noqa: S603 (no option can be slipped in)
        ["git", "archive", "--format=tar", revision, "--", "policies", "environments"],  # noqa: S607 (their own git)
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
