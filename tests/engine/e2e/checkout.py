"""A copy of the repository's tenant half, the command run in it, and what arrived at Graph."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from ostiary.cli.up import stack_of
from ostiary.deploy.stack import Stack
from ostiary.model.graph import named_location_from_graph, policy_from_graph
from ostiary.model.policy import NamedLocation, Policy
from ostiary.model.resolve import Resolved, resolve
from ostiary.sandbox import lifecycle
from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import Running
from ostiary.spec.workspace import load
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS, Graph, connect, listed

REPOSITORY = Path(__file__).parents[3]
OSTIARY = Path(sys.executable).with_name("ostiary")
LIMIT = 120.0  # seconds for one run; it takes 3 to 10
READS = {"GET"}
Json = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Write:
    """A request that changed something, or tried to; `what` is `policies` or `namedLocations`."""

    method: str
    what: str
    name: str
    status: int
    body: Any


class Under:
    """A run that is under way, in a process group of its own."""

    def __init__(self, command: Sequence[str | Path], root: Path, environ: dict[str, str]) -> None:
        self.log = root / ".ostiary" / f"run-{time.monotonic_ns()}"
        self.log.mkdir(parents=True)
        with (self.log / "out").open("w") as out, (self.log / "err").open("w") as err:
            self.process = subprocess.Popen(
                command,
                cwd=root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                # A shell without job control has what it starts in the background ignore Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 (no threads)
            )

    def signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def end(self, limit: float = LIMIT) -> Done:
        """Wait for the end; past `limit` the whole group is killed and the test fails."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
            pytest.fail(f"no end after {limit:.0f} s:\n{self.said().text}")
        return Done(code, self.said().stdout, self.said().stderr)

    def said(self) -> Done:
        return Done(-1, (self.log / "out").read_text(), (self.log / "err").read_text())


class Checkout:
    """A folder with the tenant half, whose sandbox is its own."""

    def __init__(self, root: Path, command: Path = OSTIARY) -> None:
        self.root = root
        self.command = command
        self.under_way: list[Under] = []
        self._marks = 0

    def environ(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ARM_", "AZURE_", "PULUMI_", "PYTEST_"))
        }
        # A home of its own: what the engine remembers there is none of the user's.
        return {**kept, "PULUMI_HOME": str(self.root / ".ostiary" / "home"), **more}

    def begin(self, *arguments: str, **more: str) -> Under:
        run = Under([self.command, *arguments], self.root, self.environ(**more))
        self.under_way.append(run)
        return run

    def run(self, *arguments: str, **more: str) -> Done:
        return self.begin(*arguments, **more).end()

    def up(self, environment: str = "sandbox", *arguments: str) -> Done:
        """Deploy, and see that it succeeded."""
        done = self.run("up", environment, "--sandbox", *arguments)
        assert done.code == 0, done.text
        return done

    @property
    def home(self) -> Path:
        return self.root / ".ostiary" / "sandbox"

    @property
    def sandbox(self) -> Running:
        return lifecycle.start(self.home)

    def add(self, *faults: Fault) -> None:
        for fault in faults:
            Faults(self.sandbox).add(fault)

    def heal(self) -> None:
        Faults(self.sandbox).clear()

    def write(self, path: str, data: Json) -> None:
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def change(self, path: str, edit: Callable[[Json], Any]) -> None:
        data = yaml.safe_load((self.root / path).read_text(encoding="utf-8"))
        edit(data)
        self.write(path, data)

    def rename(self, path: str, new: str) -> None:
        (self.root / path).rename(self.root / new)

    def policy(self, name: str, **more: Any) -> Json:
        """Give the data of a small policy file, for `write`."""
        return {
            "displayName": name,
            "state": "enabled",
            "conditions": {
                "users": {"includeUsers": ["All"], "excludeGroups": ["emergency-access"]},
                "applications": {"includeApplications": ["All"]},
                "clientAppTypes": ["all"],
                **more,
            },
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        }

    def stack(self, environment: str = "sandbox") -> Stack:
        """Give the stack as `ostiary pulumi` would run it."""
        return stack_of(self.root, self.specified(environment), local=True)

    def engine(self, stack: Stack, *arguments: str) -> Done:
        """Run the engine as a user would who has never heard of `ostiary`."""
        command = [str(stack.engine.command), *arguments, "--stack", stack.name]
        environ = {
            name: value for name, value in stack.environ.items() if os.environ.get(name) != value
        }
        run = Under(command, stack.root, self.environ(**environ))
        self.under_way.append(run)
        return run.end()

    def specified(self, environment: str = "sandbox") -> Resolved:
        return resolve(load(self.root, [environment]), environment, date(2026, 11, 23))

    def graph(self, environment: str = "sandbox") -> Graph:
        running = self.sandbox
        return Graph(running, connect(running), self.specified(environment).tenant_id).sign_in()

    def held(self, what: str, environment: str = "sandbox") -> list[Json]:
        """Give what the tenant holds, as Graph shows it."""
        graph = self.graph(environment)
        with closing(graph.client):
            return listed(graph, f"{CONDITIONAL_ACCESS}/{what}")

    def ids(self, what: str = "policies", environment: str = "sandbox") -> dict[str, str]:
        """Give the ids of what the tenant holds by display name, which none has twice."""
        held = self.held(what, environment)
        names = [each["displayName"] for each in held]
        assert len(set(names)) == len(names), sorted(names)
        return {each["displayName"]: each["id"] for each in held}

    def assert_as_specified(
        self, environment: str = "sandbox", *, besides: tuple[str, ...] = ()
    ) -> None:
        """See that the tenant holds what the files say, once and nothing else, and the state too.

        `besides` are the ids of what others keep there.
        """
        resolved = self.specified(environment)
        locations = self.ids("namedLocations", environment)
        keys = {locations.get(each.display_name): each.key for each in resolved.named_locations}
        found: list[Policy | NamedLocation] = []
        for each in self.held("namedLocations", environment):
            if each["id"] not in besides:
                key = keys.get(each["id"], f"not specified: {each['displayName']}")
                found.append(named_location_from_graph(each, key))
        keys_of = {each.display_name: each.key for each in resolved.policies}
        ours = [each for each in self.held("policies", environment) if each["id"] not in besides]
        for each in ours:
            key = keys_of.get(each["displayName"], f"not specified: {each['displayName']}")
            found.append(policy_from_graph(each, key, keys))
        wanted = [*resolved.named_locations, *resolved.policies]
        for each in wanted:
            assert each in found, (each, [other for other in found if other.key == each.key])
        assert len(found) == len(wanted), sorted(each.key for each in found)
        expected = {keys_of[each["displayName"]]: each["id"] for each in ours}
        expected |= {
            keys[identity]: identity for identity in locations.values() if identity in keys
        }
        assert self.recorded(environment) == expected, (self.recorded(environment), expected)

    def recorded(self, environment: str = "sandbox") -> dict[str, str]:
        """Give the ids in the engine's state by key; nothing in it may be pending."""
        folder = self.root / ".ostiary" / "state" / ".pulumi"
        checkpoint = (folder / "stacks" / "ostiary" / f"{environment}.json").read_text()
        latest = pulumi_state(checkpoint)
        assert not latest.get("pending_operations"), latest["pending_operations"]
        assert not list((folder / "locks").rglob("*.json"))
        return {
            each["urn"].rpartition("::")[2]: each["id"].rpartition("/")[2]
            for each in latest["resources"]
            if each["type"].startswith("azuread:")
        }

    def mark(self) -> None:
        """Forget the requests so far, for `writes` and `requests`."""
        self._marks = len(self.sandbox.requests())

    def requests(self) -> list[Json]:
        """Give the requests since the mark."""
        return self.sandbox.requests()[self._marks :]

    def writes(self, environment: str = "sandbox") -> list[Write]:
        """Give the requests since the mark that write to the environment's tenant, in order."""
        tenant = self.specified(environment).tenant_id
        found = []
        names = {
            each["id"]: each["displayName"]
            for what in ("policies", "namedLocations")
            for each in [*self.held(what, environment), *self._deleted(what, environment)]
        }
        for each in self.requests():
            match = re.search(r"/(policies|namedLocations)(?:/([^/]+))?$", each["path"])
            if each["tenant"] == tenant and each["method"] not in READS and match:
                name = names.get(match[2] or "") or (each["body"] or {}).get("displayName")
                write = Write(each["method"], match[1], name, each["status"], each["body"])
                found.append(write)
        return found

    def _deleted(self, what: str, environment: str) -> list[Json]:
        graph = self.graph(environment)
        with closing(graph.client):
            found: list[Json] = graph.get(f"{CONDITIONAL_ACCESS}/deletedItems/{what}")["value"]
        return found

    def close(self) -> None:
        for run in self.under_way:
            if run.process.poll() is None:
                run.signal(signal.SIGKILL)
                run.process.wait()
        lifecycle.stop(self.home)


