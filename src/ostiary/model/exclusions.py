"""What a policy leaves out in one environment: exceptions, more exclusions, emergency access."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from pydantic.alias_generators import to_camel

from ostiary.errors import Diagnostic
from ostiary.model.named_locations import LocationNames
from ostiary.spec.environment import EnvironmentSpec, ExclusionSpec
from ostiary.spec.models import ExceptionSpec, FilterSpec, LocationsSpec, PolicySpec
from ostiary.spec.source import Route
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Sourced

DEVICE_FILTER = "deviceFilter"
GUESTS = "excludeGuestsOrExternalUsers"
FILTERS = (DEVICE_FILTER, "applicationFilter", "servicePrincipalFilter")

# Where each list of exclusions stands in a policy: condition, key in the file, attribute.
LISTS = (
    ("users", "excludeUsers", "exclude_users"),
    ("users", "excludeGroups", "exclude_groups"),
    ("users", "excludeRoles", "exclude_roles"),
    ("applications", "excludeApplications", "exclude_applications"),
    ("locations", "excludeLocations", "exclude_locations"),
)

_EVERY_LIST = (
    *LISTS,
    ("platforms", "excludePlatforms", "exclude_platforms"),
    ("client_applications", "excludeServicePrincipals", "exclude_service_principals"),
)
_NAMED = frozenset(key for _, key, _ in _EVERY_LIST)


def in_environment(
    policy: Sourced[PolicySpec],
    environment: Sourced[EnvironmentSpec],
    today: date,
    found: list[Diagnostic],
) -> PolicySpec:
    """Give the policy with the exclusions that hold in this environment; reports what is wrong.

    The environment's own exclusions are added; `deviceCodeFlowExceptions: off` takes every
    exception of policies on authentication flows away.
    """
    found += _emergency_access(policy, environment)
    found += _expired(environment, policy.key, today)
    spec = policy.spec
    if without_exceptions(spec, environment):
        return _without_exceptions(spec)
    for extra in _extras(environment, policy.key):
        spec = _with(spec, extra)
    return spec


def on_authentication_flows(spec: PolicySpec) -> bool:
    """Tell whether a policy blocks device code flow or authentication transfer."""
    grant = spec.grant_controls
    return bool(
        spec.conditions.authentication_flows and grant and "block" in grant.built_in_controls
    )


def check_trusted(
    policy: Sourced[PolicySpec],
    spec: PolicySpec,
    locations: LocationNames,
    found: list[Diagnostic],
) -> None:
    """Refuse an exception by location that is not trusted in a block on authentication flows."""
    if not on_authentication_flows(spec) or spec.conditions.locations is None:
        return
    for name in spec.conditions.locations.exclude_locations:
        place = policy.at("conditions", "locations", "excludeLocations")
        found += filter(None, (locations.untrusted(name, place),))


def check_exceptions(
    policy: Sourced[PolicySpec],
    environment: Sourced[EnvironmentSpec],
    today: date,
    found: Iterable[Diagnostic],
) -> Iterator[Diagnostic]:
    """See that exclusions and exceptions belong together; `found` is wrong with the policy already.

    What only follows from a name that finds nothing is not told again.
    """
    unknown = {each.location for each in found if each.code.startswith("unknown-")}
    excluded = excluded_names(policy.spec)
    misspelt = {name for name, route in excluded.items() if policy.at(*route) in unknown}
    declared = set()
    for index, exception in enumerate(policy.spec.exceptions):
        declared.add(exception.of)
        if exception.of not in excluded and not did_you_mean(exception.of, misspelt):
            yield Diagnostic(
                "unknown-exception",
                f"the policy does not exclude `{exception.of}`",
                policy.at("exceptions", index, "of"),
                did_you_mean(exception.of, excluded)
                or f"write a name that the policy excludes, or a key such as `{DEVICE_FILTER}`",
            )
        if exception.expires < today:
            yield Diagnostic(
                "exception-expired",
                f"the exception of `{exception.of}` ended on {exception.expires}",
                policy.at("exceptions", index, "expires"),
                "remove the exclusion, or have its owner renew it",
            )
    if not on_authentication_flows(policy.spec):
        return
    accounts = environment.spec.emergency_access
    for name in excluded.keys() - declared - misspelt - {*accounts.groups, *accounts.users}:
        yield Diagnostic(
            "exception-undeclared",
            f"`{name}` opens the door and is not among the exceptions",
            policy.at(*excluded[name]),
            f"add `{{of: {name}, owner: …, reason: …, expires: …}}` to `exceptions`",
        )


def added(policy: str, environment: Sourced[EnvironmentSpec]) -> Iterator[tuple[str, str, Route]]:
    """Give what the environment excludes from a policy: the list, the name, and its place there."""
    for index, extra in enumerate(environment.spec.exclusions):
        for _, key, attribute in LISTS:
            if extra.policy == policy:
                for nth, name in enumerate(getattr(extra, attribute)):
                    yield key, name, ("exclusions", index, key, nth)


def without_exceptions(policy: PolicySpec, environment: Sourced[EnvironmentSpec]) -> bool:
    """Tell whether the environment takes every exception of this policy away."""
    return on_authentication_flows(policy) and environment.spec.device_code_flow_exceptions == "off"


def declaration(
    policy: Sourced[PolicySpec], environment: Sourced[EnvironmentSpec], key: str, name: str
) -> ExceptionSpec | ExclusionSpec | None:
    """Find who answers for an exclusion, by its list or filter and its name in the files."""
    for listed, other, route in added(policy.key, environment):
        if (listed, other) == (key, name):
            return environment.spec.exclusions[int(route[1])]
    wanted = name if key in _NAMED else key
    return next((each for each in policy.spec.exceptions if each.of == wanted), None)


def excluded_names(spec: PolicySpec) -> dict[str, Route]:
    """Give the route of all that a policy excludes: by its name, what has none by its key."""
    conditions = spec.conditions
    excluded: dict[str, Route] = {}
    for condition, key, attribute in _EVERY_LIST:
        names = getattr(getattr(conditions, condition), attribute, ())
        excluded |= {
            name: ("conditions", to_camel(condition), key, index)
            for index, name in enumerate(names)
        }
    if conditions.users.exclude_guests_or_external_users:
        excluded[GUESTS] = ("conditions", "users", GUESTS)
    workloads = conditions.client_applications
    filters: dict[tuple[str, str], FilterSpec | None] = {
        ("devices", DEVICE_FILTER): conditions.devices.device_filter
        if conditions.devices
        else None,
        ("applications", "applicationFilter"): conditions.applications.application_filter,
        ("clientApplications", "servicePrincipalFilter"): workloads.service_principal_filter
        if workloads
        else None,
    }
    excluded |= {
        route[-1]: ("conditions", *route)
        for route, each in filters.items()
        if each is not None and each.mode == "exclude"
    }
    return excluded


def _emergency_access(
    policy: Sourced[PolicySpec], environment: Sourced[EnvironmentSpec]
) -> Iterator[Diagnostic]:
    spec, users = policy.spec, policy.spec.conditions.users
    if spec.conditions.client_applications is not None:
        return  # a policy on workload identities reaches no user
    accounts = environment.spec.emergency_access
    missing = [name for name in accounts.groups if name not in users.exclude_groups]
    missing += [name for name in accounts.users if name not in users.exclude_users]
    if missing and spec.emergency_access_included is None:
        names = ", ".join(f"`{name}`" for name in missing)
        yield Diagnostic(
            "emergency-access-not-excluded",
            f"the policy does not exclude {names}",
            policy.at("conditions", "users"),
            "exclude the emergency access accounts, or say why not with `emergencyAccessIncluded`",
            page="https://learn.microsoft.com/entra/identity/role-based-access-control/"
            "security-emergency-access",
        )
    if not missing and spec.emergency_access_included is not None:
        yield Diagnostic(
            "emergency-access-excluded",
            "the policy excludes the emergency access accounts after all",
            policy.at("emergencyAccessIncluded"),
            "remove `emergencyAccessIncluded`",
        )


def _extras(environment: Sourced[EnvironmentSpec], policy: str) -> Iterator[ExclusionSpec]:
    return (each for each in environment.spec.exclusions if each.policy == policy)


def _expired(
    environment: Sourced[EnvironmentSpec], policy: str, today: date
) -> Iterator[Diagnostic]:
    for index, each in enumerate(environment.spec.exclusions):
        if each.policy != policy:
            continue
        if each.expires < today:
            yield Diagnostic(
                "exception-expired",
                f"the exclusion ended on {each.expires}",
                environment.at("exclusions", index, "expires"),
                "remove it, or have its owner renew it",
            )
        if not any(getattr(each, attribute) for _, _, attribute in LISTS):
            yield Diagnostic(
                "empty-list", "the exclusion excludes nothing", environment.at("exclusions", index)
            )
    for _, name, route in added(policy, environment):
        if name in {"All", "None"}:
            yield Diagnostic(
                "excludes-everything", f"`{name}` cannot be excluded", environment.at(*route)
            )


def _without_exceptions(spec: PolicySpec) -> PolicySpec:
    gone = {exception.of for exception in spec.exceptions}
    conditions = spec.conditions
    changed: dict[str, Any] = {}
    for condition, _, attribute in LISTS:
        part = changed.get(condition, getattr(conditions, condition))
        if part is not None:
            kept = [name for name in getattr(part, attribute) if name not in gone]
            changed[condition] = part.model_copy(update={attribute: kept})
    if DEVICE_FILTER in gone:
        changed["devices"] = None
    return spec.model_copy(update={"conditions": conditions.model_copy(update=changed)})


def _with(spec: PolicySpec, extra: ExclusionSpec) -> PolicySpec:
    conditions = spec.conditions
    for condition, _, attribute in LISTS:
        part, added = getattr(conditions, condition), getattr(extra, attribute)
        if not added:
            continue
        if part is None:  # only the locations condition may be absent
            part = LocationsSpec.model_validate({"includeLocations": ["All"]})
        names = [*getattr(part, attribute), *added]
        conditions = conditions.model_copy(
            update={condition: part.model_copy(update={attribute: names})}
        )
    return spec.model_copy(update={"conditions": conditions})
