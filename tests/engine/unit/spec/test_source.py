from __future__ import annotations

import pytest

from ostiary.spec.source import parse
from tests.engine.unit.spec.hostile import CASES, HostileCase


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_file_is_read_or_refused_with_its_code(case: HostileCase) -> None:
    source, found = parse(case.content(), "policies/hostile.yaml")
    if case.expected_code is None:
        assert found == []
        assert source is not None
        assert source.data == case.reads_as
    else:
        assert found[0].code == case.expected_code
        assert found[0].location.path == "policies/hostile.yaml"
