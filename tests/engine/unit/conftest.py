from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.faults import Faults
from ostiary.sandbox.lifecycle import Running
from tests.engine.shipped import ROOT


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One sandbox for all tests of a run; each test has a tenant of its own."""
    home = tmp_path_factory.mktemp("sandbox") / "home"
    yield lifecycle.start(home)
    lifecycle.stop(home)


@pytest.fixture
def faults(running: Running) -> Iterator[Faults]:
    switch = Faults(running)
    yield switch
    switch.clear()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Give a copy of the shipped policies and environments."""
    for folder in ("policies", "environments"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    return tmp_path
