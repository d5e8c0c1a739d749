"""What is proven of the states on the way of an apply, as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostiary.model.resolve import Resolved
from ostiary.proof.transition import Resource, Transition

_WORSE = {
    "opens": "a sign-in that is blocked before and after gets in",
    "eases": "a sign-in is asked for less than before and after",
    "locksOut": "an emergency access account is blocked that is not blocked before or after",
}


def on_the_way(found: Transition, resolved: Resolved) -> Iterator[str]:
    """Tell the order that is needed, or the state that no order prevents."""
    if found.undecided is not None:
        yield f"not decided whether the states on the way are safe: {found.undecided}"
    for first, then in found.order:
        yield f"{_words(first)} changes before {_words(then)}: else there is a gap on the way"
    for each in found.passing:
        yield f"with {_list(each.new)} new and {_list(each.old)} old, {_WORSE[each.kind]}"
    if found.safe:
        yield f"proven: no state on the way to {resolved.environment} is worse than both ends"


def _list(resources: Iterable[Resource]) -> str:
    return " and ".join(map(_words, resources)) or "nothing"


def _words(resource: Resource) -> str:
    return f"{resource.kind} `{resource.key}`"
