"""Results of goals as text: whether each holds, and if not, for whom, why, and what closes it."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ostiary.model.goal import AsksAtMost, Blocked, Goal, NeverBlocked, Requires, Waiver
from ostiary.model.places import Places
from ostiary.model.resolve import Resolved
from ostiary.proof.blame import Blame
from ostiary.proof.examine import Examined
from ostiary.proof.explain import Explained
from ostiary.proof.repairs import Repair
from ostiary.proof.results import Gap, IdleException, NotDecided, Opening, Proof, Result, Vacuous
from ostiary.report.openings import extent
from ostiary.report.reasons import because, repair
from ostiary.report.words import Names, decision, joined, requirements, sign_in

WIDTH = 100
_WORDS: dict[type[Result], str] = {
    Proof: "proven",
    Gap: "not proven",
    Vacuous: "vacuous",
    NotDecided: "not decided",
}
# Openings beyond these are told by their number; `--format json` has all that were found.
MOST_OPENINGS = 3


def named(examined: Examined, goal: Goal) -> str:
    """Give the name of a goal in an environment, as tests have it."""
    return f"{examined.resolved.environment}::{goal.key}"


def result(of: Result, explained: Explained | None, examined: Examined, places: Places) -> str:
    """Tell one result; `explained` belongs to it where it is a gap."""
    waiver = examined.waivers.get(of.goal.key)
    lines = [f"{named(examined, of.goal)}: {verdict(of)}{f', {waived(waiver)}' if waiver else ''}"]
    match of:
        case Proof(idle=idle):
            lines += (f"  {_idle(each)}" for each in idle)
        case Gap():
            lines += [f"  {of.goal.says}", *_gap(of, explained, examined, places)]
        case Vacuous():
            lines += [
                f"  {of.goal.says}",
                *filled("no sign-in is given and not excepted, so the goal says nothing", 2),
                f"  {of.goal.place}",
            ]
        case NotDecided(reason=reason, policies=policies):
            lines += [f"  {of.goal.says}", *filled(f"not decided: {reason}", 2)]
            if policies:
                hard = joined([f"`{each}`" for each in policies])
                lines += filled(f"most of the search went into {hard}", 2)
    return "\n".join(lines)


class Tally:
    """How many of the goals that were told hold."""

    def __init__(self) -> None:
        self._results: Counter[str] = Counter()
        self._environments: set[str] = set()
        self._waived = 0
        self._known = 0

    def add(self, examined: Examined, results: Iterable[Result]) -> None:
        """Count results of one environment."""
        for each in results:
            self._results[_WORDS[type(each)]] += 1
            self._waived += each.goal.key in examined.waivers
            self._environments.add(examined.resolved.environment)

    def add_known(self, resolved: Resolved) -> None:
        """Count an environment all of whose goals were proven before."""
        self._results["proven"] += len(resolved.goals)
        self._environments.add(resolved.environment)
        self._known += 1

    @property
    def words(self) -> str:
        """The sum in one line."""
        told = [f"{self._results['proven']} proven"]
        told += [
            f"{self._results[word]} {word}"
            for word in _WORDS.values()
            if word != "proven" and self._results[word]
        ]
        if self._waived:
            told.append(f"{self._waived} of these waived")
        goals = number(self._results.total(), "goal")
        before = f"; {number(self._known, 'environment')} as proven before" if self._known else ""
        where = number(len(self._environments), "environment")
        return f"{goals} in {where}: {', '.join(told)}{before}"


def number(of: int, what: str) -> str:
    """Count something: `1 goal`, `2 goals`."""
    return f"{of} {what}{'' if of == 1 else 's'}"


def verdict(of: Result) -> str:
    """Tell in a few words whether a goal holds, and by which policies."""
    match of:
        case Proof(goal=Goal(then=NeverBlocked() | AsksAtMost())):
            return "proven: no policy stands in the way"
        case Proof(policies=policies):
            return f"proven, by {joined([f'`{each}`' for each in policies])}"
        case Gap():
            return "NOT PROVEN"
        case Vacuous():
            return "VACUOUS"
        case _:
            return "NOT DECIDED"


def waived(waiver: Waiver) -> str:
    """Tell who answers for a goal that does not hold."""
    return f"waived until {waiver.expires} by {waiver.owner}: {waiver.reason}"


def _idle(of: IdleException) -> str:
    if of.unless_device_is_seen:
        return (
            f"{of.place}: the exception `{of.name}` takes effect only if Entra sees the device in "
            "device code flow, which Microsoft says it does not"
        )
    return f"{of.place}: the exception `{of.name}` excuses nothing: the goal holds without it"


def _gap(of: Gap, explained: Explained | None, examined: Examined, places: Places) -> Iterator[str]:
    names = examined.resolved.names
    blames = explained.blames if explained else ()
    yield f"  {_headline(of, names)}"
    told: set[tuple[str, ...]] = set()
    for opening, said in list(zip(of.openings, blames, strict=True))[:MOST_OPENINGS]:
        if told:
            yield "  also:"
        yield from _opening(opening, said, names)
        reasons = tuple(because(said, opening.sign_in, names, places))
        if reasons not in told:
            yield "  because"
            yield from (f"    {each}" for each in reasons)
        told.add(reasons)
        yield from filled(f"open: {extent(opening, names)}", 2)
    if not of.complete:
        yield "  and more openings, of which some were not looked for"
    elif (more := len(of.openings) - MOST_OPENINGS) > 0:
        yield f"  and {number(more, 'more opening')}"
    if explained is not None and explained.repairs is not None:
        yield from _repairs(explained.repairs, examined, places)


def _headline(of: Gap, names: Names) -> str:
    match of.goal.then:
        case Blocked() if of.openings[0].decision.shut:
            return "a sign-in is not blocked, though nobody can do what it is asked for:"
        case Blocked():
            return "a sign-in gets through:"
        case Requires():
            about = of.openings[0].question.about
            wanted = requirements([about], names) if isinstance(about, tuple) else "it"
            return f"a sign-in gets in without {wanted}:"
        case NeverBlocked():
            return "a sign-in is kept out:"
        case AsksAtMost():
            return "a sign-in is kept out, or asked for more than it may be:"


def _opening(of: Opening, said: Blame, names: Names) -> Iterator[str]:
    restricted = {each.dimension.kind for each in of.restrictions}
    told = sign_in(of.sign_in, names, said.locations, any_target="target" not in restricted)
    if of.decision.device_code_device == "as given":
        told += ", should Entra see the device in device code flow"
    yield from filled(told, 4)
    yield f"    → {decision(of.decision, names)}"


def _repairs(of: Sequence[Repair], examined: Examined, places: Places) -> Iterator[str]:
    if not of:
        yield "  smallest edit: none of those tried closes it"
        return
    policies = {each.key: each for each in examined.policy_set.policies}
    told = repair(of[0], policies, examined.resolved.names, places)
    yield from filled(f"smallest edit: {told}", 2)


def filled(text: str, indent: int) -> list[str]:
    """Break a long line between words."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent if indent > 2 else indent + 2),  # noqa: PLR2004
        break_long_words=False,
        break_on_hyphens=False,
    )
