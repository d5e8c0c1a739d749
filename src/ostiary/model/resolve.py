"""Workspace + one environment → what its tenant shall hold, names resolved to ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from ostiary.errors import Diagnostic, ResolveError, Severity, SpecError, errors_in
from ostiary.model import exclusions
from ostiary.model.named_locations import named_locations
from ostiary.model.names import Names
from ostiary.model.policy import NamedLocation, Policy
from ostiary.model.resolve_policy import PolicyResolver
from ostiary.spec.environment import EnvironmentSpec
from ostiary.spec.source import Step
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Sourced, Workspace


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one environment's tenant shall hold.

    `protected` are the keys of policies that Pulumi must refuse to delete; `renamed_from` gives the
    former keys of policies and named locations.
    """

    environment: str
    tenant_id: str
    policies: tuple[Policy, ...]
    named_locations: tuple[NamedLocation, ...]
    protected: frozenset[str] = frozenset()
    renamed_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()


def resolve(workspace: Workspace, environment: str, today: date) -> Resolved:
    """Resolve every policy and named location for one environment.

    A location that no policy names is left out.  `today` decides which exceptions have expired.
    Raises SpecError or ResolveError with every diagnostic, those of the workspace included.
    """
    found = list(workspace.found)
    if environment not in workspace.environments:
        raise SpecError(found)
    selected = workspace.environments[environment]
    names = Names(selected, found)
    locations = named_locations(workspace, selected, found)
    resolver = PolicyResolver(workspace, names, locations)
    policies = []
    for written in workspace.policies.values():
        before = len(found)
        effective = exclusions.in_environment(written, selected, today, found)
        exclusions.check_trusted(written, effective, locations, found)
        policies.append(resolver.policy(written, effective))
        found += exclusions.check_exceptions(written, selected, today, found[before:])
    found += _own_names(workspace, selected, names)
    if not workspace.broken:
        names.unused()
        found += _unused_locations(workspace, selected, locations.keys() - resolver.locations_used)
    if errors_in(found):
        raise ResolveError(found)
    spec = selected.spec
    return Resolved(
        environment=environment,
        tenant_id=spec.tenant_id,
        policies=tuple(policies),
        named_locations=tuple(
            each for key, each in sorted(locations.items()) if key in resolver.locations_used
        ),
        protected=frozenset(workspace.policies) - set(spec.unprotected)
        if spec.protect
        else frozenset(),
        renamed_from={
            each.key: tuple(each.spec.renamed_from)
            for each in (*workspace.policies.values(), *workspace.named_locations.values())
        },
        warnings=tuple(found),
    )


def _own_names(
    workspace: Workspace, environment: Sourced[EnvironmentSpec], names: Names
) -> Iterable[Diagnostic]:
    """Check the names that the environment itself uses."""
    spec = environment.spec
    accounts = spec.emergency_access
    for index, name in enumerate(accounts.groups):
        names.group(name, environment.at("emergencyAccess", "groups", index))
    for index, name in enumerate(accounts.users):
        names.user(name, environment.at("emergencyAccess", "users", index))
    if not (accounts.groups or accounts.users):
        yield Diagnostic(
            "no-emergency-access",
            "the tenant has no emergency access account",
            environment.at("emergencyAccess"),
            "name the group or the users that must always get in",
        )
    used: list[tuple[str, tuple[Step, ...]]] = [
        *((name, ("states", name)) for name in spec.states),
        *((name, ("unprotected", index)) for index, name in enumerate(spec.unprotected)),
        *(
            (each.policy, ("exclusions", index, "policy"))
            for index, each in enumerate(spec.exclusions)
        ),
    ]
    for name, route in used:
        if name not in workspace.policies and f"policies/{name}.yaml" not in workspace.broken:
            yield Diagnostic(
                "unknown-policy",
                f"no policy `{name}`",
                environment.source.at_key(*route),
                did_you_mean(name, workspace.policies) or f"there is no policies/{name}.yaml",
            )


def _unused_locations(
    workspace: Workspace, environment: Sourced[EnvironmentSpec], unused: Iterable[str]
) -> Iterable[Diagnostic]:
    for key in unused:
        if key in environment.spec.named_locations:
            yield Diagnostic(
                "unused-name",
                f"no policy names the location `{key}`",
                environment.source.at_key("namedLocations", key),
                "remove it, or check the spelling where it was meant to be used",
            )
        else:
            yield Diagnostic(
                "unused-location",
                f"no policy of `{environment.key}` names `{key}`, so it is not deployed there",
                workspace.named_locations[key].at(),
                severity=Severity.WARNING,
            )
