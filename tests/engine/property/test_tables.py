"""The tables against `evaluate`, policy by policy, for random policies and sign-ins.

Every signal may be unknown; batches are held to the tables for one sign-in.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary import catalog
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    CountryNamedLocation,
    ExternalTenants,
    Filter,
    GuestsOrExternalUsers,
    IpNamedLocation,
    Locations,
    Platforms,
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
    UserAction,
)
from ostiary.proof.batch import Batch
from ostiary.proof.columns import numbered
from ostiary.proof.evaluate import evaluate
from ostiary.proof.tables import Tables
from tests.engine.property.examples import examples
from tests.engine.property.test_evaluate import (
    COMPLIANT,
    GRANTS,
    READINGS,
    SAW,
    TAG,
    rarely,
    some,
)

AZURE = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
MFA_TRUSTED_IPS = "00000000-0000-0000-0000-000000000000"
FUTURE = "unknownFutureValue"
LOCATIONS = (
    IpNamedLocation("office", "Office", ("203.0.113.0/24", "2001:db8:10::/48"), is_trusted=True),
    IpNamedLocation("desk", "Desk", ("203.0.113.128/25", "203.0.113.7/32")),
    IpNamedLocation("nowhere", "Nowhere", ()),
    CountryNamedLocation("north", "North", ("NO",), include_unknown_countries_and_regions=True),
    CountryNamedLocation("south", "South", ("DE", "NO")),
    CountryNamedLocation("gps", "GPS", ("NO",), "authenticatorAppGps"),
    CountryNamedLocation("none", "None", ()),
)
ADDRESSES = (
    "203.0.113.0", "203.0.113.7", "203.0.113.8", "203.0.113.255", "203.0.114.0", "0.0.0.1",
    "255.255.255.255", "2001:db8:10::1", "2001:db8:11::", "::", "::203.0.113.7",
)  # fmt: skip
GUEST_TYPES = ("internalGuest", "b2bCollaborationGuest", "serviceProvider")
DEVICE_RULES = (
    f"{COMPLIANT} -eq True",
    f"{COMPLIANT} -ne True",
    f'{COMPLIANT} -ne True -and {SAW} -notIn ["SAW"]',
    f'-not ({SAW} -startsWith "S") -or {COMPLIANT} -eq False',
)
DEVICES = (
    UNREGISTERED, UNKNOWN, {}, {COMPLIANT: True}, {COMPLIANT: None}, {SAW: "SAW"}, {SAW: None},
    *({COMPLIANT: c, SAW: s} for c in (None, True, False, "True") for s in (None, "SAW", "saw1")),
)  # fmt: skip


def ids(*named: str) -> st.SearchStrategy[Any]:
    """Draw a set that is known, partly known or unknown."""
    sets = some(*named).map(frozenset)
    apart = st.permutations(named).flatmap(
        lambda each: st.integers(0, 1).map(
            lambda n: Partly(frozenset(each[:n]), frozenset(each[n:][:1]))
        )
    )
    return st.one_of(sets, sets, apart, st.just(UNKNOWN))


def one(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([*values, *values, UNKNOWN])


BOOLEANS = st.sampled_from([True, False, UNKNOWN])
GUESTS = rarely(
    st.builds(
        GuestsOrExternalUsers,
        some(*GUEST_TYPES),
        st.sampled_from(
            [None, *map(ExternalTenants, (None, (), ("partner",), ("partner", "supplier")))]
        ),
    )
)
USER_IDS = some("anna", "bob", "None", "GuestsOrExternalUsers")
USERS = st.builds(
    Users,
    st.one_of(st.just(("All",)), USER_IDS, st.just(())),
    st.one_of(USER_IDS, st.just(())),
    some("staff", "out"),
    some("out", "staff"),
    some("admin", "reader"),
    some("admin", "reader"),
    GUESTS,
    GUESTS,
)
ATTRIBUTE_FILTER = rarely(
    st.builds(
        Filter,
        st.sampled_from(get_args(catalog.FilterMode)),
        st.sampled_from([f'{TAG} -eq "x"', f'{TAG} -ne "x"']),
    )
)
NAMES = ("mail", "None", "Office365", AZURE)
APPLICATIONS = st.builds(
    Applications,
    st.one_of(st.just(("All",)), some(*NAMES)),
    st.one_of(st.just(()), some("All", *NAMES)),
    rarely(st.just(("urn:user:registerdevice",))).map(lambda each: each or ()),
    ATTRIBUTE_FILTER,
)
WORKLOADS = st.builds(
    ClientApplications,
    some("ServicePrincipalsInMyTenant", "robot", "None"),
    some("robot", "deployer"),
    ATTRIBUTE_FILTER,
)
PLACES = (*(each.key for each in LOCATIONS), "compliant", "AllTrusted", MFA_TRUSTED_IPS)
RISKS = some("none", "low", "high")
EVERY: dict[str, Any] = {
    "users": Users(("All",)),
    "applications": Applications(("All",)),
    "client_app_types": ("all",),
}
CONDITION: dict[str, st.SearchStrategy[Any]] = {
    "users": USERS,
    "applications": APPLICATIONS,
    "client_app_types": some(*get_args(catalog.ClientAppType)),
    "client_applications": WORKLOADS,
    "platforms": st.builds(
        Platforms, some("all", "windows", "iOS"), some("all", "windows", "iOS", "linux")
    ),
    "locations": st.builds(
        Locations, st.one_of(st.just(("All",)), some(*PLACES)), some(*PLACES, "All")
    ),
    "device_filter": st.builds(
        Filter, st.sampled_from(get_args(catalog.FilterMode)), st.sampled_from(DEVICE_RULES)
    ),
    "authentication_flows": some(*get_args(catalog.AuthenticationFlow)),
    "sign_in_risk_levels": RISKS,
    "user_risk_levels": RISKS,
    "service_principal_risk_levels": RISKS,
    "insider_risk_levels": st.just("elevated"),
}


@st.composite
def conditions(draw: st.DrawFn) -> Conditions:
    """Draw few conditions: with many, hardly a sign-in meets all but the one that is wrong."""
    names = draw(st.lists(st.sampled_from(list(CONDITION)), unique=True, min_size=1, max_size=2))
    return Conditions(**EVERY | {name: draw(CONDITION[name]) for name in names})


POLICIES = st.lists(
    st.builds(
        Policy,
        st.uuids().map(str),
        st.just("a policy"),
        st.sampled_from(["enabled", "enabled", *get_args(catalog.State)]),
        conditions(),
        GRANTS,
    ),
    max_size=12,
)
IDENTITIES = st.one_of(
    st.builds(
        User,
        one("anna", "bob", "other"),
        ids("staff", "out", "more"),
        ids("admin", "reader", "more"),
        one(None, FUTURE, *GUEST_TYPES),
        one(None, "partner", "supplier", "other"),
    ),
    st.builds(
        ServicePrincipal,
        one("robot", "deployer", "other"),
        one("none", "high", FUTURE),
        one({TAG: None}, {TAG: "x"}, {}),
        BOOLEANS,
    ),
)
SIGN_INS = st.builds(
    SignIn,
    st.one_of(IDENTITIES, IDENTITIES),
    st.one_of(
        st.builds(
            Application,
            one(None, "mail", AZURE, "other"),
            ids("Office365", AZURE, "more"),
            one({TAG: None}, {TAG: "x"}, {}),
        ),
        st.sampled_from([UserAction(each) for each in get_args(catalog.ApplicationUserAction)]),
    ),
    one("none", *get_args(catalog.AuthenticationFlow), FUTURE),
    one("none", *get_args(catalog.AuthenticationFlow), FUTURE),
    one("browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", FUTURE),
    one(None, "windows", "iOS", "linux", FUTURE),
    one(*map(ip_address, ADDRESSES)),
    BOOLEANS,
    one(None, "NO", "DE", "FR"),
    one(None, "NO", "FR"),
    ids("compliant", "more"),
    st.sampled_from(DEVICES),
    one("none", "low", "high", FUTURE),
    one("none", "low", "high", FUTURE),
    one("none", "elevated", FUTURE),
)  # fmt: skip


def applies(tables: Tables, sign_in: SignIn) -> dict[str, bool | None]:
    """Say of each policy by key whether it applies; None where that is not known."""
    surely, possible = tables.applying(sign_in), tables.possible(sign_in)
    assert surely & ~possible == 0
    return {
        policy.key: True if surely >> bit & 1 else None if possible >> bit & 1 else False
        for bit, policy in enumerate(tables.policies)
    }


@settings(max_examples=examples(80), deadline=None)
@given(POLICIES, st.lists(SIGN_INS, min_size=1, max_size=6), READINGS)
def test_tables_agree_with_evaluate_on_every_policy(
    policies: list[Policy], sign_ins: list[SignIn], reading: Any
) -> None:
    policy_set = PolicySet(tuple(policies), LOCATIONS)
    tables = Tables(policy_set, device_code_device=reading)
    for sign_in in [*sign_ins, *sign_ins]:  # found, and found again
        decision = evaluate(policy_set, sign_in, device_code_device=reading)
        verdicts = (*decision.verdicts, *decision.report_only)
        expected = {
            each.policy.key: each.applies for each in verdicts if each.policy.state != "disabled"
        }
        assert applies(tables, sign_in) == expected
        found = tables.decide(sign_in)
        effect = (found.outcome, found.requirements, found.unsatisfiable, found.session_controls)
        assert effect == decision.effect
        assert sorted(each.key for each in tables.deciding(sign_in)) == sorted(decision.deciding)
        assert found.shut == decision.shut


def bits(row: Any) -> int:
    return int.from_bytes(row.astype("<u8").tobytes(), "little")


@settings(max_examples=examples(60), deadline=None)
@given(POLICIES, st.lists(SIGN_INS, max_size=8), READINGS)
def test_batches_agree_with_single_sign_ins(
    policies: list[Policy], sign_ins: list[SignIn], reading: Any
) -> None:
    # More than a word of policies, so that the last of one word and the first of the next occur.
    many = [replace(each, key=f"{each.key} {n}") for n in range(8) for each in policies]
    tables = Tables(PolicySet(tuple(many), LOCATIONS), device_code_device=reading)
    values, columns = numbered(tables, sign_ins)
    batch = Batch(tables, values)
    applying = batch.applying(columns)
    surely, possibly = batch.blocked(columns)
    numbers, enforced = batch.decide(columns)
    for at, sign_in in enumerate(sign_ins):
        expected = tables.applying(sign_in), tables.possible(sign_in)
        assert (bits(applying.surely[at]), bits(applying.possible[at])) == expected
        blocked = [each & tables.blocking != 0 for each in expected]
        assert [bool(surely[at]), bool(possibly[at])] == blocked
        assert enforced[numbers[at]] == tables.decide(sign_in)
    assert len(enforced) <= len(sign_ins)
