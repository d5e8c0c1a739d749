from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostiary.errors import PreflightError
from ostiary.tenant.response.facts import Account, Group
from ostiary.tenant.response.plan import (
    Earlier,
    Found,
    Guarded,
    Plan,
    UserPlan,
    admit,
    first_device_code,
    plan,
    within,
)
from ostiary.tenant.response.suspects import Suspect
from tests.engine.unit.tenant.response.people import (
    ABROAD,
    GROUP,
    MAPPED,
    OFFICE,
    START,
    TRUSTED,
    account,
    at,
    device,
    logged,
    user,
)

NOBODY = Guarded(frozenset(), "runner")
REVOKED = Earlier(START, None, revoked=True)


def planned(of: Account, *, since: bool = True, **more: Any) -> UserPlan:
    (found,) = plans(of, since=since, **more).users
    return found


def plans(of: Account, *, since: bool = True, group: Group = GROUP, **more: Any) -> Plan:
    suspect = Suspect("ada", START if since else None)
    given = {"trusted": TRUSTED, "earlier": {}, "now": at(60), **more}
    return plan("contoso-prod", group, [(suspect, of.user)], {"ada": of}, **given)


def test_devices_since_the_first_sign_in_are_disabled_and_no_others() -> None:
    before, then, after = device("before", -0.01), device("then", 0), device("after", 5)
    off, undated = device("off", 6, enabled=False), device("undated", None)
    found = planned(account(user(), before, then, after, off, undated))
    assert found.disable == (then, after)
    assert found.disabled == (off,)
    assert found.undated == (undated,)
    assert found.join
    assert found.revoke


def test_what_is_there_is_not_done_again() -> None:
    done = account(user(valid=30), device("evil", 5, enabled=False), member=True)
    found = planned(done, earlier={"ada": REVOKED})
    assert (found.disable, found.join, found.revoke, found.before) == ((), False, False, None)


@pytest.mark.parametrize(
    ("of", "earlier"),
    [
        # nobody knows whether it came after devices and membership
        (account(user(valid=30), member=True), None),
        (account(user(valid=30), member=True), replace(REVOKED, revoked=False)),
        # it came before the first suspicious sign-in
        (account(user(valid=-30), member=True), REVOKED),
        (account(user(), member=True), REVOKED),
        # something changes now
        (account(user(valid=30)), REVOKED),
        (account(user(valid=30), device("evil", 40), member=True), REVOKED),
        # an old session went on
        (
            account(user(valid=30), member=True, sign_ins=(logged(10), logged(31))),
            REVOKED,
        ),
    ],
)
def test_sessions_are_revoked_again(of: Account, earlier: Earlier | None) -> None:
    found = planned(of, earlier={"ada": earlier} if earlier else {})
    assert found.revoke
    assert found.before == of.user.sessions_valid_from


def test_the_log_says_since_when() -> None:
    sign_ins = (
        logged(5, device_code=True),
        logged(-90, device_code=True, address=OFFICE),
        logged(-80, device_code=True, address=MAPPED),
        logged(-70, device_code=True, error_code=50199),
        logged(-60),
        logged(1, device_code=True),
    )
    first = first_device_code(sign_ins, TRUSTED)
    assert first == sign_ins[-1]
    found = planned(account(user(), sign_ins=sign_ins), since=False)
    assert (found.since, found.first) == (at(1), first)
    assert planned(account(user(), sign_ins=sign_ins)).first is None


@pytest.mark.parametrize("address", [ABROAD, None, "nowhere"])
def test_an_address_that_is_not_known_counts_as_outside(address: str | None) -> None:
    entry = logged(0, device_code=True, address=address)
    assert first_device_code([entry], TRUSTED) == entry


@pytest.mark.parametrize(
    ("of", "more", "said"),
    [
        (account(user()), {"since": False}, "has no device code sign-in"),
        (account(user(), sign_ins=None, no_log="403"), {"since": False}, "not known: 403"),
        (account(user()), {"now": at(-1)}, "is suspected since"),
        (account(user(), device("x", None, enabled=None)), {}, "cannot be read, only their ids"),
        (account(user()), {"group": replace(GROUP, closed="a rule")}, "nobody can be added"),
    ],
)
def test_a_plan_that_cannot_be_made(of: Account, more: dict[str, Any], said: str) -> None:
    with pytest.raises(PreflightError, match=said):
        plans(of, **more)


def test_whoever_is_named_is_admitted_in_order() -> None:
    found: dict[str, Found] = {"b": user("bob"), "ada": user()}
    admitted = admit([Suspect("b"), Suspect("ada")], found, NOBODY)
    assert [each.id for _, each in admitted] == ["bob", "ada"]


@pytest.mark.parametrize(
    ("found", "guarded", "said"),
    [
        (None, NOBODY, "there is no such user"),
        ("servicePrincipal", NOBODY, "is a service principal"),
        (user("eve", guest=True), NOBODY, "is a guest"),
        (user("glass"), Guarded(frozenset({"glass"}), "runner"), "is an emergency access account"),
        (user("me"), Guarded(frozenset(), "me"), "is who runs this"),
        (user("ada"), NOBODY, "is named twice, as `ada` before"),
    ],
)
def test_all_who_are_refused_are_named_at_once(found: Found, guarded: Guarded, said: str) -> None:
    every: dict[str, Found] = {"ada": user(), "x": found, "nobody": None}
    with pytest.raises(PreflightError) as refused:
        admit([Suspect("ada"), Suspect("x"), Suspect("nobody")], every, guarded)
    assert f"`x` {said}" in str(refused.value).replace(":", "")
    assert "`nobody`: there is no such user" in str(refused.value)
    assert refused.value.exit_code == 5


def test_the_number_of_users_is_capped() -> None:
    within([Suspect("a")] * 20, 20)
    with pytest.raises(PreflightError, match="21 users are named, and at most 20 are taken"):
        within([Suspect("a")] * 21, 20)
