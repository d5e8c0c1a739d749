"""The right tenant, and a token that may do the work: the checks before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostiary.model.policy import Policy
from ostiary.model.resolve import Resolved
from ostiary.spec.environment import GUID
from ostiary.tenant.preflight.values import Credentials, Finding, Recorded, Severity

_PAGE = "https://learn.microsoft.com/graph/api/conditionalaccessroot-post-policies#permissions"
READ, WRITE = "Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"
APPLICATIONS = "Application.Read.All"


def check_credentials(
    resolved: Resolved, credentials: Credentials, recorded: Recorded, *, writing: bool
) -> Iterator[Finding]:
    """Tell what forbids even to look: another tenant, or a token that is not enough.

    A token that lacks what only `writing` needs is refused where something is to be written.
    """
    yield from _tenant(resolved, credentials, recorded)
    held = credentials.identity.permissions
    needed = [READ, WRITE] if writing else [READ]
    if writing and any(map(_names_application, resolved.policies)):
        needed.append(APPLICATIONS)
    for each in needed:
        if not may(held, each):
            yield Finding(
                "permission-missing",
                Severity.REFUSE,
                f"the token lacks {each}",
                f"grant it to the application {credentials.identity.client_id} and sign in again",
                _PAGE,
                each,
            )


def may(held: frozenset[str], *permissions: str) -> bool:
    """Tell whether a token holds one of these permissions, or the one that also writes."""
    return any({each, each.replace(".Read.", ".ReadWrite.")} & held for each in permissions)


def _tenant(resolved: Resolved, credentials: Credentials, recorded: Recorded) -> Iterator[Finding]:
    file, tenant = f"environments/{resolved.environment}.yaml", resolved.tenant_id
    others: Iterable[tuple[str, str | None, str]] = (
        ("the token is for", credentials.identity.tenant_id, "sign in to the right tenant"),
        ("$ARM_TENANT_ID is", credentials.configured, "set it to the right tenant, or not at all"),
        *(
            ("the stack was deployed to", each, "give the other tenant an environment of its own")
            for each in sorted(recorded.tenants)
        ),
    )
    for what, other, hint in others:
        if other is not None and other.lower() != tenant:
            yield Finding(
                "wrong-tenant", Severity.REFUSE, f"{what} {other}, and {file} says {tenant}", hint
            )


def _names_application(policy: Policy) -> bool:
    of = policy.conditions.applications
    return of.application_filter is not None or any(
        GUID.match(each) for each in (*of.include_applications, *of.exclude_applications)
    )
