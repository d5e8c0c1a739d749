"""The state of every tenant of one sandbox, in one SQLite file.

One transaction per request, committed before the answer leaves: what a client was told survives
the death of the server.  Journal mode WAL with `synchronous=NORMAL` keeps that promise for a
killed process (not for a power cut): https://www.sqlite.org/pragma.html#pragma_synchronous
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ostiary.sandbox.links import TABLES as LINKS
from ostiary.sandbox.links import Links

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ostiary.sandbox.answers import Json

DEFAULT_ROLES = (
    "Agreement.Read.All",
    "Application.Read.All",
    "AuditLog.Read.All",
    "Device.ReadWrite.All",
    "Directory.Read.All",
    "Group.Read.All",
    "GroupMember.ReadWrite.All",
    "Organization.Read.All",
    "Policy.Read.All",
    "Policy.ReadWrite.ConditionalAccess",
    "RoleManagement.Read.Directory",
    "User.Read.All",
    "User.RevokeSessions.All",
)
DEFAULT_LICENCES = ("AAD_PREMIUM_P2",)
REQUESTS_KEPT = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS tenants (
  id TEXT PRIMARY KEY, roles TEXT NOT NULL, security_defaults INTEGER NOT NULL DEFAULT 0,
  licences TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
  position INTEGER PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  body TEXT NOT NULL, deleted TEXT, UNIQUE (tenant, kind, id));
CREATE TABLE IF NOT EXISTS requests (
  position INTEGER PRIMARY KEY, at TEXT NOT NULL, tenant TEXT, method TEXT NOT NULL,
  path TEXT NOT NULL, query TEXT NOT NULL, status INTEGER NOT NULL, body TEXT);
CREATE TABLE IF NOT EXISTS faults (
  position INTEGER PRIMARY KEY, fault TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS echoes (
  position INTEGER PRIMARY KEY, tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
  echo TEXT NOT NULL, reads INTEGER NOT NULL, age INTEGER NOT NULL DEFAULT 0, body TEXT);
CREATE TABLE IF NOT EXISTS limits (tenant TEXT PRIMARY KEY, free_at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: the roles its tokens carry, its security defaults, the licences it has bought."""

    id: str
    roles: tuple[str, ...] = DEFAULT_ROLES
    security_defaults: bool = False
    licences: tuple[str, ...] = DEFAULT_LICENCES


@dataclass(frozen=True, slots=True)
class Echo:
    """What a fault left behind on one object; `age` counts the reads it has already bent."""

    echo: str
    age: int
    body: Json | None


