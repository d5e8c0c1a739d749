"""What membership of the group of suspected users means, proven on what the tenant holds now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ostiary.errors import Location
from ostiary.model.goal import Blocked, Goal, GoalException, SignIns
from ostiary.model.policy import IpNamedLocation, PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.prove import prove_all
from ostiary.proof.results import Proof, Result
from ostiary.tenant.held import held
from ostiary.tenant.orphans import Managed

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which sign-ins of members are still possible: the openings of `blocked`, a proof if none.

    `goals` are the results of the environment's goals about the group.  No protection by policies
    that are `unreadable` here is counted on.
    """

    blocked: Result
    goals: tuple[Result, ...]
    unreadable: tuple[str, ...]

    @property
    def confined(self) -> bool:
        """Tell whether the environment says what membership must mean, and it does."""
        return bool(self.goals) and all(isinstance(each, Proof) for each in self.goals)


def meaning(
    resolved: Resolved, group_id: str, policies: Iterable[Json], locations: Iterable[Json]
) -> Meaning:
    """Prove what membership means by all policies and named locations that Graph lists."""
    policies, locations = list(policies), list(locations)
    policy_keys = {each.display_name: each.key for each in resolved.policies}
    location_keys = {each.display_name: each.key for each in resolved.known_locations}
    now = held(
        Managed(_keyed(policies, policy_keys), _keyed(locations, location_keys)),
        {},
        policies,
        locations,
    )
    there = {each.key for each in now.policy_set.named_locations}
    # Goals may name locations that the tenant does not hold; those are no trusted ones there.
    absent = [
        replace(each, is_trusted=False) if isinstance(each, IpNamedLocation) else each
        for each in resolved.known_locations
        if each.key not in there
    ]
    policy_set = PolicySet(now.policy_set.policies, (*now.policy_set.named_locations, *absent))
    place = Location(f"environments/{resolved.environment}.yaml")
    blocked = Goal(
        "suspected-users-are-blocked",
        "Suspected users get in nowhere.",
        (SignIns(groups=(group_id,)),),
        tuple(GoalException("emergency access", each, place) for each in resolved.emergency_access),
        Blocked(),
        place,
    )
    about = [
        each for each in resolved.goals if any(group_id in given.groups for given in each.given)
    ]
    still_possible, *goals = prove_all(policy_set, [blocked, *about], resolved.facts)
    return Meaning(still_possible, tuple(goals), now.unreadable)


def _keyed(objects: Iterable[Json], keys: Mapping[str, str]) -> dict[str, str]:
    """Give ids by the workspace's keys, found by display name, or by themselves."""
    ids: dict[str, str] = {}
    for each in objects:
        key = keys.get(each["displayName"], each["id"])
        ids[each["id"] if key in ids else key] = each["id"]
    return ids
