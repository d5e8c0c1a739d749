"""The policies and named locations that are there: names, limits, and who else changes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from ostiary import catalog
from ostiary.model.policy import IpNamedLocation
from ostiary.model.resolve import Resolved
from ostiary.tenant.orphans import RENAME, Managed, Orphans
from ostiary.tenant.preflight.foreign import Foreign, newest
from ostiary.tenant.preflight.values import (
    Finding,
    Json,
    Observed,
    Recorded,
    Severity,
    Unread,
    quoted,
)

_L = "https://learn.microsoft.com/"
_LIMITS = f"{_L}entra/identity/conditional-access/concept-conditional-access-policies"
_LOCATIONS = f"{_L}entra/identity/conditional-access/concept-assignment-network"
_DEFAULTS = f"{_L}entra/fundamentals/security-defaults"
_PROVIDER = "https://github.com/hashicorp/terraform-provider-azuread/issues/"


def check_security_defaults(resolved: Resolved, observed: Observed) -> Iterator[Finding]:
    """Refuse to enable policies beside security defaults, as Graph would half way."""
    enabled = [each.key for each in resolved.policies if each.state == "enabled"]
    if observed.security_defaults and enabled:
        yield Finding(
            "security-defaults",
            Severity.REFUSE,
            f"security defaults are on, and {len(enabled)} policies would be enabled",
            "turn them off yourself when the policies are ready to replace them; until then set "
            "the policies to report-only",
            _DEFAULTS,
        )


def check_names(found: Orphans, foreign: Foreign) -> Iterator[Finding]:
    """Tell names that are taken by somebody else's objects, or are borne by two of them."""
    if found.strange:
        yield Finding(
            "name-taken",
            Severity.REFUSE,
            "the tenant holds objects that this stack did not make and that bear its names: "
            + found.strangers,
            RENAME,
        )
    for kind, objects in (
        ("policies", foreign.listed.policies),
        ("named locations", foreign.listed.named_locations),
    ):
        for name, number in sorted(Counter(each["displayName"] for each in objects).items()):
            if number > 1:
                yield Finding(
                    "name-twice",
                    Severity.WARN,
                    f"{number} {kind} that are not managed here are called `{name}`",
                    "nobody can tell them apart by name; remove or rename all but one",
                )


def check_limits(resolved: Resolved, foreign: Foreign) -> Iterator[Finding]:
    """Count what the tenant will hold; deleted objects are assumed not to count."""
    others = len(foreign.listed.policies)
    policies = others + len(resolved.policies)
    counted = f"the tenant will hold {policies} policies, {others} of them not managed here"
    if policies > catalog.POLICIES_PER_TENANT:
        yield Finding(
            "too-many-policies",
            Severity.REFUSE,
            f"{counted}, and may hold {catalog.POLICIES_PER_TENANT} in whatever state",
            "remove or merge policies",
            _LIMITS,
        )
    elif policies >= catalog.POLICIES_PER_TENANT_WARNING:
        yield Finding(
            "many-policies",
            Severity.WARN,
            f"{counted}; {catalog.POLICIES_PER_TENANT} is the limit",
            page=_LIMITS,
        )
    ours = sum(isinstance(each, IpNamedLocation) for each in resolved.named_locations)
    theirs = sum(_is_ip(each) for each in foreign.listed.named_locations)
    if ours + theirs > catalog.IP_NAMED_LOCATIONS_PER_TENANT:
        yield Finding(
            "too-many-named-locations",
            Severity.REFUSE,
            f"the tenant will hold {ours + theirs} named locations by address, {theirs} of them "
            f"not managed here, and may hold {catalog.IP_NAMED_LOCATIONS_PER_TENANT}",
            "put ranges together in fewer locations",
            _LOCATIONS,
        )


