from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from ostiary.tenant.response.plan import Earlier, UserPlan
from ostiary.tenant.response.record import Record, earlier, latest, lines
from tests.engine.unit.tenant.response.people import START, at, user

SECRET = "eyJ-a-token"


def clock(minutes: float) -> Callable[[], datetime]:
    return lambda: at(minutes)


def plan(*, revoke: bool = True, before: datetime | None = None) -> UserPlan:
    return UserPlan(user(), START, None, (), (), (), (), join=True, revoke=revoke, before=before)


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("lost"):
        raise httpx.ReadTimeout("no answer")
    return httpx.Response(200, headers={"request-id": "r1"}, json={"secret": SECRET})


def ask(record: Record, path: str, method: str = "POST") -> None:
    """Send what must not be recorded."""
    with httpx.Client(transport=httpx.MockTransport(answer), event_hooks=record.hooks) as client:
        client.request(
            method,
            f"https://graph.microsoft.com{path}?code={SECRET}",
            headers={"Authorization": f"Bearer {SECRET}"},
            json={"password": SECRET},
        )


def test_a_call_is_on_disk_before_it_is_made(tmp_path: Path) -> None:
    with Record(tmp_path / "responses" / "prod", clock(0)) as record:
        with record.about("ada", "sessions"):
            ask(record, "/v1.0/users/ada/revokeSignInSessions")
        with pytest.raises(httpx.ReadTimeout):
            ask(record, "/v1.0/lost")
        assert [
            (each["event"], each["call"], each.get("user"), each.get("status"))
            for each in lines(record.file)
        ] == [
            ("call", 1, "ada", None),
            ("answer", 1, "ada", 200),
            ("call", 2, None, None),
        ]
    text = record.file.read_text()
    assert SECRET not in text
    assert '"path": "/v1.0/users/ada/revokeSignInSessions"' in text
    assert '"requestId": "r1"' in text
    assert record.file.stat().st_mode & 0o777 == 0o600
    assert record.file.parent.stat().st_mode & 0o777 == 0o700


def test_a_record_is_never_written_over(tmp_path: Path) -> None:
    with Record(tmp_path, clock(0)), pytest.raises(FileExistsError):
        Record(tmp_path, clock(0))


def change(record: Record, step: str, *, done: bool = True) -> None:
    with record.about("ada", step):
        ask(record, f"/v1.0/{step}")
    if done:
        record.write("done", user="ada", step=step)


def test_a_revocation_counts_when_nothing_changed_after_it(tmp_path: Path) -> None:
    with Record(tmp_path, clock(0)) as record:
        record.planned(plan(before=at(-5)))
        assert earlier(tmp_path) == {"ada": Earlier(START, at(-5), revoked=False)}
        change(record, "devices")
        change(record, "sessions", done=False)
        assert not earlier(tmp_path)["ada"].revoked  # it may or may not have been
        change(record, "sessions")
        assert earlier(tmp_path)["ada"].revoked
    with Record(tmp_path, clock(1)) as second:
        second.planned(plan(revoke=False, before=at(-5)))
        assert earlier(tmp_path)["ada"] == Earlier(START, at(-5), revoked=True)
        with second.about("ada", "membership"):
            ask(second, "/v1.0/groups", "GET")
        assert earlier(tmp_path)["ada"].revoked
        change(second, "membership", done=False)
        assert not earlier(tmp_path)["ada"].revoked


def test_a_line_that_was_cut_ends_a_record(tmp_path: Path) -> None:
    with Record(tmp_path, clock(0)) as record:
        record.planned(plan())
    with record.file.open("a", encoding="utf-8") as file:
        file.write('{"at": "2026-11-20T08:14')
    assert [each["user"] for each in latest(tmp_path)] == ["ada"]
    with Record(tmp_path, clock(1)) as second:  # which planned nothing
        second.write("run", mode="plan")
    assert [each["user"] for each in latest(tmp_path)] == ["ada"]
    assert latest(tmp_path / "absent") == []
    assert earlier(tmp_path / "absent") == {}
