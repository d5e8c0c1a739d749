"""`ostiary respond` against the sandbox: what it changes, refuses, records and finds."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ostiary.sandbox import lifecycle
from ostiary.sandbox.faults import Fault, Faults, Kind
from ostiary.sandbox.lifecycle import Running
from tests.engine.e2e.checkout import REPOSITORY, copy_specs, until
from tests.engine.e2e.incident import (
    ABROAD,
    ADA,
    BOB,
    EMERGENCY,
    EVIL,
    GLASS,
    LIES,
    OLD,
    ROBOT,
    SUSPECTED,
    Incident,
    at,
    device,
    sign_in,
)

pytestmark = pytest.mark.e2e

Json = dict[str, Any]

DISABLE = f"PATCH devices/{EVIL}"
JOIN = f"POST groups/{SUSPECTED}/members/$ref"
REVOKE = f"POST users/{ADA}/revokeSignInSessions"
ALL = [f"{DISABLE} 204", f"{JOIN} 204", f"{REVOKE} 200"]
SINCE = LIES.isoformat()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("sandbox") / "home"
    yield lifecycle.start(home)
    lifecycle.stop(home)


@pytest.fixture
def incident(running: Running, tmp_path: Path) -> Incident:
    return Incident(running, specs(tmp_path))


def specs(root: Path) -> Path:
    copy_specs(root)
    shutil.copy(REPOSITORY / "Pulumi.yaml", root)
    return root


@pytest.fixture
def faults(running: Running) -> Iterator[Faults]:
    switch = Faults(running)
    yield switch
    switch.clear()


def lines(incident: Incident, run: int = -1) -> list[Json]:
    return [json.loads(each) for each in incident.records()[run].read_text().splitlines()]


def unanswered(record: list[Json]) -> list[str]:
    answered = {each["call"] for each in record if each["event"] == "answer"}
    calls = (each for each in record if each["event"] == "call")
    return [f"{each['method']} {each['path']}" for each in calls if each["call"] not in answered]


def later(minutes: float = 10) -> str:
    """A time after the revocation."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


# The plan


def test_a_plan_says_what_is_to_be_done_and_does_nothing(incident: Incident) -> None:
    done = incident.respond("--user", "ada@contoso.com")
    assert done.code == 2
    assert incident.writes() == []
    assert "the first device code sign-in that succeeded from outside `head-office`" in done.out
    assert f"`DESKTOP-4711` ({EVIL}), Windows, registered" in done.out
    assert "ada's laptop" not in done.out
    assert "2. membership of `suspected-users`: to add" in done.out
    assert "from 256 IPv4 and 2^80 IPv6 addresses (in" in done.out
    assert "suspected-users-are-confined: proven, by `confine-suspected-users`" in done.out
    assert "https://learn.microsoft.com/graph/api/user-revokesigninsessions" in done.out
    assert "nothing was changed; --apply carries the plan out" in done.out


def test_it_is_told_where_the_tenant_does_not_confine_its_suspects(
    running: Running, tmp_path: Path
) -> None:
    incident = Incident(running, specs(tmp_path), deployed=False)
    done = incident.respond("--user", "ada@contoso.com", "--since", SINCE)
    assert "warning: it is not proven that the group confines its members" in done.out
    assert "suspected-users-are-confined: NOT PROVEN" in done.out
    applied = incident.apply("--since", SINCE, "--format", "json").json
    assert applied["verified"][0]["member"] == "unknown"


def test_a_plan_for_machines(incident: Incident) -> None:
    done = incident.respond("--user", ADA, "--format", "json")
    plan = done.json["plan"]
    (user,) = plan["users"]
    assert (done.code, done.json["result"], done.json["done"]) == (2, "planned", None)
    assert user["since"] == LIES.isoformat(timespec="microseconds")
    assert user["sinceFrom"]["ipAddress"] == ABROAD
    assert [each["id"] for each in user["devicesToDisable"]] == [EVIL]
    assert plan["membership"]["confined"] is True
    assert "granted once" in plan["membership"]["stillPossible"][0]["decision"]


