"""What holding a goal against policies comes to: a proof, a gap, or neither, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ostiary.errors import Location
from ostiary.model.goal import Goal
from ostiary.model.policy import PolicySet
from ostiary.model.sign_in import SignIn
from ostiary.proof.certificate import Certificate
from ostiary.proof.conditions import DeviceCodeDevice
from ostiary.proof.cubes import Cube
from ostiary.proof.decision import Decision
from ostiary.proof.evaluate import evaluate
from ostiary.proof.partition import Dimension
from ostiary.proof.questions import Question


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why the answer to one question is yes."""

    question: Question
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class IdleException:
    """An exception that a goal would hold without.

    `unless_device_is_seen`: it excuses a sign-in by device code only if Entra sees the device in
    that flow, which Microsoft says that it does not.
    """

    name: str
    place: Location
    unless_device_is_seen: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """The goal holds for every sign-in; it rests on the policies with these keys."""

    goal: Goal
    evidence: tuple[Evidence, ...]
    policies: tuple[str, ...]
    idle: tuple[IdleException, ...]


@dataclass(frozen=True, slots=True)
class Restriction:
    """The classes of one dimension that sign-ins have; `given` if the goal itself says so."""

    dimension: Dimension
    mask: int
    given: bool


@dataclass(frozen=True)
class Opening:
    """Sign-ins for which a goal does not hold, as many as one set of conditions takes in.

    `sign_in` is a plain one of them, should Entra see the device that `device_code_device` says.
    """

    question: Question
    cube: Cube
    restrictions: tuple[Restriction, ...]
    sign_in: SignIn
    device_code_device: DeviceCodeDevice
    ipv4: int
    ipv6: int
    policy_set: PolicySet = field(repr=False, compare=False)

    @cached_property
    def decision(self) -> Decision:
        """What `evaluate` decides for `sign_in`; it takes longer than to find the opening."""
        return evaluate(self.policy_set, self.sign_in, device_code_device=self.device_code_device)


@dataclass(frozen=True, slots=True)
class Gap:
    """The goal does not hold; `openings`, largest first, are all there is if `complete`.

    The sign-in of the first one has been decided by `evaluate`, and contradicts the goal.
    """

    goal: Goal
    openings: tuple[Opening, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Vacuous:
    """The goal says nothing: there is no sign-in that is given and not excepted."""

    goal: Goal


@dataclass(frozen=True, slots=True)
class NotDecided:
    """Neither proven nor refuted, for a reason; `policies` made it hard."""

    goal: Goal
    reason: str
    policies: tuple[str, ...] = ()


Result = Proof | Gap | Vacuous | NotDecided
