"""Which entries of a policy's lists take a sign-in in, and which leave it out.

`conditions` says whether a condition is met; this says what in the policy decides it, entry by
entry, so that a person can be led to the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ostiary.model.policy import Conditions, Filter, GuestsOrExternalUsers, Policy, Users
from ostiary.model.sign_in import ServicePrincipal, User, UserAction
from ostiary.proof.conditions import (
    ANY_GUEST,
    Circumstances,
    ReasonWord,
    has_attributes,
    is_guest,
    is_named,
    members,
)


@dataclass(frozen=True, slots=True)
class Clue:
    """An entry of a list that decides a condition, both in Graph's words (`excludeGroups`, an id).

    `entry` None: the list, and those that add to it, lack an entry for the sign-in.  The list of a
    filter is the filter, its entry the rule; `state` has the policy's.
    """

    condition: ReasonWord
    of: str
    entry: str | None = None


def unmet(condition: ReasonWord, policy: Policy, at: Circumstances) -> tuple[Clue, ...]:
    """Give what is to blame for a condition that is not met."""
    if condition == "policyNotEnabled":
        return (Clue(condition, "state", policy.state),)
    sides = _SIDES[condition](policy.conditions, at)
    found = [Clue(condition, of, entry) for of, entry in sides.excluding]
    if not sides.including:
        found.append(Clue(condition, sides.of))
    return tuple(found)


def met_by(policy: Policy, at: Circumstances) -> tuple[Clue, ...]:
    """Give, for a policy that applies, the entries of each condition that take the sign-in in.

    Whom and what it is about is always told; of other conditions, not what takes everything in.
    """
    of = policy.conditions
    target: ReasonWord = (
        "userActions" if isinstance(at.sign_in.target, UserAction) else "application"
    )
    whom: ReasonWord = "users" if of.client_applications is None else "workloadIdentities"
    return tuple(
        Clue(condition, where, entry)
        for condition in dict.fromkeys((whom, target, *named(of)))
        for where, entry in _SIDES[condition](of, at).including
        if condition in (whom, target) or not _takes_all(of, where, entry)
    )


def _takes_all(of: Conditions, where: str, entry: str) -> bool:
    excluding = of.device_filter is not None and of.device_filter.mode == "exclude"
    return entry in {"All", "all"} or (where == "deviceFilter" and excluding)


@dataclass(frozen=True, slots=True)
class _Sides:
    """The entries (list, entry) that match; `of` is the list to add to where none includes."""

    of: str
    including: tuple[tuple[str, str], ...]
    excluding: tuple[tuple[str, str], ...] = ()


def named(of: Conditions) -> Iterator[ReasonWord]:
    """Give the conditions that are about some sign-ins only."""
    applications = of.applications
    every = of.locations is None or "All" in of.locations.include_locations
    said: dict[ReasonWord, object] = {
        "users": of.client_applications is None and "All" not in of.users.include_users,
        "workloadIdentities": of.client_applications,
        "application": "All" not in applications.include_applications
        and not applications.include_user_actions,
        "userActions": applications.include_user_actions,
        "clientApps": of.client_app_types and "all" not in of.client_app_types,
        "devicePlatform": of.platforms,
        "location": not every or (of.locations and of.locations.exclude_locations),
        "devices": of.device_filter,
        "signInRisk": of.sign_in_risk_levels,
        "userRisk": of.user_risk_levels,
        "servicePrincipalRisk": of.service_principal_risk_levels,
        "insiderRisk": of.insider_risk_levels,
        "authenticationFlow": of.authentication_flows,
    }
    yield from (word for word, is_said in said.items() if is_said)


def _users(of: Conditions, at: Circumstances) -> _Sides:
    who = at.sign_in.identity
    if not isinstance(who, User):
        return _Sides("includeUsers", ())
    users = of.users
    return _Sides(
        "includeUsers",
        (
            *_people(who, users.include_users, "includeUsers"),
            *_memberships(who, users, "include"),
            *_guests(who, users.include_guests_or_external_users, "include"),
        ),
        (
            *_people(who, users.exclude_users, "excludeUsers"),
            *_memberships(who, users, "exclude"),
            *_guests(who, users.exclude_guests_or_external_users, "exclude"),
        ),
    )


def _people(who: User, entries: Iterable[str], of: str) -> Iterator[tuple[str, str]]:
    for each in entries:
        guest = each == "GuestsOrExternalUsers" and is_guest(who, ANY_GUEST) is True
        if each in ("All", who.id) or guest:
            yield of, each


def _memberships(who: User, users: Users, side: str) -> Iterator[tuple[str, str]]:
    groups, roles = (
        (users.include_groups, users.include_roles)
        if side == "include"
        else (users.exclude_groups, users.exclude_roles)
    )
    for what, ids, entries in (("Groups", who.groups, groups), ("Roles", who.roles, roles)):
        yield from ((side + what, each) for each in entries if members(ids, [each], "") is True)


def _guests(
    who: User, guests: GuestsOrExternalUsers | None, side: str
) -> Iterator[tuple[str, str]]:
    if guests is not None and is_guest(who, guests) is True:
        yield f"{side}GuestsOrExternalUsers", str(who.guest_type)


def _workloads(of: Conditions, at: Circumstances) -> _Sides:
    who, main = at.sign_in.identity, "includeServicePrincipals"
    workloads = of.client_applications
    if not isinstance(who, ServicePrincipal) or workloads is None or who.single_tenant is False:
        return _Sides(main, ())
    rule = workloads.service_principal_filter
    matching = _filtered(
        "servicePrincipalFilter", rule, lambda text: has_attributes(who.attributes, text) is True
    )
    own = ("ServicePrincipalsInMyTenant", who.id)
    return _Sides(
        main,
        (
            *((main, each) for each in workloads.include_service_principals if each in own),
            *matching("include"),
        ),
        (
            *(
                ("excludeServicePrincipals", each)
                for each in workloads.exclude_service_principals
                if each == who.id
            ),
            *matching("exclude"),
        ),
    )


def _user_action(of: Conditions, at: Circumstances) -> _Sides:
    urn = at.sign_in.target.urn if isinstance(at.sign_in.target, UserAction) else ""
    every = [each for each in of.applications.include_applications if each == "All"]
    named = [each for each in of.applications.include_user_actions if each == urn]
    return _Sides(
        "includeUserActions",
        (
            *(("includeApplications", each) for each in every),
            *(("includeUserActions", each) for each in named),
        ),
    )


def _application(of: Conditions, at: Circumstances) -> _Sides:
    target, main = at.sign_in.target, "includeApplications"
    if isinstance(target, UserAction):
        return _Sides(main, ())
    applications = of.applications
    matching = _filtered(
        "applicationFilter",
        applications.application_filter,
        lambda text: has_attributes(target.attributes, text) is True,
    )
    return _Sides(
        main,
        (
            *(
                (main, each)
                for each in applications.include_applications
                if each == "All" or is_named(target, [each]) is True
            ),
            *matching("include"),
        ),
        (
            *(
                ("excludeApplications", each)
                for each in applications.exclude_applications
                if is_named(target, [each]) is True
            ),
            *matching("exclude"),
        ),
    )


def _filtered(
    of: str, rule: Filter | None, matches: Callable[[str], bool]
) -> Callable[[str], list[tuple[str, str]]]:
    """Give the filter as an entry of the list of its mode, where it matches."""
    return lambda mode: (
        [(of, rule.rule)] if rule is not None and rule.mode == mode and matches(rule.rule) else []
    )


def _client_apps(of: Conditions, at: Circumstances) -> _Sides:
    client = at.sign_in.client_app_type
    # Every use of that protocol counts as one (`conditions`).
    known = ("all", client, *(["exchangeActiveSync"] if client == "easSupported" else []))
    return _listed("clientAppTypes", of.client_app_types, known)


def _platforms(of: Conditions, at: Circumstances) -> _Sides:
    known = ("all", at.sign_in.platform)
    if of.platforms is None:
        return _Sides("includePlatforms", ())
    including = [each for each in of.platforms.include_platforms if each in known]
    excluding = [each for each in of.platforms.exclude_platforms if each in known]
    return _both("Platforms", including, excluding)


def _locations(of: Conditions, at: Circumstances) -> _Sides:
    if of.locations is None:
        return _Sides("includeLocations", ())
    including = [each for each in of.locations.include_locations if at.in_location(each) is True]
    excluding = [each for each in of.locations.exclude_locations if at.in_location(each) is True]
    return _both("Locations", including, excluding)


def _both(what: str, including: Iterable[str], excluding: Iterable[str]) -> _Sides:
    return _Sides(
        f"include{what}",
        tuple((f"include{what}", each) for each in including),
        tuple((f"exclude{what}", each) for each in excluding),
    )


def _devices(of: Conditions, at: Circumstances) -> _Sides:
    if of.device_filter is None:
        return _Sides("deviceFilter", ())
    rule = of.device_filter.rule
    entry = (("deviceFilter", rule),)
    matches = at.device_matches(rule) is True
    if of.device_filter.mode == "include":
        return _Sides("deviceFilter", entry if matches else ())
    return _Sides("deviceFilter", entry, entry if matches else ())


def _listed(of: str, entries: Iterable[str], known: Iterable[object]) -> _Sides:
    wanted = tuple(known)
    return _Sides(of, tuple((of, each) for each in entries if each in wanted))


def _service_principal_risk(of: Conditions, at: Circumstances) -> _Sides:
    who = at.sign_in.identity
    risk = who.risk if isinstance(who, ServicePrincipal) else None
    return _listed("servicePrincipalRiskLevels", of.service_principal_risk_levels, [risk])


def _flow(of: Conditions, at: Circumstances) -> _Sides:
    known = (at.sign_in.authentication_flow, at.sign_in.session_flow)
    return _listed("transferMethods", of.authentication_flows, known)


_SIDES: dict[ReasonWord, Callable[[Conditions, Circumstances], _Sides]] = {
    "users": _users,
    "workloadIdentities": _workloads,
    "application": _application,
    "userActions": _user_action,
    "clientApps": _client_apps,
    "devicePlatform": _platforms,
    "location": _locations,
    "devices": _devices,
    "signInRisk": lambda of, at: _listed(
        "signInRiskLevels", of.sign_in_risk_levels, [at.sign_in.sign_in_risk]
    ),
    "userRisk": lambda of, at: _listed(
        "userRiskLevels", of.user_risk_levels, [at.sign_in.user_risk]
    ),
    "servicePrincipalRisk": _service_principal_risk,
    "insiderRisk": lambda of, at: _listed(
        "insiderRiskLevels",
        [of.insider_risk_levels] if of.insider_risk_levels else [],
        [at.sign_in.insider_risk],
    ),
    "authenticationFlow": _flow,
}
