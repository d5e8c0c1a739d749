"""The order of an apply, against every state that it can pass through."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.model.goal import SignIns
from ostiary.model.policy import (
    Applications,
    Conditions,
    GrantControls,
    IpNamedLocation,
    Locations,
    NamedLocation,
    Policy,
    PolicySet,
    Users,
)
from ostiary.model.sign_in import SignIn, User
from ostiary.proof.evaluate import evaluate
from ostiary.proof.transition import Resource, Transition, transition
from tests.engine.property.examples import examples
from tests.engine.property.test_compare import versions
from tests.engine.property.test_regions import READINGS, SIGN_INS

EMERGENCY = (SignIns(groups=("out",)),)
BLOCK = GrantControls("OR", ("block",))


def by_key(of: PolicySet) -> tuple[dict[str, Policy], dict[str, NamedLocation]]:
    return {p.key: p for p in of.policies}, {each.key: each for each in of.named_locations}


def states(
    before: PolicySet, after: PolicySet, order: tuple[tuple[Resource, Resource], ...]
) -> Iterator[PolicySet]:
    """Give the tenant in every state that Pulumi can leave it in on the way."""
    (policies, locations), (new_policies, new_locations) = by_key(before), by_key(after)
    resources = [
        *(Resource("policy", k) for k in sorted(policies.keys() | new_policies.keys())
          if policies.get(k) != new_policies.get(k)),
        *(Resource("named location", k) for k in sorted(locations.keys() | new_locations.keys())
          if locations.get(k) != new_locations.get(k)),
    ]  # fmt: skip
    for chosen in product((False, True), repeat=len(resources)):
        done = {each for each, new in zip(resources, chosen, strict=True) if new}
        if any(then in done and first not in done and first in resources for first, then in order):
            continue
        if not reachable(done, set(resources), new_policies, new_locations):
            continue
        yield PolicySet(
            tuple(merged("policy", policies, new_policies, done)),
            tuple(merged("named location", locations, new_locations, done)),
        )


def merged(kind: Any, old: dict[str, Any], new: dict[str, Any], done: set[Resource]) -> list[Any]:
    sides = (old, new)
    found = (sides[Resource(kind, key) in done].get(key) for key in sorted(old.keys() | new.keys()))
    return [each for each in found if each]


def reachable(
    done: set[Resource], every: set[Resource], policies: dict[str, Policy], locations: Any
) -> bool:
    """Tell whether deletions are last and locations stand before the policies that name them."""
    kept = {r for r in every if r.key in (policies if r.kind == "policy" else locations)}
    if done - kept and kept - done:
        return False
    for each in done & kept:
        if each.kind == "policy" and (of := policies[each.key].conditions.locations):
            names = {*of.include_locations, *of.exclude_locations}
            if any(r.kind == "named location" and r.key in names for r in every - done):
                return False
    return True


def worse(ends: tuple[Any, Any], during: Any, sign_in: SignIn) -> bool:
    """Tell whether a state lets in, asks less of or locks out whom neither end does."""
    if all(each.outcome == "blocked" for each in ends):
        return bool(during.outcome != "blocked")
    if during.outcome == "blocked":
        user = sign_in.identity
        emergency = isinstance(user, User) and "out" in user.groups  # type: ignore[operator]
        return emergency and all(each.outcome != "blocked" for each in ends)
    return any(
        all(each.outcome == "blocked" or within(wanted, each) for each in ends)
        and not within(wanted, during)
        for end in ends
        for wanted in end.requirements
    )


def within(wanted: Any, decision: Any) -> bool:
    return any(set(each) <= set(wanted) for each in decision.requirements)


@settings(max_examples=examples(80), deadline=None)
@given(versions(), st.lists(SIGN_INS, min_size=4, max_size=8), READINGS)
def test_a_safe_order_is_safe_in_every_state_that_can_be_reached(
    pair: tuple[PolicySet, PolicySet], sign_ins: list[SignIn], reading: Any
) -> None:
    before, after = pair
    found = transition(before, after, EMERGENCY)
    assert found.undecided is None
    for passing in found.passing:
        assert worse((passing.before, passing.after), passing.during, passing.sign_in)
    if not found.safe:
        return
    for sign_in in sign_ins:
        ends = tuple(evaluate(each, sign_in, device_code_device=reading) for each in pair)
        for state in states(before, after, found.order):
            during = evaluate(state, sign_in, device_code_device=reading)
            assert not worse(ends, during, sign_in)  # type: ignore[arg-type]


def block(
    key: str, *, groups: tuple[str, ...] = (), without: tuple[str, ...] = (), **more: Any
) -> Policy:
    users = Users(("All",) if not groups else (), (), groups, without)
    return Policy(
        key, key, "enabled", Conditions(users, Applications(("All",)), ("all",), **more), BLOCK
    )


def test_whom_one_policy_lets_go_another_holds_first() -> None:
    before = PolicySet((block("a"), block("b", groups=("x",))))
    after = PolicySet((block("a", without=("x",)), block("b", groups=("x", "y"))))
    assert transition(before, after) == Transition()
    before = PolicySet((block("a"), block("b", groups=("y",))))
    assert transition(before, after).order == ((Resource("policy", "b"), Resource("policy", "a")),)
    assert transition(before, after).safe


def test_two_that_wait_for_each_other_are_told() -> None:
    before = PolicySet((block("a", groups=("x",)), block("b", groups=("y",))))
    after = PolicySet((block("a", groups=("y",)), block("b", groups=("x",))))
    found = transition(before, after)
    assert not found.safe
    (passing,) = found.passing
    assert passing.kind == "opens"
    assert (passing.before.outcome, passing.during.outcome, passing.after.outcome) == (
        "blocked",
        "allowed",
        "blocked",
    )


def test_a_location_moves_before_the_policy_that_stops_to_name_it() -> None:
    def office(ranges: str) -> IpNamedLocation:
        return IpNamedLocation("office", "Office", (ranges,), is_trusted=True)

    excluding = block("a", locations=Locations(("All",), ("office",)))
    inside = block("b", locations=Locations(("office",)))
    before = PolicySet((excluding, inside), (office("203.0.113.0/24"),))
    after = PolicySet((excluding, inside), (office("198.51.100.0/24"),))
    assert transition(before, after) == Transition()


def test_an_emergency_access_account_is_not_locked_out_on_the_way() -> None:
    here, there = (
        IpNamedLocation("office", "Office", (ranges,))
        for ranges in ("203.0.113.0/24", "198.51.100.0/24")
    )
    inside: Any = {"locations": Locations(("office",))}
    before = PolicySet((block("a", groups=("out",), **inside),), (here,))
    # a deletion comes last, whatever is wanted
    (passing,) = transition(before, PolicySet((), (there,)), EMERGENCY).passing
    assert passing.kind == "locksOut"
    assert passing.during.outcome == "blocked"
    freed = PolicySet((block("a", groups=("out",), without=("out",)),), (there,))
    assert transition(before, freed, EMERGENCY) == Transition(
        ((Resource("policy", "a"), Resource("named location", "office")),)
    )