def test_a_device_that_an_application_cannot_disable_is_told(incident: Incident) -> None:
    incident.running.furnish(
        incident.tenant,
        {"devices": [device(EVIL, "pixel", 6, operatingSystem="Android")]},
    )
    done = incident.respond("--user", ADA)
    assert "an application may disable Windows devices only" in done.out


def test_a_device_of_unknown_age_is_left_alone_and_told(incident: Incident) -> None:
    strange = device(OLD, "attic", 0, registrationDateTime=None)
    incident.running.furnish(incident.tenant, {"devices": [strange]})
    incident.log(sign_in(ADA, later(), status={"errorCode": 50173}))
    done = incident.apply()
    assert "left alone, check by hand when it was registered" in done.out
    assert incident.device(OLD)["accountEnabled"] is True
    assert (done.code, "PENDING" in done.out) == (2, True)


# Applying


def test_steps_are_taken_in_order_and_recorded_before_and_after(incident: Incident) -> None:
    done = incident.apply()
    assert done.code == 2, done.err
    assert incident.writes() == ALL
    assert incident.device(EVIL)["accountEnabled"] is False
    assert incident.device(OLD)["accountEnabled"] is True
    assert incident.members() == [ADA]
    record = lines(incident)
    assert unanswered(record) == []
    recorded = [f"{each['method']} {each['path']}" for each in record if each["event"] == "call"]
    asked = [
        f"{each['method']} {each['path']}"
        for each in incident.running.requests(incident.tenant)
        if each["path"].startswith(("/v1.0/", "/beta/"))  # the others are for a token
    ]
    assert recorded == asked
    told = [each["step"] for each in record if each["event"] == "done"]
    assert told == ["devices", "membership", "sessions"]
    assert all(each.get("requestId") for each in record if each["event"] == "answer")


def test_a_record_is_its_owners_and_holds_no_secret(incident: Incident) -> None:
    incident.apply()
    (file,) = incident.records()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    text = file.read_text()
    assert incident.running.environment(incident.tenant)["ARM_CLIENT_SECRET"] not in text
    assert "eyJ" not in text  # how every token begins
    assert "Bearer" not in text


def test_what_is_done_is_not_done_again(incident: Incident) -> None:
    incident.apply()
    again = incident.apply()
    assert incident.writes() == ALL
    assert "revoked by an earlier run" in again.out
    # Who answers on another machine has no record, so sessions are revoked once more.
    for each in incident.records():
        each.unlink()
    incident.apply()
    assert incident.writes() == [*ALL, f"{REVOKE} 200"]


def test_an_old_session_that_goes_on_is_revoked_again(incident: Incident) -> None:
    incident.apply()
    incident.log(sign_in(ADA, later()))
    done = incident.apply()
    assert incident.writes() == [*ALL, f"{REVOKE} 200"]
    assert done.code == 1


def test_a_failed_device_stops_nothing_and_is_not_forgotten(
    incident: Incident, faults: Faults
) -> None:
    faults.add(Fault(kind="status", path=f"devices/{EVIL}", tenant=incident.tenant, status=403))
    done = incident.apply()
    assert done.code == 1
    assert [each.rpartition(" ")[0] for each in incident.writes()] == [DISABLE, JOIN, REVOKE]
    assert "FAILED: disable `DESKTOP-4711`" in done.out
    assert "NOT CONTAINED" in done.out
    faults.clear()
    assert incident.apply().code == 2
    # The device may have brought sessions back, so they are revoked once more.
    assert incident.writes()[3:] == [f"{DISABLE} 204", f"{REVOKE} 200"]


@pytest.mark.parametrize("kind", ["commit_then_status", "status"])
@pytest.mark.parametrize("path", ["revokeSignInSessions", r"members/\$ref"])
def test_a_write_is_repeated_where_an_answer_leaves_open_what_it_did(
    incident: Incident, faults: Faults, path: str, kind: Kind
) -> None:
    faults.add(Fault(kind=kind, path=path, tenant=incident.tenant, times=1))
    done = incident.apply()
    assert (done.code, "FAILED" in done.out) == (2, False)
    assert len(incident.writes()) == 4
    assert incident.members() == [ADA]
    assert incident.user(ADA)["signInSessionsValidFromDateTime"]
    assert 503 in [each.get("status") for each in lines(incident)]


