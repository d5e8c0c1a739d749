"""What a workspace has already when a tenant is adopted into it: it stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ostiary.errors import DiagnosticsError, PreflightError, errors_in
from ostiary.model.policy import PolicySet
from ostiary.model.resolve import resolve
from ostiary.model.written import Tables, inverted, tables_of
from ostiary.spec.workspace import load
from ostiary.tenant.candidates import Ids
from ostiary.tenant.emergency import EmergencyAccess


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user says: of which tenant, and who answers for what is found there."""

    environment: str
    tenant_id: str
    today: date
    owner: str = "unknown"
    emergency_access: tuple[str, ...] = ()


class Existing:
    """What the workspace has already, which stays as it is."""

    def __init__(self, root: Path, wishes: Wishes) -> None:
        self.root = root
        self.path = f"environments/{wishes.environment}.yaml"
        there = (root / self.path).exists()
        workspace = load(root, [wishes.environment] if there else [])
        self.goals = tuple(workspace.goals)
        self.resolved = resolve(workspace, wishes.environment, wishes.today) if there else None
        if self.resolved and self.resolved.tenant_id != wishes.tenant_id:
            raise PreflightError(
                f"{self.path} is about tenant {self.resolved.tenant_id}, not {wishes.tenant_id}",
                hint="give the other tenant an environment of its own",
            )
        # A folder that is missing is made.
        wrong = [each for each in errors_in(workspace.found) if each.code != "no-folder"]
        if self.resolved is None and wrong:
            raise DiagnosticsError(wrong)
        if self.resolved is None and workspace.policies:
            raise PreflightError(
                f"the workspace has policies, and no {self.path} that says whom they mean there",
                hint="adopt into a folder of its own, or write that file first",
            )
        self.spec = workspace.environments[wishes.environment].spec if there else None
        self.tables = tables_of(self.spec) if self.spec else {}

    @property
    def ids(self) -> Ids:
        """Ids by name and table."""
        return {str(table): names for table, names in self.tables.items()}

    @property
    def names(self) -> Tables:
        """Names by id and table."""
        return inverted(self.tables)

    @property
    def policy_set(self) -> PolicySet:
        """The policies and locations of the environment."""
        if self.resolved is None:
            return PolicySet(())
        return PolicySet(self.resolved.policies, self.resolved.known_locations)

    def emergency_access(self) -> EmergencyAccess | None:
        """Give the accounts that the environment's file names."""
        if self.spec is None:
            return None
        accounts = self.spec.emergency_access
        return EmergencyAccess(
            tuple(self.spec.groups[each] for each in accounts.groups),
            tuple(self.spec.users[each] for each in accounts.users),
        )

    def others(self) -> list[str]:
        """Give the environments beside the one that is adopted."""
        files = (self.root / "environments").glob("*.yaml")
        return sorted(file.stem for file in files if file.name != Path(self.path).name)
