from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.engine.shipped import ROOT


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Give a copy of the shipped policies and environments."""
    for folder in ("policies", "environments"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    return tmp_path