def test_a_lost_answer_is_no_failure_where_it_was_done(incident: Incident, faults: Faults) -> None:
    """A cut connection is not tried again for a device, so it is looked at."""
    cut = Fault(
        kind="drop_connection", method="PATCH", tenant=incident.tenant, times=1, committed=True
    )
    faults.add(cut)
    done = incident.apply()
    assert (done.code, "FAILED" in done.out) == (2, False)
    assert unanswered(lines(incident)) == [f"PATCH /v1.0/devices/{EVIL}"]
    assert incident.device(EVIL)["accountEnabled"] is False


def test_a_busy_tenant_is_waited_for(incident: Incident, faults: Faults) -> None:
    faults.add(
        Fault(kind="throttle", path="", tenant=incident.tenant, retry_after=0, skip=14, times=4)
    )
    assert incident.apply().code == 2
    record = lines(incident)
    assert [each["status"] for each in record if each["event"] == "answer"].count(429) == 4
    assert unanswered(record) == []


def test_a_killed_run_shows_what_may_have_happened_and_is_gone_on_with(
    incident: Incident, faults: Faults
) -> None:
    slow = Fault(kind="slow", path="revokeSign", tenant=incident.tenant, seconds=3600)
    faults.add(slow)
    switch = incident.running
    with incident.begin("--user", ADA, "--apply") as run:
        until(lambda: switch.admin("GET", "faults")[0]["seen"] > 0)
        os.kill(run.pid, signal.SIGKILL)
    record = lines(incident)
    assert unanswered(record) == [f"POST /v1.0/users/{ADA}/revokeSignInSessions"]
    faults.clear()
    done = incident.respond("--user", ADA, "--apply")
    assert (done.code, "FAILED" in done.out) == (2, False)
    assert incident.writes().count(f"{DISABLE} 204") == 1
    assert incident.writes().count(f"{JOIN} 204") == 1
    assert incident.user(ADA)["signInSessionsValidFromDateTime"]


# Verifying


def test_no_sign_in_since_is_unknown_rather_than_fine(incident: Incident) -> None:
    incident.apply()
    done = incident.respond("--verify")
    assert done.code == 2
    assert "no sign-in since" in done.out


def test_a_refused_refresh_shows_that_it_worked(incident: Incident) -> None:
    incident.apply()
    incident.log(sign_in(ADA, later(), status={"errorCode": 50173}))
    done = incident.respond("--verify")
    assert done.code == 0, done.out
    assert "CONTAINED" in done.out
    assert "an old session or token, refused" in done.out
    assert "contained and verified" in done.out
    assert incident.writes() == ALL


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "succeeded in a session from before"),
        (
            {"sessionId": "new", "signInEventTypes": ["interactiveUser"]},
            "succeeded from outside the trusted locations",
        ),
    ],
)
def test_whoever_still_gets_in_is_not_contained(incident: Incident, entry: Json, said: str) -> None:
    incident.apply()
    incident.log(sign_in(ADA, later(), **entry))
    done = incident.respond("--verify", "--user", "ada@contoso.com")
    assert done.code == 1
    assert "NOT VERIFIED: somebody still gets in" in done.out
    assert said in done.out


def test_a_device_that_was_enabled_again_is_found(incident: Incident) -> None:
    incident.apply()
    incident.running.furnish(incident.tenant, {"devices": [{"id": EVIL, "accountEnabled": True}]})
    done = incident.respond("--verify")
    assert (done.code, "are disabled: NO" in done.out) == (1, True)


def test_without_the_log_nothing_is_verified(incident: Incident) -> None:
    incident.running.set_roles(
        incident.tenant,
        "Policy.Read.All", "User.Read.All", "User.RevokeSessions.All", "Device.ReadWrite.All",
        "GroupMember.ReadWrite.All", "Device.Read.All", "Application.Read.All",
    )  # fmt: skip
    refused = incident.apply()
    assert (refused.code, incident.writes()) == (5, [])
    assert "the sign-in log cannot be read" in refused.err
    done = incident.apply("--since", SINCE)
    assert done.code == 2
    assert incident.writes() == ALL
    assert "not verified: the sign-in log cannot be read" in done.out


