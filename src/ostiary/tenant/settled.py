"""What Graph lists, read again until it gives one answer.

For a while after a write, reads alternate between old and new, and a deleted object comes and goes
(https://github.com/hashicorp/terraform-provider-azuread/pull/441); that lists do so too is assumed.
So nothing is concluded from one read.  What is as specified must be so in two lists; what deviates,
or was told in two ways, must be told in one way four times in a row.  Where several copies answer
in turns, two reads agree by chance every other time, and four one time in eight.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Protocol

from ostiary.model.graph import Collection
from ostiary.tenant.deviations import Listing
from ostiary.tenant.graph import GraphError
from ostiary.tenant.properties import meaning

Json = dict[str, Any]

AGREEING, AGREEING_AS_SPECIFIED = 4, 2
ROUNDS = 8
# Of more objects than that the lists alone are asked: Graph takes one request a second.
MOST_SINGLE = 25


class Reads(Protocol):
    """What is asked of a tenant."""

    def policies(self) -> Iterable[Json]:
        """List every policy."""

    def named_locations(self) -> Iterable[Json]:
        """List every named location."""

    def read(self, collection: Collection, identity: str) -> Json | None:
        """Read one object; None when it is not there."""


def settled(
    client: Reads,
    ours: Mapping[str, Collection],
    deviating: Callable[[Listing], AbstractSet[str]],
    wait: Callable[[int], None],
) -> Listing:
    """Read a tenant until its answers agree, in `ROUNDS` at most; what does not is `unsettled`.

    `ours` are the ids of what the stack manages, which are also read one by one where they deviate;
    `deviating` gives the ids of what does.  `wait` is called with the number of the next round when
    there were two answers.
    """
    told: defaultdict[str, list[object]] = defaultdict(list)
    listing, open_, hidden = Listing((), ()), set[str](), dict[str, str]()
    for number in range(1, ROUNDS + 1):
        listing = Listing(tuple(client.policies()), tuple(client.named_locations()))
        listed = {each["id"]: each for each in (*listing.policies, *listing.named_locations)}
        for identity in listed.keys() | told.keys() | ours.keys():
            told[identity].append(_told(listed.get(identity)))
        doubtful = {identity for identity, every in told.items() if len(set(every)) > 1}
        deviate = set(deviating(listing)) | doubtful
        single = deviate & ours.keys()
        for identity in single if len(single) <= MOST_SINGLE else ():
            try:
                told[identity].append(_told(client.read(ours[identity], identity)))
            except GraphError as error:
                # v1.0 shows nothing of a policy with features of beta, which may have been added.
                if error.status != HTTPStatus.BAD_REQUEST:
                    raise
                hidden[identity] = str(error)
                told[identity].append(_told(listed.get(identity)))
        open_ = {
            identity
            for identity, every in told.items()
            if not _agree(every, AGREEING if identity in deviate else AGREEING_AS_SPECIFIED)
        }
        if not open_:
            break
        if number < ROUNDS and any(len(set(every)) > 1 for every in told.values()):
            wait(number)
    return replace(listing, unsettled=frozenset(open_), hidden=hidden)


def _agree(every: list[object], needed: int) -> bool:
    return len(every) >= needed and len(set(every[-needed:])) == 1


def _told(answer: Json | None) -> object:
    return None if answer is None else meaning(answer)
