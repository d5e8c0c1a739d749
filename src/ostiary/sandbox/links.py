"""Relations between the objects of a tenant: the members of a group, the devices of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

TABLES = """
CREATE TABLE IF NOT EXISTS links (
  position INTEGER PRIMARY KEY, tenant TEXT NOT NULL, relation TEXT NOT NULL,
  source TEXT NOT NULL, target TEXT NOT NULL, UNIQUE (tenant, relation, source, target));
CREATE INDEX IF NOT EXISTS links_by_target ON links (tenant, relation, target);
"""


class Links:
    """Links from a source to a target, by tenant and relation; each exists once at most."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, tenant_id: str, relation: str, source: str, target: str) -> bool:
        """Add a link; tells whether it is new."""
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO links (tenant, relation, source, target) VALUES (?, ?, ?, ?)",
            (tenant_id, relation, source, target),
        )
        return cursor.rowcount > 0

    def remove(self, tenant_id: str, relation: str, source: str, target: str) -> bool:
        """Remove a link; tells whether there was one."""
        cursor = self._db.execute(
            "DELETE FROM links WHERE tenant = ? AND relation = ? AND source = ? AND target = ?",
            (tenant_id, relation, source, target),
        )
        return cursor.rowcount > 0

    def replace(self, tenant_id: str, relation: str, source: str, targets: Iterable[str]) -> None:
        """Make `targets` the only ones of a source."""
        self._db.execute(
            "DELETE FROM links WHERE tenant = ? AND relation = ? AND source = ?",
            (tenant_id, relation, source),
        )
        for each in targets:
            self.add(tenant_id, relation, source, each)

    def forget(self, tenant_id: str, object_id: str) -> None:
        """Remove every link from and to an object."""
        self._db.execute(
            "DELETE FROM links WHERE tenant = ?1 AND ?2 IN (source, target)", (tenant_id, object_id)
        )

    def targets(
        self, tenant_id: str, relation: str, source: str, *, transitive: bool = False
    ) -> list[str]:
        """Give the targets of a source; `transitive`: theirs too, each once."""
        return self._follow(tenant_id, relation, source, ("source", "target"), transitive)

    def sources(
        self, tenant_id: str, relation: str, target: str, *, transitive: bool = False
    ) -> list[str]:
        """Give the sources of a target; `transitive`: theirs too, each once."""
        return self._follow(tenant_id, relation, target, ("target", "source"), transitive)

    def _follow(
        self,
        tenant_id: str,
        relation: str,
        start: str,
        direction: tuple[str, str],
        transitive: bool,  # noqa: FBT001 - private
    ) -> list[str]:
        near, far = direction
        step = f"SELECT {far} FROM links WHERE tenant = ?1 AND relation = ?2 AND {near} = ?3"  # noqa: S608 - our own names
        if transitive:
            # UNION drops what was reached before, so a circle of groups comes to an end.
            step = (
                f"WITH RECURSIVE reached (id) AS ({step} UNION"  # noqa: S608 - likewise
                f" SELECT {far} FROM links JOIN reached ON {near} = reached.id"
                " WHERE tenant = ?1 AND relation = ?2) SELECT id FROM reached"
            )
        else:
            step += " ORDER BY position"
        return [each for (each,) in self._db.execute(step, (tenant_id, relation, start))]
