"""Graph's JSON → what can be adopted, each object as a Policy or NamedLocation; or why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ostiary.catalog import (
    AUTHENTICATION_STRENGTHS,
    WELL_KNOWN_APPLICATIONS,
    WELL_KNOWN_LOCATIONS,
)
from ostiary.model.graph import (
    GraphShapeError,
    named_location_from_graph,
    named_location_to_graph,
    policy_as_listed,
    policy_to_graph,
)
from ostiary.model.policy import NamedLocation, Policy, PolicySet, canonical
from ostiary.model.written import KEYWORDS, Tables
from ostiary.roles import ROLE_TEMPLATE_IDS
from ostiary.spec import unsupported
from ostiary.spec.environment import GUID
from ostiary.tenant.exports import Exported
from ostiary.tenant.naming import keys

Json = dict[str, Any]
# Ids by the names that people give, under the key of the environment's table, `roles`, `locations`.
Ids = Mapping[str, Mapping[str, str]]

_TABLES = {
    **{
        f"{verb}{what}": f"{what[:1].lower()}{what[1:]}"
        for verb in ("include", "exclude")
        for what in ("Users", "Groups", "Roles", "Applications", "ServicePrincipals", "Locations")
    },
    "members": "externalTenants",
    "termsOfUse": "termsOfUse",
}
_KEYWORDS = KEYWORDS | {"AllTrusted", "GuestsOrExternalUsers"}


Value = TypeVar("Value", bound=Policy | NamedLocation)
Value_co = TypeVar("Value_co", bound=Policy | NamedLocation, covariant=True)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Value_co]):
    """An object that can be read, under the key of the file that it has or would have.

    `rewritten` says what our form of it spells in another way; `known` if the workspace has it.
    """

    place: str
    id: str | None
    value: Value_co
    rewritten: str | None = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """An object that stays in the tenant as it is, and why; `kind` is Graph's word for it."""

    place: str
    kind: str
    display_name: str
    id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """What can be adopted; `differing` are objects of whose name the workspace has another one."""

    policies: tuple[Candidate[Policy], ...]
    named_locations: tuple[Candidate[NamedLocation], ...]
    left_alone: tuple[LeftAlone, ...]
    differing: tuple[str, ...] = ()


def candidates(objects: Iterable[Exported], ids: Ids, existing: PolicySet) -> Candidates:
    """Read objects; `ids` finds ids by name, and `existing` is what the workspace has."""
    every = sorted(objects, key=lambda each: (_name(each.json), each.place))
    of_policies, of_locations = (
        _Reader([each for each in every if each.kind == kind], known)
        for kind, known in (
            ("policy", existing.policies),
            ("namedLocation", existing.named_locations),
        )
    )
    locations = tuple(of_locations.locations())
    by_name = {each.value.display_name: each.id or each.place for each in locations}
    found = {**ids, "locations": {**by_name, **WELL_KNOWN_LOCATIONS}}
    of_ids = {each.id or each.place: each.value.key for each in locations}
    policies = tuple(of_policies.policies(found, of_ids))
    return Candidates(
        policies,
        locations,
        (*of_policies.left, *of_locations.left),
        (*of_policies.differing, *of_locations.differing),
    )


def names_in(objects: Iterable[Exported]) -> Tables:
    """Give the names that an export has beside ids: those of authentication strengths."""
    found: dict[str, str] = {}
    for each in objects:
        strength = (each.json.get("grantControls") or {}).get("authenticationStrength")
        name, identity = (strength or {}).get("displayName"), (strength or {}).get("id")
        if isinstance(name, str) and isinstance(identity, str):
            found[identity.lower()] = name
    return {"authenticationStrengths": found}


def left_alone(candidate: Candidate[Policy | NamedLocation], reason: str) -> LeftAlone:
    """Say of an object that can be read why it is not adopted after all."""
    value = candidate.value
    kind = "policy" if isinstance(value, Policy) else "namedLocation"
    return LeftAlone(candidate.place, kind, value.display_name, candidate.id, reason)


class _Reader:
    """Reads objects of one kind."""

    def __init__(self, objects: list[Exported], known: Iterable[Policy | NamedLocation]) -> None:
        self.left: list[LeftAlone] = []
        self.differing: list[str] = []
        self._known = {each.display_name: each for each in known}
        names = Counter(_name(each.json) for each in objects)
        alone: list[Exported] = []
        for each in objects:
            if each.refused:
                self._leave(each, each.refused)
            elif names[_name(each.json)] > 1:
                self._leave(each, "another one has the same name: rename one of them")
            else:
                alone.append(each)
        taken = {each.key for each in self._known.values()}
        new = keys((_name(each.json) for each in alone), taken, "unnamed")
        self._objects = [
            (each, has.key if (has := self._known.get(_name(each.json))) else key)
            for each, key in zip(alone, new, strict=True)
        ]

    def locations(self) -> Iterator[Candidate[NamedLocation]]:
        """Read every named location that can be read."""
        for each, key in self._objects:
            try:
                value = named_location_from_graph(each.json, key)
            except GraphShapeError as error:
                self._leave(each, str(error))
            else:
                ours = named_location_to_graph(value)
                yield self._made(each, value, value, _other_spelling(each.json, ours))

    def policies(self, ids: Ids, locations: Mapping[str, str]) -> Iterator[Candidate[Policy]]:
        """Read every policy that can be read; `locations` gives keys by id."""
        ids_of = {key: identity for identity, key in locations.items()}
        for each, key in self._objects:
            try:
                answer = _with_ids(each.json, ids)
                _see_switches(answer)
                value = policy_as_listed(answer, key, locations)
                _see_locations(value, ids_of)
            except GraphShapeError as error:
                self._leave(each, str(error))
            else:
                ours = policy_to_graph(value, ids_of)
                yield self._made(each, value, canonical(value), _other_spelling(answer, ours))

    def _made(
        self, of: Exported, value: Value, compared: object, how: str | None
    ) -> Candidate[Value]:
        known = self._known.get(value.display_name)
        if known is not None and known != compared:
            self.differing.append(value.display_name)
        return Candidate(of.place, _id(of.json), value, how, known is not None)

    def _leave(self, of: Exported, reason: str) -> None:
        name, identity = _name(of.json), _id(of.json)
        self.left.append(LeftAlone(of.place, of.kind, name, identity, reason))


