"""Which accounts a tenant keeps for emergencies: those that its policies leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ostiary.errors import OstiaryError
from ostiary.model.policy import Policy
from ostiary.model.written import Table

Called = Callable[[Table, str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class EmergencyAccess:
    """Ids of the accounts that must always get in; `assumed` if most policies exclude them only."""

    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    assumed: bool = False

    def missing(self, policy: Policy) -> bool:
        """Tell whether a policy on users does not exclude all of them."""
        users = policy.conditions.users
        return policy.conditions.client_applications is None and not (
            {*self.groups} <= {*users.exclude_groups} and {*self.users} <= {*users.exclude_users}
        )


def find(policies: list[Policy], wanted: tuple[str, ...], called: Called) -> EmergencyAccess:
    """Find the emergency access accounts: those that are named, else what policies exclude.

    `called` gives the ids of groups or users of a name.  Raises OstiaryError when there are none,
    or when a name means nothing or two things.
    """
    if wanted:
        return _wanted(wanted, called)
    on_users = [each for each in policies if each.conditions.client_applications is None]
    groups = Counter(one for each in on_users for one in each.conditions.users.exclude_groups)
    users = Counter(one for each in on_users for one in each.conditions.users.exclude_users)
    every = len(on_users)
    by_all = EmergencyAccess(
        tuple(sorted(each for each, count in groups.items() if count == every)),
        tuple(sorted(each for each, count in users.items() if count == every)),
    )
    if by_all.groups or by_all.users:
        return by_all
    most = max((*groups.items(), *users.items()), key=lambda pair: pair[1], default=("", 0))
    if 2 * most[1] <= every:
        raise OstiaryError(
            "no account is excluded from most policies",
            hint="name the emergency access group or users with --emergency-access",
        )
    if most[0] in groups:
        return EmergencyAccess(groups=(most[0],), assumed=True)
    return EmergencyAccess(users=(most[0],), assumed=True)


def _wanted(wanted: tuple[str, ...], called: Called) -> EmergencyAccess:
    found: dict[Table, list[str]] = {"groups": [], "users": []}
    for name in wanted:
        tables: tuple[Table, Table] = ("groups", "users")
        hits = [(table, each) for table in tables for each in called(table, name)]
        if len(hits) != 1:
            raise OstiaryError(
                f"`{name}` is " + ("no known group or user" if not hits else "several of those"),
                hint="give its object id; where there is no tenant to ask, one that policies name",
            )
        found[hits[0][0]].append(hits[0][1])
    return EmergencyAccess(tuple(found["groups"]), tuple(found["users"]))
