"""One small change of a policy, in Graph's words, and the policy it makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar, cast

from ostiary.model.policy import (
    Conditions,
    Filter,
    GuestsOrExternalUsers,
    Locations,
    Platforms,
    Policy,
)

Value = TypeVar("Value")

# Where each list stands: the part of the conditions, None for themselves, and the attribute.
_LISTS: dict[str, tuple[str | None, str]] = {
    **{
        f"{side}{what}": (part, f"{side}_{what.lower()}")
        for side in ("include", "exclude")
        for part, what in (
            ("users", "Users"),
            ("users", "Groups"),
            ("users", "Roles"),
            ("applications", "Applications"),
            ("platforms", "Platforms"),
            ("locations", "Locations"),
        )
    },
    "includeServicePrincipals": ("client_applications", "include_service_principals"),
    "excludeServicePrincipals": ("client_applications", "exclude_service_principals"),
    "includeUserActions": ("applications", "include_user_actions"),
    "clientAppTypes": (None, "client_app_types"),
    "transferMethods": (None, "authentication_flows"),
    "signInRiskLevels": (None, "sign_in_risk_levels"),
    "userRiskLevels": (None, "user_risk_levels"),
    "servicePrincipalRiskLevels": (None, "service_principal_risk_levels"),
}
_GUESTS = {
    "includeGuestsOrExternalUsers": "include_guests_or_external_users",
    "excludeGuestsOrExternalUsers": "exclude_guests_or_external_users",
}
# Where each filter stands, likewise.
_FILTERS: dict[str, tuple[str | None, str]] = {
    "deviceFilter": (None, "device_filter"),
    "applicationFilter": ("applications", "application_filter"),
    "servicePrincipalFilter": ("client_applications", "service_principal_filter"),
}
_EVERYTHING = {"clientAppTypes": "all", "includePlatforms": "all"}


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of the policy with the key `policy`.

    `remove` takes an entry out of the list `of`, `add` puts one in, `widen` makes the list hold
    everything, `drop` takes a condition or filter away, `enable` sets the state.
    """

    policy: str
    kind: Literal["remove", "add", "widen", "drop", "enable"]
    of: str
    entry: str = ""

    @property
    def size(self) -> int:
        """How much it changes: least where it takes back what somebody had left out."""
        return {"remove": 1, "enable": 1, "add": 2, "drop": 4, "widen": 4}[self.kind]


def edited(policy: Policy, edits: Iterable[Edit]) -> Policy:
    """Give the policy after its edits, in order; those of other policies change nothing."""
    for edit in edits:
        if edit.policy != policy.key:
            continue
        if edit.kind == "enable":
            policy = replace(policy, state="enabled")
        else:
            policy = replace(policy, conditions=_conditions(policy.conditions, edit))
    return policy


def everything(of: str) -> str:
    """Give the entry with which a list holds everything."""
    return _EVERYTHING.get(of, "ServicePrincipalsInMyTenant" if "Principals" in of else "All")


def _conditions(of: Conditions, edit: Edit) -> Conditions:
    if edit.of in _FILTERS:
        return _with_filter(of, edit)
    if edit.of in _GUESTS:
        return _with_guests(of, edit)
    part, attribute = _LISTS[edit.of]
    if part is None:
        return _set(of, attribute, _entries(getattr(of, attribute), edit))
    holder: Any = getattr(of, part)
    if holder is None:
        holder = Locations(("All",)) if part == "locations" else Platforms(("all",))
    holder = _set(holder, attribute, _entries(getattr(holder, attribute), edit))
    if edit == Edit(edit.policy, "widen", "includeUsers"):
        # `All` makes the other lists idle, and they may not stand beside it.
        holder = replace(
            holder, include_groups=(), include_roles=(), include_guests_or_external_users=None
        )
    return _set(of, part, holder)


def _set(of: Value, attribute: str, value: object) -> Value:
    made: Value = replace(cast("Any", of), **{attribute: value})
    return made


def _with_filter(of: Conditions, edit: Edit) -> Conditions:
    rule = Filter("exclude", edit.entry) if edit.kind == "add" else None
    part, attribute = _FILTERS[edit.of]
    changed: dict[str, Any] = {attribute: rule}
    if part is not None:
        changed = {part: replace(getattr(of, part), **changed)}
    return replace(of, **changed)


def _entries(entries: tuple[Any, ...], edit: Edit) -> tuple[Any, ...]:
    match edit.kind:
        case "remove":
            return tuple(each for each in entries if each != edit.entry)
        case "widen":
            return (everything(edit.of),)
        case "drop":
            return ()
        case _:
            return tuple(sorted({*entries, edit.entry} - {"None"}))


def _with_guests(of: Conditions, edit: Edit) -> Conditions:
    attribute = _GUESTS[edit.of]
    guests: GuestsOrExternalUsers | None = getattr(of.users, attribute)
    types = _entries(guests.types if guests else (), edit)
    tenants = guests.external_tenants if guests else None
    made = GuestsOrExternalUsers(types, tenants) if types else None
    return replace(of, users=_set(of.users, attribute, made))
