"""What a tenant holds instead of what is specified → edits of the files that specify it.

A property goes where it is said: a state, an exclusion and a location's values into the
environment's file, all else into the object's own, which counts in every environment.  The result
is read back, and proven in all of them, before anything is written.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ostiary.errors import DiagnosticsError, OstiaryError, ProofError, ResolveError, errors_in
from ostiary.model.policy import NamedLocation, Policy
from ostiary.model.resolve import Resolved, resolve
from ostiary.model.written import (
    Table,
    Tables,
    ids,
    inverted,
    named_location_data,
    policy_data,
    tables_of,
)
from ostiary.proof.examine import examine
from ostiary.proof.findings import errors
from ostiary.spec.amend import amended
from ostiary.spec.edit import with_value
from ostiary.spec.workspace import Sourced, Workspace, environment_names, load
from ostiary.tenant.adopt import write
from ostiary.tenant.draft import GRACE
from ostiary.tenant.held import broken
from ostiary.tenant.naming import name_all

Object = Policy | NamedLocation
Route = tuple[str, ...]

# What one environment may exclude from a policy of them all.
_EXCLUSIONS = frozenset(
    f"exclude{what}" for what in ("Users", "Groups", "Roles", "Applications", "Locations")
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers for what is excluded newly, None if nobody does; and the day."""

    owner: str | None
    today: date


@dataclass(frozen=True, slots=True)
class Accepted:
    """New texts of files by path, and the environments beside this one that they count in."""

    files: Mapping[str, str]
    others: tuple[str, ...]


def accepted(
    workspace: Workspace,
    resolved: Resolved,
    found: Object,
    answer: Answer,
    directory: Callable[[Mapping[Table, Iterable[str]]], Tables],
) -> Accepted:
    """Make what was `found` under its key the specification; writes nothing.

    `directory` gives the names of ids that the environment does not name.  Raises ResolveError
    where a file would say what it may not, ProofError where a goal that is proven would not be, and
    OstiaryError for what no file can say.
    """
    edit = _Edit(workspace, resolved, answer)
    if isinstance(found, Policy):
        edit.policy(found, directory)
    else:
        edit.named_location(found)
    changed = {path: text for path, text in edit.files.items() if text != edit.before[path]}
    shared = any(not path.startswith("environments/") for path in changed)
    every = environment_names(workspace.root) if shared else [resolved.environment]
    _prove(workspace.root, changed, every, answer.today)
    _read_back(workspace.root, changed, resolved, found, answer.today)
    return Accepted(changed, tuple(each for each in every if each != resolved.environment))


