"""`ostiary adopt`: take over what a tenant holds, as it is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from ostiary.apply import Target, managed_by, prepare, target
from ostiary.cli.terminal import Format, Output, Sandbox, say, show, show_json
from ostiary.cli.up import environ_for, only_one, stack_of
from ostiary.cli.workspace import today, workspace_root
from ostiary.deploy.import_file import PROVIDER_NAME, import_file
from ostiary.deploy.stack import NAMED_LOCATION, POLICY, Change, Stack, project
from ostiary.errors import DiagnosticsError, EngineError, OstiaryError, ProofError
from ostiary.model.policy import PolicySet
from ostiary.model.written import Table, Tables
from ostiary.proof.compare import Difference, compare
from ostiary.report.adoption import adoption, adoption_json
from ostiary.report.difference import difference, difference_json
from ostiary.spec.environment import GUID
from ostiary.spec.workspace import KEY, SANDBOX, load
from ostiary.tenant.adopt import Adoption, write
from ostiary.tenant.adopt import adopt as adopted
from ostiary.tenant.candidates import Candidate, Value, names_in
from ostiary.tenant.client import GraphClient
from ostiary.tenant.directory import Directory
from ostiary.tenant.existing import Wishes
from ostiary.tenant.exports import NotRead, from_tenant, read
from ostiary.tenant.held import held
from ostiary.tenant.known_names import known_names

LEFT_ALONE, UNREADABLE = 2, DiagnosticsError.exit_code


def adopt(  # noqa: PLR0913 (each is an option of the command line)
    environment: Annotated[str, typer.Argument(help="What the tenant is called here.")],
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Read an export, a file or a folder of them, instead of the tenant.",
            exists=True,
        ),
    ] = None,
    tenant_id: Annotated[
        str | None,
        typer.Option(help="The tenant's id, if no environment file has it.", metavar="GUID"),
    ] = None,
    emergency_access: Annotated[
        list[str] | None,
        typer.Option(
            help="A group or user that must always get in, by name or id; "
            "by default whom all policies exclude."
        ),
    ] = None,
    owner: Annotated[
        str, typer.Option(help="Who answers for the exclusions that are found.")
    ] = "unknown",
    sandbox: Sandbox = False,
    output: Output = Format.TEXT,
) -> None:
    """Write a tenant's policies and named locations as files, and take them over as they are."""
    root = workspace_root()
    wishes = Wishes(
        environment,
        _tenant_id(root, environment, tenant_id),
        today(),
        owner,
        tuple(emergency_access or ()),
    )
    with only_one(root, environment):
        if source is not None:
            export = read(source)
            made = adopted(root, export.objects, wishes, lambda _: names_in(export.objects))
            _written(root, made)
            code = _told(made, export.not_read, None, output)
            if output is Format.TEXT:
                show(
                    f"next: `ostiary adopt {environment}`, with credentials, takes over what "
                    "stands in the tenant"
                )
            raise SystemExit(code)
        local = sandbox or environment == SANDBOX
        environ = environ_for(root, environment, wishes.tenant_id, local=local)
        with closing(GraphClient(wishes.tenant_id, environ)) as client:
            say("reading the tenant's policies and named locations")
            objects = [
                *from_tenant("policy", client.policies(), client.policies("beta")),
                *from_tenant("namedLocation", client.named_locations()),
            ]
            made = adopted(root, objects, wishes, lambda asked: _names(client, asked))
        file = _written(root, made)
        # What the engine tells is progress; the result is for whoever reads on.
        stack = replace(stack_of(root, made.resolved, local=local), output=sys.stderr.fileno())
        found = _taken_over(stack, made, file)
        raise SystemExit(_told(made, (), found, output))


def _tenant_id(root: Path, environment: str, given: str | None) -> str:
    if not KEY.match(environment):
        raise typer.BadParameter(
            "an environment is called by lower-case words joined by `-`", param_hint="ENVIRONMENT"
        )
    spec = load(root, [environment]).environments.get(environment)
    identity = given or (spec and spec.spec.tenant_id) or os.environ.get("ARM_TENANT_ID") or ""
    if not GUID.match(identity.lower()):
        raise typer.BadParameter(
            "the tenant's id is not known" if not identity else f"`{identity}` is not an id",
            param_hint="--tenant-id",
        )
    return identity.lower()


def _names(client: GraphClient, asked: Mapping[Table, Iterable[str]]) -> Tables:
    known = known_names(Directory(client.graph), asked)
    for refused in known.refused:
        say(f"some names are not known: {refused}" + (f" ({refused.hint})" if refused.hint else ""))
    return known.tables


