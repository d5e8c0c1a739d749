from __future__ import annotations

import pytest

from tests.engine.e2e.checkout import Checkout

pytestmark = pytest.mark.e2e


def test_up_makes_what_the_files_say_and_a_second_one_changes_nothing(fresh: Checkout) -> None:
    done = fresh.run("up")

    assert done.code == 0, done.text
    fresh.assert_as_specified()
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    for each in fresh.held("policies"):
        assert [each["state"], each["id"], each["displayName"]] in rows
    for each in fresh.held("namedLocations"):
        assert ["trusted", each["id"], each["displayName"]] in rows

    fresh.mark()
    again = fresh.run("up")
    assert again.code == 0, again.text
    assert "nothing changed" in again.stderr
    assert fresh.writes() == []
    fresh.assert_as_specified()
