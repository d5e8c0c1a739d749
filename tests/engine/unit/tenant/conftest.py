from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.faults import Faults
from ostiary.sandbox.lifecycle import Running
from tests.engine.unit.tenant.elsewhere import Elsewhere


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
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    with Elsewhere(tmp_path) as server:
        yield server
