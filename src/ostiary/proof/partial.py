"""What proofs are worth when some policies could not be read, or name what is not known yet.

More policies never open anything: what is proven to be blocked, or to be asked for something, stays
so whatever a policy does that was set aside, and who is blocked without it stays blocked.  An id
that may stand for any group or place is, to the prover, a set of sign-ins of its own of which
nothing is known: a proof holds whatever it turns out to be.  Anything else is not decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ostiary.model.goal import Blocked, Requires
from ostiary.proof.examine import Examined
from ostiary.proof.results import Gap, NotDecided, Proof, Result


def partial(
    examined: Examined, set_aside: Mapping[str, str], assumed_any: Mapping[str, str]
) -> Examined:
    """Keep of an examination what holds whatever is not known; the rest is not decided.

    `set_aside` tells why policies, by key, are not among those examined; `assumed_any` tells of ids
    why they may stand for anything.
    """
    results = tuple(_kept(each, set_aside, assumed_any) for each in examined.results)
    open_ = {each.goal.key for each in results if not isinstance(each, Proof)}
    waivers = {each.goal: each for each in examined.resolved.waivers if each.goal in open_}
    return replace(examined, results=results, waivers=waivers)


def _kept(result: Result, set_aside: Mapping[str, str], assumed_any: Mapping[str, str]) -> Result:
    more_policies_help = isinstance(result.goal.then, Blocked | Requires)
    unread = [f"the policy `{key}` could not be read ({why})" for key, why in set_aside.items()]
    if isinstance(result, Proof) and unread and not more_policies_help:
        return NotDecided(result.goal, _and(unread))
    if isinstance(result, Gap):
        if unread and more_policies_help:
            return NotDecided(result.goal, _and(unread))
        certain = tuple(
            each
            for each in result.openings
            if not any(of.dimension.name in assumed_any for of in each.restrictions)
        )
        if certain:
            return replace(result, openings=certain)
        why = [f"it hangs on `{key}` ({why})" for key, why in assumed_any.items()]
        return NotDecided(result.goal, _and(why))
    return result


def _and(reasons: list[str]) -> str:
    return ", and ".join(reasons)
