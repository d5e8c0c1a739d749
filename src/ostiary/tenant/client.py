"""What a tenant holds of Conditional Access, as Microsoft Graph lists, deletes and restores it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from ostiary.model.graph import Collection
from ostiary.tenant.graph import Graph, GraphError, Json, Version
from ostiary.tenant.patience import Clock, Patience
from ostiary.tenant.shapes import Named, SecurityDefaults, read

_PATH = "identity/conditionalAccess"
_DELETED = f"{_PATH}/deletedItems"


class GraphClient:
    """Reads and mends a tenant's policies and named locations, for one thread."""

    def __init__(
        self,
        tenant_id: str,
        environ: Mapping[str, str],
        *,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.graph = Graph(tenant_id, environ, patience=patience, clock=clock)

    def close(self) -> None:
        """Give the connections back."""
        self.graph.close()

    def policies(self, version: Version = "v1.0") -> list[Json]:
        """List every Conditional Access policy; v1.0 leaves out those with features in preview."""
        return list(self.graph.pages(f"{_PATH}/policies", version=version))

    def read(self, collection: Collection, identity: str) -> Json | None:
        """Read one object, None when it is not there; Graph may show it as before a change."""
        try:
            return self.graph.get(f"{_PATH}/{collection}/{identity}")
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def named_locations(self) -> list[Json]:
        """List every named location, as Graph v1.0 shows it."""
        return list(self.graph.pages(f"{_PATH}/namedLocations"))

    def deleted(self, collection: Collection) -> list[Json]:
        """List what was deleted in the last 30 days.

        https://learn.microsoft.com/graph/api/conditionalaccesspolicy-list-deleteditems?view=graph-rest-beta
        """
        return list(self.graph.pages(f"{_DELETED}/{collection}", version="beta"))

    def all_deleted(self) -> list[Json]:
        """List what was deleted of both collections."""
        return [*self.deleted("policies"), *self.deleted("namedLocations")]

    def restore(self, collection: Collection, identity: str) -> None:
        """Bring a deleted object back under its id, as it was; a policy may be enforced at once.

        The page names no permission; that the one to write policies suffices is assumed:
        https://learn.microsoft.com/graph/api/conditionalaccesspolicy-restore?view=graph-rest-beta
        """
        self.graph.post(f"{_DELETED}/{collection}/{identity}/restore", version="beta")

    def create(self, collection: Collection, body: Json) -> str:
        """Create an object; gives its id."""
        return str(self.graph.post(f"{_PATH}/{collection}", body)["id"])

    def change(self, collection: Collection, identity: str, body: Json) -> None:
        """Change an object: what is left out of a nested one keeps its value."""
        self.graph.patch(f"{_PATH}/{collection}/{identity}", body)

    def delete_policy(self, identity: str) -> None:
        """Delete one policy; Graph keeps it for 30 days."""
        self.graph.delete(f"{_PATH}/policies/{identity}")

    def delete_named_location(self, location: Json) -> None:
        """Delete one named location; a trusted one must be told untrusted before."""
        path = f"{_PATH}/namedLocations/{location['id']}"
        if location.get("isTrusted"):
            kind = location["@odata.type"]
            self.graph.patch(path, {"@odata.type": kind, "isTrusted": False})
        self.graph.delete(path)

    def security_defaults(self) -> bool:
        """Tell whether security defaults are on, beside which no policy may be enabled."""
        answer = self.graph.get("policies/identitySecurityDefaultsEnforcementPolicy")
        return read(SecurityDefaults, answer).is_enabled

    def organization(self) -> Named:
        """Read the tenant's id and name.

        https://learn.microsoft.com/graph/api/organization-list
        """
        found = self.graph.pages("organization", select="id,displayName")
        return read(Named, next(found, {}))
