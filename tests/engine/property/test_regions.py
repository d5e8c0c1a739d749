"""Cubes of policies mean what `evaluate` decides, at every point and for every sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, get_args

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ostiary import catalog
from ostiary.model.filter_expression import Comparison, truth
from ostiary.model.goal import Fact, SignIns
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    CountryNamedLocation,
    Filter,
    IpNamedLocation,
    NamedLocation,
    Platforms,
    Policy,
    PolicySet,
    Users,
)
from ostiary.model.sign_in import UNREGISTERED, Application, ServicePrincipal, SignIn, User
from ostiary.proof.conditions import MFA_TRUSTED_IPS
from ostiary.proof.evaluate import evaluate
from ostiary.proof.partition import Dimension, Flow, Guest, Partition, Target
from ostiary.proof.regions import Cube, Regions
from ostiary.proof.witness import sign_in
from tests.engine.property.examples import examples
from tests.engine.property.test_evaluate import (
    APPLICATION,
    CONDITIONS,
    SIGN_IN,
    TAG,
    USER,
    some,
)
from tests.engine.property.test_evaluate import (
    LOCATIONS as NAMED_LOCATIONS,
)

LOCATIONS: dict[str, NamedLocation] = {each.key: each for each in NAMED_LOCATIONS}
WORKLOADS = st.builds(
    lambda of, principals, risks: replace(
        of, client_applications=principals, service_principal_risk_levels=risks
    ),
    CONDITIONS,
    st.one_of(
        st.none(),
        st.builds(
            ClientApplications,
            st.sampled_from([("ServicePrincipalsInMyTenant",), ("robot",), ("None",)]),
            some("robot", "deployer"),
            st.one_of(
                st.none(),
                st.builds(
                    Filter,
                    st.sampled_from(get_args(catalog.FilterMode)),
                    st.just(f'{TAG} -eq "x"'),
                ),
            ),
        ),
    ),
    st.sampled_from([(), (), ("high",)]),
)
EVERY = st.lists(st.one_of(CONDITIONS, WORKLOADS), min_size=1, max_size=4)
FACTS = st.lists(
    st.sampled_from(
        [
            Fact("group", "staff", "within", "out"),
            Fact("group", "staff", "apartFrom", "out"),
            Fact("user", "anna", "within", "staff"),
            Fact("role", "admin", "within", "staff"),
        ]
    ),
    unique=True,
    max_size=2,
)
FUTURE = {
    "authentication_flow": "unknownFutureValue",
    "client_app_type": "unknownFutureValue",
    "platform": "unknownFutureValue",
    "sign_in_risk": "unknownFutureValue",
}


def known(domains: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        name: st.sampled_from([*values, *([FUTURE[name]] if name in FUTURE else [])])
        for name, values in domains.items()
    }


SIGN_INS = st.builds(
    SignIn,
    st.one_of(
        st.builds(User, **known(USER)),
        st.builds(
            ServicePrincipal,
            st.sampled_from(["robot", "deployer", "another"]),
            st.sampled_from(["none", "high"]),
            st.sampled_from([{TAG: None}, {TAG: "x"}]),
            st.booleans(),
        ),
    ),
    st.builds(Application, **known(APPLICATION)),
    **known(SIGN_IN),
)
READINGS = st.sampled_from(["unavailable", "as given"])


def within(cubes: Sequence[Cube], point: Sequence[int]) -> bool:
    return any(all(mask >> point[key] & 1 for key, mask in cube.items()) for cube in cubes)


def policies_of(every: Sequence[Conditions]) -> PolicySet:
    return PolicySet(
        tuple(Policy(str(n), str(n), "enabled", of) for n, of in enumerate(every)),
        tuple(LOCATIONS.values()),
    )


@settings(max_examples=examples(80), deadline=None)
@given(EVERY, FACTS, st.data())
def test_a_policy_applies_at_the_points_of_its_cubes_and_nowhere_else(
    every: list[Conditions], facts: list[Fact], data: st.DataObject
) -> None:
    partition = Partition(every, LOCATIONS, facts=facts)
    regions = Regions(partition)
    cubes = [regions.of_policy(each) for each in every]
    impossible = regions.impossible()
    policy_set = policies_of(every)
    for _ in range(8):
        point = [data.draw(st.integers(0, len(d.classes) - 1)) for d in partition.dimensions]
        if within(impossible, point):
            continue
        made, reading = sign_in(partition, point)
        decision = evaluate(policy_set, made, device_code_device=reading)
        assert [each.applies for each in decision.verdicts] == [
            within(each, point) for each in cubes
        ]


@settings(max_examples=examples(80), deadline=None)
@given(EVERY, SIGN_INS, READINGS)
def test_every_sign_in_lies_at_a_point_that_is_decided_alike(
    every: list[Conditions], given_: SignIn, reading: Any
) -> None:
    partition = Partition(every, LOCATIONS)
    regions = Regions(partition)
    point = located(partition, given_, reading)
    assert not within(regions.impossible(), point)
    decision = evaluate(policies_of(every), given_, device_code_device=reading)
    assert [each.applies for each in decision.verdicts] == [
        within(regions.of_policy(each), point) for each in every
    ]


GOAL_SIGN_INS = st.builds(
    SignIns,
    users=some("anna"), groups=some("staff", "out"), roles=some("admin"),
    guests=some("internalGuest", "b2bCollaborationGuest"), applications=some("mail", "Office365"),
    authentication_flows=some("deviceCodeFlow"), client_app_types=some("browser", "other"),
    platforms=some("windows"), locations=some("office", "north", "AllTrusted", "compliant"),
    outside=some("office", "gps"), device=st.sampled_from([None, "compliant", "unregistered"]),
    sign_in_risk_levels=some("high"), user_risk_levels=some("high"),
)  # fmt: skip


@settings(max_examples=examples(80), deadline=None)
@given(GOAL_SIGN_INS, SIGN_INS)
def test_a_goal_speaks_of_the_sign_ins_that_its_words_say(goal: SignIns, given_: SignIn) -> None:
    assume(isinstance(given_.identity, User))
    partition = Partition([], LOCATIONS, [goal])
    regions = Regions(partition)
    point = located(partition, given_, "as given")
    assert within(regions.of_sign_ins(goal), point) == meant(goal, given_)


def meant(goal: SignIns, of: SignIn) -> bool:
    """Say in plain words what `SignIns` says."""
    user, target = of.identity, of.target
    assert isinstance(user, User)
    assert isinstance(target, Application)
    hidden = of.client_app_type in {"other", "easSupported"}
    device: Any = UNREGISTERED if hidden else of.device
    attributes = {} if device is UNREGISTERED else device
    said = [
        not goal.users or user.id in goal.users,
        not goal.groups or not user.groups.isdisjoint(goal.groups),  # type: ignore[union-attr]
        not goal.roles or not user.roles.isdisjoint(goal.roles),  # type: ignore[union-attr]
        not goal.guests or user.guest_type in goal.guests,
        not goal.applications
        or target.id in goal.applications
        or not target.suites.isdisjoint(goal.applications),  # type: ignore[union-attr]
        not goal.authentication_flows
        or bool({of.authentication_flow, of.session_flow} & set(goal.authentication_flows)),
        not goal.client_app_types or of.client_app_type in goal.client_app_types,
        not goal.platforms or of.platform in goal.platforms,
        not goal.locations or any(inside(key, of) for key in goal.locations),
        not any(inside(key, of) for key in goal.outside),
        goal.device != "compliant" or attributes.get("device.isCompliant") is True,
        goal.device != "unregistered" or device is UNREGISTERED,
        not goal.sign_in_risk_levels or of.sign_in_risk in goal.sign_in_risk_levels,
        not goal.user_risk_levels or of.user_risk in goal.user_risk_levels,
    ]
    return all(said)


def inside(key: str, of: SignIn) -> bool:
    if key == "AllTrusted":
        return bool(of.in_mfa_trusted_ips) or inside("office", of)
    location = LOCATIONS.get(key)
    if location is None:
        return key in of.other_locations  # type: ignore[operator]
    if isinstance(location, IpNamedLocation):
        return any(of.ip_address in ip_network(each) for each in location.ip_ranges)
    by_address = location.country_lookup_method == "clientIpAddress"
    return in_country(of.country if by_address else of.gps_country, location)  # type: ignore[arg-type]


def located(partition: Partition, of: SignIn, reading: str) -> list[int]:
    """Find the point of a sign-in: the class that holds each of its values."""
    values = signals(of, reading)
    return [
        next(
            number
            for number, each in enumerate(dimension.classes)
            if holds(partition, dimension, each, values[dimension.kind])
        )
        for dimension in partition.dimensions
    ]


def signals(of: SignIn, reading: str) -> dict[str, Any]:
    who, target = of.identity, of.target
    user = who if isinstance(who, User) else User("nobody", frozenset(), frozenset(), None, None)
    principal = who if isinstance(who, ServicePrincipal) else ServicePrincipal("nobody", "none", {})
    assert isinstance(target, Application)
    hidden = of.client_app_type in {"other", "easSupported"} or (
        of.authentication_flow == "deviceCodeFlow" and reading == "unavailable"
    )
    unregistered = hidden or of.device is UNREGISTERED
    return {
        "principal": "user" if who is user else "servicePrincipal",
        "user": user.id,
        "guest": Guest(user.guest_type, user.external_tenant),  # type: ignore[arg-type]
        "group": user.groups,
        "role": user.roles,
        "servicePrincipal": principal,
        "servicePrincipalRisk": principal.risk,
        "singleTenant": principal.single_tenant,
        "target": target,
        "application": target.attributes,
        "flow": Flow(of.authentication_flow, of.session_flow),  # type: ignore[arg-type]
        "clientAppType": of.client_app_type,
        "platform": of.platform,
        "address": of,
        "country": of,
        "location": of,
        "device": {} if unregistered else of.device,
        "deviceRegistered": not unregistered,
        "deviceCodeDevice": reading,
        "signInRisk": of.sign_in_risk,
        "userRisk": of.user_risk,
        "insiderRisk": of.insider_risk,
    }


def in_country(code: str | None, location: CountryNamedLocation) -> bool:
    if code is None:
        return location.include_unknown_countries_and_regions
    return code in location.countries_and_regions


def holds(partition: Partition, dimension: Dimension, each: Any, value: Any) -> bool:
    """Tell whether a class holds a value, told by what the conditions of these tests name."""
    kind, name = dimension.kind, dimension.name
    match kind:
        case "group" | "role":
            return each is (name in value)
        case "location":
            mfa = name == MFA_TRUSTED_IPS
            return each is (value.in_mfa_trusted_ips if mfa else name in value.other_locations)
        case "device" | "application":
            return alike(partition.attributes[kind].atoms[name], name, each, value.get(name))
        case "servicePrincipal" if name:
            return alike(
                partition.attributes[kind].atoms[name], name, each, value.attributes.get(name)
            )
        case "address":
            return all((key in each.locations) == inside(key, value) for key in partition.inside)
        case "country":
            code = value.country if name == "clientIpAddress" else value.gps_country
            return all(
                (asked.key in each.locations) == in_country(code, asked)
                for asked in LOCATIONS.values()
                if isinstance(asked, CountryNamedLocation)
                and asked.country_lookup_method == name
                and any(asked.key in other.locations for other in dimension.classes)  # type: ignore[attr-defined]
            )
        case "target":
            apps = {target.application for target in dimension.classes}  # type: ignore[attr-defined]
            suites = {suite for target in dimension.classes for suite in target.suites}  # type: ignore[attr-defined]
            named = value.id if value.id in apps else None
            return bool(each == Target(named, value.suites & suites))
        case "guest":
            tenants = {guest.tenant for guest in dimension.classes}  # type: ignore[attr-defined]
            internal = value.type in {None, "internalGuest"}
            tenant = None if internal or value.tenant not in tenants else value.tenant
            return bool(each == Guest(value.type, tenant))
        case "user" | "servicePrincipal":
            named = value if kind == "user" else value.id
            return each == (named if named in dimension.classes else None)
    return bool(each == value)


def alike(atoms: Sequence[Comparison], name: str, one: Any, other: Any) -> bool:
    return all(truth(atom, {name: one}) == truth(atom, {name: other}) for atom in atoms)


def test_a_condition_that_leaves_nothing_gives_no_cube() -> None:
    platforms = Platforms(("windows",), ("windows",))
    never = Conditions(Users(("All",)), Applications(("All",)), ("all",), platforms=platforms)
    assert list(Regions(Partition([never], LOCATIONS)).of_policy(never)) == []


def test_what_is_inside_and_outside_of_places_is_in_both_senses() -> None:
    goals = [SignIns(locations=("office",), outside=("office",)),
             SignIns(locations=("office",), outside=("gps",))]  # fmt: skip
    regions = Regions(Partition([], LOCATIONS, goals))
    assert regions.of_sign_ins(goals[0]) == []
    (cube,) = regions.of_sign_ins(goals[1])
    kinds = {regions.partition.dimensions[key].kind for key in cube}
    assert kinds == {"principal", "address", "country"}
