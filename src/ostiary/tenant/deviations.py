"""Deviations of a tenant from what is specified, as values, in the order of how bad they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ostiary.model.policy import NamedLocation, Policy
from ostiary.proof.compare import Change, Difference
from ostiary.tenant.properties import Property

Json = dict[str, Any]
# `missing`: managed, and not in the tenant.  `changed`: managed, and not as specified.  `orphan`:
# as specified, and unknown to the state, as an interrupted run leaves it.  `twin`: a second copy of
# what is managed, or what an interrupted run made and the files say no more.  `foreign`: anything
# else that the stack does not manage.
Kind = Literal["missing", "changed", "foreign", "orphan", "twin"]
ObjectKind = Literal["policy", "named location"]
Object = Policy | NamedLocation

NO_EFFECT = Difference((), complete=True)
_WORST = ("opened", "eased", "closed", "tightened")
_STATES = {"enabled": 0, None: 0, "enabledForReportingButNotEnforced": 1}


@dataclass(frozen=True, slots=True)
class Listing:
    """What Graph lists, as JSON; `deleted` is None where it did not list what was deleted.

    `unsettled` are the ids of objects about which it gives two answers; `hidden` those that it does
    not list and refuses to show, with its words.
    """

    policies: Sequence[Json]
    named_locations: Sequence[Json]
    deleted: Sequence[Json] | None = ()
    unsettled: frozenset[str] = frozenset()
    hidden: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Touch:
    """The last change of an object in the audit log: who made it, when, and what it was."""

    by: str
    at: datetime
    activity: str


@dataclass(frozen=True, slots=True)
class Drifted:
    """One deviation.

    `key` is the name of its file; foreign objects have none.  `restorable_until` is that of a
    missing object which Graph still keeps.  `same_name` tells that a foreign object bears the name
    of a specified one.  `found` is what a managed object is now, where that can be read.
    """

    kind: Kind
    object: ObjectKind
    name: str
    id: str
    key: str | None = None
    state: str | None = None
    properties: tuple[Property, ...] = ()
    unreadable: str | None = None
    restorable_until: datetime | None = None
    same_name: bool = False
    effect: Difference = NO_EFFECT
    touched: Touch | None = None
    found: Object | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NotApplied:
    """What the files say and the state does not: `up` would do it."""

    operation: Literal["create", "change", "delete"]
    object: ObjectKind
    key: str
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """All deviations, worst first.

    `together` is the difference between all that is specified and the tenant, where there are
    several.  `broken` are the goals that hold by the files and not in the tenant; `spelled` has
    what differs in spelling only, `unsettled` the names of what cannot be told yet, and `known`
    those of what others keep here and may.  `names` has the display names of foreign locations
    besides those of the environment.
    """

    drifted: tuple[Drifted, ...]
    not_applied: tuple[NotApplied, ...]
    spelled: tuple[Drifted, ...]
    unsettled: tuple[str, ...]
    together: Difference
    broken: tuple[str, ...]
    known: tuple[str, ...]
    names: Mapping[str, str] = field(repr=False)

    @property
    def in_line(self) -> bool:
        """Whether the tenant is surely as specified."""
        return not (self.drifted or self.not_applied or self.unsettled)


def rank(of: Drifted) -> tuple[int, int, int, int, str]:
    """Order by what opens before what closes, by how much, and by whether it is enforced.

    What is not decided may open something, so it comes right after what is known to.
    """
    effect = of.effect
    if not effect.changes:
        kind = 2 if effect.undecided else 2 * len(_WORST) + 1
        return (kind, 0, 0, _STATES.get(of.state, len(_STATES)), of.name)
    worst = min(effect.changes, key=lambda each: (_order(each), _smallness(each)))
    return (
        2 * _order(worst) + 1,
        *_smallness(worst),
        _STATES.get(of.state, len(_STATES)),
        of.name,
    )


def _order(of: Change) -> int:
    return _WORST.index(of.kind)


def _smallness(of: Change) -> tuple[int, int]:
    return -(of.ipv4 + of.ipv6), len(of.restrictions)
