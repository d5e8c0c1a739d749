"""Drift: where a tenant is not as specified, and what each deviation does to sign-ins.

The effect of a deviation is what it changes of what is specified, as if there were no other: that
somebody's policy closes again what another change opened is no protection to count on.  What they
open only together is told of them all.  What an unreadable policy does is not known, and nothing is
counted on that it may protect.  What the files and the state do not agree on is no drift: it waits
for `up`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ostiary.model.policy import IpNamedLocation, NamedLocation, Policy, PolicySet
from ostiary.model.resolve import Resolved
from ostiary.proof.compare import Difference, compare
from ostiary.proof.examine import examine, policy_set_of
from ostiary.spec.environment import UnmanagedSpec
from ostiary.tenant.deviations import (
    NO_EFFECT,
    Drift,
    Drifted,
    Json,
    Listing,
    NotApplied,
    Object,
    ObjectKind,
    rank,
)
from ostiary.tenant.held import as_found, broken, inventory, newest_keys
from ostiary.tenant.orphans import Managed, look
from ostiary.tenant.properties import differences, raw_differences

# https://learn.microsoft.com/graph/api/conditionalaccesspolicy-restore?view=graph-rest-beta
KEPT_AFTER_DELETE = timedelta(days=30)


def drift(
    resolved: Resolved,
    managed: Managed,
    listing: Listing,
    *,
    applied: PolicySet | None = None,
    unmanaged: Iterable[UnmanagedSpec] = (),
) -> Drift:
    """Compare what is specified, and what the state manages, with what Graph lists.

    `applied` is what the state says was applied last, by key; `unmanaged` is what the environment
    says of others' objects.
    """
    return _Drift(resolved, managed, listing, applied, unmanaged).drift()


def deviating(
    resolved: Resolved,
    managed: Managed,
    listing: Listing,
    unmanaged: Iterable[UnmanagedSpec] = (),
) -> frozenset[str]:
    """Give the ids of what deviates, without its effect, which takes longer to find."""
    return frozenset(
        each.id for each in _Drift(resolved, managed, listing, None, unmanaged).deviations()
    )


class _Drift:
    def __init__(
        self,
        resolved: Resolved,
        managed: Managed,
        listing: Listing,
        applied: PolicySet | None,
        unmanaged: Iterable[UnmanagedSpec],
    ) -> None:
        self.resolved, self.managed, self.listing = resolved, managed, listing
        self.answers: dict[str, Json] = {
            each["id"]: each for each in (*listing.policies, *listing.named_locations)
        }
        # An id is that of one object, a name may be that of several.
        known = {each.id or each.display_name for each in unmanaged}
        self.unmanaged = {
            identity
            for identity, each in self.answers.items()
            if identity not in managed.ids and {identity.lower(), each["displayName"]} & known
        }
        self.inventory = inventory(
            listing.policies, listing.named_locations, managed, resolved.renamed_from
        )
        self.policy_keys, self.location_keys = newest_keys(managed, resolved.renamed_from)
        self.specified: dict[str, Object] = {
            _route(each): each for each in (*resolved.policies, *resolved.named_locations)
        }
        self.written = {f"policy {each.key}": each for each in resolved.as_written}
        self.applied: dict[str, Object] = _by_route(applied) if applied else {}
        self.environment = as_found(resolved, self.inventory.policy_set)
        self.found: dict[str, Object] = {
            **self.inventory.policies,
            **self.inventory.named_locations,
        }
        self.base = self._base()

    def deviations(self) -> Iterator[Drifted]:
        """Give what deviates, in meaning or in spelling only."""
        yield from (each for each in self._every() if isinstance(each, Drifted))

    def drift(self) -> Drift:
        every = list(self._every())
        settled = [
            each
            for each in every
            if isinstance(each, Drifted) and each.id not in self.listing.unsettled
        ]
        drifted = [
            replace(each, effect=self._effect(each)) for each in settled if not _spelling_only(each)
        ]
        together = NO_EFFECT
        if len(drifted) > 1:
            here = policy_set_of(self.environment)
            together = compare(_set(self.base), here, self.resolved.facts)
        return Drift(
            tuple(sorted(drifted, key=rank)),
            tuple(each for each in every if isinstance(each, NotApplied)),
            tuple(filter(_spelling_only, settled)),
            tuple(sorted(self._name(each) for each in self.listing.unsettled)),
            together,
            broken(examine(self.resolved), examine(self.environment)),
            tuple(sorted(self._name(each) for each in self.unmanaged)),
            {each["id"]: each["displayName"] for each in self.listing.named_locations}
            | dict(self.resolved.names),
        )

    def _every(self) -> Iterator[Drifted | NotApplied]:
        yield from self._managed()
        yield from self._others()

    def _managed(self) -> Iterator[Drifted | NotApplied]:
        kinds: tuple[tuple[ObjectKind, Mapping[str, str], Mapping[str, Any]], ...] = (
            ("policy", self.policy_keys, self.inventory.policies),
            ("named location", self.location_keys, self.inventory.named_locations),
        )
        for kind, keys, found in kinds:
            for identity, key in keys.items():
                specified = self.specified.get(f"{kind} {key}")
                answer = self.answers.get(identity)
                if specified is None and answer is not None:
                    yield NotApplied("delete", kind, key)
                elif specified is not None and answer is None:
                    yield self._absent(kind, identity, specified)
                elif specified is not None and answer is not None:
                    yield from self._compared(kind, specified, found.get(identity), answer)

    def _absent(self, kind: ObjectKind, identity: str, specified: Object) -> Drifted:
        hidden = self.listing.hidden.get(identity)
        until = None
        for each in self.listing.deleted or ():
            if each["id"] == identity:
                until = datetime.fromisoformat(each["deletedDateTime"]) + KEPT_AFTER_DELETE
        return Drifted(
            "changed" if hidden else "missing",
            kind,
            specified.display_name,
            identity,
            specified.key,
            getattr(specified, "state", None),
            unreadable=hidden,
            restorable_until=until,
        )

    def _compared(
        self, kind: ObjectKind, specified: Object, found: Object | None, answer: Json
    ) -> Iterator[Drifted | NotApplied]:
        ids = {key: identity for identity, key in self.location_keys.items()}
        if found is None:
            properties = raw_differences(specified, answer, ids)
        else:
            route = f"{kind} {specified.key}"
            pair = specified, self.written.get(route, specified)
            properties = differences(pair, found, answer, ids, self.applied.get(route))
        waiting = tuple(each for each in properties if each.not_applied)
        if waiting:
            yield NotApplied("change", kind, specified.key, waiting)
        rest = tuple(each for each in properties if not each.not_applied)
        if rest or found is None:
            yield Drifted(
                "changed",
                kind,
                answer["displayName"],
                answer["id"],
                specified.key,
                answer.get("state"),
                rest,
                self.inventory.unreadable.get(answer["id"]),
                found=found,
            )

    def _others(self) -> Iterator[Drifted | NotApplied]:
        """Give what is in the tenant and not in the state, and what is specified and in neither."""
        found = look(
            self.resolved, self.managed, self.listing.policies, self.listing.named_locations
        )
        orphans = {
            identity: (key, kind)
            for kind, keys in (
                ("policy", found.policies),
                ("named location", found.named_locations),
            )
            for key, identity in keys.items()
        }
        twins, strange = ({each["id"] for each in some} for some in (found.twins, found.strange))
        kinds: tuple[tuple[ObjectKind, Mapping[str, str], Sequence[Json]], ...] = (
            ("policy", self.policy_keys, self.listing.policies),
            ("named location", self.location_keys, self.listing.named_locations),
        )
        for kind, keys, answers in kinds:
            for answer in answers:
                identity = answer["id"]
                if identity in keys or identity in self.unmanaged:
                    continue
                yield Drifted(
                    "orphan" if identity in orphans else "twin" if identity in twins else "foreign",
                    kind,
                    answer["displayName"],
                    identity,
                    orphans[identity][0] if identity in orphans else None,
                    answer.get("state"),
                    unreadable=self.inventory.unreadable.get(identity),
                    same_name=identity in strange,
                )
        made = {f"{kind} {key}" for key, kind in orphans.values()}
        made |= {f"policy {key}" for key in self.policy_keys.values()}
        made |= {f"named location {key}" for key in self.location_keys.values()}
        for route, each in self.specified.items():
            if route not in made:
                yield NotApplied("create", _kind(each), each.key)

    def _effect(self, of: Drifted) -> Difference:
        deviating = dict(self.base)
        here = self.found.get(of.id)
        route = f"{of.object} {of.key}"
        if here is not None:
            deviating[_route(here)] = here
        elif isinstance(absent := deviating.get(route), Policy):
            del deviating[route]
        elif absent is not None:
            deviating[route] = _not_trusted(absent)
        effect = compare(_set(self.base), _set(deviating), self.resolved.facts)
        if of.unreadable and effect.undecided is None:
            return replace(effect, complete=False, undecided=of.unreadable)
        return effect

    def _base(self) -> dict[str, Object]:
        """Give what is specified, with what others keep in the tenant and may.

        Other locations are there for the policies that name them; to trust one is a deviation.
        """
        made = _by_route(policy_set_of(self.resolved))
        for identity, each in self.found.items():
            if identity in self.unmanaged:
                made[_route(each)] = each
            elif not isinstance(each, Policy) and identity not in self.location_keys:
                made[_route(each)] = _not_trusted(each)
        return made

    def _name(self, identity: str) -> str:
        if identity in self.answers:
            return str(self.answers[identity]["displayName"])
        key = self.policy_keys.get(identity) or self.location_keys.get(identity)
        return key or identity


def _spelling_only(of: Drifted) -> bool:
    every = all(each.spelling_only for each in of.properties)
    return of.kind == "changed" and every and of.unreadable is None


def _not_trusted(of: NamedLocation) -> NamedLocation:
    """Give a location that has no effect but through the policies that name it."""
    return replace(of, is_trusted=False) if isinstance(of, IpNamedLocation) else of


def _kind(of: Object) -> ObjectKind:
    return "policy" if isinstance(of, Policy) else "named location"


def _route(of: Object) -> str:
    return f"{_kind(of)} {of.key}"


def _by_route(of: PolicySet) -> dict[str, Object]:
    return {_route(each): each for each in (*of.policies, *of.named_locations)}


def _set(of: Mapping[str, Object]) -> PolicySet:
    return PolicySet(
        tuple(each for each in of.values() if isinstance(each, Policy)),
        tuple(each for each in of.values() if not isinstance(each, Policy)),
    )