def check_locations_in_use(
    resolved: Resolved, observed: Observed, managed: Managed, foreign: Foreign
) -> Iterator[Finding]:
    """Refuse to delete a named location that somebody else's policy names.

    Graph refuses it too, but the provider makes the location untrusted before it asks: whoever is
    let in from there by `AllTrusted` would then be kept out
    (https://github.com/hashicorp/terraform-provider-azuread/pull/1156).
    """
    now = newest(resolved.renamed_from)
    kinds = {each.key: isinstance(each, IpNamedLocation) for each in resolved.named_locations}
    stands = {each["id"]: each for each in observed.listed.named_locations}
    for former, identity in managed.named_locations.items():
        key = now.get(former, former)
        if identity not in stands or kinds.get(key) is _is_ip(stands[identity]):
            continue
        users = [
            each["displayName"]
            for each in (*foreign.listed.policies, *observed.beta_only)
            if identity in _locations_of(each)
        ]
        if users:
            yield Finding(
                "location-in-use",
                Severity.REFUSE,
                f"the named location `{former}` is to be deleted, and policies name it that are "
                f"not managed here: {quoted(users)}",
                "take it out of these policies first, or keep the location",
                _LOCATIONS,
            )


def check_co_managers(observed: Observed, recorded: Recorded) -> Iterator[Finding]:
    """Tell which managed objects something else has changed since this stack was last written.

    That the clocks of Microsoft and of whoever deployed agree is assumed; the engine's own next
    refresh tells what differs.
    """
    ids = {
        identity: f"{kind} `{key}`"
        for kind, table in (
            ("the policy", recorded.managed.policies),
            ("the named location", recorded.managed.named_locations),
        )
        for key, identity in table.items()
    }
    for each in observed.beta_only:
        if what := ids.get(each["id"]):
            yield Finding(
                "preview-features",
                Severity.REFUSE,
                f"{what} was written with preview features, and v1.0 does not show it any more; "
                "the provider can neither read nor change it",
                "delete it in the tenant and let this stack make it again, and keep the tool that "
                "writes through beta away from it",
                f"{_PROVIDER}589",
            )
    for each in (*observed.listed.policies, *observed.listed.named_locations):
        if (what := ids.get(each["id"])) and changed_since(each, recorded.applied):
            yield Finding(
                "changed-elsewhere",
                Severity.WARN,
                f"{what} was changed at {each['modifiedDateTime']}{_by(each['id'], observed)}, "
                "after this stack was last applied; what differs is changed back",
                "let one tool alone write it",
                permission=observed.authors.permission
                if isinstance(observed.authors, Unread)
                else None,
            )


def changed_since(of: Json, applied: datetime | None) -> bool:
    """Tell whether an object was changed after a time."""
    modified = of.get("modifiedDateTime")
    return bool(applied and modified and datetime.fromisoformat(modified) > applied)


def check_state(recorded: Recorded, observed: Observed, found: Orphans) -> Iterator[Finding]:
    """Tell where the stack's state and the tenant do not go together."""
    if recorded.lock:
        yield Finding(
            "state-locked",
            Severity.REFUSE,
            f"the stack's state is locked by {recorded.lock}",
            "wait for that run to end",
        )
    for kind, table, objects in (
        (
            "policies",
            recorded.managed.policies,
            (*observed.listed.policies, *observed.beta_only),
        ),
        ("named locations", recorded.managed.named_locations, observed.listed.named_locations),
    ):
        there = {each["id"] for each in objects}
        if gone := sorted(key for key, identity in table.items() if identity not in there):
            yield Finding(
                "gone-from-tenant",
                Severity.WARN,
                f"{kind} of this stack are not in the tenant any more: {quoted(gone)}",
                "what is specified is made again; a deleted one can be restored for 30 days",
            )
    if left := sorted({*found.policies, *found.named_locations}):
        yield Finding(
            "left-behind",
            Severity.WARN,
            "objects as specified are in the tenant and not in the state, as an interrupted run "
            f"leaves them: {quoted(left)}",
            "they are taken over",
        )
    if found.twins:
        names = sorted({str(each["displayName"]) for each in found.twins})
        yield Finding(
            "made-twice",
            Severity.WARN,
            f"the tenant holds what an interrupted run made and no file asks for: {quoted(names)}",
            "`ostiary up` deletes it",
            f"{_PROVIDER}1784",
        )


def _by(identity: str, observed: Observed) -> str:
    author = None if isinstance(observed.authors, Unread) else observed.authors.get(identity)
    return f" by {author}" if author else ""


def _is_ip(location: Json) -> bool:
    return str(location.get("@odata.type", "")).endswith(".ipNamedLocation")


def _locations_of(policy: Json) -> set[str]:
    of = (policy.get("conditions") or {}).get("locations") or {}
    return {*(of.get("includeLocations") or ()), *(of.get("excludeLocations") or ())}
