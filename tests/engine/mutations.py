"""What turns red when a single condition of a shipped policy changes: docs/mutations.md.

`python -m tests.engine.mutations` writes the page anew.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ostiary.errors import Diagnostic, DiagnosticsError, errors_in
from ostiary.model import exclusions
from ostiary.model.goal import Goal
from ostiary.model.named_locations import LocationNames, named_locations
from ostiary.model.names import Names
from ostiary.model.policy import Policy, PolicySet
from ostiary.model.resolve import Resolved, resolve
from ostiary.model.resolve_policy import PolicyResolver
from ostiary.model.rows import Row, resolve_row, rows_in
from ostiary.proof.compare import compare
from ostiary.proof.examine import examine, policy_set_of
from ostiary.proof.findings import errors
from ostiary.proof.prove import prove_all
from ostiary.proof.results import Proof
from ostiary.proof.rows import judge
from ostiary.spec import rules
from ostiary.spec.models import PolicySpec
from ostiary.spec.sign_in_tables import load_tables
from ostiary.spec.workspace import Sourced, Workspace, load
from tests.engine.mutants import Data, mutants
from tests.engine.shipped import ROOT, TODAY

PAGE = ROOT / "docs" / "mutations.md"
GOAL, ROW, FILES, SAME, SURVIVES = "goal", "row", "files", "same", "survives"

# Every survivor, and why nothing is lost by it.
HARMLESS = {
    ("block-device-code-flow", "drop the device filter"): (
        "it blocks more. The exception for compliant devices probably never takes effect, because "
        "the device that signs in cannot give its state in this flow; only What If sees one, and "
        "no goal may rest on that. `goal-exception-idle` warns of the goal's exception that is "
        "left over."
    ),
    ("protect-registration", "add Global Administrator to excludeRoles"): (
        "administrators are asked for Phishing-resistant MFA when they register, too, by their "
        "own policy, and whoever satisfies that has satisfied Multifactor authentication. Where "
        "their policy is report-only, in contoso-prod, a goal fails."
    ),
}
_INTRODUCTION = """\
# Mutations of the shipped policies

A test that nothing can turn red tests nothing. So each single condition of each shipped policy is
dropped, widened or narrowed, in each environment, as its author would do it: with the declaration
that an exclusion needs, and without one that is left over. Then

- **goal**: a goal is not proven;
- **row**: the goals hold, and a row of `tests/policies/sign-ins.yaml` fails;
- **files**: only the checks of the files themselves refuse it;
- **same**: proven to decide every sign-in as before, as a change of a report-only policy;
- **survives**: nothing turns red, and below is why.

