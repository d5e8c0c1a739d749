"""How much of the space an opening takes in: which users, to what, how, and how many addresses."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Protocol, cast

from ostiary.proof.conditions import LEGACY_CLIENTS
from ostiary.proof.cubes import bits
from ostiary.proof.networks import AddressClass
from ostiary.proof.partition import Country, Flow, Guest, Target
from ostiary.proof.results import Restriction
from ostiary.report.words import (
    ACTIONS,
    CLIENTS,
    FLOWS,
    GUESTS,
    PLATFORMS,
    Names,
    joined,
    named,
)

_EVERY_IPV4, _EVERY_IPV6 = 1 << 32, 1 << 128
# Counts up to here are told digit by digit.
_MOST_DIGITS = 10**12
_LEGACY = "a legacy client"
_LEVELS = {
    "signInRisk": "sign-in risk",
    "userRisk": "user risk",
    "insiderRisk": "insider risk",
    "servicePrincipalRisk": "service principal risk",
}


class Extent(Protocol):
    """What an opening and a change have in common: the sign-ins that it takes in."""

    @property
    def restrictions(self) -> tuple[Restriction, ...]:
        """The conditions that all of them meet."""

    @property
    def ipv4(self) -> int:
        """The number of IPv4 addresses."""

    @property
    def ipv6(self) -> int:
        """The number of IPv6 addresses."""


def extent(opening: Extent, names: Names) -> str:
    """Tell who and what an opening or a change takes in, in one sentence without a period."""
    who = _who(opening.restrictions, names)
    rest = [said for each in opening.restrictions for said in _restriction(each, names)]
    return ", ".join([who, *rest, _addresses(opening)])


def _restriction(of: Restriction, names: Names) -> Iterator[str]:
    """Tell one restriction, but for those on who it is and from which address."""
    kind, name = of.dimension.kind, of.dimension.name
    if kind == "flow":
        yield from _flow(of)
    elif kind in _TOLD:
        yield _TOLD[kind](of, names)
    elif kind in {"device", "application", "servicePrincipal"} and name:
        yield f"where {name} is {_some(of, _attribute)}"


def _level(of: Restriction, _: Names) -> str:
    return f"at {_LEVELS[of.dimension.kind]} {_some(of, lambda value: f'`{value}`')}"


def _country(of: Restriction, _: Names) -> str:
    how = " by GPS" if of.dimension.name == "authenticatorAppGps" else ""
    return f"{_within(of) or 'in some countries'}{how}"


def _seen(of: Restriction, _: Names) -> str:
    return f"should Entra see {'the' if _member(of) else 'no'} device in device code flow"


def _who(restrictions: Iterable[Restriction], names: Names) -> str:
    """Tell which users, or service principals."""
    by_kind: dict[str, list[Restriction]] = {}
    for each in restrictions:
        by_kind.setdefault(each.dimension.kind, []).append(each)
    if any(each.mask == 0b10 for each in by_kind.get("principal", ())):  # noqa: PLR2004 (a mask)
        return _service_principals(by_kind.get("servicePrincipal", ()), names)
    said = [_those(each, "user", names) for each in by_kind.get("user", ())]
    said += [_guests(each, names) for each in by_kind.get("guest", ())]
    who = ", ".join(said) or "every user"
    groups = " and ".join(_memberships(by_kind.get("group", ()), "in", names))
    roles = " and ".join(_memberships(by_kind.get("role", ()), "the role", names))
    clauses = [f"is {groups}"] * bool(groups) + [f"has {roles}"] * bool(roles)
    return f"{who} who {' and '.join(clauses)}" if clauses else who


def _memberships(of: Iterable[Restriction], relation: str, names: Names) -> Iterator[str]:
    every = list(of)
    inside = [named(each.dimension.name, names) for each in every if _member(each)]
    outside = [named(each.dimension.name, names) for each in every if not _member(each)]
    if inside:
        yield f"{relation} {joined(inside)}"
    if outside:
        yield f"not {relation} {joined(outside, 'or')}"


def _service_principals(of: Iterable[Restriction], names: Names) -> str:
    said = [_those(each, "service principal", names) for each in of if not each.dimension.name]
    return ", ".join(said) or "every service principal"


def _those(of: Restriction, kind: str, names: Names) -> str:
    """Tell named ones, or all but some; class 0 are those that nobody names."""
    if of.mask & 1:
        left_out = [named(str(each), names) for each in _classes(of, ~of.mask)]
        return f"every {kind} but {joined(left_out)}" if left_out else f"every {kind}"
    return joined([named(str(each), names) for each in _classes(of, of.mask)], "or")


def _guests(of: Restriction, names: Names) -> str:
    """Tell the kinds of users, with their tenants where not all of a kind's are meant."""
    inside, outside = (list(_kinds(of, mask, names)) for mask in (of.mask, ~of.mask))
    if len(outside) < len(inside):
        return f"every user but {joined(outside, 'or')}"
    return joined(inside, "or")


