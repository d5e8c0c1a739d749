"""Named location specs + one environment → the named locations that its tenant can have."""

from __future__ import annotations

from collections.abc import Sequence

from ostiary.errors import Diagnostic
from ostiary.model.addresses import canonical_countries, canonical_ranges
from ostiary.model.policy import CountryNamedLocation, IpNamedLocation, NamedLocation
from ostiary.spec.environment import EnvironmentSpec, LocationValues
from ostiary.spec.models import IpNamedLocationSpec, NamedLocationSpec
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Sourced, Workspace


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
