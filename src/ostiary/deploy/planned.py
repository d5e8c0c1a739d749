"""Planned azuread resources → policies and named locations: the way back from `resources`.

Properties are given the shape that Graph would show and read by the reader of Graph's answers, so
that what is not modelled is refused here too.  What cannot be read, or is known only after `up`, is
set aside or taken for anything, and told: `proof.partial` claims nothing that hangs on it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ostiary.deploy.stack import NAMED_LOCATION, POLICY
from ostiary.errors import Severity
from ostiary.model.addresses import canonical_ranges
from ostiary.model.graph import GraphShapeError, named_location_from_graph, policy_from_graph
from ostiary.model.policy import NamedLocation, Policy

# What the provider alone sets, and no policy or location means anything by.
_IDS = ("id", "objectId")
STRENGTHS = "/policies/authenticationStrengthPolicies/"

Properties = Mapping[str, Any]
Json = dict[str, Any]


class Unknown(Enum):
    """A value that only `up` will tell, as the id of what is not created yet."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a stack; `depends_on` are the URNs that its `conditions` are made of."""

    urn: str
    type: str
    name: str
    properties: Properties
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """What a stack will hold.

    `set_aside` tells why policies, by key, could not be read; they are none of `policies`.
    `assumed_any` tells of ids in policies why they may stand for any group or place.
    """

    policies: tuple[Policy, ...] = ()
    named_locations: tuple[NamedLocation, ...] = ()
    set_aside: Mapping[str, str] = field(default_factory=dict)
    assumed_any: Mapping[str, str] = field(default_factory=dict)


def planned(resources: Iterable[Resource], known: Sequence[NamedLocation] = ()) -> Planned:
    """Read the policies and named locations of a stack.

    A location that is one of `known` in all but name is that one, whatever it is called: so a goal
    speaks of the place that the environment's file describes, not of what the stack calls so.
    """
    every = [each for each in resources if each.type in {POLICY, NAMED_LOCATION}]
    names = _keys(every)
    locations: dict[str, NamedLocation] = {}
    keys: dict[str, str] = {}  # of locations, by URN
    assumed: dict[str, str] = {}
    for each in every:
        if each.type == NAMED_LOCATION:
            try:
                read = _as_known(_named_location(each, names[each.urn]), known)
                locations[read.key], keys[each.urn] = read, read.key
            except (GraphShapeError, NotKnownError) as error:
                keys[each.urn] = f"{names[each.urn]} (not read)"
                assumed[keys[each.urn]] = str(error)
    ids = {_object_id(each): keys[each.urn] for each in every if each.urn in keys}
    unborn = {each.urn for each in every if each.urn in keys and not _object_id(each)}
    policies: list[Policy] = []
    set_aside: dict[str, str] = {}
    for each in every:
        if each.type == POLICY:
            candidates = [keys[urn] for urn in each.depends_on if urn in unborn]
            try:
                properties, any_ = _placed(each, names[each.urn], candidates)
                policies.append(policy_from_graph(shown(properties), names[each.urn], ids))
                assumed |= dict.fromkeys(any_, "it is known only after `up`")
            except (GraphShapeError, NotKnownError) as error:
                if each.properties.get("state") in {"enabled", UNKNOWN}:
                    set_aside[names[each.urn]] = str(error)
    return Planned(tuple(policies), tuple(locations.values()), set_aside, assumed)


def sent(resources: Iterable[Resource]) -> Iterator[Policy | NamedLocation]:
    """Read what is sent to the tenant, each under an empty key and with locations by id.

    What cannot be read was sent by another program than this one, and is left out.
    """
    for each in resources:
        with suppress(GraphShapeError, NotKnownError):
            if each.type == POLICY:
                yield policy_from_graph(shown(each.properties), "")
            elif each.type == NAMED_LOCATION:
                yield _named_location(each, "")


class NotKnownError(Exception):
    """A value is known only after `up`, and it cannot be taken for any."""


