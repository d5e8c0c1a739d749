"""A Pulumi project in a folder of its own, run by the real engine against a sandbox tenant."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from ostiary.deploy.engine import find_or_install, quiet_environment
from ostiary.sandbox.lifecycle import Running
from ostiary.sandbox.plugin_launchers import write_launchers
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS, Graph, connect

Json = dict[str, Any]

PROGRAM = """
import json
from pathlib import Path

import pulumi
import pulumi_azuread as azuread

wanted = json.loads(Path("wanted.json").read_text())
made = {}


def options(timeout):
    timeouts = pulumi.CustomTimeouts(create=timeout, update=timeout, delete=timeout)
    return pulumi.ResourceOptions(custom_timeouts=timeouts if timeout else None)


def locations(block):
    return {
        name: [made[each].object_id if each in made else each for each in entries]
        for name, entries in block.items()
    }


for name, args in wanted["locations"].items():
    timeout = args.pop("timeout", None)
    made[name] = azuread.NamedLocation(name, **args, opts=options(timeout))
for name, args in wanted["policies"].items():
    timeout = args.pop("timeout", None)
    conditions = args["conditions"]
    if "locations" in conditions:
        conditions["locations"] = locations(conditions["locations"])
    made[name] = azuread.ConditionalAccessPolicy(name, **args, opts=options(timeout))
"""


def ip_location(name: str = "Head office", **changes: Any) -> Json:
    office = {"ip_ranges": ["203.0.113.0/24"], "trusted": True}
    return {"display_name": name, "ip": office} | changes


def country_location(name: str = "Nordics") -> Json:
    return {"display_name": name, "country": {"countries_and_regions": ["NO", "SE"]}}


def policy(name: str, conditions: Json | None = None, **changes: Any) -> Json:
    return {
        "display_name": name,
        "state": "enabled",
        "conditions": {
            "client_app_types": ["all"],
            "applications": {"included_applications": ["All"]},
            "users": {"included_users": ["All"]},
        }
        | (conditions or {}),
        "grant_controls": {"operator": "OR", "built_in_controls": ["block"]},
    } | changes


@dataclass
class Stack:
    """One stack `dev` of one project, in a tenant of its own."""

    folder: Path
    sandbox: Running
    variables: dict[str, str] = field(default_factory=dict)
    program: str = PROGRAM
    runtime: str = "runtime: python"
    tenant: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir()
        (self.folder / "Pulumi.yaml").write_text(f"name: project\n{self.runtime}\n")
        (self.folder / "__main__.py").write_text(self.program)
        write_launchers(self.folder / "bin")
        self.engine = str(find_or_install(print).command)
        self.want()
        self("stack", "init", "dev")

    def environment(self) -> dict[str, str]:
        kept = ("PULUMI_", "ARM_", "OSTIARY_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(kept)}
        environment |= self.sandbox.environment(self.tenant)
        environment["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{environment['PATH']}"
        return self.variables | quiet_environment(
            environment | self.variables,
            backend_url=f"file://{self.folder / 'state'}",
            home=self.folder / "home",
            passphrase="of this test",
        )

    def want(self, *, locations: Json | None = None, policies: Json | None = None) -> None:
        """Declare exactly these, by logical name."""
        wanted = {"locations": locations or {}, "policies": policies or {}}
        (self.folder / "wanted.json").write_text(json.dumps(wanted))

    def __call__(self, *arguments: str, fails: bool = False) -> str:
        """Run the engine to its end; gives what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        return [self.engine, *arguments, "--non-interactive"]

    def up(self, *arguments: str, fails: bool = False) -> str:
        return self("up", "--yes", "--skip-preview", "--stack", "dev", *arguments, fails=fails)

    def preview(self, *arguments: str, fails: bool = False) -> str:
        return self("preview", "--stack", "dev", *arguments, fails=fails)

    def destroy(self) -> str:
        return self("destroy", "--yes", "--skip-preview", "--stack", "dev")

    def resources(self) -> dict[str, Json]:
        """Give what the state records, by logical name, without the stack and the providers."""
        exported = json.loads(self("stack", "export", "--stack", "dev"))
        found = exported["deployment"].get("resources", [])
        return {
            each["urn"].rpartition("::")[2]: each
            for each in found
            if each["type"].startswith("azuread:")
        }

    def requests(self) -> list[str]:
        """Give what the tenant was asked about Conditional Access, as `METHOD collection[/id]`."""
        return [f"{each['method']} {self.short(each['path'])}" for each in self._asked()]

    def bodies(self, method: str) -> list[Json]:
        return [each["body"] for each in self._asked() if each["method"] == method]

    def _asked(self) -> list[Json]:
        asked = self.sandbox.requests(self.tenant)
        return [each for each in asked if each["path"].startswith(CONDITIONAL_ACCESS)]

    @contextmanager
    def tenant_graph(self) -> Iterator[Graph]:
        """Give a client of the tenant that is not the plugin; its requests are logged too."""
        with connect(self.sandbox) as client:
            yield Graph(self.sandbox, client, self.tenant).sign_in()

    def names(self, collection: str) -> list[str]:
        """Give the display names the tenant holds."""
        with self.tenant_graph() as graph:
            found = graph.get(f"{CONDITIONAL_ACCESS}/{collection}")["value"]
        return sorted(each["displayName"] for each in found)

    @staticmethod
    def short(path: str) -> str:
        collection, slash, _ = path.removeprefix(f"{CONDITIONAL_ACCESS}/").partition("/")
        return f"{collection}/id" if slash else collection
