"""Ids → names for the environment's tables, and display names → file names.

A name is the one that people see in Entra; where that is not known, one is made of the id, the same
each time.  No name stands for two things, or for a word that the files know already.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import get_args

from ostiary.catalog import (
    AUTHENTICATION_STRENGTHS,
    WELL_KNOWN_APPLICATIONS,
    WELL_KNOWN_LOCATIONS,
    DevicePlatform,
)
from ostiary.model import exclusions
from ostiary.model.written import KEYWORDS, Table, Tables
from ostiary.roles import ROLE_TEMPLATE_IDS
from ostiary.spec import unsupported
from ostiary.spec.environment import GUID

_LONGEST = 80
# What a name in a table would be taken for, in lower case.
_TAKEN = frozenset(
    word.casefold()
    for words in (
        KEYWORDS, ("AllTrusted", exclusions.GUESTS), unsupported.VALUES, WELL_KNOWN_APPLICATIONS,
        AUTHENTICATION_STRENGTHS, WELL_KNOWN_LOCATIONS, ROLE_TEMPLATE_IDS,
        get_args(DevicePlatform), exclusions.FILTERS,
    )
    for word in words
)  # fmt: skip
_KINDS: dict[Table, str] = {
    "groups": "group",
    "users": "user",
    "applications": "application",
    "servicePrincipals": "service-principal",
    "externalTenants": "external-tenant",
    "termsOfUse": "terms-of-use",
    "authenticationStrengths": "authentication-strength",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A name for each id; `generated` are those of which nobody told the name."""

    tables: dict[Table, dict[str, str]] = field(default_factory=dict)
    generated: tuple[tuple[Table, str, str], ...] = ()


def name_all(asked: Iterable[tuple[Table, str]], known: Tables, directory: Tables) -> Named:
    """Name ids: as the environment does (`known`), else as the `directory` does, else by the id."""
    every: dict[Table, set[str]] = {}
    for table, identity in asked:
        every.setdefault(table, set()).add(identity)
    tables: dict[Table, dict[str, str]] = {}
    generated: list[tuple[Table, str, str]] = []
    for table, kind in _KINDS.items():
        if table not in every:
            continue
        own, told = known.get(table, {}), directory.get(table, {})
        new = sorted(every[table] - own.keys())
        wanted = {each: _clean(told.get(each, "")) for each in new}
        for identity in new:
            if not wanted[identity]:
                wanted[identity] = f"{kind}-{identity[:8]}"
                generated.append((table, wanted[identity], identity))
        names = dict(_distinct(wanted, own.values()))
        tables[table] = {each: own.get(each) or names[each] for each in sorted(every[table])}
    return Named(
        tables,
        tuple((table, tables[table][identity], identity) for table, _, identity in generated),
    )


def _distinct(wanted: dict[str, str], others: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Tell apart by a part of the id, or all of it, what would have one name."""
    taken = {each.casefold() for each in others} | _TAKEN
    for length in (0, 8, 36):
        names = {
            identity: f"{name} ({identity[:length]})" if length else name
            for identity, name in wanted.items()
        }
        count = Counter(each.casefold() for each in names.values())
        for identity, name in names.items():
            folded = name.casefold()
            if count[folded] == 1 and folded not in taken and not GUID.match(folded):
                yield identity, name
                taken.add(folded)
                del wanted[identity]


def _clean(name: str) -> str:
    """Give a display name as a file can hold it: without what cannot be seen, and not too long."""
    shown = "".join(each if each.isprintable() else " " for each in name)
    return " ".join(shown.split())[:200].rstrip()


def keys(names: Iterable[str], taken: Iterable[str], other: str) -> Iterator[str]:
    """Give a file name for each display name, in their order; `other` where no letter is left."""
    used = set(taken) | {"all"}  # a word of its own in lists of locations
    for name in names:
        slug = _slug(name) or other
        key, number = slug, 1
        while key in used:
            number += 1
            key = f"{slug}-{number}"
        used.add(key)
        yield key


def _slug(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:_LONGEST].rstrip("-")