def without_computed(outputs: Any, inputs: Any) -> Any:
    """Leave out what is unknown only because the provider, not the program, will set it.

    A policy's insider risk levels, say, are the provider's to set where the program sets none.
    """
    if isinstance(outputs, dict):
        given = inputs if isinstance(inputs, dict) else {}
        return {
            key: without_computed(value, given.get(key))
            for key, value in outputs.items()
            if value is not UNKNOWN or given.get(key) is not None
        }
    if isinstance(outputs, list):
        given_list = inputs if isinstance(inputs, list) else []
        padded = [*given_list, *[None] * len(outputs)]
        return [without_computed(*pair) for pair in zip(outputs, padded, strict=False)]
    return outputs


def _keys(resources: Sequence[Resource]) -> dict[str, str]:
    """Give each URN its logical name, or itself where children of several parents share one."""
    often = Counter((each.type, each.name) for each in resources)
    return {
        each.urn: each.name if often[each.type, each.name] == 1 else each.urn for each in resources
    }


def _object_id(of: Resource) -> str:
    """Give the id that the tenant knows it by; empty before it is there."""
    value = of.properties.get("objectId")
    return value if isinstance(value, str) else ""


def _as_known(location: NamedLocation, known: Sequence[NamedLocation]) -> NamedLocation:
    # of two that are alike, the one of the same name
    for each in sorted(known, key=lambda each: each.key != location.key):
        if replace(location, key=each.key, display_name=each.display_name) == each:
            return each
    if location.key in {each.key for each in known}:
        return replace(location, key=f"{location.key} (as planned)")
    return location


def _placed(of: Resource, key: str, candidates: Sequence[str]) -> tuple[Properties, list[str]]:
    """Put ids where a policy's are not known yet; gives also those that may stand for anything.

    An entry in a list of locations is one of `candidates`, those the policy depends on, where it
    can be told which.  Any other entry there, and in a list of groups, becomes an id of its own.
    """
    conditions = of.properties.get("conditions")
    if not isinstance(conditions, dict):
        raise NotKnownError("`conditions` is not known before `up`")
    locations, users = (_block(conditions, name) for name in ("locations", "users"))
    unknown = [name for name in _LOCATIONS for each in _list(locations, name) if each is UNKNOWN]
    told: list[str] = []
    if len(candidates) == 1:
        told = [*candidates] * len(unknown)
    elif len(candidates) == len(unknown) and len(set(unknown)) == 1:
        told = [*candidates]
    assumed: list[str] = []
    for block, names, given in ((locations, _LOCATIONS, told), (users, _GROUPS, [])):
        for name in names:
            for index, each in enumerate(entries := [*_list(block, name)]):
                if each is UNKNOWN and given:
                    entries[index] = given.pop(0)
                elif each is UNKNOWN:
                    entries[index] = f"{name}[{index}] of {key}"
                    assumed.append(entries[index])
            if entries:
                block[name] = entries
    replaced = {
        name: block for name, block in (("locations", locations), ("users", users)) if block
    }
    result = {**of.properties, "conditions": {**conditions, **replaced}}
    _refuse_unknown(result)
    return result, assumed


_LOCATIONS = ("includedLocations", "excludedLocations")
_GROUPS = ("includedGroups", "excludedGroups")


def _block(of: Json, name: str) -> Json:
    value = of.get(name)
    return dict(value) if isinstance(value, dict) else {}


def _list(of: Json, name: str) -> list[Any]:
    value = of.get(name)
    return value if isinstance(value, list) else []


def _refuse_unknown(properties: Properties) -> None:
    given = {name: value for name, value in properties.items() if name not in _IDS}
    if route := next(_unknown(given), None):
        raise NotKnownError(f"`{route}` is not known before `up`")


def _unknown(of: Any, route: str = "") -> Iterator[str]:
    if of is UNKNOWN:
        yield route
    elif isinstance(of, dict):
        for key, value in of.items():
            yield from _unknown(value, f"{route}.{key}" if route else key)
    elif isinstance(of, list):
        for index, value in enumerate(of):
            yield from _unknown(value, f"{route}[{index}]")


