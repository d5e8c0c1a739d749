"""Where a policy's conditions and their entries stand in the files, to explain what it does.

A resolved policy holds ids and knows no file; this leads back from an id to the line with its name,
in the policy's file or in the environment that excludes it as well.  A policy without a file is in
the tenant alone, and so is the place that is given for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ostiary.catalog import WELL_KNOWN_LOCATIONS
from ostiary.errors import Location
from ostiary.model import exclusions
from ostiary.model.names import Names
from ostiary.spec.source import Data, Route, Step
from ostiary.spec.workspace import Workspace

Lookup = Callable[[str, Location], str | None]

# Where each list of conditions stands, by its key, which is Graph's.
_ROUTES: Mapping[str, Route] = {
    str(route[-1]): ("conditions", *route)
    for route in (
        *(
            (condition, f"{verb}{what}")
            for verb in ("include", "exclude")
            for condition, what in (
                ("users", "Users"),
                ("users", "Groups"),
                ("users", "Roles"),
                ("applications", "Applications"),
                ("clientApplications", "ServicePrincipals"),
                ("platforms", "Platforms"),
                ("locations", "Locations"),
            )
        ),
        ("applications", "includeUserActions"),
        ("authenticationFlows", "transferMethods"),
        ("clientAppTypes",),
        ("signInRiskLevels",),
        ("userRiskLevels",),
        ("servicePrincipalRiskLevels",),
    )
} | {
    key: ("conditions", "users", key, "guestOrExternalUserTypes")
    for key in ("includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers")
}

_FILTERS: Mapping[str, Route] = {
    "deviceFilter": ("conditions", "devices", "deviceFilter"),
    "applicationFilter": ("conditions", "applications", "applicationFilter"),
    "servicePrincipalFilter": ("conditions", "clientApplications", "servicePrincipalFilter"),
}


class Places:
    """The places of one environment's policies; a file is looked through when it is asked for."""

    def __init__(self, workspace: Workspace, environment: str) -> None:
        self._policies = workspace.policies
        self._environment = workspace.environments[environment]
        # What is wrong with the names was told where they were resolved.
        names = Names(self._environment, [])
        self._lookups: Mapping[str, Lookup] = {
            "Users": names.user,
            "Groups": names.group,
            "Roles": names.role,
            "Applications": names.application,
            "ServicePrincipals": names.service_principal,
            "Locations": lambda name, _: WELL_KNOWN_LOCATIONS.get(name, name),
        }
        self._known: dict[tuple[str, str], dict[str, Location]] = {}

    def of(self, policy: str, condition_list: str, identity: str) -> Location:
        """Give the place of an entry of a list such as `excludeGroups`, by the id it stands for.

        Without such an entry, the place of the list, or of the nearest around it that is there.
        """
        asked = policy, condition_list
        if policy not in self._policies:
            return _in_tenant(policy)
        if condition_list not in _ROUTES:
            return self.condition(policy, *_FILTERS[condition_list])
        if asked not in self._known:
            lookup = self._lookups.get(
                condition_list.removeprefix("include").removeprefix("exclude")
            )
            self._known[asked] = {
                (lookup and lookup(name, place)) or name: place
                for name, place in self._entries(*asked)
            }
        known = self._known[asked]
        return known.get(identity) or self.condition(policy, *_ROUTES[condition_list])

    def name(self, policy: str, condition_list: str, identity: str) -> str:
        """Give the name by which the files exclude an id; what has no list has its key for one."""
        if condition_list not in _ROUTES:
            return condition_list
        self.of(policy, condition_list, identity)
        place = self._known[policy, condition_list].get(identity)
        every = self._entries(policy, condition_list)
        return next((name for name, at in every if at == place), identity)

    def condition(self, policy: str, *route: Step) -> Location:
        """Give the place of a key of the policy's file, or of the nearest around it that is there.

        For example `condition("require-mfa", "conditions", "platforms")`.
        """
        if policy not in self._policies:
            return _in_tenant(policy)
        source = self._policies[policy].source
        while route and route not in source.keys:
            route = route[:-1]
        return source.at_key(*route)

    def state(self, policy: str) -> Location:
        """Give the place that sets a policy's state: the environment's word before the policy's."""
        source = self._environment.source
        if policy not in self._policies:
            return _in_tenant(policy)
        if policy in self._environment.spec.states:
            return source.at("states", policy)
        return self._policies[policy].at("state")

    def _entries(self, policy: str, condition_list: str) -> Iterator[tuple[str, Location]]:
        for key, name, at in exclusions.added(policy, self._environment):
            if key == condition_list:
                yield name, self._environment.at(*at)
        # The policy's own entries come last, and so win: they hold in every environment.
        source, route = self._policies[policy].source, _ROUTES[condition_list]
        value: Data = source.data
        for step in route:
            value = value.get(str(step), []) if isinstance(value, dict) else []
        for index, entry in enumerate(value if isinstance(value, list) else ()):
            yield str(entry), source.at(*route, index)


def _in_tenant(policy: str) -> Location:
    return Location(f"`{policy}` in the tenant")
