"""The shape of rollout.yaml: rings of environments, and how a policy comes into force in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ostiary.catalog import State
from ostiary.errors import Diagnostic, Location, Severity
from ostiary.spec import rules
from ostiary.spec.models import Day, Names, SpecModel, Text
from ostiary.spec.source import read
from ostiary.spec.validate import did_you_mean, validate
from ostiary.spec.workspace import SANDBOX, Sourced, environment_names

FILE = "rollout.yaml"

_UNKNOWN = {
    "environment": "there is no environment `{}`",
    "policy": "no policy `{}`",
    "approver": "no step asks for the approval of `{}`",
}
_Some = Annotated[Names, Field(min_length=1)]


class ReportOnlyStep(SpecModel):
    """What must hold before a policy goes from disabled to report-only."""

    approved_by: Names = []


class EnabledStep(SpecModel):
    """What must hold before a policy goes from report-only to enabled.

    Days are counted since the policy, as it is now, became report-only in that environment.
    """

    days_in_report_only: Annotated[int, Field(ge=0)] = 0
    no_unexplained_failures: bool = False
    approved_by: Names = []


class StepsSpec(SpecModel):
    """The steps of a policy, by the state that each leads to."""

    enabled_for_reporting_but_not_enforced: ReportOnlyStep | None = None
    enabled: EnabledStep | None = None


class ApprovalSpec(SpecModel):
    """Somebody's word, given on a day, that a policy may take a step in these environments."""

    policy: Text
    to: State
    environments: _Some
    by: Text
    on: Day


class ExplainedSpec(SpecModel):
    """Users whose report-only failures are known and wanted: why, and until when.

    A user is named by user principal name, id, or a name of the environment's `users`.
    """

    policy: Text
    users: _Some
    reason: Text
    expires: Day


class RolloutSpec(SpecModel):
    """Rings in their order, when one stops, and the conditions of each policy's steps."""

    rings: Annotated[dict[Text, _Some], Field(min_length=1)]
    stop_after: Annotated[int, Field(ge=1)] = 1
    steps: StepsSpec = StepsSpec()
    policies: dict[Text, StepsSpec] = {}
    approvals: list[ApprovalSpec] = []
    explained: list[ExplainedSpec] = []

    def report_only_step(self, policy: str) -> ReportOnlyStep | None:
        """Give the conditions for a policy's step to report-only; None if it has no such step."""
        own = self.policies.get(policy, StepsSpec())
        return (
            own.enabled_for_reporting_but_not_enforced
            or self.steps.enabled_for_reporting_but_not_enforced
        )

    def enabled_step(self, policy: str) -> EnabledStep | None:
        """Give the conditions for a policy's step to enabled; None if it has no such step."""
        return self.policies.get(policy, StepsSpec()).enabled or self.steps.enabled


def load_rollout(root: Path) -> tuple[Sourced[RolloutSpec] | None, list[Diagnostic]]:
    """Read rollout.yaml, if there is one, and hold its names against the workspace's files."""
    file = root / FILE
    if not file.exists():
        return None, []
    source, found = read(file, FILE)
    if source is None:
        return None, found
    spec, wrong = validate(RolloutSpec, source)
    found += [*wrong, *rules.lists_and_values(source)]
    if spec is None:
        return None, found
    sourced = Sourced(file.stem, spec, source)
    found += _in_rings(sourced, environment_names(root))
    policies = (each.stem for each in (root / "policies").glob("*.yaml"))
    found += _names(sourced, environment_names(root), policies)
    return sourced, found


def _in_rings(of: Sourced[RolloutSpec], environments: Iterable[str]) -> Iterator[Diagnostic]:
    ring_of: dict[str, str] = {}
    for ring, members in of.spec.rings.items():
        for index, environment in enumerate(members):
            first = ring_of.setdefault(environment, ring)
            if first != ring:
                yield Diagnostic(
                    "environment-in-two-rings",
                    f"`{environment}` is in ring `{first}` already",
                    of.at("rings", ring, index),
                    "an environment is rolled out once; remove it from one of the two",
                )
    for environment in environments:
        if environment not in ring_of and environment != SANDBOX:
            yield Diagnostic(
                "environment-in-no-ring",
                f"`{environment}` is in no ring, so no rollout reaches it",
                of.source.at_key("rings"),
                "add it to a ring",
                Severity.WARNING,
            )


def _names(
    of: Sourced[RolloutSpec], environments: Iterable[str], policies: Iterable[str]
) -> Iterator[Diagnostic]:
    """Find what the file names and the workspace does not have."""
    known = {
        "environment": sorted(environments),
        "policy": sorted(policies),
        "approver": sorted(_approvers(of.spec)),
    }
    for kind, name, place in _used(of):
        if name not in known[kind]:
            listed = f"known: {', '.join(known[kind]) or 'none'}"
            yield Diagnostic(
                f"unknown-{kind}",
                _UNKNOWN[kind].format(name),
                place,
                did_you_mean(name, known[kind]) or listed,
            )


def _used(of: Sourced[RolloutSpec]) -> Iterator[tuple[str, str, Location]]:
    """Give each name that means something elsewhere, with its kind and its place."""
    for ring, members in of.spec.rings.items():
        for index, name in enumerate(members):
            yield "environment", name, of.at("rings", ring, index)
    for key in of.spec.policies:
        yield "policy", key, of.source.at_key("policies", key)
    for number, approval in enumerate(of.spec.approvals):
        yield "policy", approval.policy, of.at("approvals", number, "policy")
        yield "approver", approval.by, of.at("approvals", number, "by")
        for index, name in enumerate(approval.environments):
            yield "environment", name, of.at("approvals", number, "environments", index)
    for number, explained in enumerate(of.spec.explained):
        yield "policy", explained.policy, of.at("explained", number, "policy")


def _approvers(spec: RolloutSpec) -> set[str]:
    return {
        name
        for steps in (spec.steps, *spec.policies.values())
        for step in (steps.enabled_for_reporting_but_not_enforced, steps.enabled)
        if step
        for name in step.approved_by
    }
