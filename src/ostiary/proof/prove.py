"""Does a goal hold for every possible sign-in?  A proof, or the sign-ins for which it does not.

Sound and complete over the classes of `partition`, never a sample.  A proof carries certificates
that `certificate.check` accepts, and a gap a sign-in that `evaluate` has decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from itertools import compress

from ostiary.model.controls import ensures, satisfied_by
from ostiary.model.device_filter import FilterSyntaxError
from ostiary.model.goal import (
    AsksAtMost,
    Blocked,
    Fact,
    Goal,
    NeverBlocked,
    Requires,
    SignIns,
    Then,
)
from ostiary.model.policy import Policy, PolicySet
from ostiary.proof.attributes import TooHardError
from ostiary.proof.cover import BUDGET, Covered, Hole, Index, Undecided
from ostiary.proof.cubes import Cube, Space, meet, plainest
from ostiary.proof.decision import Decision
from ostiary.proof.partition import Partition
from ostiary.proof.questions import Question, asks_about, questions
from ostiary.proof.regions import Regions
from ostiary.proof.results import (
    Evidence,
    Gap,
    IdleException,
    NotDecided,
    Opening,
    Proof,
    Restriction,
    Result,
    Vacuous,
)
from ostiary.proof.witness import sign_in

# Gaps are told by their largest parts; more of them help nobody.
MOST_OPENINGS = 4


class Prover:
    """A policy set, prepared once for the goals that are held against it.

    With `only_asked` it leaves out the policies that no question about the goals counts, and the
    classes that only those tell apart.  Raises TooHardError and FilterSyntaxError as `Partition`
    does; `prove` does not.
    """

    def __init__(  # noqa: PLR0913 (each by its name)
        self,
        policy_set: PolicySet,
        goals: Iterable[Goal] = (),
        facts: Iterable[Fact] = (),
        *,
        sign_ins: Iterable[SignIns] = (),
        only_asked: bool = False,
        budget: int = BUDGET,
    ) -> None:
        self.policy_set = policy_set
        self.policies = policy_set.policies
        self.goals = tuple(goals)
        self.budget = budget
        self._only_asked = only_asked
        spoken = [
            *(each for goal in self.goals for each in goal.given),
            *(each.sign_ins for goal in self.goals for each in goal.exceptions),
            *sign_ins,
        ]
        counting = [self._counts(each) for each in self.policies]
        self.partition = Partition(
            (each.conditions for each in compress(self.policies, counting)),
            {each.key: each for each in policy_set.named_locations},
            spoken,
            facts,
        )
        self.regions = Regions(self.partition)
        self.space = Space(tuple(len(each.classes) for each in self.partition.dimensions))
        self._reaches = [
            self.regions.of_policy(each.conditions) if counts else ()
            for each, counts in zip(self.policies, counting, strict=True)
        ]
        self._prepare()

    def edited(self, policies: tuple[Policy, ...]) -> Prover:
        """Prepare the same goals for as many policies, some of them edited.

        An edited policy may name only what the policies before and the goals name.
        """
        other = copy(self)
        other.policy_set = replace(self.policy_set, policies=policies)
        other.policies = policies
        other._reaches = [  # noqa: SLF001 (its own class)
            reach if after is before else self._reach(after)
            for before, after, reach in zip(self.policies, policies, self._reaches, strict=True)
        ]
        other._prepare()  # noqa: SLF001 (likewise)
        return other

    def _reach(self, policy: Policy) -> Sequence[Cube]:
        return self.regions.of_policy(policy.conditions) if self._counts(policy) else ()

    def _prepare(self) -> None:
        """Give each owner its number: policies, what is impossible, the goals' exceptions."""
        owned = list(self._reaches)
        self.impossible = 1 << len(owned)
        owned.append(self.regions.impossible())
        self._excuses: dict[str, list[int]] = {}
        for goal in self.goals:
            self._excuses[goal.key] = [1 << len(owned) + n for n in range(len(goal.exceptions))]
            owned += [self.regions.of_sign_ins(each.sign_ins) for each in goal.exceptions]
        self.index = Index(
            self.space,
            [(owner, cube) for owner, cubes in enumerate(owned) for cube in cubes],
            self.impossible.bit_length() - 1,
        )

    def _counts(self, policy: Policy) -> bool:
        return not self._only_asked or any(asks_about(each, policy) for each in self.goals)

    def prove(self, goal: Goal) -> Result:
        """Hold one of `goals` against the policies."""
        given, excused = self.given(goal), self.excused(goal)
        asked = list(questions(goal, given, excused, self.policies, self.regions))
        evidence: list[Evidence] = []
        openings: list[Opening] = []
        used: set[int] = set()
        complete = True
        for question in asked:
            limit = max(1, MOST_OPENINGS - len(openings))
            found = self.index.holes(
                question.region, question.among, limit=limit, budget=self.budget
            )
            complete = complete and found.complete
            if isinstance(found.answer, Undecided):
                if openings:
                    break  # it does not hold, whatever else there is
                return self._not_decided(goal, found.answer)
            if isinstance(found.answer, Covered):
                evidence.append(Evidence(question, found.answer.certificate))
                used |= found.answer.used
            openings += (self.opening(question, hole, given) for hole in found.holes)
        if openings:
            return self._gap(goal, openings, complete=complete)
        if self._covered((each, excused) for each in given):
            return Vacuous(goal)
        rests_on = tuple(self.policies[n].key for n in sorted(used) if n < len(self.policies))
        return Proof(goal, tuple(evidence), rests_on, tuple(self._idle(goal, asked)))

    def given(self, goal: Goal) -> list[Cube]:
        """Give the sign-ins that a goal is about, the excused among them."""
        # Who lets device code flow in need not let in what else may happen in such a session.
        lets_in = isinstance(goal.then, (NeverBlocked, AsksAtMost))
        return [
            cube
            for each in goal.given
            for cube in self.regions.of_sign_ins(each, no_other_flow=lets_in)
        ]

    def questions(self, goal: Goal) -> Iterable[Question]:
        """Give the questions that the goal holds just if the answer to each is yes."""
        given, excused = self.given(goal), self.excused(goal)
        return questions(goal, given, excused, self.policies, self.regions)

    def excused(self, goal: Goal) -> int:
        """Give the owners of the sign-ins that a goal says nothing about."""
        return self.impossible | sum(self._excuses[goal.key])

    def _covered(self, asked: Iterable[tuple[Cube, int]]) -> bool | None:
        """Tell whether each region is covered by the owners beside it; None: not decided."""
        every: bool | None = True
        for region, among in asked:
            covered = self.index.covers(region, among, budget=self.budget)
            if covered is False:
                return False
            every = every and covered
        return every

    def _idle(self, goal: Goal, asked: Sequence[Question]) -> Iterable[IdleException]:
        """Find the exceptions that excuse nothing that the goal would not hold for anyway."""
        unseen = self.regions.device_unseen_in_flow
        for excuse, exception in zip(self._excuses[goal.key], goal.exceptions, strict=True):
            excusing = [
                (part, question.among & ~excuse)
                for cube in self.regions.of_sign_ins(exception.sign_ins)
                for question in asked
                if (part := meet(question.region, cube)) is not None
            ]
            narrower = [
                (part, among)
                for wider, among in excusing
                if unseen and (part := meet(wider, unseen)) is not None
            ]
            # What excuses something without a device seen does so in any case: mostly that is all.
            idle_unseen = self._covered(narrower) if narrower else None
            if idle_unseen is False:
                continue
            if self._covered(excusing):
                yield IdleException(exception.name, exception.place, unless_device_is_seen=False)
            elif idle_unseen:
                yield IdleException(exception.name, exception.place, unless_device_is_seen=True)

    def _gap(self, goal: Goal, openings: list[Opening], *, complete: bool) -> Gap | NotDecided:
        openings.sort(key=_plainness)
        if holds(goal, openings[0].decision):
            # Proof and evaluation disagree, so one of them is wrong: claim nothing.
            return NotDecided(goal, "a sign-in that should contradict it does not", ())
        complete = complete and len(openings) <= MOST_OPENINGS
        return Gap(goal, tuple(openings[:MOST_OPENINGS]), complete)

    def opening(self, question: Question, hole: Hole, given: Sequence[Cube]) -> Opening:
        """Describe a hole that a question found in a region that is `given`."""
        made, reading = sign_in(self.partition, plainest(self.space, hole.cube))
        said = next((each for each in given if meet(each, hole.wide) is not None), {})
        restrictions = restricted(self.partition, hole.wide, said)
        ipv4, ipv6 = self.regions.addresses(hole.wide)
        return Opening(
            question, hole.wide, restrictions, made, reading, ipv4, ipv6, self.policy_set
        )

    def _not_decided(self, goal: Goal, answer: Undecided) -> NotDecided:
        hard = tuple(self.policies[n].key for n in answer.owners if n < len(self.policies))
        return NotDecided(goal, f"the search gave up after {answer.nodes} nodes", hard)


