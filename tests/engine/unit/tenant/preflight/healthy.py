"""A tenant in which nothing is wrong: each test spoils one thing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ostiary.model.graph import named_location_to_graph, policy_to_graph
from ostiary.model.resolve import Resolved, resolve
from ostiary.spec.workspace import load
from ostiary.tenant.orphans import Managed
from ostiary.tenant.preflight import named
from ostiary.tenant.preflight.checks import checks, others_of
from ostiary.tenant.preflight.values import (
    Account,
    Directory,
    Finding,
    Listed,
    Observed,
    Recorded,
)
from tests.engine.shipped import ROOT, TODAY

Json = dict[str, Any]

RESOLVED = resolve(load(ROOT, ["sandbox"]), "sandbox", TODAY)
EMERGENCY = RESOLVED.emergency_access[0].groups[0]
ANNA = Account(
    "a0000000-0000-4000-8000-00000000000a", "anna", enabled=True, groups=frozenset({EMERGENCY})
)
SOMEBODY = "b0000000-0000-4000-8000-00000000000b"

_LOCATIONS = {each.key: f"location-{each.key}" for each in RESOLVED.named_locations}
MANAGED = Managed({each.key: f"policy-{each.key}" for each in RESOLVED.policies}, _LOCATIONS)
RECORDED = Recorded(MANAGED)
DIRECTORY = Directory(
    groups=named.groups(RESOLVED),
    users=named.users(RESOLVED),
    service_principals=named.service_principals(RESOLVED),
    applications=named.applications(RESOLVED),
    strengths=named.strengths(RESOLVED),
    emergency_access={EMERGENCY: (ANNA,)},
)
OBSERVED = Observed(
    Listed(
        tuple(
            {"id": MANAGED.policies[each.key], **policy_to_graph(each, _LOCATIONS)}
            for each in RESOLVED.policies
        ),
        tuple(
            {"id": _LOCATIONS[each.key], **named_location_to_graph(each)}
            for each in RESOLVED.named_locations
        ),
    ),
    plans=frozenset({"AAD_PREMIUM", "AAD_PREMIUM_P2", "INTUNE_A"}),
    directory=DIRECTORY,
)


def findings(
    observed: Observed = OBSERVED, recorded: Recorded = RECORDED, resolved: Resolved = RESOLVED
) -> tuple[Finding, ...]:
    return checks(resolved, observed, recorded, others_of(resolved, observed, recorded))


def only(found: tuple[Finding, ...]) -> Finding:
    """Give the finding of a tenant in which one thing is wrong."""
    assert len(found) == 1, found
    return found[0]


def with_policies(*policies: Json, observed: Observed = OBSERVED) -> Observed:
    listed = observed.listed
    return replace(observed, listed=replace(listed, policies=(*listed.policies, *policies)))


def with_locations(*locations: Json, observed: Observed = OBSERVED) -> Observed:
    listed = observed.listed
    every = (*listed.named_locations, *locations)
    return replace(observed, listed=replace(listed, named_locations=every))


def with_directory(**changes: object) -> Observed:
    return replace(OBSERVED, directory=replace(DIRECTORY, **changes))  # type: ignore[arg-type]


def block(name: str, users: Mapping[str, Any] | None = None, **conditions: object) -> Json:
    """Give somebody's policy that blocks, by default everybody but emergency access."""
    return {
        "id": f"foreign-{name}",
        "displayName": name,
        "state": "enabled",
        "conditions": {
            "users": users or {"includeUsers": ["All"], "excludeGroups": [EMERGENCY]},
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["all"],
            **conditions,
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        "sessionControls": None,
    }


def ip_location(name: str, *ranges: str, trusted: bool = False) -> Json:
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "id": f"foreign-{name}",
        "displayName": name,
        "isTrusted": trusted,
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": each}
            for each in ranges
        ],
    }
