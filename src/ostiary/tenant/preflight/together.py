"""The goals, held against what will really be in the tenant: our policies and everybody else's.

More policies can keep people out and open nothing, but a trusted location that is not ours opens
whatever `AllTrusted` excludes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from ostiary.model.goal import AsksAtMost, Fact, NeverBlocked
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.examine import Examined, examine, policy_set_of
from ostiary.proof.prove import prove_all
from ostiary.proof.results import Gap, NotDecided, Proof, Result
from ostiary.tenant.preflight.foreign import Foreign
from ostiary.tenant.preflight.values import Account, Directory, Unread, quoted


def together(resolved: Resolved, directory: Directory, others: Foreign) -> Examined:
    """Hold every goal against the policies as specified and all that is foreign.

    A policy that cannot be read protects nobody here.  A goal that somebody gets in is not decided
    where only such a policy might stand in the way.
    """
    ours = policy_set_of(resolved)
    whole = PolicySet(ours.policies + others.enabled, ours.named_locations + others.named_locations)
    known = replace(
        resolved,
        facts=(*resolved.facts, *_facts(directory, others)),
        names={
            **{each["id"]: str(each["displayName"]) for each in others.listed.named_locations},
            **resolved.names,
        },
    )
    examined = examine(known, whole)
    return _undecided(examined, others) if others.unreadable else examined


def _undecided(examined: Examined, others: Foreign) -> Examined:
    """Take back the proofs that somebody gets in which an unreadable policy may belie."""
    worst = replace(examined.policy_set, policies=examined.policy_set.policies + others.unreadable)
    asked = [
        each.goal
        for each in examined.results
        if isinstance(each, Proof) and isinstance(each.goal.then, NeverBlocked | AsksAtMost)
    ]
    again = prove_all(worst, asked, examined.resolved.facts)
    taken_back = {
        goal.key: _may_block(result, others)
        for goal, result in zip(asked, again, strict=True)
        if not isinstance(result, Proof)
    }
    results = tuple(taken_back.get(each.goal.key, each) for each in examined.results)
    waivers = {
        each.goal: each
        for each in examined.resolved.waivers
        if each.goal in examined.waivers or each.goal in taken_back
    }
    return replace(examined, results=results, waivers=waivers)


def _may_block(result: Result, others: Foreign) -> NotDecided:
    blamed = {
        str(each.question.about) for each in (result.openings if isinstance(result, Gap) else ())
    }
    keys = [each.key for each in others.unreadable]
    keys = [each for each in keys if each in blamed] or keys
    return NotDecided(result.goal, f"{quoted(keys)} cannot be read here and may block", tuple(keys))


def _facts(directory: Directory, others: Foreign) -> Iterator[Fact]:
    """Tell what the directory says of emergency access accounts and the groups of foreign policies.

    Without it, any account may be in any group, and each block of some group would lock it out.
    """
    known: Mapping[str, tuple[Account, ...]] = (
        {} if isinstance(directory.emergency_access, Unread) else directory.emergency_access
    )
    groups = {
        group
        for policy in (*others.enabled, *others.unreadable)
        for of in (policy.conditions.users,)
        for group in (*of.include_groups, *of.exclude_groups)
    }
    for identity, accounts in known.items():
        if not accounts:
            continue
        is_user = any(each.id == identity for each in accounts)
        kind: Literal["user", "group"] = "user" if is_user else "group"
        for group in sorted(groups - {identity}):
            inside = [group in each.groups for each in accounts]
            if all(inside):
                yield Fact(kind, identity, "within", group)
            elif not any(inside):
                yield Fact(kind, identity, "apartFrom", group)
