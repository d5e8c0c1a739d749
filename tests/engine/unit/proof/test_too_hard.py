"""What nobody can decide in bounded time is said to be undecided, in bounded time."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ostiary.errors import Location
from ostiary.model.goal import Blocked, Goal, SignIns
from ostiary.model.policy import (
    Applications,
    Conditions,
    Filter,
    GrantControls,
    Policy,
    PolicySet,
    Users,
)
from ostiary.proof.compare import compare
from ostiary.proof.prove import prove
from ostiary.proof.results import NotDecided, Proof
from ostiary.proof.transition import transition

GOAL = Goal("goal", "Nobody gets in.", (SignIns(),), (), Blocked(), Location("goal.yaml"))


def block(key: str, users: Users = Users(("All",)), **more: Any) -> Policy:  # noqa: B008 (frozen)
    conditions = Conditions(users, Applications(("All",)), ("all",), **more)
    return Policy(key, key, "enabled", conditions, GrantControls("OR", ("block",)))


def rule(text: str) -> dict[str, Filter]:
    return {"device_filter": Filter("include", text)}


PREFIXES = " -or ".join(f'device.displayName -startsWith "{n}-"' for n in range(150))
SUFFIXES = " -or ".join(f'device.displayName -endsWith "-{n}"' for n in range(150))
PARTS = " -or ".join(f'device.displayName -contains "{n}x"' for n in range(11))
HARD = {
    "prefixes and suffixes": [block("a", **rule(PREFIXES)), block("b", **rule(SUFFIXES))],
    "parts": [block("a", **rule(PARTS))],
    "groups and filter": [
        block(
            "a",
            Users((), (), tuple(f"group-{n}" for n in range(2000))),
            **rule(" -or ".join(f'device.extensionAttribute{n} -eq "a"' for n in range(1, 16))),
        )
    ],
}


@pytest.mark.parametrize("name", HARD)
def test_it_is_told_at_once(name: str) -> None:
    started = time.monotonic()
    policy_set = PolicySet(tuple(HARD[name]))
    result = prove(policy_set, GOAL)
    assert isinstance(result, NotDecided)
    assert result.reason
    assert compare(policy_set, PolicySet(())).undecided
    assert transition(policy_set, PolicySet(())).undecided
    assert time.monotonic() - started < 20  # it would be hours


def test_what_is_only_large_is_decided() -> None:
    many = tuple(f"group-{n}" for n in range(2000))
    policies = (
        block("inside", Users((), (), many)),
        block("outside", Users(("All",), (), (), many)),
    )
    assert isinstance(prove(PolicySet(policies), GOAL), Proof)
