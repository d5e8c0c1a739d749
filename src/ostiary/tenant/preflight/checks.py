"""All checks of a tenant, over what was read of it and of the state; nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.policy import Policy
from ostiary.model.resolve import Resolved
from ostiary.tenant import orphans
from ostiary.tenant.preflight.directory import (
    check_emergency_access,
    check_excluded_everywhere,
    check_facts,
    check_ids,
)
from ostiary.tenant.preflight.foreign import Foreign, foreign
from ostiary.tenant.preflight.licences import licences
from ostiary.tenant.preflight.objects import (
    check_co_managers,
    check_limits,
    check_locations_in_use,
    check_names,
    check_security_defaults,
    check_state,
)
from ostiary.tenant.preflight.values import Finding, Observed, Recorded, Severity, quoted

_NETWORK = (
    "https://learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network"
)


def checks(
    resolved: Resolved, observed: Observed, recorded: Recorded, others: Foreign
) -> tuple[Finding, ...]:
    """Hold a tenant against every check; `others` is what is foreign of `observed`.

    What refuses comes first.
    """
    found = left_over(resolved, observed, recorded)
    findings = [
        *check_state(recorded, observed, found),
        *check_security_defaults(resolved, observed),
        *licences(resolved, observed),
        *check_names(found, others),
        *check_limits(resolved, others),
        *check_locations_in_use(resolved, observed, recorded.managed, others),
        *check_co_managers(observed, recorded),
        *_opaque_locations(resolved, others),
        *check_ids(resolved, observed.directory),
        *check_emergency_access(resolved, observed.directory),
        *check_facts(resolved, observed.directory),
        *check_excluded_everywhere(resolved, observed.directory, others),
    ]
    return tuple(sorted(findings, key=lambda each: list(Severity).index(each.severity)))


def left_over(resolved: Resolved, observed: Observed, recorded: Recorded) -> orphans.Orphans:
    """Find what interrupted runs left in the tenant."""
    listed = observed.listed
    return orphans.look(resolved, recorded.managed, listed.policies, listed.named_locations)


def others_of(resolved: Resolved, observed: Observed, recorded: Recorded) -> Foreign:
    """Give what is in the tenant and not ours."""
    found = left_over(resolved, observed, recorded)
    return foreign(resolved, observed, recorded.managed, found)


def _opaque_locations(resolved: Resolved, others: Foreign) -> Iterator[Finding]:
    """Refuse what `AllTrusted` may mean, if a location may be trusted and cannot be read."""
    trusting = [each.key for each in resolved.policies if _names_trusted(each)]
    if others.opaque and trusting:
        yield Finding(
            "trusted-location-unreadable",
            Severity.REFUSE,
            f"named locations that cannot be read here may be trusted: {quoted(others.opaque)}; "
            f"{quoted(trusting)} would take in whoever signs in from there",
            "name locations by name instead of `AllTrusted`",
            _NETWORK,
        )


def _names_trusted(policy: Policy) -> bool:
    locations = policy.conditions.locations
    return bool(
        policy.state == "enabled"
        and locations
        and "AllTrusted" in {*locations.include_locations, *locations.exclude_locations}
    )