# Refusing


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ("nobody@contoso.com", "`nobody@contoso.com`: there is no such user"),
        (GLASS, f"`{GLASS}` is an emergency access account"),
        ("glass@contoso.com", "`glass@contoso.com` is an emergency access account"),
        ("eve_fabrikam.com#EXT#@contoso.com", "is a guest"),
        (ROBOT, f"`{ROBOT}` is a service principal"),
        (ADA, f"`{ADA}` is named twice, as `ada@contoso.com` before"),
    ],
)
def test_one_refused_user_stops_all(incident: Incident, user: str, reason: str) -> None:
    done = incident.apply("--user", user, "--since", SINCE)
    assert (done.code, incident.writes()) == (5, [])
    assert reason in done.err


def test_an_emergency_group_that_shows_nobody_refuses_everybody(incident: Incident) -> None:
    group = {"id": EMERGENCY, "members": []}
    incident.running.furnish(incident.tenant, {"groups": [group]})
    done = incident.apply()
    assert (done.code, incident.writes()) == (5, [])
    assert "the members of `emergency-access` cannot be read" in done.err


def test_an_emergency_group_that_cannot_be_read_refuses_everybody(
    incident: Incident, faults: Faults
) -> None:
    path = f"{EMERGENCY}/transitiveMembers"
    faults.add(Fault(kind="status", path=path, tenant=incident.tenant, status=403))
    done = incident.apply()
    assert (done.code, incident.writes()) == (5, [])
    assert "the members of `emergency-access` cannot be read" in done.err


def test_too_many_users_are_refused_before_anything_is_asked(incident: Incident) -> None:
    file = incident.root / "users.txt"
    file.write_text("".join(f"user{n}@contoso.com\n" for n in range(21)))
    done = incident.respond("--users-from", str(file), "--apply")
    assert done.code == 5
    assert "21 users are named, and at most 20 are taken" in done.err
    assert "--at-most 21" in done.err
    assert incident.running.requests(incident.tenant) == []


def test_a_group_with_a_rule_takes_nobody(incident: Incident) -> None:
    ruled = {"id": SUSPECTED, "groupTypes": ["DynamicMembership"]}
    incident.running.furnish(incident.tenant, {"groups": [ruled]})
    done = incident.apply()
    assert (done.code, incident.writes()) == (5, [])
    assert "nobody can be added to `suspected-users`: its members are found by a rule" in done.err


def test_without_a_device_code_sign_in_it_asks_since_when(incident: Incident) -> None:
    done = incident.respond("--user", "bob@contoso.com")
    assert done.code == 5
    assert "since when `bob@contoso.com` is suspected is not known" in done.err
    assert "pass --since" in done.err
    assert incident.respond("--user", BOB, "--since", SINCE).code == 2


def test_a_file_of_findings_says_since_when(incident: Incident) -> None:
    file = incident.root / "findings.json"
    finding = {"userId": BOB, "since": at(-60), "evidence": ["sign-in 17"], "severity": "high"}
    file.write_text(json.dumps([finding]))
    done = incident.respond("--users-from", "findings.json")
    assert (done.code, "evidence: sign-in 17" in done.out) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name at least one"),
        (["--user", ADA, "--since", "yesterday"], "`yesterday` is no time"),
        (["--user", ADA, "--apply", "--verify"], "either --apply or --verify"),
    ],
)
def test_what_cannot_be_understood(incident: Incident, arguments: list[str], said: str) -> None:
    done = incident.respond(*arguments)
    assert (done.code, said in done.err) == (64, True), done.err


def test_there_is_nothing_to_verify_without_a_record(incident: Incident) -> None:
    done = incident.respond("--verify")
    assert done.code == 1
    assert "there is no record of a response in `contoso-prod`" in done.err
