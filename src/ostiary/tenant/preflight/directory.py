"""The directory: what policies name is there, and emergency access accounts can get in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ostiary.model.controls import blocks, requirements
from ostiary.model.goal import AsksAtMost, NeverBlocked
from ostiary.model.policy import Users
from ostiary.model.resolve import Resolved
from ostiary.tenant.preflight import named
from ostiary.tenant.preflight.foreign import Foreign
from ostiary.tenant.preflight.values import (
    Account,
    Directory,
    Finding,
    Severity,
    Unread,
    quoted,
)

_L = "https://learn.microsoft.com/"
_EMERGENCY = f"{_L}entra/identity/role-based-access-control/security-emergency-access"
_USERS = f"{_L}entra/identity/conditional-access/concept-conditional-access-users-groups"
_TARGETS = f"{_L}entra/identity/conditional-access/concept-conditional-access-cloud-apps"


def check_ids(resolved: Resolved, directory: Directory) -> Iterator[Finding]:
    """Tell each id that is named and stands for nothing in the tenant.

    An excluded group that is gone is an exclusion that silently vanished, an included one protects
    nobody: both refuse, and so does not to know.  What Graph itself refuses to name is minor.
    """
    refuse, unknown, warn = Severity.REFUSE, Severity.UNKNOWN, Severity.WARN
    rows: tuple[tuple[str, Callable[[Resolved], frozenset[str]], object, Severity, Severity], ...]
    rows = (
        ("group", named.groups, directory.groups, refuse, refuse),
        ("user", named.users, directory.users, refuse, refuse),
        (
            "service principal",
            named.service_principals,
            directory.service_principals,
            refuse,
            refuse,
        ),
        ("application", named.applications, directory.applications, warn, unknown),
        ("authentication strength", named.strengths, directory.strengths, refuse, unknown),
        ("terms of use", named.terms_of_use, directory.terms_of_use, refuse, unknown),
    )
    for kind, wanted_by, there, if_missing, if_unread in rows:
        wanted = wanted_by(resolved)
        if isinstance(there, Unread) and wanted:
            yield Finding(
                "id-unknown",
                if_unread,
                f"whether the tenant has each {kind} that is named here cannot be read",
                permission=there.permission,
            )
        elif isinstance(there, frozenset):
            for identity in sorted(wanted - there):
                yield Finding(
                    "id-missing",
                    if_missing,
                    f"the tenant has no {kind} `{resolved.names.get(identity, identity)}` "
                    f"({identity})",
                    _FIX.get(kind, "correct the id in the environment's file, or make the object"),
                    _TARGETS if kind == "application" else _USERS,
                )


_FIX = {
    "application": "without a service principal in the tenant nobody can sign in to it there, and "
    "Graph may refuse the policy"
}


def check_emergency_access(resolved: Resolved, directory: Directory) -> Iterator[Finding]:
    """See that somebody can use each emergency access group and account."""
    if isinstance(directory.emergency_access, Unread):
        yield Finding(
            "emergency-access-unknown",
            Severity.REFUSE,
            "whether emergency access accounts exist and are enabled cannot be read",
            page=_EMERGENCY,
            permission=directory.emergency_access.permission,
        )
        return
    for identity, accounts in sorted(directory.emergency_access.items()):
        if not any(each.enabled for each in accounts):
            state = "no enabled user in it" if accounts else "no user in it"
            if any(identity in each.users for each in resolved.emergency_access):
                state = "been disabled" if accounts else "been deleted"
            yield Finding(
                "emergency-access-disabled",
                Severity.REFUSE,
                f"the emergency access `{resolved.names.get(identity, identity)}` has {state}",
                "whoever this is for could not sign in; mend it before anything is changed",
                _EMERGENCY,
            )


def check_facts(resolved: Resolved, directory: Directory) -> Iterator[Finding]:
    """Hold what `facts` say of emergency access accounts against the directory."""
    if isinstance(directory.emergency_access, Unread):
        return
    known = directory.emergency_access
    for fact in resolved.facts:
        about, other = fact.subject, fact.group
        if fact.relation == "apartFrom" and fact.group in known and fact.kind == "group":
            about, other = fact.group, fact.subject  # it says the same either way
        if about not in known or fact.kind == "role":
            continue
        wrong = [
            each.name
            for each in known[about]
            if (other in each.groups) is not (fact.relation == "within")
        ]
        if wrong:
            said = "in" if fact.relation == "within" else "not in"
            yield Finding(
                "fact-not-true",
                Severity.REFUSE,
                f"{quoted(wrong)} of `{resolved.names.get(about, about)}` should be {said} "
                f"`{resolved.names.get(other, other)}`, as `facts` have it, and "
                f"{'is' if len(wrong) == 1 else 'are'} not so in the directory",
                "correct `facts` in the environment's file, or the membership",
            )


def check_excluded_everywhere(
    resolved: Resolved, directory: Directory, foreign: Foreign
) -> Iterator[Finding]:
    """Tell which policies that are not managed here reach emergency access accounts.

    Those that block refuse, unless a goal about these accounts is waived; so do those that cannot
    be read, as they may block.  Those that ask for something warn.  Our own are checked offline.
    """
    if isinstance(directory.emergency_access, Unread):
        return
    accounts = {each.id: each for every in directory.emergency_access.values() for each in every}
    blocking = Severity.WARN if _waived(resolved) else Severity.REFUSE
    for policy in (*foreign.unreadable, *foreign.enabled):
        reached = sorted(
            each.name for each in accounts.values() if _takes_in(policy.conditions.users, each)
        )
        if not reached:
            continue
        if policy in foreign.unreadable:
            does, severity = "cannot be read here and may block", blocking
        elif blocks(policy):
            does, severity = "blocks", blocking
        elif requirements(policy.grant_controls):
            does, severity = "asks something of", Severity.WARN
        else:
            continue
        yield Finding(
            "emergency-access-not-excluded",
            severity,
            f"the policy `{policy.key}`, which is not managed here, {does} the emergency access "
            f"{'account' if len(reached) == 1 else 'accounts'} {quoted(reached)}",
            "exclude the emergency access accounts from it in the tenant",
            _EMERGENCY,
        )


def _waived(resolved: Resolved) -> bool:
    waived = {each.goal for each in resolved.waivers}
    return any(
        goal.key in waived
        and isinstance(goal.then, NeverBlocked | AsksAtMost)
        and not set(resolved.emergency_access).isdisjoint(goal.given)
        for goal in resolved.goals
    )


def _takes_in(users: Users, account: Account) -> bool:
    """Tell whether a user condition matches an account, which is assumed to be no guest."""
    identities = {account.id}
    included = (
        "All" in users.include_users
        or identities & {*users.include_users}
        or account.groups & {*users.include_groups}
        or account.roles & {*users.include_roles}
    )
    excluded = (
        identities & {*users.exclude_users}
        or account.groups & {*users.exclude_groups}
        or account.roles & {*users.exclude_roles}
    )
    return bool(included) and not excluded
