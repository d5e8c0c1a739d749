"""What brings a tenant back to what it held: a plan, its effect in sign-ins, and its steps.

A deleted object comes back under its id as long as Graph keeps it; one that is gone is created anew
under another, which the policies that name it get.  Nothing is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any, Literal, Protocol

from ostiary.model.graph import Collection
from ostiary.model.resolve import Resolved
from ostiary.proof.compare import Difference, compare
from ostiary.proof.examine import examine
from ostiary.proof.transition import Transition, transition
from ostiary.tenant.deviations import Listing
from ostiary.tenant.held import Inventory, as_found, broken, inventory
from ostiary.tenant.orphans import Managed
from ostiary.tenant.properties import meaning

Json = dict[str, Any]
Operation = Literal["undelete", "change", "create"]

_READ_ONLY = {"id", "createdDateTime", "modifiedDateTime", "deletedDateTime", "templateId"}


class Writes(Protocol):
    """What is asked of a tenant."""

    def restore(self, collection: Collection, identity: str) -> None:
        """Bring a deleted object back."""

    def change(self, collection: Collection, identity: str, body: Json) -> None:
        """Change an object."""

    def create(self, collection: Collection, body: Json) -> str:
        """Create an object; gives its id."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request: `body` is what is sent, `id` the one that the object had."""

    operation: Operation
    collection: Collection
    id: str
    name: str
    body: Json | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, what they do to sign-ins, and what they leave as it is.

    `ids` are the new ids of what is gone and was made anew already; `besides` the names of what is
    in the tenant and was not; `opened` the goals that are proven now and would not be; `unreadable`
    the names of what has an effect that is not known.
    """

    steps: tuple[Step, ...]
    ids: Mapping[str, str]
    effect: Difference
    opened: tuple[str, ...]
    besides: tuple[str, ...]
    unreadable: tuple[str, ...]
    transition: Transition


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be in the tenant, as JSON; `all_of_it` says that it was all there was."""

    policies: Sequence[Json]
    named_locations: Sequence[Json]
    all_of_it: bool = True


def deleted(resolved: Resolved, managed: Managed, listing: Listing) -> Wanted:
    """Give what is specified, was deleted and can be brought back: the newest of each name.

    Of what the state manages, that is the object with its id.
    """
    there = [*listing.policies, *listing.named_locations]
    ids, names = ({each[key] for each in there} for key in ("id", "displayName"))
    ours = managed.ids - ids
    specified = {
        each.display_name for each in (*resolved.policies, *resolved.named_locations)
    } - names
    kept = sorted(listing.deleted or (), key=lambda each: str(each["deletedDateTime"]))
    newest = {_kind_and_name(each): each for each in kept if each["displayName"] in specified}
    newest |= {_kind_and_name(each): each for each in kept if each["id"] in ours}
    return Wanted(
        [each for (policy, _), each in newest.items() if policy],
        [each for (policy, _), each in newest.items() if not policy],
        all_of_it=False,
    )


def plan(resolved: Resolved, managed: Managed, listing: Listing, wanted: Wanted) -> Plan:
    """Find the steps from what Graph lists to what is wanted, in an order that opens nothing."""
    ids = _elsewhere(wanted.named_locations, listing.named_locations, listing)
    wanted = replace(wanted, policies=_with_ids(wanted.policies, ids))
    ids |= _elsewhere(wanted.policies, listing.policies, listing)
    steps = [
        *_steps("namedLocations", wanted.named_locations, listing, ids),
        *_steps("policies", wanted.policies, listing, ids),
    ]
    changed = {step.id for step in steps}
    after_policies, after_locations = (
        [
            *(each for each in now if each["id"] not in changed),
            *(each for each in some if each["id"] in changed),
        ]
        for now, some in (
            (listing.policies, wanted.policies),
            (listing.named_locations, wanted.named_locations),
        )
    )
    now = inventory(listing.policies, listing.named_locations, managed, resolved.renamed_from)
    then = inventory(after_policies, after_locations, managed, resolved.renamed_from)
    opened = broken(
        examine(as_found(resolved, now.policy_set)), examine(as_found(resolved, then.policy_set))
    )
    on_the_way = transition(
        now.policy_set, then.policy_set, resolved.emergency_access, resolved.facts
    )
    known = {each["id"] for each in (*wanted.policies, *wanted.named_locations)} | set(ids.values())
    listed = (*listing.policies, *listing.named_locations)
    return Plan(
        tuple(_in_order(steps, then, on_the_way, wanted.policies)),
        ids,
        compare(now.policy_set, then.policy_set, resolved.facts),
        opened,
        tuple(each["displayName"] for each in listed if each["id"] not in known)
        if wanted.all_of_it
        else (),
        tuple(step.name for step in steps if step.id in then.unreadable),
        on_the_way,
    )


