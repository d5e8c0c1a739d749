"""One environment's goals held against its policies: every result, and the waivers beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ostiary.model.device_filter import FilterSyntaxError
from ostiary.model.goal import Waiver
from ostiary.model.policy import IpNamedLocation, PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.attributes import TooHardError
from ostiary.proof.prove import Prover
from ostiary.proof.results import NotDecided, Proof, Result


@dataclass(frozen=True, slots=True)
class Examined:
    """The results of an environment's goals, in its order.

    `prover` is None if nothing can be proven, for the reason in `too_hard`.  `waivers` gives those
    of goals that are not proven: they are reported, and stop nothing.
    """

    resolved: Resolved
    policy_set: PolicySet
    results: tuple[Result, ...]
    waivers: dict[str, Waiver]
    prover: Prover | None
    too_hard: str | None = None

    @property
    def failed(self) -> tuple[Result, ...]:
        """The results that stop a run: not proven, and not waived."""
        return tuple(
            each
            for each in self.results
            if not isinstance(each, Proof) and each.goal.key not in self.waivers
        )


def policy_set_of(resolved: Resolved) -> PolicySet:
    """Give what decides an environment's sign-ins, so that goals can name any of its locations.

    A location that is not deployed is not in the tenant, so `AllTrusted` does not mean it there.
    """
    deployed = {each.key for each in resolved.named_locations}
    return PolicySet(
        resolved.policies,
        tuple(
            replace(each, is_trusted=False)
            if isinstance(each, IpNamedLocation) and each.key not in deployed
            else each
            for each in resolved.known_locations
        ),
    )


def examine(resolved: Resolved, policy_set: PolicySet | None = None) -> Examined:
    """Hold every goal of an environment against its policies, or against a whole tenant's."""
    policy_set = policy_set or policy_set_of(resolved)
    waivers = {each.goal: each for each in resolved.waivers}
    prover: Prover | None = None
    too_hard: str | None = None
    results: list[Result] = []
    try:
        prover = Prover(policy_set, resolved.goals, resolved.facts)
    except (TooHardError, FilterSyntaxError) as error:
        too_hard = str(error)
        results += (NotDecided(each, too_hard) for each in resolved.goals)
    else:
        results += map(prover.prove, resolved.goals)
    open_ = {each.goal.key for each in results if not isinstance(each, Proof)}
    waived = {key: waiver for key, waiver in waivers.items() if key in open_}
    return Examined(resolved, policy_set, tuple(results), waived, prover, too_hard)
