"""Everything that is proven of one environment: its goals, its exceptions, its idle policies.

This is what stands between a change and a tenant: nothing is deployed unless `passes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ostiary.errors import Diagnostic, Severity, errors_in
from ostiary.model.device_filter import FilterSyntaxError
from ostiary.model.exclusions import declaration
from ostiary.model.goal import Waiver
from ostiary.model.places import Places
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.attributes import TooHardError
from ostiary.proof.cover import BUDGET
from ostiary.proof.exceptions import Exclusion, Opened, exclusions, opened
from ostiary.proof.prove import NotDecided, Proof, Prover, Result
from ostiary.proof.redundancy import Redundant, redundant
from ostiary.spec.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Examined:
    """What holds in one environment.

    `results` has one for each goal that it enforces, `waivers` those of goals that do not hold,
    `opened` every exclusion that opens something, those of emergency access accounts apart.
    `diagnostics` is what is wrong with the files, told only by proof.
    """

    resolved: Resolved
    results: tuple[Result, ...]
    waivers: tuple[Waiver, ...]
    opened: tuple[Opened, ...]
    redundant: tuple[Redundant, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def failing(self) -> tuple[Result, ...]:
        """The goals that are not proven, and that nobody has waived."""
        waived = {each.goal for each in self.waivers}
        return tuple(
            each
            for each in self.results
            if not isinstance(each, Proof) and each.goal.key not in waived
        )

    @property
    def passes(self) -> bool:
        """Whether the environment may be deployed."""
        return not (self.failing or errors_in(self.diagnostics))


def policy_set(resolved: Resolved) -> PolicySet:
    """Give what decides sign-ins in an environment, with every location that a goal may name."""
    return PolicySet(resolved.policies, resolved.known_locations)


def examine(workspace: Workspace, resolved: Resolved, *, budget: int = BUDGET) -> Examined:
    """Prove what one environment of a workspace enforces."""
    places = Places(workspace, resolved.environment)
    try:
        prover = Prover(policy_set(resolved), resolved.goals, resolved.facts, budget=budget)
    except (TooHardError, FilterSyntaxError) as error:
        place = workspace.environments[resolved.environment].at()
        hard = Diagnostic("too-hard", f"nothing can be proven here: {error}", place)
        undecided = tuple(NotDecided(each, str(error)) for each in resolved.goals)
        return Examined(resolved, undecided, resolved.waivers, (), (), (hard,))
    results = tuple(prover.prove(each) for each in resolved.goals)
    proven = {each.goal.key for each in results if isinstance(each, Proof)}
    open_ = tuple(_opened(prover, resolved))
    idle = tuple(redundant(prover))
    diagnostics = (
        *_undeclared(workspace, resolved, places, open_),
        *_needless(resolved, proven),
        *_idle_exceptions(results),
        *_idle_policies(places, idle),
    )
    waivers = tuple(each for each in resolved.waivers if each.goal not in proven)
    return Examined(resolved, results, waivers, open_, idle, diagnostics)


def _opened(prover: Prover, resolved: Resolved) -> Iterator[Opened]:
    accounts = {
        *(("excludeUsers", each) for of in resolved.emergency_access for each in of.users),
        *(("excludeGroups", each) for of in resolved.emergency_access for each in of.groups),
    }
    for policy in resolved.policies:
        if policy.state == "enabled":
            for exclusion in exclusions(policy):
                if (exclusion.of, exclusion.entry) not in accounts:
                    found = opened(prover, exclusion)
                    if found is not None:
                        yield found


def _undeclared(
    workspace: Workspace, resolved: Resolved, places: Places, open_: tuple[Opened, ...]
) -> Iterator[Diagnostic]:
    environment = workspace.environments[resolved.environment]
    for each in open_:
        exclusion: Exclusion = each.exclusion
        name = places.name(exclusion.policy, exclusion.of, exclusion.entry)
        policy = workspace.policies[exclusion.policy]
        if declaration(policy, environment, exclusion.of, name) is None:
            yield Diagnostic(
                "exception-undeclared",
                f"`{name}` opens the door and is not among the exceptions",
                places.of(exclusion.policy, exclusion.of, exclusion.entry),
                f"add `{{of: {name}, owner: …, reason: …, expires: …}}` to `exceptions`",
            )


def _needless(resolved: Resolved, proven: set[str]) -> Iterator[Diagnostic]:
    for waiver in resolved.waivers:
        if waiver.goal in proven:
            yield Diagnostic(
                "waiver-not-needed",
                f"`{waiver.goal}` holds without its waiver",
                waiver.place,
                "remove the waiver",
                Severity.WARNING,
            )


def _idle_exceptions(results: tuple[Result, ...]) -> Iterator[Diagnostic]:
    for result in results:
        for each in result.idle if isinstance(result, Proof) else ():
            if each.unless_device_is_seen:
                continue  # the policy's own warning tells it: device-state-in-device-code-flow
            yield Diagnostic(
                "goal-exception-idle",
                f"`{result.goal.key}` holds without its exception `{each.name}`",
                each.place,
                "remove it: a goal says more with fewer exceptions",
                Severity.WARNING,
            )


def _idle_policies(places: Places, idle: tuple[Redundant, ...]) -> Iterator[Diagnostic]:
    for each in idle:
        place = places.condition(each.policy, "conditions")
        by = ", ".join(f"`{key}`" for key in each.by)
        if each.kind == "neverApplies":
            yield Diagnostic(
                "policy-never-applies",
                "no sign-in can meet all the conditions",
                place,
                "one of them leaves nothing for another",
                Severity.WARNING,
            )
        elif each.kind == "shadowed":
            yield Diagnostic(
                "policy-shadowed",
                f"whoever it asks something of is blocked by {by}",
                place,
                "remove it, or narrow what blocks",
                Severity.WARNING,
            )
        else:
            yield Diagnostic(
                "policy-redundant",
                f"every sign-in would be decided alike without it, by {by}"
                if by
                else "it does nothing to the sign-ins that it applies to",
                place,
                "remove it, or check that it says what it should",
                Severity.WARNING,
            )
