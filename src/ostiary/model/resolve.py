"""Workspace + one environment → what its tenant shall hold, names resolved to ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from ostiary.errors import Diagnostic, ResolveError, Severity, SpecError, errors_in
from ostiary.model import exclusions, resolve_goals
from ostiary.model.goal import Fact, Goal, SignIns, Waiver
from ostiary.model.named_locations import LocationNames, named_locations
from ostiary.model.names import Names
from ostiary.model.policy import NamedLocation, Policy, canonical
from ostiary.model.resolve_policy import PolicyResolver
from ostiary.spec.environment import EnvironmentSpec
from ostiary.spec.source import Route
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Sourced, Workspace


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one environment's tenant shall hold.

    `protected` are the keys of policies that Pulumi must refuse to delete; `renamed_from` gives the
    former keys of policies and named locations.  `known_locations` are all that have values in this
    environment, whether deployed or not; `names` gives the name that people know for an id, or for
    the key of a location; `emergency_access` are the sign-ins of the tenant's emergency accounts;
    `suspected_users` is the id of the group that confines its members;
    `as_written` are the policies with each list in its file's order, as the provider compares them.
    """

    environment: str
    tenant_id: str
    policies: tuple[Policy, ...]
    named_locations: tuple[NamedLocation, ...]
    protected: frozenset[str] = frozenset()
    renamed_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    goals: tuple[Goal, ...] = ()
    facts: tuple[Fact, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    known_locations: tuple[NamedLocation, ...] = ()
    emergency_access: tuple[SignIns, ...] = ()
    suspected_users: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    as_written: tuple[Policy, ...] = ()


def resolve(workspace: Workspace, environment: str, today: date) -> Resolved:
    """Resolve every policy, named location and goal for one environment.

    A location that no policy names is not deployed.  `today` decides which exceptions and waivers
    have expired.
    Raises SpecError or ResolveError with every diagnostic, those of the workspace included.
    """
    found = list(workspace.found)
    if environment not in workspace.environments:
        raise SpecError(found)
    selected = workspace.environments[environment]
    names = Names(selected, found)
    locations = named_locations(workspace, selected, found)
    of_policies, of_goals = (
        LocationNames(workspace, selected, locations, found) for _ in ("policies", "goals")
    )
    resolver = PolicyResolver(names, of_policies)
    policies = []
    for written in workspace.policies.values():
        before = len(found)
        effective = exclusions.in_environment(written, selected, today, found)
        exclusions.check_trusted(written, effective, of_policies, found)
        policies.append(resolver.policy(written, effective))
        found += exclusions.check_exceptions(written, selected, today, found[before:])
    goals = resolve_goals.goals(workspace, names, of_goals)
    facts = tuple(resolve_goals.facts(names))
    waivers = resolve_goals.waivers(selected, today, found)
    emergency_access = tuple(_emergency_access(selected, names))
    suspected_users = _suspected_users(selected, names)
    found += _unknown_policies(workspace, selected)
    if not workspace.broken:
        names.unused()
        found += _unused_locations(
            workspace, selected, locations.keys() - of_policies.used - of_goals.used
        )
    if errors_in(found):
        raise ResolveError(found)
    spec = selected.spec
    return Resolved(
        environment=environment,
        tenant_id=spec.tenant_id,
        policies=tuple(map(canonical, policies)),
        named_locations=tuple(
            each for key, each in sorted(locations.items()) if key in of_policies.used
        ),
        protected=frozenset(workspace.policies) - set(spec.unprotected)
        if spec.protect
        else frozenset(),
        renamed_from={
            each.key: tuple(each.spec.renamed_from)
            for each in (*workspace.policies.values(), *workspace.named_locations.values())
        },
        warnings=tuple(found),
        goals=goals,
        facts=facts,
        waivers=waivers,
        known_locations=tuple(each for _, each in sorted(locations.items())),
        emergency_access=emergency_access,
        suspected_users=suspected_users,
        names=names.known() | {key: each.display_name for key, each in locations.items()},
        as_written=tuple(policies),
    )


def _emergency_access(environment: Sourced[EnvironmentSpec], names: Names) -> Iterable[SignIns]:
    accounts, at = environment.spec.emergency_access, environment.at
    if not (accounts.groups or accounts.users):
        names.found.append(
            Diagnostic(
                "no-emergency-access",
                "the tenant has no emergency access account",
                at("emergencyAccess"),
                "name the group or the users that must always get in",
            )
        )
    if groups := names.ids(
        names.group, accounts.groups, lambda index: at("emergencyAccess", "groups", index)
    ):
        yield SignIns(groups=tuple(sorted(groups)))
    if users := names.ids(
        names.user, accounts.users, lambda index: at("emergencyAccess", "users", index)
    ):
        yield SignIns(users=tuple(sorted(users)))


def _suspected_users(environment: Sourced[EnvironmentSpec], names: Names) -> str | None:
    if environment.spec.suspected_users is None:
        return environment.spec.groups.get("suspected-users")
    return names.group(environment.spec.suspected_users, environment.at("suspectedUsers"))


def _unknown_policies(
    workspace: Workspace, environment: Sourced[EnvironmentSpec]
) -> Iterable[Diagnostic]:
    """Check the policies that the environment itself names."""
    spec = environment.spec
    used: list[tuple[str, Route]] = [
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
