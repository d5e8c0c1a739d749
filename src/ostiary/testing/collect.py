"""The items of one environment, each of which tells in words why it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import DiagnosticsError, Location
from ostiary.model.rows import rows_in
from ostiary.proof.explain import explain
from ostiary.proof.results import Proof
from ostiary.report import goals, sign_in_tables
from ostiary.testing.subject import Environment, Subject

FILES, EXERCISED = "files are valid", "every policy is exercised"
_SUBJECTS = pytest.StashKey[dict[Path, Subject]]()


def environment(file: Path, parent: pytest.Collector) -> pytest.Collector:
    """Make the collector of an environment; it reads nothing yet."""
    root, name = file.parent.parent, file.stem
    within = root.is_relative_to(parent.config.rootpath)
    # Several workspaces in one repository may each have an environment of this name.
    path = root.relative_to(parent.config.rootpath) / name if within else Path(name)
    made: pytest.Collector = EnvironmentFile.from_parent(
        parent, path=file, name=name, nodeid=path.as_posix()
    )
    return made


class Failure(Exception):  # noqa: N818 (an item that fails is no error of ours)
    """Why an item fails, in words."""


class EnvironmentFile(pytest.File):
    """One environment of a workspace."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Give the items; what is wrong with the files is told once in a run."""
        subject = _subject(self.config, self.path.parent.parent)
        of = subject.environment(self.path.stem)
        place = Location(of.file)
        errors = subject.untold(of.errors)

        def files_are_valid() -> None:
            found = [*errors, *(of.found() if of.resolved else ())]
            if found:
                raise Failure(DiagnosticsError(found))

        if of.resolved or errors:
            yield _check(self, FILES, place, files_are_valid)
        if of.resolved is None:
            return
        for goal in of.resolved.goals:
            yield Goal.from_parent(self, name=goal.key, of=of, place=goal.place)
        for name in subject.tables.tables:
            yield Table.from_parent(self, name=name, of=of)
        if not subject.tables.found:  # else it is not known what their rows exercise
            yield _check(self, EXERCISED, place, lambda: _every_policy_is_exercised(of))


class Table(pytest.Collector):
    """The rows of one sign-in table that hold in an environment."""

    def __init__(self, *, of: Environment, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.of = of

    def collect(self) -> Iterable[pytest.Item]:
        """Give an item for each row."""
        table = self.of.subject.tables.tables[self.name]
        for name, index in rows_in(table, str(self.parent and self.parent.name)).items():
            yield _check(self, name, table.at(index), partial(self._row, index))

    def _row(self, index: int) -> None:
        try:
            judged = self.of.judged(self.name, index)
        except DiagnosticsError as error:
            raise Failure(error) from None
        if judged.wrong:
            raise Failure(sign_in_tables.judged(judged, self.of.examined, self.of.places))


class _Item(pytest.Item):
    place: Location

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Tell a failure without a traceback: it is about the files, not about code."""
        if isinstance(excinfo.value, Failure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Give the place in the files, and the heading of a failure."""
        root = Path(str(self.config.rootpath))
        heading = self.nodeid.replace("::", ": ")
        return root / self.place.path, max(self.place.line - 1, 0), heading


class Check(_Item):
    """A check that raises Failure."""

    def __init__(self, *, run: Callable[[], None], place: Location, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.place = place
        self._run = run

    def runtest(self) -> None:
        """Run it."""
        self._run()


class Goal(_Item):
    """A goal; where it does not hold and is waived, it is an expected failure."""

    def __init__(self, *, of: Environment, place: Location, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self.of = of
        self.place = place

    def runtest(self) -> None:
        """Fail with a sign-in for which the goal does not hold."""
        result, examined = self.of.result(self.name), self.of.examined
        if isinstance(result, Proof):
            return
        if waiver := examined.waivers.get(self.name):
            words = f"{goals.verdict(result).lower()}, {goals.waived(waiver)}"
            self.user_properties.append(("waiver", words))
            pytest.xfail(words)
        explained = explain(examined, result)
        told = goals.result(result, explained, examined, self.of.places)
        raise Failure(told.removeprefix(f"{goals.named(examined, result.goal)}: "))


def _check(
    parent: pytest.Collector, name: str, place: Location, run: Callable[[], None]
) -> pytest.Item:
    made: pytest.Item = Check.from_parent(parent, name=name, run=run, place=place)
    return made


def _every_policy_is_exercised(of: Environment) -> None:
    if missing := of.unexercised():
        lines = (f"  {of.places.condition(each, 'displayName')}: `{each}`" for each in missing)
        raise Failure(
            "no goal rests on these policies, and no row of a table says that they decide it:\n"
            + "\n".join(lines)
            + "\n  hint: write a row that names it under `decidedBy`, or a goal"
        )


def _subject(config: pytest.Config, root: Path) -> Subject:
    subjects = config.stash.setdefault(_SUBJECTS, {})
    if root not in subjects:
        subjects[root] = Subject(root, today())
    return subjects[root]


def today() -> date:
    """Give the day by which exceptions expire."""
    return date.today()  # noqa: DTZ011 (an exception ends where its owner lives)
