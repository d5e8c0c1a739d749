"""What stands in a tenant that this stack does not manage: it decides sign-ins beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ostiary.model.device_filter import FilterSyntaxError
from ostiary.model.graph import GraphShapeError, named_location_from_graph, policy_from_graph
from ostiary.model.policy import NamedLocation, Policy
from ostiary.model.resolve import Resolved
from ostiary.proof.conditions import rules
from ostiary.tenant.orphans import Managed, Orphans
from ostiary.tenant.preflight.values import Json, Listed, Observed

_ANYBODY = {"includeUsers": ["All"]}
_ANY_WORKLOAD = {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}


@dataclass(frozen=True, slots=True)
class Foreign:
    """Policies and named locations that are somebody else's.

    `listed` has all of them as Graph shows them.  `enabled` are the policies in force that can be
    read; `unreadable` stand for those that cannot, each as a block of all that its readable part
    may reach.  A location is held by its id, a policy by its display name.  `opaque` are the names
    of locations that may be trusted and cannot be read.
    """

    listed: Listed
    enabled: tuple[Policy, ...]
    unreadable: tuple[Policy, ...]
    named_locations: tuple[NamedLocation, ...]
    opaque: tuple[str, ...]


def foreign(resolved: Resolved, observed: Observed, managed: Managed, found: Orphans) -> Foreign:
    """Find what is foreign: what neither the state nor an interrupted run accounts for."""
    ours = {
        *managed.policies.values(),
        *managed.named_locations.values(),
        *found.policies.values(),
        *found.named_locations.values(),
        *(each["id"] for each in found.twins),
    }
    listed = Listed(
        tuple(each for each in observed.listed.policies if each["id"] not in ours),
        tuple(each for each in observed.listed.named_locations if each["id"] not in ours),
    )
    keys = _Keys(each.key for each in resolved.policies)
    location_keys = keys_of_locations(resolved, managed, found)
    enabled: list[Policy] = []
    unreadable: list[Policy] = []
    for each in _in_force(listed.policies):
        key = keys.of(each)
        try:
            enabled.append(_readable(each, key, location_keys))
        except (GraphShapeError, FilterSyntaxError):
            unreadable.append(_worst(each, key))
    beta_only = (each for each in observed.beta_only if each["id"] not in ours)
    unreadable += (_worst(each, keys.of(each)) for each in _in_force(beta_only))
    locations, opaque = _locations(listed.named_locations)
    return Foreign(listed, tuple(enabled), tuple(unreadable), locations, opaque)


def _in_force(policies: Iterable[Json]) -> Iterator[Json]:
    return (each for each in policies if each.get("state") == "enabled")


def keys_of_locations(resolved: Resolved, managed: Managed, found: Orphans) -> dict[str, str]:
    """Give the key of each of our named locations by its id; one that was renamed has its new."""
    now = newest(resolved.renamed_from)
    return {
        **{identity: now.get(key, key) for key, identity in managed.named_locations.items()},
        **{identity: key for key, identity in found.named_locations.items()},
    }


def newest(renamed_from: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Give the key of today for each former one."""
    return {former: key for key, every in renamed_from.items() for former in every}


def _locations(listed: Iterable[Json]) -> tuple[tuple[NamedLocation, ...], tuple[str, ...]]:
    read: list[NamedLocation] = []
    opaque: list[str] = []
    for each in listed:
        try:
            read.append(named_location_from_graph(each, each["id"]))
        except GraphShapeError:
            if each.get("isTrusted") is not False and not _is_country(each):
                opaque.append(str(each["displayName"]))
    return tuple(read), tuple(opaque)


def _is_country(location: Json) -> bool:
    """Tell what can never be trusted."""
    return str(location.get("@odata.type", "")).endswith(".countryNamedLocation")


class _Keys:
    """Names for foreign policies; where one is taken, the id goes with it."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def of(self, policy: Json) -> str:
        name = str(policy["displayName"])
        key = f"{name} ({policy['id']})" if name in self._taken else name
        self._taken.add(key)
        return key


def _readable(policy: Json, key: str, location_keys: Mapping[str, str]) -> Policy:
    """Read a policy whole, its filters too; raises GraphShapeError and FilterSyntaxError."""
    read = policy_from_graph(policy, key, location_keys)
    tuple(rules(read.conditions))
    return read


def _worst(policy: Json, key: str) -> Policy:
    """Give the widest block that a policy which cannot be read may be.

    Whom it is about counts where that much can be read: what else is unknown may narrow it, and
    nothing can widen it.
    """
    conditions = policy.get("conditions") or {}
    workloads = conditions.get("clientApplications") or {}
    if any(workloads.values()):
        about, anybody = {"clientApplications": workloads}, {"clientApplications": _ANY_WORKLOAD}
    else:
        about, anybody = {"users": conditions.get("users") or _ANYBODY}, {"users": _ANYBODY}
    try:
        return _readable(_block(policy, about), key, {})
    except (GraphShapeError, FilterSyntaxError):
        return _readable(_block(policy, anybody), key, {})


def _block(policy: Json, about: Json) -> Json:
    return {
        "displayName": policy["displayName"],
        "state": "enabled",
        "conditions": {
            **about,
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["all"],
        },
        "grantControls": {"operator": "OR", "builtInControls": ["block"]},
    }