def restricted(partition: Partition, cube: Cube, given: Cube) -> tuple[Restriction, ...]:
    """Tell the restrictions of a cube apart into what is `given` and what is not."""
    return tuple(
        Restriction(partition.dimensions[key], mask, given.get(key) == mask)
        for key, mask in sorted(cube.items())
    )


def prove(
    policy_set: PolicySet, goal: Goal, facts: Iterable[Fact] = (), *, budget: int = BUDGET
) -> Result:
    """Hold one goal against a policy set; `facts` are what is known of the tenant's directory.

    Never runs without end: past `budget` nodes of the search nothing is claimed.
    """
    return prove_all(policy_set, [goal], facts, budget=budget)[0]


def prove_all(
    policy_set: PolicySet,
    goals: Sequence[Goal],
    facts: Iterable[Fact] = (),
    *,
    budget: int = BUDGET,
) -> list[Result]:
    """Hold several goals against a policy set, which is prepared once."""
    try:
        prover = Prover(policy_set, goals, facts, only_asked=True, budget=budget)
        return [prover.prove(each) for each in goals]
    except (TooHardError, FilterSyntaxError) as error:
        return [NotDecided(each, str(error)) for each in goals]


def holds(goal: Goal, decision: Decision) -> bool:
    """Tell whether what a goal says is true of one sign-in that it is about."""
    return fulfils(goal.then, decision)


def fulfils(then: Then, decision: Decision) -> bool:
    """Tell whether a decision is as it is wanted."""
    match then:
        case Blocked():
            return decision.outcome == "blocked"
        case NeverBlocked():
            return not decision.shut
        case Requires(wanted):
            return decision.outcome == "blocked" or all(
                any(ensures(each, one) for each in decision.requirements) for one in wanted
            )
        case AsksAtMost(controls):
            return not decision.shut and all(
                satisfied_by(each, controls) for each in decision.requirements
            )


def _plainness(opening: Opening) -> tuple[int, int]:
    """Order openings by how little must come together for them, then by their addresses."""
    return len(opening.restrictions), -opening.ipv4 - opening.ipv6