class Store:
    """Tenants, their objects, the log of requests, and the faults switched on."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES + LINKS)
        self._add_licences()
        self.links = Links(self._db)

    def _add_licences(self) -> None:
        """Give the tenants of a file that is older than licences the ones of a new tenant."""
        columns = [name for _, name, *_ in self._db.execute("PRAGMA table_info(tenants)")]
        if "licences" not in columns:
            default = json.dumps(DEFAULT_LICENCES)
            self._db.execute(
                f"ALTER TABLE tenants ADD COLUMN licences TEXT NOT NULL DEFAULT '{default}'"
            )

    def close(self) -> None:
        """Fold the journal into the file and let go of it."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Within a transaction, take back what happens inside when it raises."""
        self._db.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO attempt")
            raise
        finally:
            self._db.execute("RELEASE attempt")

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Give a tenant, or None when no token was ever issued for it."""
        row = self._db.execute(
            "SELECT roles, security_defaults, licences FROM tenants WHERE id = ?", (tenant_id,)
        ).fetchone()
        if row is None:
            return None
        roles, defaults, licences = row
        return Tenant(
            tenant_id, tuple(json.loads(roles)), bool(defaults), tuple(json.loads(licences))
        )

    def put_tenant(self, tenant: Tenant) -> None:
        """Create a tenant, or change its settings."""
        self._db.execute(
            "INSERT INTO tenants (id, roles, security_defaults, licences) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET roles = excluded.roles,"
            " security_defaults = excluded.security_defaults, licences = excluded.licences",
            (
                tenant.id,
                json.dumps(tenant.roles),
                tenant.security_defaults,
                json.dumps(tenant.licences),
            ),
        )

    def objects(self, tenant_id: str, kind: str, *, deleted: bool = False) -> list[Json]:
        """Give all objects of a kind in the order of their creation."""
        rows = self._db.execute(
            "SELECT body FROM objects WHERE tenant = ? AND kind = ? AND (deleted IS NOT NULL) = ?"
            " ORDER BY position",
            (tenant_id, kind, deleted),
        )
        return [json.loads(body) for (body,) in rows]

    def count(self, tenant_id: str, kind: str) -> int:
        """Count the objects of a kind that are not deleted."""
        row = self._db.execute(
            "SELECT count(*) FROM objects WHERE tenant = ? AND kind = ? AND deleted IS NULL",
            (tenant_id, kind),
        ).fetchone()
        return int(row[0])

    def object(
        self, tenant_id: str, kind: str, object_id: str, *, deleted: bool = False
    ) -> Json | None:
        """Give one object, or None."""
        row = self._db.execute(
            "SELECT body FROM objects WHERE tenant = ? AND kind = ? AND id = ?"
            " AND (deleted IS NOT NULL) = ?",
            (tenant_id, kind, object_id, deleted),
        ).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, tenant_id: str, kind: str, body: Json) -> None:
        """Create or replace the object `body["id"]`; a `deletedDateTime` deletes it softly."""
        self._db.execute(
            "INSERT INTO objects (tenant, kind, id, body, deleted) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (tenant, kind, id) DO UPDATE"
            " SET body = excluded.body, deleted = excluded.deleted",
            (tenant_id, kind, body["id"], json.dumps(body), body.get("deletedDateTime")),
        )

    def purge(self, tenant_id: str, kind: str, object_id: str) -> None:
        """Remove an object for good."""
        self._db.execute(
            "DELETE FROM objects WHERE tenant = ? AND kind = ? AND id = ?",
            (tenant_id, kind, object_id),
        )

    def purge_deleted_before(self, moment: str) -> None:
        """Remove for good what was deleted before `moment`, an ISO 8601 time in UTC."""
        self._db.execute("DELETE FROM objects WHERE deleted < ?", (moment,))

    def log(self, entry: Json) -> None:
        """Keep one request (`at`, `tenant`, `method`, `path`, `query`, `status`, `body`)."""
        body = entry["body"]
        cursor = self._db.execute(
            "INSERT INTO requests (at, tenant, method, path, query, status, body)"
            " VALUES (:at, :tenant, :method, :path, :query, :status, :body)",
            entry | {"body": None if body is None else json.dumps(body)},
        )
        self._db.execute(
            "DELETE FROM requests WHERE position <= ?", ((cursor.lastrowid or 0) - REQUESTS_KEPT,)
        )

    def requests(self, tenant_id: str | None = None) -> list[Json]:
        """Give the logged requests, oldest first, of one tenant or of all."""
        rows = self._db.execute(
            "SELECT at, tenant, method, path, query, status, body FROM requests"
            " WHERE ?1 IS NULL OR tenant = ?1 ORDER BY position",
            (tenant_id,),
        )
        names = ("at", "tenant", "method", "path", "query", "status")
        return [
            dict(zip(names, row, strict=False)) | {"body": row[6] and json.loads(row[6])}
            for row in rows
        ]

    def add_fault(self, fault: Json) -> int:
        """Switch a fault on; gives its number."""
        cursor = self._db.execute("INSERT INTO faults (fault) VALUES (?)", (json.dumps(fault),))
        return int(cursor.lastrowid or 0)

    def faults(self) -> list[tuple[int, Json, int]]:
        """Give every fault with its number and how many requests it has seen, oldest first."""
        rows = self._db.execute("SELECT position, fault, seen FROM faults ORDER BY position")
        return [(position, json.loads(fault), seen) for position, fault, seen in rows]

    def count_fault(self, position: int) -> None:
        """Note that a fault has seen one more request."""
        self._db.execute("UPDATE faults SET seen = seen + 1 WHERE position = ?", (position,))

    def clear_faults(self) -> None:
        """Switch all faults off, with what they left behind."""
        self._db.execute("DELETE FROM faults")
        self._db.execute("DELETE FROM echoes")
        self._db.execute("DELETE FROM limits")

    def pass_limit(self, tenant_id: str, now: float, interval: float) -> bool:
        """Tell whether `interval` seconds are over since the last request that passed; note it."""
        cursor = self._db.execute(
            "INSERT INTO limits VALUES (?1, ?2 + ?3) ON CONFLICT (tenant) DO UPDATE"
            " SET free_at = excluded.free_at WHERE free_at <= ?2",
            (tenant_id, now, interval),
        )
        return cursor.rowcount > 0

    def add_echo(  # noqa: PLR0913 - three of these name one object
        self,
        tenant_id: str,
        kind: str,
        object_id: str,
        *,
        echo: str,
        reads: int,
        body: Json | None = None,
    ) -> None:
        """Leave an echo on an object for its next `reads` reads."""
        self._db.execute(
            "INSERT INTO echoes (tenant, kind, id, echo, reads, body) VALUES (?, ?, ?, ?, ?, ?)",
            (tenant_id, kind, object_id, echo, reads, body and json.dumps(body)),
        )

    def next_echo(self, tenant_id: str, kind: str, object_id: str) -> Echo | None:
        """Give the oldest echo on an object and count one read of it."""
        row = self._db.execute(
            "SELECT position, echo, age, body FROM echoes"
            " WHERE tenant = ? AND kind = ? AND id = ? AND age < reads ORDER BY position LIMIT 1",
            (tenant_id, kind, object_id),
        ).fetchone()
        if row is None:
            return None
        self._db.execute("UPDATE echoes SET age = age + 1 WHERE position = ?", (row[0],))
        return Echo(row[1], row[2], row[3] and json.loads(row[3]))

    def reset(self, tenant_id: str | None = None) -> None:
        """Forget one tenant, or all of them and the faults too."""
        if tenant_id is None:
            self.clear_faults()
        for table, column in (
            ("tenants", "id"),
            ("objects", "tenant"),
            ("links", "tenant"),
            ("requests", "tenant"),
            ("echoes", "tenant"),
            ("limits", "tenant"),
        ):
            self._db.execute(
                f"DELETE FROM {table} WHERE ?1 IS NULL OR {column} = ?1",  # noqa: S608 - our own names
                (tenant_id,),
            )