def _written(root: Path, made: Adoption) -> Path:
    """Write the files and the import file; gives the latter's path."""
    try:
        write(root, made.files)
        file = root / ".ostiary" / f"{made.environment}.import.json"
        draft = made.draft
        ids = {"policies": _ids(draft.policies), "namedLocations": _ids(draft.named_locations)}
        data = import_file(project(root)["name"], made.environment, ids)
        file.write_text(json.dumps(data, indent=2), encoding="utf-8")
    except OSError as error:
        raise OstiaryError(f"{error.filename} cannot be written: {error.strerror}") from None
    return file


def _ids(of: Iterable[Candidate[Value]]) -> dict[str, str]:
    return {each.value.key: each.id for each in of if each.id}


@dataclass(frozen=True, slots=True)
class _TakenOver:
    """What the engine would change now, and how the tenant decides otherwise than the files."""

    changes: tuple[Change, ...]
    difference: Difference


def _taken_over(stack: Stack, made: Adoption, file: Path) -> _TakenOver:
    """Have the engine record what stands in the tenant, and hold the two against each other."""
    with target(stack, made.resolved, say) as of:
        return _taken_over_by(of, made, file)


def _taken_over_by(of: Target, made: Adoption, file: Path) -> _TakenOver:
    stack, there = of.stack, prepare(of).managed
    data = json.loads(file.read_text(encoding="utf-8"))
    recorded = {POLICY: there.policies, NAMED_LOCATION: there.named_locations}
    missing = [each for each in data["resources"] if each["name"] not in recorded[each["type"]]]
    if missing:
        say(f"taking over {len(missing)} objects as they stand in the tenant")
        todo = file.with_name(f"{made.environment}.todo.json")
        todo.write_text(json.dumps({**data, "resources": missing}), encoding="utf-8")
        stack.take_over(todo, data["nameTable"][PROVIDER_NAME])
        todo.unlink()
    say(f"previewing {stack.name}")
    changes = tuple(stack.preview())
    _see_foreseen(made, changes)
    if missing:
        stack.record(each for each in changes if each.operation != "protect")
        changes = tuple(stack.preview())
    say("comparing the files with the tenant")
    now = held(
        managed_by(stack.state()),
        made.resolved.renamed_from,
        of.client.policies(),
        of.client.named_locations(),
    )
    then = PolicySet(
        tuple(each for each in made.resolved.policies if each.display_name not in made.besides),
        made.resolved.named_locations,
    )
    return _TakenOver(changes, compare(now.policy_set, then, made.resolved.facts))


def _told(
    made: Adoption, not_read: Sequence[NotRead], taken: _TakenOver | None, output: Format
) -> int:
    """Print the outcome; gives the exit code."""
    if output is Format.JSON:
        told = adoption_json(made, not_read)
        if taken:
            told["preview"] = [asdict(each) for each in taken.changes]
            told["difference"] = difference_json(taken.difference, made.resolved.names)
        show_json(told)
    else:
        for line in adoption(made, not_read):
            show(line)
        if taken:
            number = len(taken.changes)
            show(f"preview: {number} changes, all told above" if number else "preview: no change")
            show("the tenant compared with the files")
            for line in difference(taken.difference, made.resolved.names):
                show(f"  {line}")
    if taken and not taken.difference.empty:
        return ProofError.exit_code
    if any(each.weight == "broken" for each in not_read):
        return UNREADABLE
    left = made.draft.left_alone or any(each.weight == "left" for each in not_read)
    return LEFT_ALONE if left else 0


def _see_foreseen(made: Adoption, changes: Iterable[Change]) -> None:
    """Refuse to go on where the engine would change what the files say in the tenant's own words.

    A policy that the workspace has and the tenant has not would be made, and is told.
    """
    foreseen = {("update", each.value.key) for each in made.rewritten}
    foreseen |= {
        ("create", each.key) for each in made.resolved.policies if each.display_name in made.besides
    }
    strange = [
        f"{each.operation} {each.name}"
        for each in changes
        if each.operation != "protect" and (each.operation, each.name) not in foreseen
    ]
    if strange:
        raise EngineError(
            f"the preview shows more than adoption foresaw: {', '.join(strange)}",
            hint="nothing was changed in the tenant; "
            f"`ostiary pulumi {made.environment} -- preview --diff` tells what it is",
        )
