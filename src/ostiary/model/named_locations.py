"""Named location specs + one environment → the named locations that its tenant can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ostiary.catalog import WELL_KNOWN_LOCATIONS
from ostiary.errors import Diagnostic, Location
from ostiary.model.addresses import canonical_countries, canonical_ranges
from ostiary.model.policy import CountryNamedLocation, IpNamedLocation, NamedLocation
from ostiary.spec.environment import EnvironmentSpec, LocationValues
from ostiary.spec.models import IpNamedLocationSpec, NamedLocationSpec
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Sourced, Workspace

_KEYWORDS = ("All", "AllTrusted")


class LocationNames:
    """Finds locations by the names that policies or goals give them; `used` are those it found."""

    def __init__(
        self,
        workspace: Workspace,
        environment: Sourced[EnvironmentSpec],
        locations: Mapping[str, NamedLocation],
        found: list[Diagnostic],
    ) -> None:
        self._workspace = workspace
        self._environment = environment
        self._locations = locations
        self._found = found
        self.used: set[str] = set()

    def key(self, name: str, place: Location) -> str | None:
        """Find a named location's key; keywords and Microsoft's locations stand for themselves."""
        if name == "AllTrusted":  # it means those that are trusted and deployed
            self.used |= {
                key
                for key, each in self._locations.items()
                if isinstance(each, IpNamedLocation) and each.is_trusted
            }
        if name in _KEYWORDS:
            return name
        if name in WELL_KNOWN_LOCATIONS:
            return WELL_KNOWN_LOCATIONS[name]
        if name in self._locations:
            self.used.add(name)
            return name
        if f"policies/named-locations/{name}.yaml" in self._workspace.broken:
            return None
        if name in self._workspace.named_locations:
            message = f"location `{name}` has no values in environment `{self._environment.key}`"
            hint = f"add it to `namedLocations` of {self._environment.source.path}"
        else:
            near = did_you_mean(name, self._workspace.named_locations)
            message = f"no named location `{name}`"
            hint = near or f"add policies/named-locations/{name}.yaml"
        self._found.append(Diagnostic("unknown-location", message, place, hint))
        return None

    def untrusted(self, name: str, place: Location) -> Diagnostic | None:
        """Say that an exception by this location would be one by a place that nobody vouches for.

        Only a location by address can be trusted
        (https://learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network).
        """
        location = self._locations.get(name)
        if location is None or (isinstance(location, IpNamedLocation) and location.is_trusted):
            return None  # unknown names are reported where they are looked up
        return Diagnostic(
            "untrusted-exception",
            f"location `{name}` is not trusted",
            place,
            f"set `isTrusted: true` in policies/named-locations/{name}.yaml, or do not "
            "except it: countries can never be trusted",
        )


def named_locations(
    workspace: Workspace, environment: Sourced[EnvironmentSpec], found: list[Diagnostic]
) -> dict[str, NamedLocation]:
    """Make each location of its values in this tenant; those without values are left out."""
    found += [
        Diagnostic(
            "unknown-location",
            f"no named location `{key}`",
            environment.source.at_key("namedLocations", key),
            did_you_mean(key, workspace.named_locations)
            or f"add policies/named-locations/{key}.yaml",
        )
        for key in environment.spec.named_locations
        if not (
            key in workspace.named_locations
            or f"policies/named-locations/{key}.yaml" in workspace.broken
        )
    ]
    made = (_made(each, environment, found) for each in workspace.named_locations.values())
    return {each.key: each for each in made if each is not None}


def _made(
    location: Sourced[NamedLocationSpec],
    environment: Sourced[EnvironmentSpec],
    found: list[Diagnostic],
) -> NamedLocation | None:
    spec, key = location.spec, location.key
    here = environment.spec.named_locations.get(key, LocationValues())
    own: Sequence[str] | None
    values: Sequence[str] | None
    misplaced: Sequence[str] | None
    if isinstance(spec, IpNamedLocationSpec):
        wanted, other = "ipRanges", "countriesAndRegions"
        own, values = spec.ip_ranges, here.ip_ranges
        misplaced = here.countries_and_regions
    else:
        wanted, other = "countriesAndRegions", "ipRanges"
        own, values = spec.countries_and_regions, here.countries_and_regions
        misplaced = here.ip_ranges
    if misplaced is not None:
        found.append(
            Diagnostic(
                "wrong-kind-of-location",
                f"`{key}` is of type {spec.type}, which has no `{other}`",
                environment.source.at_key("namedLocations", key, other),
                f"give it `{wanted}`",
            )
        )
    texts = own if values is None else values
    if texts is None:
        return None
    place = location.at if values is None else environment.at
    route = (wanted,) if values is None else ("namedLocations", key, wanted)
    if not texts:
        found.append(Diagnostic("empty-list", f"`{wanted}` lists nothing", place(*route)))
    canonical = canonical_ranges if wanted == "ipRanges" else canonical_countries
    entries, findings = canonical(texts)
    found += [
        Diagnostic(each.code, each.message, place(*route, each.index), each.hint, each.severity)
        for each in findings
    ]
    if isinstance(spec, IpNamedLocationSpec):
        return IpNamedLocation(key, spec.display_name, entries, spec.is_trusted)
    return CountryNamedLocation(
        key,
        spec.display_name,
        entries,
        spec.country_lookup_method,
        spec.include_unknown_countries_and_regions,
    )