def carry_out(
    steps: Sequence[Step], client: Writes, ids: dict[str, str], done: Callable[[Step], None]
) -> None:
    """Take the steps; `ids` gets the new id for each old one, also when a step fails."""
    for step in steps:
        match step.operation:
            case "undelete":
                client.restore(step.collection, step.id)
            case "change":
                client.change(step.collection, step.id, _with_ids(step.body, ids))
            case "create":
                ids[step.id] = client.create(step.collection, _with_ids(step.body, ids))
        done(step)


def _kind_and_name(of: Json) -> tuple[bool, str]:
    return "conditions" in of, of["displayName"]


def _steps(
    collection: Collection, wanted: Sequence[Json], listing: Listing, ids: Mapping[str, str]
) -> Iterator[Step]:
    held = {each["id"]: each for each in (*listing.policies, *listing.named_locations)}
    kept = {each["id"]: each for each in listing.deleted or ()}
    for each in wanted:
        change = Step("change", collection, each["id"], each["displayName"], _writable(each))
        if each["id"] in held:
            if meaning(held[each["id"]]) != meaning(each):
                yield change
        elif each["id"] in kept:
            yield replace(change, operation="undelete", body=None)
            if meaning(kept[each["id"]]) != meaning(each):
                yield change
        elif each["id"] not in ids:
            yield replace(change, operation="create")


def _elsewhere(wanted: Sequence[Json], now: Sequence[Json], listing: Listing) -> dict[str, str]:
    """Give the new ids of what is gone and that a restore made anew which was interrupted."""
    there = {each["id"] for each in (*now, *(listing.deleted or ()))}
    known = {each["id"] for each in wanted}
    others = {meaning(each): each["id"] for each in now if each["id"] not in known}
    gone = ((each, meaning(each)) for each in wanted if each["id"] not in there)
    return {each["id"]: others[means] for each, means in gone if means in others}


def _in_order(
    steps: Sequence[Step], then: Inventory, order: Transition, policies: Sequence[Json]
) -> Iterator[Step]:
    """Give what each policy names before it, and else the order of the transition."""
    by_id: dict[str, list[Step]] = {}
    for step in steps:
        by_id.setdefault(step.id, []).append(step)
    keys = {("policy", each.key): identity for identity, each in then.policies.items()}
    keys |= {
        ("named location", each.key): identity for identity, each in then.named_locations.items()
    }
    before: dict[str, set[str]] = {identity: set() for identity in by_id}
    for policy in policies:
        if policy["id"] in by_id:
            named = re.findall(r"[0-9a-f-]{36}", repr(policy["conditions"].get("locations")))
            before[policy["id"]] |= {
                each for each in named if each in by_id and by_id[each][0].operation != "change"
            }
    for first, second in order.order:
        pair = [keys.get((each.kind, each.key), "") for each in (first, second)]
        if before.keys() >= set(pair):
            before[pair[1]].add(pair[0])
    for identity in TopologicalSorter(before).static_order():
        yield from by_id[identity]


def _writable(answer: Json) -> Json:
    """Give what Graph takes of what it shows: whole, since what is left out keeps its value."""
    made: Json = _bare({key: each for key, each in answer.items() if key not in _READ_ONLY})
    return made


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {
        key: _bare(each)
        for key, each in value.items()
        if "@odata." not in key or key == "@odata.type"
    }
    strength = made.get("authenticationStrength")
    if isinstance(strength, dict):
        made["authenticationStrength"] = {"id": strength["id"]}  # all else describes it
    return made


def _with_ids(value: Any, ids: Mapping[str, str]) -> Any:
    """Put the new id wherever an old one stands."""
    if isinstance(value, list):
        return [_with_ids(each, ids) for each in value]
    if isinstance(value, dict):
        return {key: _with_ids(each, ids) for key, each in value.items()}
    return ids.get(value, value) if isinstance(value, str) else value
