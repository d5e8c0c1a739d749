"""What is to be adopted, so far → the files that say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from ostiary.model.exclusions import excluded_names
from ostiary.model.policy import IpNamedLocation, NamedLocation, Policy
from ostiary.model.written import named_location_data, policy_data
from ostiary.spec import rules
from ostiary.spec.amend import amended
from ostiary.spec.models import PolicySpec
from ostiary.spec.text import text
from ostiary.tenant.candidates import Candidate, LeftAlone
from ostiary.tenant.emergency import EmergencyAccess
from ostiary.tenant.existing import Existing, Wishes
from ostiary.tenant.naming import Named

Data = dict[str, Any]

# How long the exclusions that were found may stay before somebody must answer for them.
GRACE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is adopted, under which names, and what is left alone."""

    policies: tuple[Candidate[Policy], ...]
    named_locations: tuple[Candidate[NamedLocation], ...]
    left_alone: tuple[LeftAlone, ...]
    emergency_access: EmergencyAccess
    named: Named

    @property
    def every(self) -> tuple[Candidate[Policy | NamedLocation], ...]:
        """All that is adopted."""
        return (*self.policies, *self.named_locations)

    @property
    def emergency_names(self) -> tuple[list[str], list[str]]:
        """The names of the emergency access groups and users."""
        accounts, tables = self.emergency_access, self.named.tables
        return (
            [tables["groups"][each] for each in accounts.groups],
            [tables["users"][each] for each in accounts.users],
        )


def unused(draft_policies: tuple[Candidate[Policy], ...], location: NamedLocation) -> bool:
    """Tell whether no policy means a location, so that it would not be deployed."""
    names: set[str] = set()
    for each in draft_policies:
        of = each.value.conditions.locations
        names |= {*of.include_locations, *of.exclude_locations} if of else set()
    trusted = isinstance(location, IpNamedLocation) and location.is_trusted
    return location.key not in names and not (trusted and "AllTrusted" in names)


def files(existing: Existing, wishes: Wishes, draft: Draft) -> dict[str, str]:
    """Give the files to write, by path: those of what is new, and the environment's."""
    comment = f"Adopted from the tenant as it was on {wishes.today}."
    made: dict[str, str] = {}
    values: Data = {}
    for location in draft.named_locations:
        if not location.known:
            key = location.value.key
            data, values[key] = named_location_data(location.value)
            made[f"policies/named-locations/{key}.yaml"] = text(data, comment)
    for policy in draft.policies:
        if not policy.known:
            data = _policy(policy.value, wishes, draft)
            made[f"policies/{policy.value.key}.yaml"] = text(data, comment)
    additions = {
        **_tables(existing, draft.named),
        "namedLocations": values,
        "unmanaged": list(_unmanaged(existing, draft)),
    }
    path = existing.root / existing.path
    if path.exists():
        made[existing.path] = amended(path.read_text(encoding="utf-8"), additions)
    else:
        made[existing.path] = text(_environment(wishes, draft, additions), comment)
    return made


def _tables(existing: Existing, named: Named) -> Data:
    return {
        table: {
            name: identity
            for identity, name in sorted(names.items(), key=lambda pair: pair[1].casefold())
            if identity not in existing.names.get(table, {})
        }
        for table, names in named.tables.items()
    }


def _unmanaged(existing: Existing, draft: Draft) -> Iterator[Data]:
    known = existing.spec.unmanaged if existing.spec else ()
    told = {(each.id, each.display_name) for each in known}
    for each in draft.left_alone:
        if (each.id, each.display_name) not in told:
            identity = {"id": each.id} if each.id else {}
            yield {"displayName": each.display_name, **identity, "reason": each.reason}


def _environment(wishes: Wishes, draft: Draft, additions: Mapping[str, Any]) -> Data:
    groups, users = draft.emergency_names
    accounts = {"groups": groups, "users": users}
    made = {
        "tenantId": wishes.tenant_id,
        **additions,
        "emergencyAccess": {key: each for key, each in accounts.items() if each},
    }
    made["unmanaged"] = made.pop("unmanaged")  # the longest comes last
    return {key: each for key, each in made.items() if each}


def _policy(policy: Policy, wishes: Wishes, draft: Draft) -> Data:
    """Give a policy's file with what its author must say of exclusions."""
    made = policy_data(policy, draft.named.tables)
    try:
        spec = PolicySpec.model_validate(made)
    except ValidationError:
        return made  # what is wrong with it is told where it is read back
    if sum(rules.exclusions(spec).values()) > 1:
        made["excludedBy"] = "any"
    groups, users = draft.emergency_names
    exceptions = [
        {
            "of": name,
            "owner": wishes.owner,
            "reason": "adopted from the tenant as it was",
            "expires": wishes.today + GRACE,
        }
        for name in excluded_names(spec)
        if name not in {*groups, *users}
    ]
    if exceptions:
        made["exceptions"] = exceptions
    if draft.emergency_access.missing(policy):
        made["emergencyAccessIncluded"] = f"adopted as it was on {wishes.today}, to be decided"
    return made
