from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.unit.tenant.elsewhere import Elsewhere


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    with Elsewhere(tmp_path) as server:
        yield server
