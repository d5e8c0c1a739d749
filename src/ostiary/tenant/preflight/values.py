"""What preflight knows of a tenant and of the stack's state, and what it finds, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ostiary.errors import PreflightError, ProofError
from ostiary.model.resolve import Resolved
from ostiary.proof.examine import Examined
from ostiary.tenant.orphans import Managed
from ostiary.tenant.permissions import Identity

Json = dict[str, Any]


class Severity(StrEnum):
    """What a finding does: stop the run, or be told; `unknown` is told, and decides no safety."""

    REFUSE = "refuse"
    WARN = "warn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a tenant, or could not be checked.

    `code` is a heading in docs/preflight.md; `permission` is what the token would need for an
    answer; `page` is what a claim about Entra rests on.
    """

    code: str
    severity: Severity
    message: str
    hint: str | None = None
    page: str | None = None
    permission: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """What the token may not read, for want of `permission`."""

    permission: str


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the directory: ids of the groups and template ids of the roles it is in, nested."""

    id: str
    name: str
    enabled: bool
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Listed:
    """A tenant's policies and named locations as Graph v1.0 lists them, read once."""

    policies: tuple[Json, ...] = ()
    named_locations: tuple[Json, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all of it."""
        return frozenset(each["id"] for each in (*self.policies, *self.named_locations))


@dataclass(frozen=True, slots=True)
class Directory:
    """Which of the ids that an environment names stand for something in the tenant's directory.

    `applications` are client ids with a service principal there; `emergency_access` gives the user
    accounts behind each id that the environment has for emergency access, nested members included.
    """

    groups: frozenset[str] | Unread = frozenset()
    users: frozenset[str] | Unread = frozenset()
    service_principals: frozenset[str] | Unread = frozenset()
    applications: frozenset[str] | Unread = frozenset()
    strengths: frozenset[str] | Unread = frozenset()
    terms_of_use: frozenset[str] | Unread = frozenset()
    emergency_access: Mapping[str, tuple[Account, ...]] | Unread = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What was read of a tenant.

    `beta_only` are policies that only Graph's beta lists.  `plans` are the service plans in force;
    `authors` tells who changed an object last, by its id, as far as the audit log says.
    """

    listed: Listed
    beta_only: tuple[Json, ...] = ()
    security_defaults: bool = False
    plans: frozenset[str] | Unread = frozenset()
    directory: Directory = Directory()
    authors: Mapping[str, str] | Unread = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who writes: the token's own words, and the tenant that $ARM_TENANT_ID names, if it does."""

    identity: Identity
    configured: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the stack's state says.

    `tenants` are those it was deployed to; `applied` is when it was last written; `lock` says in
    words who holds the state's lock now, None where nobody is known to.
    """

    managed: Managed
    tenants: frozenset[str] = frozenset()
    applied: datetime | None = None
    lock: str | None = None


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found, and the goals held against all that will be in the tenant.

    `examined` is None where the credentials forbid even to look; then nothing is `listed`.
    """

    resolved: Resolved
    findings: tuple[Finding, ...]
    examined: Examined | None = None
    listed: Listed = field(default_factory=Listed)

    @property
    def refused(self) -> bool:
        """Whether something forbids to write."""
        return any(each.severity is Severity.REFUSE for each in self.findings)

    def stop(self) -> None:
        """Raise PreflightError where something forbids to write, ProofError where a goal fails."""
        if self.refused:
            codes = dict.fromkeys(
                each.code for each in self.findings if each.severity is Severity.REFUSE
            )
            raise PreflightError(
                f"nothing was changed: preflight refuses, by {', '.join(codes)}",
                hint=f"ostiary preflight {self.resolved.environment}",
            )
        if self.examined is None or self.examined.failed:
            failed = (each.goal.key for each in (self.examined.failed if self.examined else ()))
            raise ProofError(
                f"nothing was changed: {quoted(failed)} not proven together with the policies and "
                "named locations in the tenant that are not managed here",
                hint="mend these, or waive the goal in the environment's file",
            )


def quoted(names: Iterable[str]) -> str:
    """List names as messages have them."""
    return ", ".join(f"`{each}`" for each in names)
