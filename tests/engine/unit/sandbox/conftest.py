"""A client of the sandbox, with a tenant for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.lifecycle import Running
from tests.engine.unit.sandbox.wire import Graph, connect


@pytest.fixture(scope="session")
def client(running: Running) -> Iterator[httpx.Client]:
    with connect(running) as client:
        yield client


@pytest.fixture
def graph(running: Running, client: httpx.Client) -> Graph:
    return Graph(running, client, str(uuid4())).sign_in()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose server, if any, is gone after the test."""
    yield tmp_path / "home"
    lifecycle.stop(tmp_path / "home")