def _name(of: Json) -> str:
    name = of.get("displayName")
    return name if isinstance(name, str) else ""


def _id(of: Json) -> str | None:
    identity = of.get("id")
    folded = identity.lower() if isinstance(identity, str) else ""
    return folded if GUID.match(folded) else None


def _with_ids(value: Any, ids: Ids, key: str = "") -> Any:
    """Give a policy with ids where its author's tool wrote names; raises GraphShapeError."""
    if isinstance(value, list):
        table = _TABLES.get(key)
        return [_with_id(each, table, key, ids) if table else each for each in value]
    if not isinstance(value, dict):
        return value
    if key == "authenticationStrength" and not value.get("id"):
        known = {**AUTHENTICATION_STRENGTHS, **ids.get("authenticationStrengths", {})}
        value = {**value, "id": known.get(value.get("displayName", ""))}
    return {name: _with_ids(each, ids, name) for name, each in value.items()}


def _with_id(entry: Any, table: str, key: str, ids: Ids) -> Any:
    if not isinstance(entry, str) or entry in _KEYWORDS or GUID.match(entry.lower()):
        return entry
    well_known = {"roles": ROLE_TEMPLATE_IDS, "applications": WELL_KNOWN_APPLICATIONS}
    identity = ids.get(table, {}).get(entry) or well_known.get(table, {}).get(entry)
    if identity is None:
        why = unsupported.VALUES.get(entry, "it is a name, and no id is known for it")
        raise GraphShapeError(f"`{entry}` in `{key}`: {why}")
    return identity


def _see_switches(answer: Json) -> None:
    """Refuse a session control that is switched off and set: the provider takes it for on.

    https://github.com/hashicorp/terraform-provider-azuread reads the setting and not its switch.
    """
    for name, control in (answer.get("sessionControls") or {}).items():
        if isinstance(control, dict) and control.get("isEnabled") is False:
            said = {key for key, each in control.items() if each and "@odata" not in key}
            if said:
                raise GraphShapeError(
                    f"`{name}` is set and switched off, which the provider takes for on"
                )


def _see_locations(policy: Policy, known: Mapping[str, str]) -> None:
    of = policy.conditions.locations
    for each in (*of.include_locations, *of.exclude_locations) if of else ():
        if each not in known and each not in _KEYWORDS | {*WELL_KNOWN_LOCATIONS.values()}:
            raise GraphShapeError(f"the named location `{each}` is not adopted")


def _other_spelling(held: Json, ours: Json) -> str | None:
    """Say what is spelt in another way in our form, which means the same; None if nothing is."""
    if "GuestsOrExternalUsers" in str(held.get("conditions", {}).get("users")):
        users = held["conditions"]["users"]
        listed = [*(users.get("includeUsers") or ()), *(users.get("excludeUsers") or ())]
        if "GuestsOrExternalUsers" in listed:
            return "the legacy word GuestsOrExternalUsers is written out as types of guests"
    for key, held_list, our_list in _lists(held, ours):
        if held_list != our_list:
            same = sorted(held_list) == sorted(our_list)
            return f"`{key}` is {'put in order' if same else 'spelt in another way'}"
    return None


def _lists(held: Any, ours: Any, key: str = "") -> Iterator[tuple[str, list[str], list[str]]]:
    """Give each list of words in both forms; what commas join is split as the provider does it."""
    if isinstance(ours, dict) and isinstance(held, dict):
        for name, each in ours.items():
            yield from _lists(held.get(name), each, name)
    elif key in {"transferMethods", "guestOrExternalUserTypes"}:
        both = [each.split(",") if isinstance(each, str) else [] for each in (held, ours)]
        if key == "transferMethods":  # a set to the provider
            both = [sorted(each) for each in both]
        yield key, both[0], both[1]
    elif isinstance(ours, list):
        texts = [[_word(each) for each in some or ()] for some in (held, ours)]
        yield key, texts[0], texts[1]


def _word(entry: Any) -> str:
    return str(entry["cidrAddress"] if isinstance(entry, dict) else entry)
