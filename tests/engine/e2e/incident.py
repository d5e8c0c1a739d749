"""A tenant in the sandbox whose user Ada gave a device code away, and the command to contain it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ostiary.cli.main import main
from ostiary.model.graph import named_location_to_graph, policy_to_graph
from ostiary.model.resolve import resolve
from ostiary.sandbox.lifecycle import Running
from ostiary.spec.workspace import load
from tests.engine.shipped import TODAY, edit

Json = dict[str, Any]

PROD = "c0a80101-0000-4000-8000-000000000a01"
EMERGENCY, SUSPECTED, TEAMS = (f"c0a80101-0000-4000-8000-000000000ae{n}" for n in (1, 2, 3))
ADA, BOB, CLARA, GLASS, GUEST = (f"{n}0000000-0000-4000-8000-0000000000aa" for n in "abcde")
OLD, EVIL, NESTED, ROBOT = (f"{n}0000000-0000-4000-8000-0000000000dd" for n in "1234")
OFFICE, ABROAD = "203.0.113.7", "198.51.100.7"
LIES = datetime.now(UTC) - timedelta(hours=5)  # when Ada typed the code


def at(minutes: float) -> str:
    """A time so many minutes after the device code sign-in."""
    return (LIES + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sign_in(user: str, when: str, **more: Any) -> Json:
    """An entry of the log: by default one that succeeds with a token, from abroad."""
    return {
        "id": str(uuid4()),
        "userId": user,
        "createdDateTime": when,
        "ipAddress": ABROAD,
        "appDisplayName": "Microsoft Office",
        "signInEventTypes": ["nonInteractiveUser"],
        "isInteractive": False,
        "status": {"errorCode": 0},
        "sessionId": "stolen",
        "authenticationProtocol": "none",
        "originalTransferMethod": "none",
        **more,
    }


@dataclass
class Done:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.out)
        return found


@dataclass
class Incident:
    """One tenant and one repository of its own."""

    running: Running
    root: Path
    tenant: str = field(default_factory=lambda: str(uuid4()))

    deployed: bool = True

    def __post_init__(self) -> None:
        edit(self.root / "environments/contoso-prod.yaml", PROD, self.tenant)
        if self.deployed:
            self.deploy()
        self.running.furnish(self.tenant, self.directory())

    def deploy(self) -> None:
        resolved = resolve(load(self.root, ["contoso-prod"]), "contoso-prod", TODAY)
        ids: dict[str, str] = {}
        for each in resolved.named_locations:
            body = named_location_to_graph(each)
            ids[each.key] = self.running.put(self.tenant, "namedLocations", body)["id"]
        for policy in resolved.policies:
            self.running.put(self.tenant, "policies", policy_to_graph(policy, ids))

    def directory(self) -> Json:
        names = {ADA: "ada", BOB: "bob", CLARA: "clara", GLASS: "glass"}
        users = [
            {"id": key, "displayName": name, "userPrincipalName": f"{name}@contoso.com"}
            for key, name in names.items()
        ]
        guest = {"id": GUEST, "userPrincipalName": "eve_fabrikam.com#EXT#@contoso.com"}
        return {
            "licences": ["AAD_PREMIUM_P2"],
            "users": [*users, {**guest, "displayName": "Eve", "userType": "Guest"}],
            "groups": [
                {"id": EMERGENCY, "displayName": "emergency-access", "members": [NESTED]},
                {"id": NESTED, "displayName": "break glass", "members": [GLASS]},
                {"id": SUSPECTED, "displayName": "suspected-users", "members": []},
                {"id": TEAMS, "displayName": "teams-rooms", "members": []},
            ],
            "devices": [
                device(OLD, "ada's laptop", -90 * 24 * 60),
                device(EVIL, "DESKTOP-4711", 6),
            ],
            "servicePrincipals": [{"id": ROBOT, "appId": ROBOT, "displayName": "robot"}],
            "signIns": [
                sign_in(ADA, at(-600), ipAddress=OFFICE, sessionId="own"),
                sign_in(ADA, at(-30), authenticationProtocol="deviceCode", ipAddress=OFFICE),
                sign_in(ADA, at(0), originalTransferMethod="deviceCodeFlow"),
                sign_in(ADA, at(20), originalTransferMethod="deviceCodeFlow"),
            ],
        }

    def log(self, *entries: Json) -> None:
        self.running.furnish(self.tenant, {"signIns": list(entries)})

    def user(self, user_id: str) -> Json:
        return self._of("users", user_id)

    def device(self, device_id: str) -> Json:
        return self._of("devices", device_id)

    def members(self) -> list[str]:
        found: list[str] = self._of("groups", SUSPECTED)["members"]
        return found

    def _of(self, kind: str, key: str) -> Json:
        every = self.running.directory(self.tenant)[kind]
        found: Json = next(each for each in every if each["id"] == key)
        return found

    def writes(self) -> list[str]:
        """What changed something in the tenant, and how it was answered."""
        return [
            f"{each['method']} {each['path'].rpartition('v1.0/')[2]} {each['status']}"
            for each in self.running.requests(self.tenant)
            if each["method"] != "GET" and not each["path"].endswith(("/token", "/getByIds"))
        ]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `ostiary respond` in a process of its own."""
        return subprocess.Popen(
            [Path(sys.executable).with_name("ostiary"), "respond", "contoso-prod", *arguments],
            cwd=self.root,
            env={**os.environ, **self.running.environment(self.tenant)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def respond(self, *arguments: str) -> Done:
        """Run it in this process, which takes a tenth of the time."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.root)
            patch.setattr(sys, "argv", ["ostiary", "respond", "contoso-prod", *arguments])
            for name, value in self.running.environment(self.tenant).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def apply(self, *more: str) -> Done:
        return self.respond("--user", "ada@contoso.com", "--apply", *more)

    def records(self) -> list[Path]:
        return sorted((self.root / ".ostiary/responses/contoso-prod").glob("*.jsonl"))


def device(key: str, name: str, minutes: float, *, user: str = ADA, **more: Any) -> Json:
    """A device registered so many minutes after the device code sign-in."""
    return {
        "id": key,
        "displayName": name,
        "operatingSystem": "Windows",
        "registrationDateTime": at(minutes),
        "registeredUsers": [user],
        "registeredOwners": [user],
        **more,
    }
