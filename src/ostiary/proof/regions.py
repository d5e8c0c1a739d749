"""Conditions, sign-ins of goals and facts → cubes over the classes of a partition.

What a policy matches is a union of cubes, and means exactly what `conditions.reasons` decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import cast, get_args

from ostiary import catalog
from ostiary.model.goal import SignIns
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    CountryNamedLocation,
    Filter,
    GuestsOrExternalUsers,
    IpNamedLocation,
    Locations,
)
from ostiary.proof.attributes import TooHardError
from ostiary.proof.conditions import LEGACY_CLIENTS, MFA_TRUSTED_IPS
from ostiary.proof.cubes import Cube, bits, meet
from ostiary.proof.networks import AddressClass
from ostiary.proof.partition import DEVICE_STATES, Country, Flow, Guest, Partition, Target

# Masks by dimension that all hold; alternatives are lists of them, of which one holds.
Part = dict[int, int]
Alternatives = Sequence[Part]

# Past these, conditions are too hard to decide; groups and filters multiply.
MOST_CUBES = 20_000

_MEMBER, _NO_MEMBER = 0b10, 0b01
_USER, _SERVICE_PRINCIPAL = 0b01, 0b10
_UNREGISTERED, _REGISTERED = 0b01, 0b10
_ANYBODY: Alternatives = ({},)
_FLOWS = (*get_args(catalog.AuthenticationFlow), "unknownFutureValue")
_GUEST_TYPES = get_args(catalog.GuestOrExternalUserType)


class Regions:
    """Gives cubes over one partition; those of a condition are all sign-ins that meet it."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self._number = partition.number
        self._full = [each.full for each in partition.dimensions]
        # What many policies ask for, once it is known.
        self._ways: dict[str, list[tuple[int, int]]] = {}
        self._flows: dict[frozenset[str], int] = {}
        self._filters: dict[tuple[str, str, str], list[Part]] = {}
        self._masks: dict[tuple[str, tuple[str, ...]], int] = {}
        self._addresses: dict[int, tuple[int, int]] = {}

    def of_policy(self, of: Conditions) -> Sequence[Cube]:
        """Give the sign-ins that a policy with these conditions applies to."""
        fixed: Part = {}
        for kind, values, everything in (
            ("clientAppType", _clients(of.client_app_types), "all"),
            ("signInRisk", of.sign_in_risk_levels, ""),
            ("userRisk", of.user_risk_levels, ""),
            ("insiderRisk", (of.insider_risk_levels,) if of.insider_risk_levels else (), ""),
        ):
            if values and everything not in values:
                fixed[self._number[kind, ""]] = self._mask(kind, values)
        if of.authentication_flows:
            fixed[self._number["flow", ""]] = self.flows(of.authentication_flows)
        if of.platforms:
            number = self._number["platform", ""]
            fixed[number] = self._some(
                "platform", of.platforms.include_platforms, "all"
            ) & ~self._some("platform", of.platforms.exclude_platforms, "all")
        who = self._users(of) if of.client_applications is None else self._workloads(of)
        rest = self._joined(
            [fixed],
            self._applications(of.applications),
            self._locations(of.locations),
            self._devices(of.device_filter),
        )
        # There are most ways to be somebody, and their masks are neither empty nor full already.
        return _product(who, rest)

    def of_sign_ins(self, of: SignIns, *, no_other_flow: bool = False) -> Sequence[Cube]:
        """Give the sign-ins that a goal speaks of.

        `no_other_flow` leaves out those in which a flow is involved that `of` does not name: one by
        authentication transfer in a session that began by device code, say.
        """
        fixed: Part = {}
        for kind, values, everything in (
            ("clientAppType", _clients(of.client_app_types), "all"),
            ("platform", of.platforms, "all"),
            ("signInRisk", of.sign_in_risk_levels, ""),
            ("userRisk", of.user_risk_levels, ""),
        ):
            if values and everything not in values:
                fixed[self._number[kind, ""]] = self.partition.mask(kind, values)
        if of.authentication_flows:
            mask = self.flows(of.authentication_flows)
            if no_other_flow:
                others = set(_FLOWS) - set(of.authentication_flows)
                mask &= ~self.flows(others)
            fixed[self._number["flow", ""]] = mask
        if of.applications or of.user_actions:
            target = self._named(of.applications) | self._actions(of.user_actions)
            if "All" in of.applications:
                target |= self._all_applications
            fixed[self._number["target", ""]] = target
        return self._joined(
            [fixed],
            *self._who(of),
            self._locations(Locations(of.locations or ("All",), of.outside)),
            self._device_state(of.device),
        )

    def impossible(self) -> Sequence[Cube]:
        """Give classes that cannot meet in any sign-in.

        Where Entra does not see the device, it counts as one that is not registered; of which all
        attributes are null; and what the facts deny.
        """
        cubes: list[Part] = []
        hidden = [self.legacy_clients, self.device_unseen_in_flow or {}]
        registered = self._number.get(("deviceRegistered", ""))
        if registered is not None:
            cubes += self._joined([{registered: _REGISTERED}], hidden)
            hidden.append({registered: _UNREGISTERED})
        for name in self.partition.attributes["device"].values:
            number = self._number["device", name]
            cubes += self._joined([{number: self._full[number] & ~1}], hidden)
        for fact in self.partition.facts:
            if fact.kind == "user":
                subject = {self._number["user", ""]: self.partition.mask("user", [fact.subject])}
            else:
                subject = {self._number[fact.kind, fact.subject]: _MEMBER}
            denied = _NO_MEMBER if fact.relation == "within" else _MEMBER
            met = meet(subject, {self._number["group", fact.group]: denied})
            cubes += self._joined([dict(met)] if met else [])
        return cubes

    @property
    def legacy_clients(self) -> Part:
        """The sign-ins in which nobody can satisfy any control."""
        return {self._number["clientAppType", ""]: self._hidden_clients}

    @property
    def device_code_flow(self) -> Part:
        """The sign-ins that are by device code themselves."""
        return {self._number["flow", ""]: self._device_code}

    @property
    def device_unseen_in_flow(self) -> Part | None:
        """The sign-ins by device code without a device seen; None if no rule is about one."""
        number = self._number.get(("deviceCodeDevice", ""))
        return None if number is None else {**self.device_code_flow, number: 0b01}

    def addresses(self, cube: Cube) -> tuple[int, int]:
        """Count the IPv4 and the IPv6 addresses that a cube allows."""
        number = self._number["address", ""]
        mask = cube.get(number, self._full[number])
        if mask not in self._addresses:
            classes = cast("tuple[AddressClass, ...]", self._classes("address"))
            chosen = [classes[place] for place in bits(mask)]
            counts = sum(each.ipv4 for each in chosen), sum(each.ipv6 for each in chosen)
            self._addresses[mask] = counts
        return self._addresses[mask]

    def flows(self, flows: Collection[str]) -> int:
        """Give the mask of sign-ins by one of the flows, or of a session that began so."""
        asked = frozenset(flows)
        if asked not in self._flows:
            classes = cast("tuple[Flow, ...]", self._classes("flow"))
            self._flows[asked] = self.partition.mask(
                "flow",
                (each for each in classes if asked & {each.authentication, each.session}),
            )
        return self._flows[asked]

    @cached_property
    def _device_code(self) -> int:
        flows = cast("tuple[Flow, ...]", self._classes("flow"))
        return self.partition.mask(
            "flow", (each for each in flows if each.authentication == "deviceCodeFlow")
        )

    @cached_property
    def _hidden_clients(self) -> int:
        return self.partition.mask("clientAppType", LEGACY_CLIENTS)

    def _classes(self, kind: str) -> tuple[object, ...]:
        return self.partition.dimensions[self._number[kind, ""]].classes

    def _joined(self, *conditions: Alternatives) -> list[Part]:
        """Intersect conditions, each a union of alternatives; no two are about one dimension."""
        cubes: list[Part] = [{}]
        for alternatives in conditions:
            if alternatives is not _ANYBODY:
                cubes = _product(cubes, alternatives)
        full = self._full
        return [
            {key: mask for key, mask in cube.items() if mask != full[key]}
            for cube in cubes
            if all(cube.values())
        ]

    def _some(self, kind: str, values: tuple[str, ...], everything: str) -> int:
        if everything in values:
            return self._full[self._number[kind, ""]]
        return self._mask(kind, values)

    def _mask(self, kind: str, values: tuple[str, ...]) -> int:
        """Give the mask of some classes of a dimension, looked up once."""
        known = self._masks.get((kind, values))
        if known is None:
            known = self._masks[kind, values] = self.partition.mask(kind, values)
        return known

    # --- who

    def _users(self, of: Conditions) -> Alternatives:
        users = of.users
        if of.service_principal_risk_levels or "All" in users.exclude_users:
            return ()  # a user has no such risk; and whom a policy excludes it never reaches
        base: Part = {self._number["principal", ""]: _USER}
        if named := self._mask("user", users.exclude_users):
            number = self._number["user", ""]
            base[number] = self._full[number] & ~named
        for kind, names in (("group", users.exclude_groups), ("role", users.exclude_roles)):
            for name in names:
                base[self._number[kind, name]] = _NO_MEMBER
        guest = self._number["guest", ""]
        excluded = self._guests(users.exclude_users, users.exclude_guests_or_external_users)
        if excluded:
            base[guest] = self._full[guest] & ~excluded
        if "All" in users.include_users:
            return (base,)
        ways: list[tuple[int, int]] = []
        if named := self._mask("user", users.include_users):
            ways.append((self._number["user", ""], named))
        for kind, names in (("group", users.include_groups), ("role", users.include_roles)):
            ways += [(self._number[kind, name], _MEMBER) for name in names]
        included = self._guests(users.include_users, users.include_guests_or_external_users)
        if included:
            ways.append((guest, included))
        return _narrowed(base, ways)

    def _guests(self, users: Sequence[str], guests: GuestsOrExternalUsers | None) -> int:
        legacy = "GuestsOrExternalUsers" in users
        mask = 0
        if not legacy and guests is None:
            return mask
        for each in cast("tuple[Guest, ...]", self._classes("guest")):
            if each.type is None:
                continue
            if (legacy and each.type in _GUEST_TYPES) or (guests and _is_one_of(each, guests)):
                mask |= self.partition.mask("guest", [each])
        return mask

    def _workloads(self, of: Conditions) -> Alternatives:
        workloads = cast("ClientApplications", of.client_applications)
        number = self._number["servicePrincipal", ""]
        included = self._some(
            "servicePrincipal", workloads.include_service_principals, "ServicePrincipalsInMyTenant"
        )
        excluded = self.partition.mask("servicePrincipal", workloads.exclude_service_principals)
        base: Part = {
            self._number["principal", ""]: _SERVICE_PRINCIPAL,
            self._number["singleTenant", ""]: 0b01,
        }
        if of.service_principal_risk_levels:
            base[self._number["servicePrincipalRisk", ""]] = self.partition.mask(
                "servicePrincipalRisk", of.service_principal_risk_levels
            )
        listed = self._listed_or_filtered(
            "servicePrincipal",
            number,
            (included, excluded, self._full[number]),
            workloads.service_principal_filter,
        )
        return self._joined([base], listed)

    def _who(self, of: SignIns) -> Iterator[Alternatives]:
        if of.service_principals:
            part: Part = {self._number["principal", ""]: _SERVICE_PRINCIPAL}
            if "All" not in of.service_principals:
                named = self.partition.mask("servicePrincipal", of.service_principals)
                part[self._number["servicePrincipal", ""]] = named
            yield (part,)
            return
        part = {self._number["principal", ""]: _USER}
        if of.users and "All" not in of.users:
            part[self._number["user", ""]] = self.partition.mask("user", of.users)
        if of.guests:
            guests = cast("tuple[Guest, ...]", self._classes("guest"))
            part[self._number["guest", ""]] = self.partition.mask(
                "guest", (each for each in guests if each.type in of.guests)
            )
        yield (part,)
        for kind, names in (("group", of.groups), ("role", of.roles)):
            if names:
                yield [{self._number[kind, name]: _MEMBER} for name in names]

    # --- what

    @cached_property
    def _all_applications(self) -> int:
        number = self._number["target", ""]
        return self._full[number] & ~self._actions(get_args(catalog.ApplicationUserAction))

    def _actions(self, actions: Iterable[str]) -> int:
        return self.partition.mask(
            "target",
            (Target(user_action=cast("catalog.ApplicationUserAction", each)) for each in actions),
        )

    @cached_property
    def _applications_by_name(self) -> dict[str, int]:
        masks: dict[str, int] = {}
        for place, each in enumerate(cast("tuple[Target, ...]", self._classes("target"))):
            for name in (each.application, *each.suites):
                if name is not None:
                    masks[name] = masks.get(name, 0) | 1 << place
        return masks

    def _named(self, names: Iterable[str]) -> int:
        mask = 0
        for name in names:
            mask |= self._applications_by_name.get(name, 0)
        return mask

    def _applications(self, of: Applications) -> Alternatives:
        number, applications = self._number["target", ""], self._all_applications
        every = "All" in of.include_applications
        # A policy on all resources reaches user actions whatever it excludes or filters.
        actions = self._full[number] & ~applications if every else 0
        if of.include_user_actions:
            actions |= self._actions(of.include_user_actions)
        included = applications if every else self._named(of.include_applications)
        listed = self._listed_or_filtered(
            "application",
            number,
            (included, self._named(of.exclude_applications), applications),
            of.application_filter,
        )
        if not actions:
            return listed
        if of.application_filter is None:
            return ({number: actions | included & ~self._named(of.exclude_applications)},)
        return [{number: actions}, *listed]

    def _listed_or_filtered(
        self, kind: str, number: int, masks: tuple[int, int, int], rule: Filter | None
    ) -> list[Part]:
        """Join lists with a filter, which adds to the list of its mode (`conditions`).

        `masks` are what the lists include, what they exclude, and everything.
        """
        included, excluded, everything = masks
        listed = included & ~excluded
        plain: list[Part] = [{number: listed}] if listed else []
        if rule is None:
            return plain
        cubes = self._filtered(kind, rule)
        if rule.mode == "include":
            rest = everything & ~excluded
            return plain + [{number: rest, **cube} for cube in cubes if rest]
        return [{**part, **cube} for part in plain for cube in cubes]

    # --- where

    def _locations(self, of: Locations | None) -> Alternatives:
        if of is None:
            return _ANYBODY
        if "All" in of.exclude_locations:
            return ()
        outside = self._outside(of.exclude_locations)
        if "All" in of.include_locations:
            return outside
        inside = self._inside(of.include_locations)
        return [each for part in outside for each in _narrowed(part, inside.items())]

    def _inside(self, keys: Iterable[str]) -> Part:
        """Give the ways of being in one of the locations."""
        merged: Part = {}
        for key in keys:
            if key not in self._ways:
                self._ways[key] = list(self._ways_into(key))
            for number, mask in self._ways[key]:
                merged[number] = merged.get(number, 0) | mask
        return merged

    def _outside(self, keys: Iterable[str]) -> Alternatives:
        """Give the one way of being in none of the locations."""
        inside = self._inside(keys)
        if not inside:
            return _ANYBODY
        return ({number: self._full[number] & ~mask for number, mask in inside.items()},)

    def _ways_into(self, key: str) -> Iterator[tuple[int, int]]:
        """Give the ways of being in a location: by address, by country, or unknown."""
        address = self._number["address", ""]
        if key == "AllTrusted":
            yield self._number["location", MFA_TRUSTED_IPS], _MEMBER
            mask = 0
            for each in self.partition.locations.values():
                if isinstance(each, IpNamedLocation) and each.is_trusted:
                    mask |= self.partition.inside[each.key]
            yield address, mask
            return
        location = self.partition.locations.get(key)
        if location is None:
            yield self._number["location", key], _MEMBER
        elif isinstance(location, IpNamedLocation):
            yield address, self.partition.inside[key]
        else:
            yield self._countries(location)

    def _countries(self, location: CountryNamedLocation) -> tuple[int, int]:
        method = location.country_lookup_method
        number = self._number["country", method]
        every = cast("tuple[Country, ...]", self.partition.dimensions[number].classes)
        inside = [each for each in every if location.key in each.locations]
        return number, self.partition.mask("country", inside, method)

    # --- with what

    def _devices(self, of: Filter | None) -> Alternatives:
        return _ANYBODY if of is None else self._filtered("device", of)

    def _filtered(self, kind: str, of: Filter) -> list[Part]:
        known = self._filters.get((kind, of.mode, of.rule))
        if known is None:
            cubes = self.partition.filtered(kind, of.rule, denied=of.mode == "exclude")
            known = self._filters[kind, of.mode, of.rule] = [
                {self._number[kind, name]: mask for name, mask in each.items()} for each in cubes
            ]
        return known

    def _device_state(self, state: str | None) -> Alternatives:
        if state is None:
            return _ANYBODY
        if state == "unregistered":
            return ({self._number["deviceRegistered", ""]: _UNREGISTERED},)
        return self._filtered("device", Filter("include", DEVICE_STATES[state]))


def _narrowed(base: Part, ways: Iterable[tuple[int, int]]) -> list[Part]:
    """Give what meets `base` in one of the ways, each a mask of one dimension."""
    return [
        base | {number: left} for number, mask in ways if (left := base.get(number, mask) & mask)
    ]


def _product(one: Alternatives, other: Alternatives) -> list[Part]:
    """Intersect two conditions that have no dimension in common."""
    if len(one) * len(other) > MOST_CUBES:
        raise TooHardError(f"the conditions need more than {MOST_CUBES} cubes")
    return [left | right for left in one for right in other]


def _clients(types: tuple[str, ...]) -> tuple[str, ...]:
    """Add what belongs to `exchangeActiveSync`: every use of that protocol (`conditions`)."""
    return (*types, "easSupported") if "exchangeActiveSync" in types else types


def _is_one_of(guest: Guest, guests: GuestsOrExternalUsers) -> bool:
    """Tell external users apart by enumerated tenants; internal guests come from none."""
    if guest.type not in guests.types:
        return False
    tenants = guests.external_tenants
    members = tenants.members if tenants else None
    return members is None or guest.type == "internalGuest" or guest.tenant in members