def _kinds(of: Restriction, mask: int, names: Names) -> Iterator[str]:
    every = cast("Sequence[Guest]", of.dimension.classes)
    chosen = cast("Sequence[Guest]", list(_classes(of, mask)))
    for kind in dict.fromkeys(each.type for each in chosen):
        tenants = [each.tenant for each in chosen if each.type == kind]
        if len(tenants) == sum(each.type == kind for each in every):
            yield GUESTS[kind]
        else:
            told = [
                named(each, names) if each else "a tenant that nobody names" for each in tenants
            ]
            yield f"{GUESTS[kind]} from {joined(told, 'or')}"


def _flow(of: Restriction) -> Iterator[str]:
    """Tell the flows that all these sign-ins have something of, and those that none has."""
    flows = cast("Sequence[Flow]", list(_classes(of, of.mask)))
    involved = [{each.authentication, each.session} for each in flows]
    always = [word for key, word in FLOWS.items() if all(key in each for each in involved)]
    never = [word for key, word in FLOWS.items() if not any(key in each for each in involved)]
    if all(each == {"none"} for each in involved):
        yield "by no special flow"
        return
    if always:
        yield f"by {joined(always)}"
    if never:
        yield f"not by {joined(never, 'or')}"


def _platform(value: Hashable) -> str:
    return PLATFORMS.get(cast("str | None", value)) or f"{value}"


def _target(value: Hashable, names: Names) -> str:
    of = cast("Target", value)
    if of.user_action:
        return f"whoever {ACTIONS[of.user_action]}"
    suites = joined([named(each, names) for each in sorted(of.suites)])
    app = named(of.application, names) if of.application else "an application that nobody names"
    return f"{app} in {suites}" if suites else app


def _attribute(value: Hashable) -> str:
    return "null" if value is None else f"`{value}`"


def _member(of: Restriction) -> bool:
    return of.mask == 0b10  # noqa: PLR2004 (a mask)


def _some(of: Restriction, told: Callable[[Hashable], str]) -> str:
    """Tell the classes, or those left out where they are fewer."""
    inside, outside = ([told(each) for each in _classes(of, mask)] for mask in (of.mask, ~of.mask))
    return _fewer(inside, outside)


def _fewer(inside: Sequence[str], outside: Sequence[str]) -> str:
    if len(outside) <= len(inside):
        return f"anything but {joined(outside, 'or')}"
    return joined(inside, "or")


def _clients(of: Restriction) -> str:
    """Tell the clients, the three legacy ones by one word where they are on the same side."""
    return _fewer(*(_with_legacy(list(_classes(of, mask))) for mask in (of.mask, ~of.mask)))


def _with_legacy(clients: Sequence[Hashable]) -> list[str]:
    if not set(LEGACY_CLIENTS) <= set(clients):
        return [CLIENTS[str(each)] for each in clients]
    return [*(CLIENTS[str(each)] for each in clients if each not in LEGACY_CLIENTS), _LEGACY]


def _classes(of: Restriction, mask: int) -> Iterator[Hashable]:
    return (of.dimension.classes[each] for each in bits(mask & of.dimension.full))


def _addresses(opening: Extent) -> str:
    every = (_EVERY_IPV4, _EVERY_IPV6)
    if (opening.ipv4, opening.ipv6) == every:
        return "from any address"
    counts = f"{count(opening.ipv4)} IPv4 and {count(opening.ipv6)} IPv6 addresses"
    for each in opening.restrictions:
        if each.dimension.kind == "address" and (told := _within(each)):
            return f"from {counts} ({told})"
    return f"from {counts}"


def _within(of: Restriction) -> str:
    """Tell the named locations that all these classes are in, or that none is in."""
    every = cast("Sequence[AddressClass | Country]", of.dimension.classes)
    inside = [every[each].locations for each in bits(of.mask)]
    known = sorted(frozenset().union(*(each.locations for each in every)))
    within = [f"`{key}`" for key in known if all(key in each for each in inside)]
    without = [f"`{key}`" for key in known if not any(key in each for each in inside)]
    if within:
        return f"in {joined(within)}"
    return f"outside {joined(without, 'or')}" if without else ""


# How a restriction on each kind of dimension is said.
_TOLD: dict[str, Callable[[Restriction, Names], str]] = {
    **dict.fromkeys(_LEVELS, _level),
    "clientAppType": lambda of, _: f"with {_clients(of)}",
    "platform": lambda of, _: f"on {_some(of, _platform)}",
    "target": lambda of, names: f"to {_some(of, lambda value: _target(value, names))}",
    "country": _country,
    "location": lambda of, names: (
        f"{'in' if _member(of) else 'not in'} {named(of.dimension.name, names)}"
    ),
    "deviceRegistered": lambda of, _: (
        f"on a device that is {'' if _member(of) else 'not '}registered"
    ),
    "deviceCodeDevice": _seen,
}


def count(addresses: int) -> str:
    """Tell a number of addresses: exactly, as powers of two where it has many digits."""
    if addresses < _MOST_DIGITS:
        return str(addresses)
    rest = _EVERY_IPV6 - addresses
    for number, words in ((addresses, "{}"), (rest, "all but {}")):
        if number and number & (number - 1) == 0:
            return words.format(f"2^{number.bit_length() - 1}")
    if rest == 0:
        return "all"
    about = f"2^{rest.bit_length() - 1}"
    return f"all but some {about}" if rest < addresses else f"some 2^{addresses.bit_length() - 1}"
