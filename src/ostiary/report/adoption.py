"""What became of every object of a tenant or an export, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ostiary.model.policy import Policy
from ostiary.report.goals import filled
from ostiary.tenant.adopt import Adoption
from ostiary.tenant.draft import GRACE
from ostiary.tenant.exports import NotRead

# Of a list that is longer only so many are told as text; JSON has them all.
MOST = 20


def adoption(of: Adoption, not_read: Sequence[NotRead]) -> Iterator[str]:
    """Tell what was adopted, what was not and why, and what is to be decided next."""
    policies = _number(len(of.draft.policies), "policy", "policies")
    locations = _number(len(of.draft.named_locations), "named location", "named locations")
    yield f"{of.environment} (tenant {of.resolved.tenant_id}): {policies} and {locations} adopted"
    yield from _section(
        "left alone in the tenant",
        (f"`{each.display_name}`: {each.reason}" for each in of.draft.left_alone),
    )
    yield from _section("not adopted", (f"{each.place}: {each.reason}" for each in not_read))
    yield from _section(
        "the next `ostiary up` writes these in another form that means the same",
        (f"{each.value.key}: {each.rewritten}" for each in of.rewritten),
    )
    yield from _section(
        "named by their ids, because nobody told their names",
        (f"{table}: {name} ({identity})" for table, name, identity in of.draft.named.generated),
    )
    yield from _section(
        "in the workspace and not in the tenant: `ostiary up` would create them", of.besides
    )
    yield from _section("goals that hold and are enforced", of.goals)
    yield from _section(
        "goals that are not enforced", (f"{key}: {why}" for key, why in of.open_goals.items())
    )
    yield from _section("to decide", _to_decide(of))


def adoption_json(of: Adoption, not_read: Iterable[NotRead]) -> dict[str, Any]:
    """Give what `--format json` prints."""
    groups, users = of.draft.emergency_names
    return {
        "environment": of.environment,
        "tenantId": of.resolved.tenant_id,
        "adopted": [
            {
                "kind": "policy" if isinstance(each.value, Policy) else "namedLocation",
                "key": each.value.key,
                "displayName": each.value.display_name,
                "id": each.id,
                "place": each.place,
                "rewritten": each.rewritten,
                "new": not each.known,
            }
            for each in of.draft.every
        ],
        "leftAlone": [
            {
                "kind": each.kind,
                "displayName": each.display_name,
                "id": each.id,
                "place": each.place,
                "reason": each.reason,
            }
            for each in of.draft.left_alone
        ],
        "notRead": [
            {"place": each.place, "reason": each.reason, "weight": each.weight} for each in not_read
        ],
        "generatedNames": [
            {"table": table, "name": name, "id": identity}
            for table, name, identity in of.draft.named.generated
        ],
        "emergencyAccess": {
            "groups": groups,
            "users": users,
            "assumed": of.draft.emergency_access.assumed,
        },
        "besides": list(of.besides),
        "goals": list(of.goals),
        "openGoals": dict(of.open_goals),
        "toDecide": list(_to_decide(of)),
    }


def _to_decide(of: Adoption) -> Iterator[str]:
    accounts = of.draft.emergency_access
    groups, users = of.draft.emergency_names
    told = ", ".join(f"`{each}`" for each in (*groups, *users))
    if accounts.assumed:
        yield f"whether {told} is the emergency access: no other is excluded from as many policies"
    missing = sum(accounts.missing(each) for each in of.resolved.policies)
    if missing:
        yield f"whether {_number(missing, 'policy', 'policies')} may include {told}"
    if any("\nexceptions:" in file for file in of.files.values()):
        yield f"who answers for the exclusions, which end {GRACE.days} days from now unless renewed"


def _section(title: str, entries: Iterable[str]) -> Iterator[str]:
    told = list(entries)
    if told:
        yield f"{title} ({len(told)})"
        for each in told[:MOST]:
            yield from filled(each, 2)
        if len(told) > MOST:
            yield f"  and {len(told) - MOST} more (--format json has them all)"


def _number(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
