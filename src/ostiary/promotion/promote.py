"""The next step of each policy in an environment, what it waits for, and the edit that takes it.

A condition that cannot be judged is not met.  What is proposed was proven with everything else that
is proposed for the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ostiary.catalog import State
from ostiary.errors import DiagnosticsError, errors_in
from ostiary.model.resolve import resolve
from ostiary.promotion.history import Since, since
from ostiary.promotion.sign_ins import FAILURES, Log, Reported
from ostiary.proof.examine import examine
from ostiary.proof.findings import errors
from ostiary.spec.edit import with_state
from ostiary.spec.environment import EnvironmentSpec
from ostiary.spec.models import PolicySpec
from ostiary.spec.rollout import EnabledStep, ReportOnlyStep, RolloutSpec
from ostiary.spec.source import parse
from ostiary.spec.validate import validate
from ostiary.spec.workspace import Sourced, Workspace

REPORT_ONLY: State = "enabledForReportingButNotEnforced"

# Over a weekend nobody may sign in: a log may begin so much later, or have ended so long ago.
_QUIET = timedelta(days=3)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a step, by its key in rollout.yaml; `met` is None if nobody can tell."""

    name: str
    met: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """A policy's next step in an environment."""

    policy: str
    state: State
    to: State
    conditions: tuple[Condition, ...]

    @property
    def proposed(self) -> bool:
        """Whether every condition is met."""
        return all(each.met for each in self.conditions)


