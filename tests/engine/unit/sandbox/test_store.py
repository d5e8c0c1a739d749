from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ostiary.sandbox import store as module
from ostiary.sandbox.store import Store, Tenant

ONE, OTHER = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "state.sqlite3")
    yield opened
    opened.close()


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.put(ONE, "policies", {"id": "a"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.object(ONE, "policies", "a") is None


def test_a_failed_attempt_leaves_the_rest_of_its_transaction(store: Store) -> None:
    def fail() -> None:
        with store.attempt():
            store.put(ONE, "policies", {"id": "lost"})
            raise RuntimeError

    with store.transaction():
        store.put(ONE, "policies", {"id": "kept"})
        with pytest.raises(RuntimeError):
            fail()
    assert [each["id"] for each in store.objects(ONE, "policies")] == ["kept"]


def test_what_was_committed_is_in_the_file_while_the_writer_still_holds_it(
    store: Store, tmp_path: Path
) -> None:
    with store.transaction():
        store.put(ONE, "policies", {"id": "a", "displayName": "kept"})
    reader = Store(tmp_path / "state.sqlite3")
    assert reader.object(ONE, "policies", "a") == {"id": "a", "displayName": "kept"}
    reader.close()


def test_objects_come_in_the_order_of_creation_whatever_is_changed_later(store: Store) -> None:
    for each in ("c", "a", "b"):
        store.put(ONE, "policies", {"id": each})
    store.put(ONE, "policies", {"id": "c", "displayName": "changed"})
    assert [each["id"] for each in store.objects(ONE, "policies")] == ["c", "a", "b"]


def test_a_deleted_object_is_only_among_the_deleted(store: Store) -> None:
    gone = {"id": "a", "deletedDateTime": "2026-01-01T00:00:00Z"}
    store.put(ONE, "policies", gone)
    assert store.objects(ONE, "policies") == []
    assert store.count(ONE, "policies") == 0
    assert store.object(ONE, "policies", "a") is None
    assert store.objects(ONE, "policies", deleted=True) == [gone]


def test_what_was_deleted_long_ago_is_purged(store: Store) -> None:
    store.put(ONE, "policies", {"id": "old", "deletedDateTime": "2026-01-01T00:00:00Z"})
    store.put(ONE, "policies", {"id": "new", "deletedDateTime": "2026-02-01T00:00:00Z"})
    store.put(ONE, "policies", {"id": "alive"})
    store.purge_deleted_before("2026-01-15T00:00:00Z")
    assert [each["id"] for each in store.objects(ONE, "policies", deleted=True)] == ["new"]
    assert store.count(ONE, "policies") == 1


def test_tenants_keep_their_settings_apart(store: Store) -> None:
    store.put_tenant(Tenant(ONE, ("Policy.Read.All",), security_defaults=True))
    store.put_tenant(Tenant(OTHER))
    assert store.tenant(ONE) == Tenant(ONE, ("Policy.Read.All",), security_defaults=True)
    assert store.tenant(OTHER) == Tenant(OTHER)


def test_a_file_from_before_licences_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE tenants (id TEXT PRIMARY KEY, roles TEXT, security_defaults INT)")
        old.execute("INSERT INTO tenants VALUES (?, '[]', 1)", (ONE,))
        old.commit()
    for _ in range(2):
        opened = Store(path)
        assert opened.tenant(ONE) == Tenant(ONE, (), security_defaults=True)
        opened.close()


def test_a_request_passes_a_limit_when_its_interval_is_over(store: Store) -> None:
    passed = [store.pass_limit(ONE, now, 2.0) for now in (10.0, 11.9, 12.0, 13.0, 20.0)]
    assert passed == [True, False, True, False, True]
    assert store.pass_limit(OTHER, 20.0, 2.0)


def test_reset_of_one_tenant_leaves_the_other_and_the_faults(store: Store) -> None:
    for tenant in (ONE, OTHER):
        store.put_tenant(Tenant(tenant))
        store.put(tenant, "policies", {"id": "a"})
    store.add_fault({"kind": "throttle"})
    store.reset(ONE)
    assert store.tenant(ONE) is None
    assert store.objects(ONE, "policies") == []
    assert store.count(OTHER, "policies") == 1
    assert len(store.faults()) == 1


def test_reset_forgets_everything(store: Store) -> None:
    store.put_tenant(Tenant(ONE))
    store.put(ONE, "policies", {"id": "a"})
    store.add_fault({"kind": "throttle"})
    store.add_echo(ONE, "policies", "a", echo="absent", reads=3)
    store.pass_limit(ONE, 0.0, 60.0)
    store.links.add(ONE, "members", "a", "b")
    store.log(_entry("/v1.0/organization"))
    store.reset()
    assert store.tenant(ONE) is None
    assert store.count(ONE, "policies") == 0
    assert store.faults() == []
    assert store.next_echo(ONE, "policies", "a") is None
    assert store.pass_limit(ONE, 1.0, 60.0)
    assert store.links.targets(ONE, "members", "a") == []
    assert store.requests() == []


def test_the_log_keeps_the_newest_requests(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUESTS_KEPT", 3)
    for number in range(5):
        store.log(_entry(f"/{number}"))
    assert [each["path"] for each in store.requests()] == ["/2", "/3", "/4"]


def test_an_echo_fades_after_its_reads(store: Store) -> None:
    store.add_echo(ONE, "policies", "a", echo="alternating", reads=2, body={"id": "a"})
    heard = [store.next_echo(ONE, "policies", "a") for _ in range(3)]
    assert [each and (each.age, each.body) for each in heard] == [
        (0, {"id": "a"}),
        (1, {"id": "a"}),
        None,
    ]


def test_the_journal_is_a_write_ahead_log(store: Store, tmp_path: Path) -> None:
    store.put_tenant(Tenant(ONE))
    reader = sqlite3.connect(tmp_path / "state.sqlite3")
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()


def _entry(path: str) -> dict[str, object]:
    return {
        "at": "2026-01-01T00:00:00Z",
        "tenant": ONE,
        "method": "GET",
        "path": path,
        "query": "",
        "status": 200,
        "body": None,
    }
