"""Goals → questions of one form: whether some owners cover every sign-in of a region.

An owner is a policy, an exception of a goal, or what is impossible; each covers a union of cubes.
Every sign-in of a region is blocked, say, if the policies that block cover the region together with
the goal's exceptions.  Controls only add up, and a sign-in must satisfy every policy that applies:
so it must satisfy a control of `wanted` just if one policy that applies demands nothing but such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ostiary.model.controls import (
    Control,
    Requirement,
    blocks,
    ensures,
    requirements,
    satisfied_by,
)
from ostiary.model.goal import AsksAtMost, Blocked, Goal, NeverBlocked, Requires
from ostiary.model.policy import Policy
from ostiary.proof.cubes import Cube, meet
from ostiary.proof.regions import Regions

DEVICE_CONTROLS = frozenset({"compliantDevice", "domainJoinedDevice"})


@dataclass(frozen=True, slots=True)
class Question:
    """Whether every sign-in of `region` is in what the owners in `among`, a bit each, cover.

    `about` is the requirement that must be demanded; or the key of a policy that must apply to no
    sign-in of the region, which no owner but an exception may then cover; or None: blocked.
    """

    region: Cube
    among: int
    about: Requirement | str | None = None


def questions(
    goal: Goal, given: Sequence[Cube], excused: int, policies: Sequence[Policy], regions: Regions
) -> Iterator[Question]:
    """Give the questions that the goal holds just if the answer to each is yes.

    `excused` are the owners of what the goal says nothing about.  Policy number i is owner i.
    """
    enabled = [(1 << n, each) for n, each in enumerate(policies) if each.state == "enabled"]
    blocking = _union(bit for bit, each in enabled if blocks(each))
    match goal.then:
        case Blocked():
            for region in given:
                yield Question(region, blocking | excused)
        case Requires(wanted):
            for requirement in wanted:
                demanding = _union(bit for bit, each in enabled if _demands(each, requirement))
                for region in given:
                    yield Question(region, blocking | demanding | excused, requirement)
        case NeverBlocked() | AsksAtMost():
            for _, policy in enabled:
                for part in _offending(policy, goal.then, regions):
                    met = (meet(region, part) for region in given)
                    yield from (Question(each, excused, policy.key) for each in met if each)


def asks_about(goal: Goal, policy: Policy) -> bool:
    """Tell whether a question about the goal may name the policy, or count what it covers."""
    if policy.state != "enabled":
        return False
    if blocks(policy):
        return True
    match goal.then:
        case Blocked():
            return False
        case Requires(wanted):
            return any(_demands(policy, each) for each in wanted)
        case NeverBlocked() | AsksAtMost():
            return bool(requirements(policy.grant_controls))


def _demands(policy: Policy, wanted: Requirement) -> bool:
    return any(ensures(each, wanted) for each in requirements(policy.grant_controls))


def _offending(policy: Policy, then: NeverBlocked | AsksAtMost, regions: Regions) -> Sequence[Cube]:
    """Give the sign-ins that the policy keeps out, or asks for more than it may."""
    demanded = requirements(policy.grant_controls)
    if not (blocks(policy) or demanded):
        return []
    applies = regions.of_policy(policy.conditions)
    if blocks(policy) or _too_much(demanded, then):
        return applies
    hopeless: list[Cube] = [regions.legacy_clients]
    if any(only_devices(each) for each in demanded):
        hopeless.append(regions.device_code_flow)
    return [met for cube in applies for each in hopeless if (met := meet(cube, each)) is not None]


def _too_much(demanded: Iterable[Requirement], then: NeverBlocked | AsksAtMost) -> bool:
    if isinstance(then, NeverBlocked):
        return False
    return not all(satisfied_by(each, then.controls) for each in demanded)


def only_devices(requirement: Iterable[Control]) -> bool:
    """Tell whether only a device can satisfy it, which none can in device code flow.

    https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant
    """
    return all(each.kind in DEVICE_CONTROLS for each in requirement)


def _union(bits: Iterable[int]) -> int:
    union = 0
    for bit in bits:
        union |= bit
    return union
