"""What only a proof tells of the files: exceptions nobody answers for, policies that do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ostiary.errors import Diagnostic, Severity
from ostiary.model.exclusions import declaration
from ostiary.model.places import Places
from ostiary.model.resolve import Resolved
from ostiary.proof.examine import Examined
from ostiary.proof.exceptions import Exclusion, Opened, exclusions, opened
from ostiary.proof.redundancy import Redundant, redundant
from ostiary.proof.results import Proof, Result
from ostiary.spec.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Findings:
    """What proofs tell beside the goals.

    `opened` has every exclusion that opens something, those of emergency access accounts apart;
    `diagnostics` what is wrong with the files.
    """

    opened: tuple[Opened, ...] = ()
    redundant: tuple[Redundant, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def findings(workspace: Workspace, examined: Examined) -> Findings:
    """Tell what the proofs of one environment say of its files."""
    found = errors(workspace, examined)
    if examined.prover is None:
        return Findings(diagnostics=found)
    idle = tuple(redundant(examined.prover))
    warnings = (
        *_needless(examined),
        *_idle_exceptions(examined.results),
        *_idle_policies(Places(workspace, examined.resolved.environment), idle),
    )
    open_ = (opened(examined.prover, each) for each in _exclusions(examined.resolved))
    return Findings(tuple(filter(None, open_)), idle, (*found, *warnings))


def errors(workspace: Workspace, examined: Examined) -> tuple[Diagnostic, ...]:
    """Tell only what stops a deployment: whatever is not declared and opens something."""
    resolved = examined.resolved
    environment = workspace.environments[resolved.environment]
    if examined.prover is None:
        message = f"nothing can be proven here: {examined.too_hard}"
        return (Diagnostic("too-hard", message, environment.at()),)
    places = Places(workspace, resolved.environment)
    found: list[Diagnostic] = []
    for each in _exclusions(resolved):
        name = places.name(each.policy, each.of, each.entry)
        policy = workspace.policies[each.policy]
        if declaration(policy, environment, each.of, name) is None and opened(
            examined.prover, each
        ):
            found.append(
                Diagnostic(
                    "exception-undeclared",
                    f"`{name}` opens the door and is not among the exceptions",
                    places.of(each.policy, each.of, each.entry),
                    f"add `{{of: {name}, owner: …, reason: …, expires: …}}` to `exceptions`",
                )
            )
    return tuple(found)


def _exclusions(resolved: Resolved) -> Iterator[Exclusion]:
    """Give what enabled policies exclude, but for emergency access accounts."""
    accounts = {
        *(("excludeUsers", each) for of in resolved.emergency_access for each in of.users),
        *(("excludeGroups", each) for of in resolved.emergency_access for each in of.groups),
    }
    for policy in resolved.policies:
        if policy.state == "enabled":
            yield from (
                each for each in exclusions(policy) if (each.of, each.entry) not in accounts
            )


def _needless(examined: Examined) -> Iterator[Diagnostic]:
    for waiver in examined.resolved.waivers:
        if waiver.goal not in examined.waivers:
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