def _named_location(of: Resource, key: str) -> NamedLocation:
    top = {name: value for name, value in of.properties.items() if name not in _IDS}
    _refuse_unknown(of.properties)
    ip, country = top.pop("ip", None), top.pop("country", None)
    if (ip is None) is (country is None):
        raise GraphShapeError(f"named location `{key}` has neither ranges nor countries, or both")
    if ip is None:
        kind = "#microsoft.graph.countryNamedLocation"
        return named_location_from_graph({**top, **country, "@odata.type": kind}, key)
    ip = dict(ip)
    ranges, trusted = ip.pop("ipRanges", None) or [], ip.pop("trusted", None)
    _, found = canonical_ranges(ranges)
    for each in found:
        # the reader leaves such ranges out, and the location would be smaller than it is
        if each.severity is Severity.ERROR and each.code != "repeated-value":
            raise GraphShapeError(each.message)
    shape = {"ipRanges": [{"cidrAddress": each} for each in ranges], "isTrusted": trusted}
    kind = "#microsoft.graph.ipNamedLocation"
    return named_location_from_graph({**top, **ip, **shape, "@odata.type": kind}, key)


def shown(properties: Properties) -> Json:
    """Give a policy's properties as Graph shows a policy.

    A name that is not known here stays, and is refused by whoever reads the result.
    """
    top = {name: value for name, value in properties.items() if name not in _IDS}
    top["conditions"] = conditions = _renamed(top.get("conditions")) or {}
    for block, name in (
        ("applications", "applicationFilter"),
        ("clientApplications", "servicePrincipalFilter"),
        ("devices", "deviceFilter"),
        ("locations", ""),
        ("platforms", ""),
        ("users", ""),
    ):
        conditions[block] = _renamed(conditions.get(block), filter=name or "filter")
    users = conditions["users"] or {}
    for name in ("includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers"):
        if name in users:
            users[name] = _one(users[name], name, _guests)
    flows = conditions.pop("authenticationFlowTransferMethods", None)
    conditions["authenticationFlows"] = {"transferMethods": ",".join(flows or ())}
    grant = top["grantControls"] = _renamed(top.get("grantControls"), termsOfUses="termsOfUse")
    if grant:
        strength = grant.pop("authenticationStrengthPolicyId", None)
        grant["authenticationStrength"] = strength and {"id": strength.removeprefix(STRENGTHS)}
    if session := top.get("sessionControls"):
        top["sessionControls"] = _session(dict(session))
    return top


def _renamed(block: Any, **names: str) -> Any:
    """Give a block with Graph's names: `included…` is `include…` there, and those in `names`.

    The provider shows a text that is not set as an empty one.
    """
    if not isinstance(block, dict):
        return block or None
    return {
        names.get(key, re.sub(r"^(in|ex)cluded", r"\1clude", key)): None if value == "" else value
        for key, value in block.items()
    }


def _one(blocks: Any, name: str, make: Callable[[Json], Json]) -> Json | None:
    """Take the block out of a list that the provider has, where Graph has at most one."""
    if not blocks:
        return None
    if not isinstance(blocks, list) or len(blocks) > 1:
        raise GraphShapeError(f"`{name}` is more than one block")
    return make(dict(blocks[0]))


def _guests(block: Json) -> Json:
    types = block.get("guestOrExternalUserTypes") or ()
    tenants = _one(block.get("externalTenants"), "externalTenants", dict)
    return {**block, "guestOrExternalUserTypes": ",".join(types), "externalTenants": tenants}


def _session(of: Json) -> Json:
    """Give session controls as blocks that are switched on, where the provider has them flat."""
    restricted = of.pop("applicationEnforcedRestrictionsEnabled", None)
    security = of.pop("cloudAppSecurityPolicy", None) or None
    mode = of.pop("persistentBrowserMode", None) or None
    value, interval = of.pop("signInFrequency", None), of.pop("signInFrequencyInterval", None)
    authentication = of.pop("signInFrequencyAuthenticationType", None)
    if value or interval == "everyTime":
        of["signInFrequency"] = {
            "isEnabled": True,
            "value": int(value) if value else None,
            "type": of.pop("signInFrequencyPeriod", None) or None,
            "frequencyInterval": interval,
            "authenticationType": authentication or None,
        }
    of["applicationEnforcedRestrictions"] = {"isEnabled": restricted}
    of["cloudAppSecurity"] = security and {"isEnabled": True, "cloudAppSecurityType": security}
    of["persistentBrowser"] = mode and {"isEnabled": True, "mode": mode}
    return of
