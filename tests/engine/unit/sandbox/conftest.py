"""One sandbox for all tests of a run; each test has tenants of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.faults import Faults
from ostiary.sandbox.lifecycle import Running
from tests.engine.unit.sandbox.wire import Graph, connect


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("sandbox") / "home"
    yield lifecycle.start(home)
    lifecycle.stop(home)


@pytest.fixture(scope="session")
def client(running: Running) -> Iterator[httpx.Client]:
    with connect(running) as client:
        yield client


@pytest.fixture
def graph(running: Running, client: httpx.Client) -> Graph:
    return Graph(running, client, str(uuid4())).sign_in()


@pytest.fixture
def faults(running: Running) -> Iterator[Faults]:
    switch = Faults(running)
    yield switch
    switch.clear()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose server, if any, is gone after the test."""
    yield tmp_path / "home"
    lifecycle.stop(tmp_path / "home")