`python -m tests.engine.mutations` writes this page, and
`tests/engine/property/test_mutation.py` holds it against what is so.
"""


@cache
def workspace() -> Workspace:
    return load(ROOT)


@dataclass(frozen=True)
class Original:
    """An environment as it is shipped, with what holds there."""

    resolved: Resolved
    policy_set: PolicySet
    rows: tuple[Row, ...]
    # The goals whose proofs rest on a policy are the first to ask when it changes.
    rests_on: dict[str, tuple[str, ...]]


@cache
def original(environment: str) -> Original:
    resolved = resolve(workspace(), environment, TODAY)
    examined = examine(resolved)
    selected = workspace().environments[environment]
    rows = []
    for table in load_tables(workspace()).tables.values():
        for index in rows_in(table, environment).values():
            row, found = resolve_row(table, index, selected, resolved.known_locations)
            assert not found
            rows.append(row)
    rests_on = {
        each.goal.key: each.policies for each in examined.results if isinstance(each, Proof)
    }
    assert len(rests_on) == len(resolved.goals)
    assert not any(judge(examined.policy_set, row).wrong for row in rows)
    return Original(resolved, examined.policy_set, tuple(rows), rests_on)


@cache
def survey(environment: str) -> dict[tuple[str, str], str]:
    """Give the fate of each mutant by its policy and what was done to it."""
    fates: dict[tuple[str, str], str] = {}
    for key, policy in workspace().policies.items():
        assert isinstance(policy.source.data, dict)
        for label, mutant in mutants(dict(policy.source.data)):
            assert (key, label) not in fates
            fates[key, label] = fate(environment, key, mutant)
    return fates


def fate(environment: str, key: str, mutant: Data) -> str:
    """Tell what notices a mutant of one policy; the checks of the files themselves come last."""
    was = original(environment)
    spec = PolicySpec.model_validate(mutant)
    shipped = workspace().policies[key]
    written = replace(shipped, spec=spec, source=replace(shipped.source, data=mutant))
    policy, refused = _resolved(environment, written)
    others = (each for each in was.resolved.policies if each.key != key)
    resolved = replace(was.resolved, policies=(*others, policy))
    policy_set = policy_set_of(resolved)
    first = [goal for goal in resolved.goals if key in was.rests_on[goal.key]]
    rest = [goal for goal in resolved.goals if goal not in first]
    if not all_hold(policy_set, first, resolved):
        return GOAL
    if compare(was.policy_set, policy_set, resolved.facts, parts=1).empty:
        return SAME
    if not all_hold(policy_set, rest, resolved):
        return GOAL
    if any(judge(policy_set, row).wrong for row in was.rows):
        return ROW
    policies = {**workspace().policies, key: written}
    changed = replace(workspace(), policies=policies)
    refused += errors(changed, examine(resolved))
    return FILES if refused else SURVIVES


def _resolved(environment: str, written: Sourced[PolicySpec]) -> tuple[Policy, list[Diagnostic]]:
    """Resolve one policy file in one environment, and give what is wrong with it."""
    selected = workspace().environments[environment]
    found: list[Diagnostic] = [*rules.check(written.spec, written.source)]
    values = named_locations(workspace(), selected, found)
    locations = LocationNames(workspace(), selected, values, found)
    effective = exclusions.in_environment(written, selected, TODAY, found)
    exclusions.check_trusted(written, effective, locations, found)
    policy = PolicyResolver(Names(selected, found), locations).policy(written, effective)
    if written.spec.state != workspace().policies[written.key].spec.state:
        policy = replace(policy, state=written.spec.state)  # where the environment sets one, too
    return policy, errors_in(found)


def all_hold(policy_set: PolicySet, goals: Sequence[Goal], resolved: Resolved) -> bool:
    return all(isinstance(each, Proof) for each in prove_all(policy_set, goals, resolved.facts))


def of_environment(environment: str) -> Iterator[tuple[str, str]]:
    """Give each mutant of an environment's file, and its fate."""
    selected = workspace().environments[environment]
    spec, was = selected.spec, original(environment)
    changes: dict[str, dict[str, object]] = {}
    for each in spec.exclusions:
        left = [other for other in spec.exclusions if other is not each]
        changes[f"drop the exclusions from {each.policy}"] = {"exclusions": left}
    for key in spec.states:
        left_over = {other: state for other, state in spec.states.items() if other != key}
        changes[f"drop the state of {key}"] = {"states": left_over}
    switched = "on" if spec.device_code_flow_exceptions == "off" else "off"
    changes[f"deviceCodeFlowExceptions {switched}"] = {"device_code_flow_exceptions": switched}
    for label, change in changes.items():
        changed = replace(selected, spec=spec.model_copy(update=change))
        environments = {**workspace().environments, environment: changed}
        try:
            resolved = resolve(replace(workspace(), environments=environments), environment, TODAY)
        except DiagnosticsError:
            yield label, FILES
            continue
        policy_set = policy_set_of(resolved)
        if not all_hold(policy_set, resolved.goals, resolved):
            yield label, GOAL
        elif any(judge(policy_set, row).wrong for row in was.rows):
            yield label, ROW
        else:
            yield label, SURVIVES


def page() -> str:
    """Make docs/mutations.md."""
    environments = list(workspace().environments)
    fates = {name: survey(name) for name in environments}
    lines = [_INTRODUCTION, "## How many", "", _row("", *environments), _row(*["---"] * 5)]
    counts = {name: Counter(every.values()) for name, every in fates.items()}
    lines += (
        _row(word, *(str(counts[name][word]) for name in environments))
        for word in (GOAL, ROW, FILES, SAME, SURVIVES)
    )
    lines += ["", "## What survives, and why that is harmless", ""]
    for (key, label), reason in HARMLESS.items():
        lines.append(textwrap.fill(f"- `{key}`, {label}: {reason}", 100, subsequent_indent="  "))
    lines += ["", "## All of them", ""]
    for policy in workspace().policies:
        lines += [f"### {policy}", "", _row("change", *environments), _row(*["---"] * 5)]
        for key, label in fates[environments[0]]:
            if key == policy:
                lines.append(_row(label, *(fates[name][key, label] for name in environments)))
        lines.append("")
    lines += ["### The environments' own files", "", _row("environment", "change", "")]
    lines.append(_row(*["---"] * 3))
    for name in environments:
        lines += (_row(name, label, told) for label, told in of_environment(name))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
