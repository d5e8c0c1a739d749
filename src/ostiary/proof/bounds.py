"""Sets of policies known by bounds, each as one int: Kleene's logic over all policies at once.

The low half of an int holds the policies that are surely in the set, the high half those that may
be, so the low is always within the high, and `|` and `&` are Kleene's "or" and "and".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from ostiary.model.filter_expression import Expression, comparisons, truth
from ostiary.model.sign_in import UNKNOWN, Attributes, Ids, Partly, Unknown


class Bounds:
    """Bounded sets of `size` members, numbered from 0."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.all = (1 << size) - 1

    def known(self, members: int) -> int:
        """Give the set that has these members, a bit each, and surely no other."""
        return members | members << self.size

    def undecided(self, members: int) -> int:
        """Give the set that may have any of these members, and surely no other."""
        return members << self.size

    def where(self, values: Iterable[object]) -> int:
        """Give the known set of the members whose value, in the order of members, is true."""
        return self.known(sum(1 << number for number, value in enumerate(values) if value))

    def within(self, sides: int) -> int:
        """Give the members that are included and not excluded.

        `sides` is a set of `Bounds(2 * size)`: first what each member includes, then what each
        excludes.
        """
        surely, possibly = sides, sides >> 2 * self.size
        apply = surely & self.all & ~(possibly >> self.size)
        may = possibly & self.all & ~(surely >> self.size)
        return apply | may << self.size


class Named:
    """Which members name which value of one signal; `values` are those that each member names."""

    def __init__(self, bounds: Bounds, values: Sequence[Iterable[Hashable]]) -> None:
        named: dict[Hashable, int] = {}
        for number, each in enumerate(values):
            for value in each:
                named[value] = named.get(value, 0) | 1 << number
        self._named = {value: bounds.known(members) for value, members in named.items()}
        self._possible = {value: bounds.undecided(members) for value, members in named.items()}
        self._undecided = bounds.undecided(bounds.where(values) & bounds.all)

    def having(self, value: Hashable) -> int:
        """Give the members that name the signal's value."""
        return self._undecided if value is UNKNOWN else self._named.get(value, 0)

    def meeting(self, ids: Ids) -> int:
        """Give the members that name one of the signal's ids."""
        if isinstance(ids, Unknown):
            return self._undecided
        known, found = (ids.of, 0) if isinstance(ids, Partly) else (ids, 0)
        for each in self._named.keys() & known:
            found |= self._named[each]
        if isinstance(ids, Partly):
            for each in self._possible.keys() - ids.not_of:
                found |= self._possible[each]
        return found


class Rules:
    """Which members' filter rules are true; equal rules are decided once."""

    def __init__(self, bounds: Bounds, rules: Iterable[Expression | None]) -> None:
        members: dict[Expression, int] = {}
        for number, rule in enumerate(rules):
            if rule is not None:
                members[rule] = members.get(rule, 0) | 1 << number
        self._rules = [
            (rule, bounds.known(each), bounds.undecided(each)) for rule, each in members.items()
        ]
        self.attributes = sorted({each.attribute for rule in members for each in comparisons(rule)})

    def true_of(self, subject: Attributes) -> int:
        """Give the members whose rule is true; an attribute that the subject lacks is unknown."""
        found = 0
        for rule, known, undecided in self._rules:
            decided = truth(rule, subject)
            found |= known if decided else undecided if decided is None else 0
        return found
