"""Named sign-ins from tables; that tables say what `evaluate` does is a property of its own."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from ostiary.model.filter_grammar import FilterSyntaxError
from ostiary.model.policy import (
    CountryNamedLocation,
    ExternalTenants,
    Filter,
    GuestsOrExternalUsers,
    Locations,
    Policy,
    PolicySet,
    Users,
)
from ostiary.model.sign_in import (
    UNKNOWN,
    UNREGISTERED,
    Application,
    Partly,
    ServicePrincipal,
    SignIn,
    User,
)
from ostiary.proof import tables as module
from ostiary.proof.evaluate import evaluate
from ostiary.proof.tables import Tables
from tests.engine.unit.proof.test_evaluate import (
    BLOCK,
    LOCATIONS,
    MFA,
    PLAIN,
    RULES,
    Rule,
    apps,
    member,
    policy,
)

COMPLIANT = {"device.isCompliant": True}
UNLESS_COMPLIANT = Filter("exclude", "device.isCompliant -eq True")


def keys(tables: Tables, bits: int) -> list[str]:
    return [each.key for each in tables.named(bits)]


@pytest.mark.parametrize("rule", RULES, ids=[f"{each.page}: {each.says}" for each in RULES])
def test_rule(rule: Rule) -> None:
    tables = Tables(PolicySet((policy(**rule.conditions),), LOCATIONS))
    expected = 0 if rule.reason else 1
    assert (tables.applying(rule.sign_in), tables.possible(rule.sign_in)) == (expected, expected)
    assert tables.decide(rule.sign_in).outcome == ("allowed" if rule.reason else "blocked")


def test_policies_stand_by_what_they_do_and_disabled_ones_not_at_all() -> None:
    policies = [
        policy("mfa", grant=MFA),
        policy("tried", grant=BLOCK, state="enabledForReportingButNotEnforced"),
        policy("block", grant=BLOCK),
        policy("off", grant=BLOCK, state="disabled"),
        policy("more mfa", grant=MFA),
    ]
    tables = Tables(PolicySet(tuple(policies)))
    assert [each.key for each in tables.policies] == ["block", "mfa", "more mfa", "tried"]
    assert tables.kinds == [0b0001, 0b0110]
    assert tables.blocking == 0b0001
    assert tables.applying(PLAIN) == tables.possible(PLAIN) == 0b1111
    assert tables.decide(PLAIN).outcome == "blocked"
    assert [each.key for each in tables.deciding(PLAIN)] == ["block"]


def test_without_policies_everything_is_allowed() -> None:
    tables = Tables(PolicySet(()))
    assert (tables.applying(PLAIN), tables.possible(PLAIN)) == (0, 0)
    assert tables.decide(PLAIN).outcome == "allowed"


@pytest.mark.parametrize(
    ("reading", "client", "flow", "expected"),
    [
        ("unavailable", "browser", "none", (False, False)),
        ("unavailable", "other", "none", (True, True)),
        ("as given", "easSupported", "none", (True, True)),
        ("unavailable", "browser", "deviceCodeFlow", (True, True)),
        ("as given", "browser", "deviceCodeFlow", (False, False)),
        ("unavailable", "browser", UNKNOWN, (False, True)),
        ("as given", "browser", UNKNOWN, (False, False)),
        ("as given", UNKNOWN, "none", (False, True)),
    ],
)
def test_a_compliant_device_is_hidden_in_some_requests(
    reading: Any, client: Any, flow: Any, expected: tuple[bool, bool]
) -> None:
    tables = Tables(
        PolicySet((policy("block", device_filter=UNLESS_COMPLIANT),)), device_code_device=reading
    )
    sign_in = replace(PLAIN, client_app_type=client, authentication_flow=flow, device=COMPLIANT)
    assert (bool(tables.applying(sign_in)), bool(tables.possible(sign_in))) == expected


STAFF_OR_OUT = {"users": Users(include_groups=("staff", "out"))}
LEGACY_WORD = {"users": Users(include_users=("GuestsOrExternalUsers",))}
PARTNERS = {
    "users": Users(
        include_guests_or_external_users=GuestsOrExternalUsers(
            ("internalGuest", "serviceProvider"), ExternalTenants(("partner",))
        )
    )
}


@pytest.mark.parametrize(
    ("conditions", "known", "surely", "possible"),
    [
        (STAFF_OR_OUT, {"groups": UNKNOWN}, False, True),
        (STAFF_OR_OUT, {"groups": Partly(frozenset({"staff"}))}, True, True),
        (STAFF_OR_OUT, {"groups": Partly(frozenset({"more"}), frozenset({"out"}))}, False, True),
        (STAFF_OR_OUT, {"groups": Partly(not_of=frozenset({"out", "staff"}))}, False, False),
        (LEGACY_WORD, {"id": UNKNOWN}, False, False),
        (LEGACY_WORD, {"guest_type": UNKNOWN}, False, True),
        (PARTNERS, {"guest_type": UNKNOWN}, False, True),
        (PARTNERS, {"guest_type": "internalGuest", "external_tenant": UNKNOWN}, True, True),
        (PARTNERS, {"guest_type": "serviceProvider", "external_tenant": UNKNOWN}, False, True),
        (PARTNERS, {"guest_type": "serviceProvider", "external_tenant": "else"}, False, False),
    ],
)
def test_what_is_unknown_of_a_user(
    conditions: dict[str, Any],
    known: dict[str, Any],
    surely: bool,  # noqa: FBT001 (expected values)
    possible: bool,  # noqa: FBT001
) -> None:
    policy_set = PolicySet((policy(**conditions),))
    sign_in = member(**known)
    tables = Tables(policy_set)
    assert (tables.applying(sign_in), tables.possible(sign_in)) == (surely, possible)
    (verdict,) = evaluate(policy_set, sign_in).verdicts
    assert verdict.applies is (surely if surely == possible else None)


def test_an_unknown_address_may_be_in_every_location_and_surely_is_in_none() -> None:
    inside = policy("inside", locations=Locations(("office",)))
    outside = policy("outside", locations=Locations(("All",), ("office",)))
    tables = Tables(PolicySet((inside, outside), LOCATIONS))
    for address, surely, possible in (
        (ip_address("203.0.113.255"), ["inside"], ["inside"]),
        (ip_address("203.0.114.0"), ["outside"], ["outside"]),
        (ip_address("2001:db8:10::"), ["inside"], ["inside"]),
        (ip_address("::203.0.113.1"), ["outside"], ["outside"]),
        (UNKNOWN, [], ["inside", "outside"]),
    ):
        sign_in = replace(PLAIN, ip_address=address)
        assert keys(tables, tables.applying(sign_in)) == surely
        assert keys(tables, tables.possible(sign_in)) == possible


def test_an_unknown_application_is_none_that_policies_name_by_a_keyword() -> None:
    tables = Tables(PolicySet((policy("none", **apps("None")),)))
    unknown = Application(UNKNOWN, frozenset(), {})
    assert tables.possible(replace(PLAIN, target=unknown)) == 0


def test_an_unknown_country_is_undecided_even_where_a_location_has_none() -> None:
    # `evaluate` is not sharp there, and the tables say what it says.
    nowhere = CountryNamedLocation("nowhere", "Nowhere", ())
    policy_set = PolicySet((policy(locations=Locations(("nowhere",))),), (nowhere,))
    sign_in = replace(PLAIN, country=UNKNOWN)
    tables = Tables(policy_set)
    assert (tables.applying(sign_in), tables.possible(sign_in)) == (0, 1)
    assert evaluate(policy_set, sign_in).verdicts[0].applies is None


def test_users_and_workloads_are_reached_by_policies_of_their_own() -> None:
    tables = Tables(PolicySet((policy("users"),)))
    assert tables.applying(PLAIN)
    assert not tables.possible(replace(PLAIN, identity=ServicePrincipal("robot")))


def test_equal_values_of_other_types_are_other_devices() -> None:
    rule = Filter("include", 'device.model -eq "1"')
    tables = Tables(PolicySet((policy("one", device_filter=rule),)))
    found = [
        tables.applying(replace(PLAIN, device={"device.model": model}))
        for model in (True, 1, "1", 1.0, ("1",))
    ]
    assert found == [0, 1, 1, 0, 1]
    assert tables.applying(replace(PLAIN, device={})) == 0
    assert tables.possible(replace(PLAIN, device={})) == 1
    assert tables.possible(replace(PLAIN, device={"device.model": None})) == 0
    assert tables.possible(replace(PLAIN, device=UNREGISTERED)) == 0


def test_a_rule_that_cannot_be_read_is_refused_unless_its_policy_is_disabled() -> None:
    unreadable = policy("bad", device_filter=Filter("include", "device."))
    with pytest.raises(FilterSyntaxError):
        Tables(PolicySet((unreadable,)))
    assert Tables(PolicySet((replace(unreadable, state="disabled"),))).policies == ()


def test_what_is_kept_is_bounded_and_forgetting_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_KEPT", 2)
    policies = tuple(
        policy(f"not on {country}", locations=Locations(("All",), (country,)))
        for country in ("north", "anywhere", "by-gps")
    )
    policy_set = PolicySet((*policies, policy("device", device_filter=UNLESS_COMPLIANT)), LOCATIONS)
    tables = Tables(policy_set)
    for number in range(20):
        sign_in: SignIn = replace(
            PLAIN,
            identity=User(f"user {number}", frozenset(), frozenset(), None, None),
            device={"device.isCompliant": (True, False, None)[number % 3]},
            country=("NO", "SE", "FR", None)[number % 4],
            gps_country=("NO", "FR")[number % 2],
            platform=("windows", "linux", None)[number % 3],
        )
        decision = evaluate(policy_set, sign_in)
        applying = {each.policy.key for each in decision.verdicts if each.applies}
        assert set(keys(tables, tables.applying(sign_in))) == applying


def test_deciding_are_those_that_demand_or_might_block() -> None:
    session_only = Policy("nothing", "", "enabled", policy("any").conditions)
    may_block = policy("may block", sign_in_risk_levels=("high",))
    tables = Tables(PolicySet((policy("mfa", grant=MFA), session_only, may_block)))
    known = replace(PLAIN, sign_in_risk="none")
    assert [each.key for each in tables.deciding(known)] == ["mfa"]
    unknown = replace(PLAIN, sign_in_risk=UNKNOWN)
    assert tables.decide(unknown).outcome == "unknown"
    assert [each.key for each in tables.deciding(unknown)] == ["may block"]
