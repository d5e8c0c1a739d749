"""Every call of a response, on disk before it is made and again after it was answered.

A line is one JSON object.  A `call` without an `answer` of its number may have been carried out or
not: the run was killed, or no answer came.  Nothing that is sent or received is kept but method,
path, status and Graph's request id, so no token and no body can be in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from ostiary.tenant.response.plan import Earlier, UserPlan
from ostiary.tenant.response.suspects import moment

_CHANGES = {"devices", "membership"}


class Record:
    """One run's file, `<UTC time>.jsonl`, readable by its owner only; never written over."""

    def __init__(
        self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._now = now
        self.file = folder / f"{now():%Y-%m-%dT%H-%M-%S.%fZ}.jsonl"
        self._descriptor = os.open(
            self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600
        )
        _sync(folder)
        self._about: dict[str, str] = {}
        self._calls = 0

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def write(self, event: str, **said: Any) -> None:
        """Add a line; it is on the disk when this returns."""
        line = {"at": self._now().isoformat(), "event": event, **said}
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        os.fsync(self._descriptor)

    def planned(self, of: UserPlan) -> None:
        """Note what is to be done for a user, for the runs that come after."""
        self.write(
            "planned",
            user=of.user.id,
            name=of.user.name,
            since=of.since.isoformat(),
            validFrom=of.before.isoformat() if of.before else None,
            evidence=of.evidence,
            disable=[each.id for each in of.disable],
            join=of.join,
            revoke=of.revoke,
        )

    @contextmanager
    def about(self, user_id: str, step: str) -> Iterator[None]:
        """Say of the calls inside whom they are about, and why they are made."""
        self._about = {"user": user_id, "step": step}
        try:
            yield
        finally:
            self._about = {}

    @property
    def hooks(self) -> dict[str, list[Callable[..., None]]]:
        """What an httpx client must call to have its calls recorded, each repetition by itself."""
        return {"request": [self._call], "response": [self._answer]}

    def _call(self, request: httpx.Request) -> None:
        self._calls += 1
        request.extensions["call"] = self._calls
        self.write(
            "call",
            call=self._calls,
            method=request.method,
            path=request.url.path,
            **self._about,
        )

    def _answer(self, response: httpx.Response) -> None:
        self.write(
            "answer",
            call=response.request.extensions["call"],
            status=response.status_code,
            requestId=response.headers.get("request-id"),
            **self._about,
        )


def earlier(folder: Path) -> dict[str, Earlier]:
    """Read what all earlier runs recorded, by user id."""
    known: dict[str, Earlier] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in lines(file):
            _take(line, known)
    return known


def latest(folder: Path) -> list[dict[str, Any]]:
    """Give the plans, one for each user, of the latest run that planned anything."""
    for file in sorted(folder.glob("*.jsonl"), reverse=True):
        if plans := [each for each in lines(file) if each["event"] == "planned"]:
            return plans
    return []


def lines(file: Path) -> Iterator[dict[str, Any]]:
    """Read a record; its last line may be cut where a run was killed."""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _take(line: dict[str, Any], known: dict[str, Earlier]) -> None:
    """Learn from one line of a record."""
    user, event, step = line.get("user"), line["event"], line.get("step")
    if event == "planned":
        valid_from = moment(line["validFrom"]) if line["validFrom"] else None
        known[line["user"]] = Earlier(moment(line["since"]), valid_from, not line["revoke"])
    elif user in known:
        changes = event == "call" and step in _CHANGES and line["method"] != "GET"
        if changes or (event == "done" and step == "sessions"):
            known[user] = replace(known[user], revoked=not changes)


def _sync(folder: Path) -> None:
    """Have the folder's entry for a new file on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