@dataclass(frozen=True, slots=True)
class Promotion:
    """The next steps of an environment's policies; `after` is its file with the proposed ones."""

    environment: str
    path: str
    steps: tuple[Step, ...]
    before: str
    after: str

    @property
    def proposed(self) -> bool:
        """Whether there is an edit to make."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Promoter:
    """What is known beside the environment: rollout.yaml, a log of sign-ins, and the day."""

    workspace: Workspace
    rollout: RolloutSpec
    log: Log | None
    today: date

    def promote(self, environment: str, policies: Iterable[str]) -> Promotion:
        """Judge the next step of these policies; raises OstiaryError where no edit can be made."""
        selected = self.workspace.environments[environment]
        path = selected.source.path
        with (self.workspace.root / path).open(encoding="utf-8", newline="") as stream:
            before = after = stream.read()
        steps: list[Step] = []
        for key in policies:
            policy = self.workspace.policies[key].spec
            state = selected.spec.states.get(key, policy.state)
            if (to := _next(policy, state)) is None:
                continue
            edited = with_state(after, key, to, path)
            conditions = (
                *self._asked(selected, key, state, to),
                self._proven(selected, edited),
            )
            steps.append(Step(key, state, to, conditions))
            if steps[-1].proposed:
                after = edited
        return Promotion(environment, path, tuple(steps), before, after)

    def _asked(
        self, environment: Sourced[EnvironmentSpec], key: str, state: State, to: State
    ) -> Iterator[Condition]:
        """Judge what rollout.yaml asks for a step."""
        step: ReportOnlyStep | EnabledStep | None = (
            self.rollout.enabled_step(key)
            if to == "enabled"
            else self.rollout.report_only_step(key)
        )
        if step is None:
            yield Condition("steps", met=False, why=f"rollout.yaml has no step to `{to}` for it")
            return
        known = since(self.workspace.root, environment.key, key)
        if isinstance(step, EnabledStep):
            if step.days_in_report_only:
                yield self._days(known, state, step.days_in_report_only)
            if step.no_unexplained_failures:
                yield self._failures(environment, key, known, step.days_in_report_only)
        for name in step.approved_by:
            yield self._approved(environment.key, key, to, name, known)

    def _days(self, known: Since, state: State, asked: int) -> Condition:
        if state != REPORT_ONLY:
            return Condition("daysInReportOnly", met=False, why=f"it is `{state}`, not report-only")
        if known.both is None:
            why = f"since when it is report-only is unknown: {known.unknown}"
            return Condition("daysInReportOnly", met=None, why=why)
        days = (self.today - known.both.date()).days
        what = "unchanged in report-only"
        why = f"{what} since {known.both.date()}, {days} of {asked} days"
        return Condition("daysInReportOnly", met=days >= asked, why=why)

    def _failures(
        self, environment: Sourced[EnvironmentSpec], key: str, known: Since, days: int
    ) -> Condition:
        name, log, begin = "noUnexplainedFailures", self.log, known.both
        if log is None:
            return Condition(name, met=None, why="no sign-ins were given: pass --sign-ins FILE")
        if begin is None:
            why = f"since when it is report-only is unknown: {known.unknown}"
            return Condition(name, met=None, why=why)
        shown = self.workspace.policies[key].spec.display_name
        told = [each for each in log.of(shown) if each.at >= begin]
        if missing := self._missing(log, told, begin.date(), days):
            return Condition(name, met=None, why=missing)
        failed = [each for each in told if each.result in FAILURES]
        explained = self._explained(environment, key)
        left = [each for each in failed if not {each.user.casefold(), each.user_id} & explained]
        why = (
            f"{len(told)} sign-ins since {begin.date()}: {len(failed)} would have been refused or "
        )
        why += f"interrupted, {len(failed) - len(left)} of them explained"
        return Condition(name, not left, f"{why}; not so {_users(left)}" if left else why)

    def _missing(self, log: Log, told: Sequence[Reported], begin: date, days: int) -> str | None:
        """Say why the log is too little to judge by, if it is."""
        if not told or log.first is None or log.last is None:
            return f"no sign-in since {begin} tells of it"
        wanted = max(begin, self.today - timedelta(days=days))
        if log.first.date() > wanted + _QUIET:
            return f"the sign-ins begin on {log.first.date()}, and {wanted} is asked for"
        if log.last.date() < self.today - _QUIET:
            return f"the sign-ins end on {log.last.date()}"
        return None

    def _explained(self, environment: Sourced[EnvironmentSpec], key: str) -> set[str]:
        ids: Mapping[str, str] = environment.spec.users
        return {
            ids.get(user, user.casefold())
            for each in self.rollout.explained
            if each.policy == key and each.expires >= self.today
            for user in each.users
        }

    def _approved(
        self, environment: str, key: str, to: State, name: str, known: Since
    ) -> Condition:
        given = [
            each.on
            for each in self.rollout.approvals
            if (each.policy, each.to, each.by) == (key, to, name)
            and environment in each.environments
            and each.on <= self.today
        ]
        if not given:
            return Condition("approvedBy", met=False, why=f"not approved by {name}")
        if known.content is None:
            why = f"{name} approved something, and when it last changed is unknown: {known.unknown}"
            return Condition("approvedBy", met=None, why=why)
        if max(given) < known.content.date():
            why = f"{name} approved it on {max(given)}, before it changed on {known.content.date()}"
            return Condition("approvedBy", met=False, why=why)
        return Condition("approvedBy", met=True, why=f"approved by {name} on {max(given)}")

    def _proven(self, environment: Sourced[EnvironmentSpec], text: str) -> Condition:
        """Prove the environment's goals on what its edited file says."""
        source, _ = parse(text.encode(), environment.source.path)
        spec = validate(EnvironmentSpec, source)[0] if source else None
        assert source is not None  # noqa: S101 (the edit was read before)
        assert spec is not None  # noqa: S101 (likewise: one word of it is another)
        edited = replace(
            self.workspace,
            environments={environment.key: Sourced(environment.key, spec, source)},
        )
        try:
            resolved = resolve(edited, environment.key, self.today)
        except DiagnosticsError as error:
            return Condition("goals", met=False, why=str(errors_in(error.diagnostics)[0]))
        examined = examine(resolved)
        if examined.failed:
            open_ = ", ".join(f"`{each.goal.key}`" for each in examined.failed)
            return Condition("goals", met=False, why=f"not proven with this step: {open_}")
        if found := errors_in(errors(edited, examined)):
            return Condition("goals", met=False, why=str(found[0]))
        return Condition("goals", met=True, why="every goal is proven with this step")


def _next(policy: PolicySpec, state: State) -> State | None:
    """Give the state after this one; a policy on user actions has no report-only mode.

    https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-report-only
    """
    if state == "enabled":
        return None
    if state == "disabled" and not policy.conditions.applications.include_user_actions:
        return REPORT_ONLY
    return "enabled"


def _users(of: Iterable[Reported]) -> str:
    names = sorted({each.user or each.user_id for each in of})
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
