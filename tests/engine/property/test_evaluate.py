"""What `evaluate` says of a sign-in with unknown signals, against every way to complete it.

Also what must not change a decision, whatever the policies are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from itertools import product
from math import prod
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary import catalog
from ostiary.model.policy import (
    Applications,
    Conditions,
    CountryNamedLocation,
    ExternalTenants,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    IpNamedLocation,
    Locations,
    Platforms,
    Policy,
    PolicySet,
    SessionControls,
    Users,
)
from ostiary.model.sign_in import (
    UNKNOWN,
    UNREGISTERED,
    Application,
    Partly,
    SignIn,
    User,
    UserAction,
)
from ostiary.proof.evaluate import evaluate
from tests.engine.property.examples import examples

LOCATIONS = (
    IpNamedLocation("office", "Office", ("203.0.113.0/24",), is_trusted=True),
    CountryNamedLocation("north", "North", ("NO",), include_unknown_countries_and_regions=True),
    CountryNamedLocation("gps", "GPS", ("NO",), "authenticatorAppGps"),
)
COMPLIANT, SAW = "device.isCompliant", "device.extensionAttribute1"
TAG = "CustomSecurityAttribute.Web_Tag"
# Small domains: with them, everything that the policies below can tell apart.
USER: dict[str, list[Any]] = {
    "id": ["anna", "bob"],
    "groups": [frozenset(), frozenset({"staff"}), frozenset({"out"}), frozenset({"staff", "out"})],
    "roles": [frozenset(), frozenset({"admin"})],
    "guest_type": [None, "internalGuest", "b2bCollaborationGuest"],
    "external_tenant": [None, "partner"],
}
APPLICATION: dict[str, list[Any]] = {
    "id": [None, "mail"],
    "suites": [frozenset(), frozenset({"Office365"})],
    "attributes": [{TAG: None}, {TAG: "x"}],
}
SIGN_IN: dict[str, list[Any]] = {
    "authentication_flow": ["none", "deviceCodeFlow", "authenticationTransfer"],
    "session_flow": ["none", "deviceCodeFlow"],
    "client_app_type": ["browser", "other", "easSupported"],
    "platform": [None, "windows", "iOS"],
    "ip_address": [ip_address("203.0.113.7"), ip_address("192.0.2.1")],
    "in_mfa_trusted_ips": [False, True],
    "country": [None, "NO", "DE"],
    "gps_country": [None, "NO"],
    "other_locations": [frozenset(), frozenset({"compliant"})],
    "device": [
        UNREGISTERED,
        *({COMPLIANT: c, SAW: s} for c, s in product((None, True, False), (None, "SAW"))),
    ],
    "sign_in_risk": ["none", "high"],
    "user_risk": ["none", "high"],
    "insider_risk": ["none", "elevated"],
}
PARTLY = [
    Partly(frozenset({"staff"})),
    Partly(frozenset(), frozenset({"out"})),
    Partly(frozenset({"staff"}), frozenset({"out"})),
]
PARTIAL_DEVICES: list[Any] = [{COMPLIANT: True}, {COMPLIANT: None}, {SAW: "SAW"}]
MOST_COMPLETIONS = 400


def some(*values: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


def rarely(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), strategy)


GUESTS = rarely(
    st.builds(
        GuestsOrExternalUsers,
        some("internalGuest", "b2bCollaborationGuest"),
        st.sampled_from([None, ExternalTenants(None), ExternalTenants(("partner",))]),
    )
)
USERS = st.builds(
    Users,
    st.sampled_from([("All",), ("All",), (), ("anna",), ("None",), ("GuestsOrExternalUsers",)]),
    some("bob", "anna"), some("staff", "out"), some("out"), some("admin"), some("admin"),
    GUESTS, GUESTS,
)  # fmt: skip
ATTRIBUTE_FILTER = st.builds(
    Filter,
    st.sampled_from(get_args(catalog.FilterMode)),
    st.sampled_from([f'{TAG} -eq "x"', f'{TAG} -ne "x"']),
)
APPLICATIONS = st.one_of(
    st.just(Applications(("All",))),
    st.builds(
        Applications,
        st.sampled_from([("All",), ("mail",), ("Office365",), ("None",)]),
        some("mail", "Office365"),
        st.just(()),
        rarely(ATTRIBUTE_FILTER),
    ),
    st.just(Applications((), (), ("urn:user:registerdevice",))),
)
PLACES = ("office", "north", "gps", "compliant", "AllTrusted")
CONDITIONS = st.builds(
    Conditions,
    users=USERS,
    applications=APPLICATIONS,
    client_app_types=st.sampled_from([("all",), ("all",), ("exchangeActiveSync",), ("browser",)]),
    platforms=rarely(
        st.builds(Platforms, st.sampled_from([("all",), ("windows",)]), some("windows", "iOS"))
    ),
    locations=rarely(
        st.builds(Locations, st.sampled_from([("All",), ("north", "office")]), some(*PLACES))
    ),
    device_filter=rarely(
        st.builds(
            Filter,
            st.sampled_from(get_args(catalog.FilterMode)),
            st.sampled_from(
                [
                    f"{COMPLIANT} -eq True",
                    f"{COMPLIANT} -ne True",
                    f'{COMPLIANT} -ne True -and {SAW} -notIn ["SAW"]',
                    f'-not ({SAW} -startsWith "S") -or {COMPLIANT} -eq False',
                ]
            ),
        )
    ),
    authentication_flows=st.sampled_from([(), (), ("deviceCodeFlow",)]),
    sign_in_risk_levels=st.sampled_from([(), (), ("high",)]),
    user_risk_levels=st.sampled_from([(), (), ("high",)]),
    insider_risk_levels=st.sampled_from([None, None, "elevated"]),
)
GRANTS = st.sampled_from(
    [
        GrantControls("OR", ("block",)),
        GrantControls("OR", ("block",)),
        GrantControls("OR", ("mfa",)),
        GrantControls("OR", ("compliantDevice", "mfa")),
        GrantControls("AND", ("compliantDevice", "mfa")),
        None,
    ]
)
POLICIES = st.lists(
    st.builds(
        Policy,
        st.uuids().map(str),
        st.just("a policy"),
        st.sampled_from(["enabled", "enabled", "enabled", *get_args(catalog.State)]),
        CONDITIONS,
        GRANTS,
        rarely(st.just(SessionControls(persistent_browser="never"))),
    ),
    max_size=4,
)
READINGS = st.sampled_from(["unavailable", "as given"])


def known_or_not(domains: dict[str, list[Any]], **partly: Any) -> dict[str, Any]:
    return {
        name: st.sampled_from([*values, *values, UNKNOWN, *partly.get(name, ())])
        for name, values in domains.items()
    }


SIGN_INS = st.builds(
    SignIn,
    st.builds(User, **known_or_not(USER, groups=PARTLY)),
    st.one_of(
        st.builds(Application, **known_or_not(APPLICATION)),
        st.just(UserAction("urn:user:registerdevice")),
    ),
    **known_or_not(SIGN_IN, device=PARTIAL_DEVICES),
)


def fits(value: Any, known: Any) -> bool:
    """Tell whether a value of a domain is one that what is known leaves open."""
    if known is UNKNOWN:
        return True
    if isinstance(known, Partly):
        return known.of <= value and not known.not_of & value
    if isinstance(known, dict) and isinstance(value, dict):
        return known.items() <= value.items()
    return bool(value == known)


def open_to(part: Any, domains: dict[str, list[Any]]) -> list[list[Any]]:
    """Give, for each field, the values that what is known of it leaves open."""
    return [
        [value for value in domain if fits(value, getattr(part, name))]
        for name, domain in domains.items()
    ]


def complete(sign_in: SignIn, random: Any) -> Iterator[SignIn]:
    """Give every completion, or a sample where there are too many."""
    domains = [*open_to(sign_in.identity, USER), *open_to(sign_in, SIGN_IN)]
    application = isinstance(sign_in.target, Application)
    domains += open_to(sign_in.target, APPLICATION) if application else []
    few = prod(map(len, domains)) <= MOST_COMPLETIONS
    chosen: Iterable[Sequence[Any]] = (
        product(*domains)
        if few
        else ([random.choice(each) for each in domains] for _ in range(MOST_COMPLETIONS))
    )
    for values in chosen:
        left = iter(values)
        user = replace(sign_in.identity, **dict(zip(USER, left, strict=False)))
        rest = dict(zip(SIGN_IN, left, strict=False))
        target = replace(sign_in.target, **dict(zip(APPLICATION, left, strict=False)))
        yield replace(sign_in, identity=user, target=target, **rest)


@settings(max_examples=examples(80), deadline=None)
@given(POLICIES, SIGN_INS, READINGS, st.randoms(use_true_random=False))
def test_no_completion_contradicts_what_is_definite(
    policies: list[Policy], sign_in: SignIn, reading: Any, random: Any
) -> None:
    policy_set = PolicySet(tuple(policies), LOCATIONS)
    decision = evaluate(policy_set, sign_in, device_code_device=reading)
    said = [(each.applies, each) for each in (*decision.verdicts, *decision.report_only)]
    for applies, verdict in said:
        unmet = any(reason.met is False for reason in verdict.reasons)
        assert applies is (False if unmet else None if verdict.reasons else True)
    for completed in complete(sign_in, random):
        full = evaluate(policy_set, completed, device_code_device=reading)
        assert full.outcome != "unknown"
        assert full.mattering == frozenset()
        found = [each.applies for each in (*full.verdicts, *full.report_only)]
        assert None not in found
        assert all(
            applies in (None, truth) for (applies, _), truth in zip(said, found, strict=True)
        )
        if decision.outcome != "unknown":
            assert (full.outcome, full.requirements) == (decision.outcome, decision.requirements)
        if decision.unsatisfiable:
            assert full.shut
    assert bool(decision.mattering) == (decision.outcome == "unknown")


@settings(max_examples=examples(80), deadline=None)
@given(POLICIES, SIGN_INS, READINGS)
def test_nothing_matters_that_is_not_in_mattering(
    policies: list[Policy], sign_in: SignIn, reading: Any
) -> None:
    """Complete what does not matter, with the first value of its domain, and nothing changes."""
    policy_set = PolicySet(tuple(policies), LOCATIONS)
    decision = evaluate(policy_set, sign_in, device_code_device=reading)
    rest = {
        name: domain[0]
        for name, domain in SIGN_IN.items()
        if getattr(sign_in, name) is UNKNOWN and name not in decision.mattering and name != "device"
    }
    again = evaluate(policy_set, replace(sign_in, **rest), device_code_device=reading)
    assert (again.outcome, again.mattering) == (decision.outcome, decision.mattering)


@settings(max_examples=examples(60), deadline=None)
@given(POLICIES, SIGN_INS, st.randoms(use_true_random=False))
def test_order_repetition_and_what_is_not_enforced_change_nothing(
    policies: list[Policy], sign_in: SignIn, random: Any
) -> None:
    effect = evaluate(PolicySet(tuple(policies), LOCATIONS), sign_in).effect
    shuffled = random.sample(policies, len(policies)) + policies[:1]
    off: list[Policy] = [replace(each, state="disabled") for each in policies]
    off += [replace(each, state="enabledForReportingButNotEnforced") for each in policies]
    assert evaluate(PolicySet((*shuffled, *off), LOCATIONS), sign_in).effect == effect


@settings(max_examples=examples(60), deadline=None)
@given(POLICIES, SIGN_INS, CONDITIONS)
def test_a_block_more_never_lets_anybody_in(
    policies: list[Policy], sign_in: SignIn, conditions: Conditions
) -> None:
    block = Policy("more", "more", "enabled", conditions, GrantControls("OR", ("block",)))
    before = evaluate(PolicySet(tuple(policies), LOCATIONS), sign_in)
    after = evaluate(PolicySet((*policies, block), LOCATIONS), sign_in)
    assert after.outcome in {before.outcome, "blocked", "unknown"}
    assert before.outcome != "blocked" or after.outcome == "blocked"
