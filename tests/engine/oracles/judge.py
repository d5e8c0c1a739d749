"""What `prove` says of the goals of a world, held against every other engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ostiary.model.goal import Goal
from ostiary.proof.certificate import CertificateError, check
from ostiary.proof.cubes import bits, contains, meet
from ostiary.proof.evaluate import evaluate
from ostiary.proof.prove import Prover, prove
from ostiary.proof.questions import Question
from ostiary.proof.results import Gap, NotDecided, Opening, Proof, Result, Vacuous
from tests.engine.oracles import sat
from tests.engine.oracles.brute import Brute, TooManyError, true_of
from tests.engine.oracles.smt import Answer, Smt
from tests.engine.oracles.worlds import World

MOST_POINTS = 1500


class Judge:
    """One world before all engines; `counts` says what was asked, `differences` what was wrong."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts: Counter[str] = Counter()
        self._prover = Prover(world.policy_set, world.goals, world.facts)
        self._smt = Smt(world.policy_set, world.goals, world.facts)
        self._brute: Brute | None = None
        if world.small:
            try:
                self._brute = Brute(world.policy_set, world.goals, world.facts, most=MOST_POINTS)
            except TooManyError:
                self.counts["too many points to try"] += 1
        self.differences = [
            f"seed {world.seed}, {goal.key} ({type(goal.then).__name__}): {wrong}"
            for goal in world.goals
            for wrong in self._judged(goal)
        ]

    def _judged(self, goal: Goal) -> Iterator[str]:
        result = self._prover.prove(goal)
        answer = said(result)
        self.counts["questions"] += 1
        self.counts[answer] += 1
        self.counts[type(goal.then).__name__] += 1
        if self.world.seed % 4 == 0:
            self.counts["asked alone"] += 1
            if (other := said(prove(self.world.policy_set, goal, self.world.facts))) != answer:
                yield f"{answer}, but {other} when asked alone"
        if isinstance(result, NotDecided):
            yield f"not decided: {result.reason}"
            return
        if (other := self._smt.answer(goal)) != answer:
            yield f"{answer}, but {other} by SMT"
        if self._brute:
            self.counts["tried all sign-ins"] += 1
            if (other := self._brute.answer(goal)) != answer:
                yield f"{answer}, but {other} by trying all sign-ins"
        asked = list(self._prover.questions(goal))
        if (other := self._by_classes(goal, asked)) != answer:
            yield f"{answer}, but {other} by SAT"
        if isinstance(result, Proof):
            yield from self._proven(goal, result, asked)
        elif isinstance(result, Gap):
            yield from self._open(goal, result, asked)

    def _by_classes(self, goal: Goal, asked: list[Question]) -> Answer:
        excused = self._prover.excused(goal)
        if all(self._covered(each, excused) for each in self._prover.given(goal)):
            return "vacuous"
        covered = all(self._covered(each.region, each.among) for each in asked)
        return "proof" if covered else "gap"

    def _covered(self, region: sat.Cube, among: int, more: tuple[sat.Cube, ...] = ()) -> bool:
        cubes = [*self._among(among), *more]
        return sat.covered(self._prover.space.sizes, region, cubes)

    def _wide(self, opening: Opening) -> sat.Cube:
        """Give what is told of an opening: besides it, only what is impossible or open as well."""
        number = self._prover.partition.number
        return {
            number[each.dimension.kind, each.dimension.name]: each.mask
            for each in opening.restrictions
        }

    def _among(self, among: int) -> list[sat.Cube]:
        index = self._prover.index
        return [
            cube
            for owner, cube in zip(index.owners, index.cubes, strict=True)
            if among >> owner & 1
        ]

    def _proven(self, goal: Goal, proof: Proof, asked: list[Question]) -> Iterator[str]:
        index = self._prover.index
        if [each.question for each in proof.evidence] != asked:
            yield "the evidence is not one answer to each question"
        for each in proof.evidence:
            self.counts["certificates"] += 1
            try:
                check(self._prover.space.sizes, each.question.region, index.cubes, each.certificate)
            except CertificateError as error:
                yield f"certificate: {error}"
            owners = {index.owners[number] for number in each.certificate.premises}
            if not owners <= set(bits(each.question.among)):
                yield "the certificate rests on owners that do not count"
        idle = {each.name: each.unless_device_is_seen for each in proof.idle}
        for exception in goal.exceptions:
            self.counts["exceptions"] += 1
            found = idle.get(exception.name)
            needless = self._smt.idle(goal, exception.name, unless_device_is_seen=False)
            if needless is not (found is False):
                yield f"`{exception.name}` is needless: {needless}, but reported as {found}"
            if found and not self._smt.idle(goal, exception.name, unless_device_is_seen=True):
                yield f"`{exception.name}` excuses sign-ins by device code without a device"

    def _open(self, goal: Goal, gap: Gap, asked: list[Question]) -> Iterator[str]:
        for opening in gap.openings:
            self.counts["witnesses"] += 1
            yield from self._witness(goal, opening)
        if gap.complete:
            for question in asked:
                cubes = tuple(self._wide(e) for e in gap.openings if e.question == question)
                if not self._covered(question.region, question.among, cubes):
                    yield "there is more open than the openings that are said to be all"

    def _witness(self, goal: Goal, opening: Opening) -> Iterator[str]:
        question, wide = opening.question, self._wide(opening)
        if not (contains(question.region, wide) and contains(wide, opening.cube)):
            yield "an opening reaches outside of what is asked"
        possible = question.among & ~self._prover.impossible
        if any(meet(opening.cube, each) is not None for each in self._among(possible)):
            yield "an opening is covered in part"
        possible = question.among & ~self._prover.impossible
        if any(meet(wide, each) is not None for each in self._among(possible)):
            yield "what is told of an opening is covered in part"
        decision = evaluate(
            self.world.policy_set,
            opening.sign_in,
            device_code_device=opening.device_code_device,
        )
        if decision != opening.decision or true_of(goal, decision):
            yield "the sign-in of an opening does not contradict the goal"


def said(result: Result) -> Answer:
    if isinstance(result, Vacuous):
        return "vacuous"
    return "proof" if isinstance(result, Proof) else "gap"
