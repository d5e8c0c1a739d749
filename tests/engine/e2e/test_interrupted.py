from __future__ import annotations

import json
import os
import signal

import pytest

from ostiary.sandbox.faults import Fault
from tests.engine.e2e.checkout import Checkout, Under, until

pytestmark = pytest.mark.e2e

FOR_EVER = 3600.0


def hold(checkout: Checkout, *, method: str, skip: int, seconds: float, requests: int = 2) -> Under:
    """Start an `up` and have it held in the middle of `requests` about policies."""
    pattern = "/conditionalAccess/policies" + ("/" if method == "GET" else "$")
    checkout.add(Fault(kind="slow", method=method, path=pattern, skip=skip, seconds=seconds))
    run = checkout.begin("up")
    until(lambda: checkout.sandbox.admin("GET", "faults")[0]["seen"] >= skip + requests)
    return run


def engine_of(checkout: Checkout) -> int:
    (lock,) = (checkout.root / ".ostiary/state/.pulumi/locks").rglob("*.json")
    return int(json.loads(lock.read_text())["pid"])


def test_an_up_goes_on_where_the_engine_was_killed(fresh: Checkout) -> None:
    run = hold(fresh, method="GET", skip=14, seconds=FOR_EVER)

    second = fresh.run("up")
    assert second.code == 1
    assert "another run of `sandbox` is under way in this folder" in second.stderr
    past_us = fresh.run("pulumi", "sandbox", "up", "--yes", "--skip-preview")
    assert past_us.code != 0
    assert "locked" in past_us.stderr
    held = fresh.ids()
    os.kill(engine_of(fresh), signal.SIGKILL)
    ended = run.end()
    assert ended.code == 1
    assert "Traceback" not in ended.text

    converges(fresh, held)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_up_goes_on_where_everything_was_killed(fresh: Checkout, method: str) -> None:
    run = hold(fresh, method=method, skip=14 if method == "GET" else 3, seconds=FOR_EVER)
    held = fresh.ids()

    run.signal(signal.SIGKILL)
    run.end()

    converges(fresh, held)


@pytest.mark.parametrize(
    ("edit", "end"),
    [
        ("removed", signal.SIGKILL),
        ("renamed", signal.SIGKILL),
        ("switched", signal.SIGKILL),
        ("removed", signal.SIGINT),
    ],
)
def test_what_was_made_unrecorded_goes_although_no_file_says_it_any_more(
    deployed: Checkout, edit: str, end: signal.Signals
) -> None:
    file = "policies/left.yaml"
    deployed.write(file, deployed.policy("Left"))
    run = hold(deployed, method="POST", skip=0, seconds=3, requests=1)
    run.signal(end)
    run.end()
    until(lambda: "Left" in deployed.ids())  # Graph does what it was asked, whoever waits for it
    left = deployed.ids()["Left"]
    deployed.heal()
    if edit == "removed":
        (deployed.root / file).unlink()
    elif edit == "renamed":
        deployed.change(file, lambda policy: policy.update(displayName="Another"))
    else:
        deployed.change(file, lambda policy: policy.update(state="disabled"))

    done = deployed.up()

    assert f"deleting `Left` ({left}), left by an interrupted run" in done.stderr
    deployed.assert_as_specified()
    assert "nothing changed" in deployed.up().stderr


def test_an_up_goes_on_where_it_was_interrupted(fresh: Checkout) -> None:
    run = hold(fresh, method="GET", skip=14, seconds=2)
    held = fresh.ids()

    run.signal(signal.SIGINT)

    ended = run.end()
    assert ended.code == 130
    assert "interrupted: the same command goes on from here" in ended.stderr, ended.stderr[-600:]
    assert "Traceback" not in ended.text
    fresh.recorded()  # the engine had the time to put its books in order
    converges(fresh, held)


def converges(checkout: Checkout, held: dict[str, str]) -> None:
    """See that the next `up` keeps what is held, makes the rest and settles the state."""
    assert 0 < len(held) < len(checkout.specified().policies)
    checkout.heal()
    checkout.mark()
    checkout.up()
    checkout.assert_as_specified()
    assert held.items() <= checkout.ids().items()
    assert not held.keys() & {each.name for each in checkout.writes()}
