"""Which ids of the directory the policies, goals, facts and accounts of an environment name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostiary.model.goal import SignIns
from ostiary.model.policy import Users
from ostiary.model.resolve import Resolved
from ostiary.spec.environment import GUID


def groups(resolved: Resolved) -> frozenset[str]:
    """Give the ids of all groups that policies, goals, facts and emergency access name."""
    return frozenset(
        {
            *(id_ for of in _users(resolved) for id_ in (*of.include_groups, *of.exclude_groups)),
            *(id_ for of in _sign_ins(resolved) for id_ in of.groups),
            *(each.group for each in resolved.facts),
            *(each.subject for each in resolved.facts if each.kind == "group"),
        }
    )


def users(resolved: Resolved) -> frozenset[str]:
    """Give the ids of all users that they name."""
    return _ids(
        {
            *(id_ for of in _users(resolved) for id_ in (*of.include_users, *of.exclude_users)),
            *(id_ for of in _sign_ins(resolved) for id_ in of.users),
            *(each.subject for each in resolved.facts if each.kind == "user"),
        }
    )


def service_principals(resolved: Resolved) -> frozenset[str]:
    """Give the object ids of all service principals that they name."""
    workloads = (each.conditions.client_applications for each in resolved.policies)
    return _ids(
        {
            *(
                id_
                for of in workloads
                if of
                for id_ in (*of.include_service_principals, *of.exclude_service_principals)
            ),
            *(id_ for of in _sign_ins(resolved) for id_ in of.service_principals),
        }
    )


def applications(resolved: Resolved) -> frozenset[str]:
    """Give the client ids of all applications that policies name."""
    targets = (each.conditions.applications for each in resolved.policies)
    return _ids(
        id_ for of in targets for id_ in (*of.include_applications, *of.exclude_applications)
    )


def strengths(resolved: Resolved) -> frozenset[str]:
    """Give the ids of all authentication strengths that policies ask for."""
    grants = (each.grant_controls for each in resolved.policies)
    return frozenset(
        of.authentication_strength for of in grants if of and of.authentication_strength
    )


def terms_of_use(resolved: Resolved) -> frozenset[str]:
    """Give the ids of all terms of use that policies ask for."""
    grants = (each.grant_controls for each in resolved.policies)
    return frozenset(id_ for of in grants if of for id_ in of.terms_of_use)


def _users(resolved: Resolved) -> Iterator[Users]:
    return (each.conditions.users for each in resolved.policies)


def _sign_ins(resolved: Resolved) -> Iterator[SignIns]:
    yield from resolved.emergency_access
    for goal in resolved.goals:
        yield from goal.given
        yield from (each.sign_ins for each in goal.exceptions)


def _ids(names: Iterable[str]) -> frozenset[str]:
    """Keep ids, and leave out Graph's keywords."""
    return frozenset(each for each in names if GUID.match(each))
