"""What each exclusion of each policy opens: the sign-ins that only it lets off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ostiary.model.edits import Edit, edited
from ostiary.model.policy import Filter, Policy
from ostiary.proof.cover import Hole
from ostiary.proof.effects import Effect, at_least, effects
from ostiary.proof.prove import Prover
from ostiary.proof.questions import Question
from ostiary.proof.results import Opening

# What is opened is told by its largest parts.
MOST_OPENINGS = 3


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An entry of a list of exclusions, or a filter (its rule) that excludes."""

    policy: str
    of: str
    entry: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Sign-ins to which only `exclusion` keeps the policy, and so any, from doing `effect`.

    `openings` are the largest; `undecided` says that the search gave up, so that it may open some.
    """

    exclusion: Exclusion
    effect: Effect
    openings: tuple[Opening, ...]
    undecided: bool = False


def exclusions(policy: Policy) -> Iterator[Exclusion]:
    """Give everything that a policy excludes."""
    of, key = policy.conditions, policy.key
    guests = of.users.exclude_guests_or_external_users
    workloads = of.client_applications
    for name, entries in (
        ("excludeUsers", of.users.exclude_users),
        ("excludeGroups", of.users.exclude_groups),
        ("excludeRoles", of.users.exclude_roles),
        ("excludeApplications", of.applications.exclude_applications),
        ("excludePlatforms", of.platforms.exclude_platforms if of.platforms else ()),
        ("excludeLocations", of.locations.exclude_locations if of.locations else ()),
        ("excludeServicePrincipals", workloads.exclude_service_principals if workloads else ()),
    ):
        yield from (Exclusion(key, name, entry) for entry in entries)
    if guests:
        yield Exclusion(key, "excludeGuestsOrExternalUsers", ", ".join(guests.types))
    filters: tuple[tuple[str, Filter | None], ...] = (
        ("deviceFilter", of.device_filter),
        ("applicationFilter", of.applications.application_filter),
        ("servicePrincipalFilter", workloads.service_principal_filter if workloads else None),
    )
    for name, rule in filters:
        if rule and rule.mode == "exclude":
            yield Exclusion(key, name, rule.rule)


def opened(prover: Prover, exclusion: Exclusion) -> Opened | None:
    """Find what an exclusion of an enabled policy opens; None if it opens nothing.

    Where a policy demands several things, it is told of the first that matters.
    """
    number, policy = next(
        (n, each) for n, each in enumerate(prover.policies) if each.key == exclusion.policy
    )
    listed = exclusion.of.startswith("exclude") and "Guests" not in exclusion.of
    edit = Edit(policy.key, "remove" if listed else "drop", exclusion.of, exclusion.entry)
    without = prover.regions.of_policy(edited(policy, [edit]).conditions)
    does = [effects(each) for each in prover.policies]
    for effect in does[number]:
        among = prover.impossible
        for owner, own in enumerate(does):
            if any(at_least(each, effect) for each in own):
                among |= 1 << owner
        holes: list[Hole] = []
        complete = True
        for region in without:
            found = prover.index.holes(region, among, limit=MOST_OPENINGS, budget=prover.budget)
            holes += found.holes
            complete = complete and (found.complete or bool(found.holes))
        if holes or not complete:
            question = Question({}, among)
            largest = sorted(holes, key=lambda hole: len(hole.wide))[:MOST_OPENINGS]
            openings = tuple(prover.opening(question, each, without) for each in largest)
            return Opened(exclusion, effect, openings, undecided=not complete)
    return None
