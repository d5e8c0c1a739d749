"""The words for a sign-in, read: nothing is assumed that nobody said, and mistakes are told."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import Location
from ostiary.model.asked import Asked, sign_in
from ostiary.model.names import Names
from ostiary.model.policy import CountryNamedLocation, IpNamedLocation
from ostiary.model.sign_in import (
    NOBODY,
    UNKNOWN,
    UNREGISTERED,
    Application,
    Partly,
    ServicePrincipal,
    SignIn,
    User,
    UserAction,
)
from ostiary.model.signals import WORD_OF_SIGNAL, WORDS
from ostiary.spec.sign_in_tables import SignInSpec
from ostiary.spec.workspace import load
from tests.engine.unit.test_golden import workspace

GROUP = "11111111-0000-4000-8000-0000000000e2"
CASE = Path(__file__).parents[2] / "golden" / "valid"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Any:
    case = next(iter(sorted(CASE.glob("policy-*.yaml"))))
    return load(workspace(tmp_path_factory.mktemp("here"), case)).environments["here"]


def read(environment: Any, *open_: str, plain: bool = False, **said: str | list[str]) -> SignIn:
    values = {
        word: (each,) if isinstance(each, str) else tuple(each) for word, each in said.items()
    }
    names = Names(environment, [])
    made = sign_in(Asked(values, frozenset(open_), plain), names, Location)
    assert names.found == []
    return made


def test_what_is_not_given_is_unknown(environment: Any) -> None:
    made = read(environment)
    assert made == SignIn(
        User(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN), Application(UNKNOWN, UNKNOWN, UNKNOWN)
    )


def test_or_plain_where_that_is_asked_for(environment: Any) -> None:
    made = read(environment, "signInRisk", "group", plain=True)
    assert made.identity == User(NOBODY, UNKNOWN, frozenset(), None, None)
    assert (made.client_app_type, made.platform, made.device) == (
        "browser",
        "windows",
        UNREGISTERED,
    )
    assert (made.sign_in_risk, made.user_risk) == (UNKNOWN, "none")
    assert (made.country, made.other_locations) == (None, frozenset())


def test_names_become_ids(environment: Any) -> None:
    made = read(
        environment,
        user="anna",
        group=["staff"],
        role=["Global Administrator"],
        app=["Payroll", "Office365"],
        guest="b2bCollaborationGuest",
        externalTenant="partner",
    )
    assert made.identity == User(
        "11111111-0000-4000-8000-0000000000a1",
        frozenset({GROUP}),
        frozenset({"62e90394-69f5-4237-9190-012177145e10"}),
        "b2bCollaborationGuest",
        "11111111-0000-4000-8000-0000000000d1",
    )
    assert isinstance(made.target, Application)
    assert made.target.id == "11111111-0000-4000-8000-0000000000b1"
    assert made.target.suites == Partly(of=frozenset({"Office365"}))


def test_the_groups_given_are_all_unless_the_word_is_open(environment: Any) -> None:
    assert read(environment, group="staff").identity.groups == frozenset({GROUP})  # type: ignore[union-attr]
    assert read(environment, group="none").identity.groups == frozenset()  # type: ignore[union-attr]
    more = read(environment, "group", group="staff").identity
    assert more.groups == Partly(of=frozenset({GROUP}))  # type: ignore[union-attr]


def test_other_kinds_of_sign_ins(environment: Any) -> None:
    robot = read(environment, servicePrincipal="deployer", servicePrincipalRisk="high").identity
    assert robot == ServicePrincipal("11111111-0000-4000-8000-0000000000c1", "high", UNKNOWN)
    assert read(environment, userAction="registerdevice").target == UserAction(
        "urn:user:registerdevice"
    )
    assert read(environment, ip="2001:db8::1").ip_address == ip_address("2001:db8::1")
    assert read(environment, platform="none", country="no").platform is None
    trusted = read(environment, location="Multifactor authentication trusted IPs")
    assert trusted.in_mfa_trusted_ips is True


def test_attributes_of_devices(environment: Any) -> None:
    made = read(
        environment, deviceAttribute=["isCompliant=true", "device.model=", "physicalIds=a,b"]
    )
    assert made.device == {
        "device.isCompliant": "true",
        "device.model": None,
        "device.physicalIds": ("a", "b"),
    }
    assert read(environment, deviceAttribute="none").device is UNREGISTERED
    plain = read(environment, plain=True, deviceAttribute="isCompliant=true").device
    assert plain["device.model"] is None  # type: ignore[index]


@pytest.mark.parametrize(
    ("word", "value", "told"),
    [
        ("group", "staf", "no group `staf` in environment `here`: did you mean `staff`?"),
        ("role", "Global Admin", "no built-in role `Global Admin`"),
        ("flow", "deviceCode", "unknown value `deviceCode`: did you mean `deviceCodeFlow`?"),
        ("ip", "203.0.113", "`203.0.113` is not an address: for example 192.0.2.1"),
        ("country", "Norway", "`Norway` is not a country"),
        ("app", "All", "`All` is not an application"),
        ("deviceAttribute", "isCompliant", "`isCompliant` has no value"),
        ("deviceAttribute", "compliant=true", "unknown value `device.compliant`"),
        ("location", "head-office", "no location `head-office`: known locations: "),
        ("userAction", "register", "unknown value `register`"),
    ],
)
def test_what_cannot_be_read_is_told(environment: Any, word: str, value: str, told: str) -> None:
    names = Names(environment, [])
    sign_in(Asked({word: (value,)}), names, Location)
    (found,) = names.found
    assert f"{found.message}: {found.hint}".startswith(told)
    assert found.location == Location(word)


def test_a_location_made_of_addresses_or_countries_stands_for_one_of_them(environment: Any) -> None:
    places = [
        IpNamedLocation("office", "Office", ("198.51.100.0/25", "2001:db8::/48")),
        IpNamedLocation("desk", "Desk", ("2001:db8::7/128",)),
        CountryNamedLocation("north", "North", ("NO", "SE")),
        CountryNamedLocation("near", "Near", ("DE",), "authenticatorAppGps"),
    ]
    trusted = "Multifactor authentication trusted IPs"
    names = Names(environment, [])

    def come(*keys: str, **said: tuple[str, ...]) -> SignIn:
        return sign_in(Asked({"location": keys, **said}, plain=True), names, Location, places)

    assert come("office").ip_address == ip_address("198.51.100.1")
    assert come("desk", "north").ip_address == ip_address("2001:db8::7")
    assert (come("north").country, come("north").gps_country) == ("NO", None)
    assert (come("near").country, come("near").gps_country) == (None, "DE")
    assert come("office").in_mfa_trusted_ips is False
    assert come("office", trusted).in_mfa_trusted_ips is True
    assert names.found == []
    come("office", ip=("192.0.2.1",))
    (found,) = names.found
    assert found.message == "`office` and `192.0.2.1` both say where it comes from"


def test_every_signal_has_a_word() -> None:
    assert set(WORD_OF_SIGNAL.values()) <= set(WORDS)


def test_tables_know_every_word() -> None:
    known = {each.alias for each in SignInSpec.model_fields.values()}
    assert known == {*WORDS, "unknown"}