def add_subjects(checkout: Checkout) -> None:
    """Add two policies that the tests may change as they like, whatever the repository says."""
    subject = checkout.policy(
        "Subject",
        platforms={"includePlatforms": ["all"], "excludePlatforms": ["linux"]},
        locations={"includeLocations": ["All"], "excludeLocations": ["head-office"]},
        devices={"deviceFilter": {"mode": "exclude", "rule": "device.isCompliant -eq True"}},
    )
    frequency = {"value": 8, "type": "hours"}
    controls = {"signInFrequency": frequency, "persistentBrowser": {"mode": "never"}}
    exceptions = [
        {"of": name, "owner": "a team", "reason": "a test", "expires": "2099-12-31"}
        for name in ("linux", "head-office", "deviceFilter")
    ]
    checkout.write(
        "policies/subject.yaml",
        {
            **subject,
            "sessionControls": controls,
            "excludedBy": "any",
            "exceptions": exceptions,
        },
    )
    grant = {"operator": "OR", "authenticationStrength": "Phishing-resistant MFA"}
    checkout.write("policies/strong.yaml", {**checkout.policy("Strong"), "grantControls": grant})


def pulumi_state(checkpoint: str) -> Json:
    """Read the latest deployment in a checkpoint of the file backend."""
    latest: Json = json.loads(checkpoint)["checkpoint"]["latest"]
    return latest


def until(holds: Callable[[], Any], limit: float = LIMIT) -> None:
    """Poll a condition until it holds."""
    ends = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < ends, "the condition never held"
        time.sleep(0.02)


def copy_program(root: Path) -> None:
    """Copy the Pulumi program, to run in the interpreter of these tests."""
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(REPOSITORY / name, root)
    (root / ".venv").symlink_to(sys.prefix)


def copy_specs(root: Path) -> None:
    """Copy the policies and environments of the repository."""
    shutil.copy(REPOSITORY / "rollout.yaml", root)
    for name in ("policies", "environments"):
        shutil.copytree(REPOSITORY / name, root / name)
        # No day may end these tests, as it ends exceptions.
        for file in (root / name).rglob("*.yaml"):
            text = file.read_text(encoding="utf-8")
            file.write_text(re.sub(r"expires: \d{4}-", "expires: 2099-", text), encoding="utf-8")
