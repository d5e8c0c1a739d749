"""A policy pack: the goals of an environment as a guard for a Pulumi program that is not ours.

`pulumi preview --policy-pack` starts it in a process of its own.  It reads the Conditional Access
policies and named locations that the stack is about to hold, whatever program declares them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from ostiary.deploy.planned import UNKNOWN, Resource, planned, without_computed
from ostiary.deploy.stack import NAMED_LOCATION, POLICY
from ostiary.errors import Location, OstiaryError
from ostiary.model.places import Places
from ostiary.model.resolve import Resolved, resolve
from ostiary.proof.examine import Examined, examine
from ostiary.proof.explain import explain
from ostiary.proof.partial import partial
from ostiary.proof.results import Result
from ostiary.report import goals
from ostiary.spec.source import Step
from ostiary.spec.workspace import load

_OURS = {POLICY, NAMED_LOCATION}


def guard(root: Path) -> None:
    """Serve the policy pack of the workspace in `root`, until the engine ends it."""
    pack = Pack(root)
    PolicyPack(
        "ostiary",
        [
            # First, because the engine shows each resource before it shows the stack.
            ResourceValidationPolicy(
                "conditional-access-as-written",
                "What the program sets of a policy, and what the provider will, are told apart.",
                pack.read,
                EnforcementLevel.MANDATORY,
            ),
            StackValidationPolicy(
                "goals",
                "Every goal of the environment is proven for every possible sign-in.",
                pack.prove,
                EnforcementLevel.MANDATORY,
                PolicyConfigSchema({"environment": {"type": "string"}}),
            ),
            StackValidationPolicy(
                "waivers",
                "A goal that is not proven may be waived for a while.",
                pack.waived,
                EnforcementLevel.ADVISORY,
            ),
        ],
        EnforcementLevel.MANDATORY,
    )


class Pack:
    """What the process knows: the program's own words first, then the results."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs: dict[str, Any] = {}
        self.examined: Examined | None = None

    def read(self, args: ResourceValidationArgs, _: ReportViolation) -> None:
        """Keep what the program says of a resource."""
        if args.resource_type in _OURS:
            self.inputs[args.urn] = plain(args.props)

    def prove(self, args: StackValidationArgs, report: ReportViolation) -> None:
        """Report each goal that is not proven of the stack, and whatever keeps from proving."""
        self.examined = None
        try:
            resolved = self._resolved(args)
            self._check_tenant(args, resolved.tenant_id)
            self.examined = self._examined(args, resolved)
        except OstiaryError as error:
            report(f"{error}\n  hint: {error.hint}" if error.hint else str(error), None)
            return
        for each in self.examined.failed:
            report(_told(each, self.examined), None)

    def waived(self, _: StackValidationArgs, report: ReportViolation) -> None:
        """Tell the goals that are not proven and stop nothing."""
        if self.examined is not None:
            for each in self.examined.results:
                if each.goal.key in self.examined.waivers:
                    report(_told(each, self.examined), None)

    def _resolved(self, args: StackValidationArgs) -> Resolved:
        environment = args.get_config().get("environment") or _stack(args)
        today = date.today()  # noqa: DTZ011 (an exception ends where its owner lives)
        resolved = resolve(load(self.root, [environment]), environment, today)
        if not resolved.goals:
            raise OstiaryError(
                f"`{environment}` enforces no goal, so nothing is proven",
                hint=f"list `goals` in environments/{environment}.yaml",
            )
        return resolved

    def _check_tenant(self, args: StackValidationArgs, wanted: str) -> None:
        for each in _ours(args):
            given = plain(each.provider.props).get("tenantId") if each.provider else None
            tenant = given or os.environ.get("ARM_TENANT_ID")
            if isinstance(tenant, str) and tenant.lower() != wanted.lower():
                raise OstiaryError(
                    f"`{each.name}` goes to the tenant {tenant}, and the environment is {wanted}"
                )

    def _examined(self, args: StackValidationArgs, resolved: Resolved) -> Examined:
        plan = planned(map(self._resource, _ours(args)), resolved.known_locations)
        known = {each.key: each for each in (*resolved.known_locations, *plan.named_locations)}
        stack = replace(
            resolved,
            policies=plan.policies,
            named_locations=plan.named_locations,
            known_locations=tuple(known.values()),
            names={**{each.key: each.display_name for each in known.values()}, **resolved.names},
        )
        return partial(examine(stack), plan.set_aside, plan.assumed_any)

    def _resource(self, of: PolicyResource) -> Resource:
        inputs = self.inputs.get(of.urn)
        outputs = plain(of.props)
        return Resource(
            of.urn,
            of.resource_type,
            of.name,
            outputs if inputs is None else without_computed(outputs, inputs),
            tuple(each.urn for each in of.property_dependencies.get("conditions", ())),
        )


class _InProgram(Places):
    """A policy of a program has no line in a file that is known here: its resource is its place."""

    def __init__(self) -> None:
        """Need no files."""

    def of(self, policy: str, condition_list: str, identity: str) -> Location:
        del condition_list, identity
        return self.state(policy)

    def condition(self, policy: str, *route: Step) -> Location:
        del route
        return self.state(policy)

    def state(self, policy: str) -> Location:
        return Location(f'azuread.ConditionalAccessPolicy("{policy}")')


def plain(value: Any) -> Any:
    """Give properties without what guards the library's unknown values, which become UNKNOWN.

    Left to themselves they end a validation with an advice, and the run goes on unproven.
    """
    if isinstance(value, Mapping):
        return {key: _entry(value, key) for key in value}
    if isinstance(value, str) or not hasattr(value, "__getitem__"):
        return value
    return [_entry(value, index) for index in range(len(value))]


def _entry(of: Any, key: Any) -> Any:
    try:
        return plain(of[key])
    except UnknownValueError:
        return UNKNOWN


def _ours(args: StackValidationArgs) -> list[PolicyResource]:
    return [each for each in args.resources if each.resource_type in _OURS]


def _stack(args: StackValidationArgs) -> str:
    """Give the stack's name, which each URN has: `urn:pulumi:<stack>::<project>::<type>::<name>`.

    The engine tells it to the process in some versions only.
    """
    for each in args.resources:
        return each.urn.removeprefix("urn:pulumi:").partition("::")[0]
    raise OstiaryError("the engine shows no resource, not even the stack, so nothing is proven")


def _told(result: Result, examined: Examined) -> str:
    explained = explain(examined, result)
    return goals.result(result, explained, examined, _InProgram())
