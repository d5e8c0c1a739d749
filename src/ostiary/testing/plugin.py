"""What pytest loads wherever ostiary is installed: nothing but these hooks, until it is of use.

In the folder `tests/policies` of a workspace each environment is collected beside the files: an
item for each goal, for each row of the tables, and for what only all of them tell.
"""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

_FOLDER = ("tests", "policies")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the environments to what pytest found in `tests/policies`."""
    report = yield
    root = collector.path.parent.parent
    if (
        isinstance(collector, pytest.Directory)
        and collector.path.parts[-2:] == _FOLDER
        and _is_workspace(root)
        and report.passed
    ):
        report.result += [
            _environment(file, collector) for file in sorted((root / "environments").glob("*.yaml"))
        ]
    return report


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect an environment that was asked for: `pytest environments/contoso-prod.yaml`."""
    folder = file_path.parent
    asked = file_path.suffix == ".yaml" and parent.session.isinitpath(file_path)
    if asked and folder.name == "environments" and _is_workspace(folder.parent):
        return _environment(file_path, parent)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Understand the names that reports show: `pytest contoso-prod::everybody-needs-mfa`."""
    here = session.config.invocation_params.dir
    session.config.args = [_file_of(each, here) for each in session.config.args]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show each waiver that a goal needs: it is a risk that somebody bears."""
    waived = {
        f"{report.nodeid}: {text}"
        for report in terminalreporter.stats.get("xfailed", ())
        for name, text in report.user_properties
        if name == "waiver"
    }
    if waived:
        terminalreporter.section("waived goals")
        for line in sorted(waived):
            terminalreporter.line(line)


def _is_workspace(root: Path) -> bool:
    return (root / "Pulumi.yaml").is_file() and (root / "environments").is_dir()


def _environment(file: Path, parent: pytest.Collector) -> pytest.Collector:
    # Only now is it worth to load what can read policies.
    made: pytest.Collector = import_module("ostiary.testing.collect").environment(file, parent)
    return made


def _file_of(argument: str, here: Path) -> str:
    path, *names = argument.split("::")
    shown = here / path
    file = shown.parent / "environments" / f"{shown.name}.yaml"
    if shown.exists() or not (file.is_file() and _is_workspace(shown.parent)):
        return argument
    return "::".join([str(file), *names])
