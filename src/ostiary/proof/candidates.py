"""Edits that may close an opening, suggested by who is to blame for it; none is proven here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, product
from typing import get_args

from ostiary import catalog
from ostiary.model.edits import Edit
from ostiary.model.goal import Goal, SignIns
from ostiary.model.sign_in import NOBODY, Application, ServicePrincipal, SignIn, User, UserAction
from ostiary.proof.blame import Blame, Culprit, NearMiss
from ostiary.proof.clues import Clue
from ostiary.proof.partition import DEVICE_STATES

Edits = tuple[Edit, ...]

# A near miss may be mended in as many ways as its conditions multiply to.
MOST_WAYS = 4
# How a goal's sign-ins are left out of a policy: what they are set by, and the list for it.
_EXCLUDED_BY = (
    ("users", "excludeUsers"),
    ("groups", "excludeGroups"),
    ("roles", "excludeRoles"),
    ("guests", "excludeGuestsOrExternalUsers"),
    ("service_principals", "excludeServicePrincipals"),
    ("applications", "excludeApplications"),
    ("locations", "excludeLocations"),
    ("platforms", "excludePlatforms"),
)


def candidates(goal: Goal, sign_in: SignIn, blame: Blame) -> list[Edits]:
    """Give edits that may close the opening of this sign-in, the smallest first.

    Of one size, those of nearer misses come first.
    """
    found = [each for miss in blame.near_misses for each in _mended(goal, sign_in, miss)]
    # A goal that wants less asks a question for each policy, so the first is who it is about.
    for culprit in blame.culprits[:1]:
        found += [each for given in goal.given for each in _left_out(given, culprit)]
    return sorted(dict.fromkeys(found), key=size)


def size(edits: Edits) -> tuple[int, int]:
    """Order edits by how many they are, and by how much they change."""
    return len(edits), sum(each.size for each in edits)


def _mended(goal: Goal, sign_in: SignIn, miss: NearMiss) -> Iterator[Edits]:
    ways = [list(_ways(goal, sign_in, miss, clue)) for clue in miss.clues]
    yield from islice(product(*ways), MOST_WAYS)


def _ways(goal: Goal, sign_in: SignIn, miss: NearMiss, clue: Clue) -> Iterator[Edit]:
    """Give the edits, the smallest first, each of which does away with what a clue is about."""
    key, of = miss.policy.key, clue.of
    if of == "state":
        yield Edit(key, "enable", of, "enabled")
    elif of == "deviceFilter":
        yield Edit(key, "drop", of)
    elif of.startswith("exclude"):
        yield Edit(key, "remove", of, clue.entry or "")
    elif clue.entry is None:
        yield from (Edit(key, "add", where, entry) for where, entry in _lacking(goal, sign_in, of))
        if of in {"signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels"}:
            yield Edit(key, "drop", of)
        elif _widens(miss, of):
            yield Edit(key, "widen", of)


def _widens(miss: NearMiss, of: str) -> bool:
    """Tell whether a list can be made to hold everything; a policy is about one kind of target."""
    about_actions = bool(miss.policy.conditions.applications.include_user_actions)
    if of == "includeApplications":
        return not about_actions
    return of in {
        "includeUsers",
        "includeServicePrincipals",
        "includePlatforms",
        "includeLocations",
        "clientAppTypes",
    }


def _lacking(goal: Goal, sign_in: SignIn, of: str) -> Iterator[tuple[str, str]]:
    """Give the entries (list, entry) that would take the sign-in in."""
    if of == "includeUsers":
        yield from (("includeGroups", each) for given in goal.given for each in given.groups)
        kind = sign_in.identity.guest_type if isinstance(sign_in.identity, User) else None
        if kind in get_args(catalog.GuestOrExternalUserType):
            yield "includeGuestsOrExternalUsers", str(kind)
    elif of in _WORDS:
        signal, known = _WORDS[of]
        value = signal(sign_in)
        if isinstance(value, str) and value in known:
            yield of, value
    elif (value := _id(sign_in, of)) is not None:
        yield of, value


# The signal that a list of words is about, and the words that it may hold.
_WORDS: dict[str, tuple[Callable[[SignIn], object], tuple[str, ...]]] = {
    "clientAppTypes": (lambda of: of.client_app_type, get_args(catalog.ClientAppType)),
    "includePlatforms": (lambda of: of.platform, get_args(catalog.DevicePlatform)),
    "transferMethods": (
        lambda of: of.session_flow if of.authentication_flow == "none" else of.authentication_flow,
        get_args(catalog.AuthenticationFlow),
    ),
    "signInRiskLevels": (lambda of: of.sign_in_risk, get_args(catalog.RiskLevel)),
    "userRiskLevels": (lambda of: of.user_risk, get_args(catalog.RiskLevel)),
}


def _id(sign_in: SignIn, of: str) -> str | None:
    identity, target = sign_in.identity, sign_in.target
    value: object = None
    if of == "includeServicePrincipals" and isinstance(identity, ServicePrincipal):
        value = None if identity.id == NOBODY else identity.id
    elif of == "includeApplications" and isinstance(target, Application):
        value = target.id
    elif of == "includeUserActions" and isinstance(target, UserAction):
        value = target.urn
    return value if isinstance(value, str) else None


def _left_out(given: SignIns, culprit: Culprit) -> Iterator[Edits]:
    """Give the ways to leave the goal's own sign-ins out of a policy that it should not have."""
    key = culprit.policy.key
    for attribute, of in _EXCLUDED_BY:
        entries = [each for each in getattr(given, attribute) if each not in {"All", "all"}]
        if entries:
            yield tuple(Edit(key, "add", of, each) for each in entries)
    if given.device in DEVICE_STATES and culprit.policy.conditions.device_filter is None:
        yield (Edit(key, "add", "deviceFilter", DEVICE_STATES[given.device]),)
