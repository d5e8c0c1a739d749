"""What policies decide for a sign-in, and why, as values; what they demand, in its least form.

All policies that apply must be satisfied; one that blocks ends it, and session controls come after
(https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-policies).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ostiary.catalog import CloudAppSecurityType, PersistentBrowserMode
from ostiary.model.controls import Requirement
from ostiary.model.policy import Policy, SignInFrequency
from ostiary.proof.conditions import Circumstances, DeviceCodeDevice, Reason, reasons

Outcome = Literal["blocked", "granted", "allowed", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """What became of one policy: whether it applies, None when an unknown signal may decide it."""

    policy: Policy
    applies: bool | None
    at: Circumstances = field(repr=False, compare=False)

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """Every condition that is not met or undecided; few are asked for that."""
        return tuple(reasons(self.policy, self.at))

    @property
    def words(self) -> str:
        """The verdict as a short sentence."""
        if self.applies:
            return f"`{self.policy.key}` applies"
        if self.applies is None:
            hangs = sorted(frozenset[str]().union(*(each.unknown for each in self.reasons)))
            return f"`{self.policy.key}` may apply, depending on {', '.join(hangs)}"
        unmet = [each.condition for each in self.reasons if each.met is False]
        return f"`{self.policy.key}` does not apply: {', '.join(unmet)}"


@dataclass(frozen=True, slots=True)
class CombinedSessionControls:
    """The session controls of all policies that apply, each value once.

    Which of several values prevails is not documented; all are listed.
    """

    application_enforced_restrictions: bool = False
    cloud_app_security: tuple[CloudAppSecurityType, ...] = ()
    disable_resilience_defaults: bool = False
    persistent_browser: tuple[PersistentBrowserMode, ...] = ()
    sign_in_frequency: tuple[SignInFrequency, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What enabled policies do to a sign-in.

    `outcome` is `blocked`; `granted` once all `requirements` are satisfied; `allowed` without any;
    or `unknown`, when the signals in `mattering` may change it.  `requirements` and
    `session_controls` are those of policies that surely apply, and empty when the sign-in is
    blocked; no requirement implies another.  `deciding` are the keys of the policies that the
    outcome rests on: those that block or demand, or, when it is unknown, those that are undecided
    and would change it.

    `unsatisfiable` are requirements that nobody can satisfy in such a sign-in.  They keep everybody
    out, yet are no block: `shut` counts both.  `verdicts` has every enabled and disabled policy,
    `report_only` those that are evaluated but never enforced.  `device_code_device` names the
    reading that the decision rests on where the other would give another; else it is None.
    """

    outcome: Outcome
    requirements: tuple[Requirement, ...]
    unsatisfiable: tuple[Requirement, ...]
    session_controls: CombinedSessionControls
    deciding: tuple[str, ...]
    mattering: frozenset[str]
    verdicts: tuple[Verdict, ...]
    report_only: tuple[Verdict, ...]
    device_code_device: DeviceCodeDevice | None = None

    @property
    def shut(self) -> bool:
        """Whether surely nobody gets in this way: blocked, or asked for what cannot be given."""
        return self.outcome == "blocked" or bool(self.unsatisfiable)

    @property
    def effect(self) -> tuple[object, ...]:
        """What users feel; two decisions with the same effect differ only in why."""
        return self.outcome, self.requirements, self.unsatisfiable, self.session_controls
