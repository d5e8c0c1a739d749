"""What is tested: a workspace, read once, and each of its environments, proven once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path

from ostiary.errors import Diagnostic, DiagnosticsError, errors_in, in_order
from ostiary.model.places import Places
from ostiary.model.resolve import Resolved, resolve
from ostiary.model.rows import resolve_row, rows_in
from ostiary.proof.examine import Examined, examine
from ostiary.proof.findings import errors
from ostiary.proof.results import Proof, Result
from ostiary.proof.rows import Judged, judge
from ostiary.spec.sign_in_tables import load_tables
from ostiary.spec.workspace import load


class Subject:
    """A workspace with its sign-in tables."""

    def __init__(self, root: Path, today: date) -> None:
        self.workspace = load(root)
        self.tables = load_tables(self.workspace)
        self.today = today
        self._environments: dict[str, Environment] = {}
        self._told: set[Diagnostic] = set()

    def environment(self, name: str) -> Environment:
        """Give one environment."""
        if name not in self._environments:
            self._environments[name] = Environment(self, name)
        return self._environments[name]

    def untold(self, found: list[Diagnostic]) -> list[Diagnostic]:
        """Keep what no other environment has told: a broken policy is broken in all of them."""
        new = [each for each in in_order(found) if each not in self._told]
        self._told.update(new)
        return new


class Environment:
    """One environment: resolved at once, and examined when somebody asks.

    `resolved` is None where what is wrong with the files, which is in `errors`, does not let it be.
    """

    def __init__(self, subject: Subject, name: str) -> None:
        self.subject = subject
        self.file = f"environments/{name}.yaml"
        self.resolved: Resolved | None = None
        workspace = replace(
            subject.workspace, found=tuple(filter(self._concerns, subject.workspace.found))
        )
        found: list[Diagnostic] = []
        try:
            self.resolved = resolve(workspace, name, subject.today)
        except DiagnosticsError as error:
            found = error.diagnostics
        self.errors = errors_in([*found, *subject.tables.found])

    @cached_property
    def examined(self) -> Examined:
        """The results of its goals."""
        return examine(self._resolved)

    @cached_property
    def places(self) -> Places:
        """Where its policies stand in the files."""
        return Places(self.subject.workspace, self._resolved.environment)

    def found(self) -> list[Diagnostic]:
        """Give the errors that only proofs tell."""
        return list(errors(self.subject.workspace, self.examined))

    def result(self, goal: str) -> Result:
        """Give the result of a goal."""
        return next(each for each in self.examined.results if each.goal.key == goal)

    def judged(self, table: str, index: int) -> Judged:
        """Decide a row; raises DiagnosticsError for what is wrong with its names."""
        selected = self.subject.workspace.environments[self._resolved.environment]
        row, found = resolve_row(
            self.subject.tables.tables[table], index, selected, self._resolved.known_locations
        )
        if errors_in(found):
            raise DiagnosticsError(found)
        return judge(self.examined.policy_set, row)

    def unexercised(self) -> list[str]:
        """List the enabled policies that no proof rests on, and no row says that they decide it."""
        exercised = {
            key
            for each in self.examined.results
            if isinstance(each, Proof)
            for key in each.policies
        }
        for table in self.subject.tables.tables.values():
            for index in rows_in(table, self._resolved.environment).values():
                exercised.update(table.spec.root[index].decided_by or ())
        return [
            each.key
            for each in self._resolved.policies
            if each.state == "enabled" and each.key not in exercised
        ]

    @property
    def _resolved(self) -> Resolved:
        assert self.resolved is not None  # noqa: S101 (nobody asks of one that is None)
        return self.resolved

    def _concerns(self, found: Diagnostic) -> bool:
        """Leave out what is wrong with the files of other environments."""
        path = found.location.path
        return not path.startswith("environments/") or path == self.file