class _Edit:
    def __init__(self, workspace: Workspace, resolved: Resolved, answer: Answer) -> None:
        self.workspace, self.resolved, self.answer = workspace, resolved, answer
        self.environment = workspace.environments[resolved.environment]
        self.before: dict[str, str] = {}
        self.files: dict[str, str] = {}

    def policy(
        self, found: Policy, directory: Callable[[Mapping[Table, Iterable[str]]], Tables]
    ) -> None:
        written = self.workspace.policies[found.key]
        specified = next(each for each in self.resolved.policies if each.key == found.key)
        own = inverted(tables_of(self.environment.spec))
        asked = [*ids(found), *ids(specified)]
        new: dict[Table, list[str]] = {}
        for table, identity in asked:
            if identity not in own.get(table, {}):
                new.setdefault(table, []).append(identity)
        tables = name_all(asked, own, directory(new) if new else {}).tables
        for table, identities in new.items():
            for identity in dict.fromkeys(identities):
                self._set(self.environment, (table, tables[table][identity]), identity)
        if found.state != specified.state:
            same = found.state == written.spec.state
            self._set(self.environment, ("states", found.key), None if same else found.state)
        self._differences(
            written,
            {**policy_data(specified, tables), "state": ""},
            {**policy_data(found, tables), "state": ""},
        )

    def named_location(self, found: NamedLocation) -> None:
        specified = next(each for each in self.resolved.known_locations if each.key == found.key)
        (before, values), (after, new) = (named_location_data(each) for each in (specified, found))
        self._differences(self.workspace.named_locations[found.key], before, after)
        # Values of the location's own file are those of every other environment too.
        for (key,), _, value in _leaves(values, new):
            route = "namedLocations", found.key, key
            held = _at(self.environment.source.data, route)
            self._set(self.environment, route, _changed(held, values[key], value))

    def _differences(
        self, written: Sourced[Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        excluded: dict[str, list[str]] = {}
        for route, old, new in _leaves(before, after):
            added = [each for each in new or () if each not in (old or ())]
            if route[-1] in _EXCLUSIONS and added:
                excluded[route[-1]] = added
                new = [each for each in new if each not in added] or None  # noqa: PLW2901 (the rest)
            held = _at(written.source.data, route)
            self._set(written, route, _changed(held, old, new))
        if excluded:
            self._exclude(written.key, excluded)

    def _exclude(self, key: str, excluded: Mapping[str, list[str]]) -> None:
        """Declare an exclusion in this tenant."""
        if self.answer.owner is None:
            names = ", ".join(f"`{each}`" for some in excluded.values() for each in some)
            raise OstiaryError(
                f"nobody answers for excluding {names} from `{key}`",
                hint="say who does with --owner, or revert it with `ostiary up`",
            )
        path = self.environment.source.path
        entry = {
            "policy": key,
            **excluded,
            "owner": self.answer.owner,
            "reason": f"accepted from the tenant on {self.answer.today}",
            "expires": str(self.answer.today + GRACE),
        }
        self.files[path] = amended(self._text(path), {"exclusions": [entry]})

    def _set(self, written: Sourced[Any], route: Route, value: Any) -> None:
        path = written.source.path
        self.files[path] = with_value(self._text(path), route, value, path)

    def _text(self, path: str) -> str:
        if path not in self.files:
            # As it is, line ends too: only what is edited changes.
            self.before[path] = (self.workspace.root / path).read_bytes().decode("utf-8")
            self.files[path] = self.before[path]
        return self.files[path]


def _leaves(before: Any, after: Any, route: Route = ()) -> Iterator[tuple[Route, Any, Any]]:
    """Give the way to each value that differs, before and after; None where there is none."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _leaves(before.get(key), after.get(key), (*route, key))
    elif before != after:
        yield route, before, after


def _changed(held: Any, before: Any, after: Any) -> Any:
    """Give what a file shall say, of a list in its own order and with what others add to it."""
    if not isinstance(held, list) or not isinstance(after, list):
        return after
    gone = [each for each in before or () if each not in after]
    new = [each for each in after if each not in (before or ())]
    kept = [each for each in held if each not in gone]
    return [*kept, *(each for each in new if each not in kept)] or None


def _at(data: Any, route: Route) -> Any:
    for key in route:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _edited(root: Path, files: Mapping[str, str], environments: Iterable[str]) -> Workspace:
    with tempfile.TemporaryDirectory(prefix="ostiary-") as folder:
        for name in ("policies", "environments"):
            shutil.copytree(root / name, Path(folder) / name)
        write(Path(folder), files)
        return load(Path(folder), environments)


def _prove(root: Path, files: Mapping[str, str], environments: list[str], today: date) -> None:
    """See that every environment is as valid and as safe with the new files as without."""
    before, after = load(root, environments), _edited(root, files, environments)
    for name in environments:
        try:
            was = examine(resolve(before, name, today))
        except DiagnosticsError:
            continue  # it is broken already
        examined = examine(resolve(after, name, today))
        if found := errors_in(errors(after, examined)):
            raise ResolveError(found)
        if opened := broken(was, examined):
            goals = ", ".join(f"`{each}`" for each in opened)
            raise ProofError(
                f"not accepted: {name} would no longer prove {goals}",
                hint=f"revert it with `ostiary up`, or waive the goal in environments/{name}.yaml",
            )


def _read_back(
    root: Path, files: Mapping[str, str], resolved: Resolved, found: Object, today: date
) -> None:
    again = resolve(_edited(root, files, [resolved.environment]), resolved.environment, today)
    objects: tuple[Object, ...] = (*again.policies, *again.known_locations)
    if found not in objects:
        raise OstiaryError(
            f"the files cannot say of `{found.key}` what the tenant holds",
            hint=f"look at `exclusions` in environments/{resolved.environment}.yaml, "
            "or revert it with `ostiary up`",
        )
