"""One Pulumi stack: the engine's own commands, with what they did read from its event log."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ostiary.deploy import IMPORTS, ORDER
from ostiary.deploy.engine import Engine
from ostiary.errors import EngineError

# Graph takes one request a second for these resources, and a create that waits makes seven in
# twenty seconds: two at a time stay under the limit.
PARALLEL = 2

POLICY = "azuread:index/conditionalAccessPolicy:ConditionalAccessPolicy"
PROVIDER = "pulumi:providers:azuread"
NAMED_LOCATION = "azuread:index/namedLocation:NamedLocation"

_STACK = "pulumi:pulumi:Stack"
_NO_CHANGE = {"same", "read", "refresh"}

Imports = Mapping[str, Mapping[str, str]]
Order = Sequence[tuple[tuple[str, str], tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Change:
    """What a run does to one resource.

    `operation` is the engine's word, as `create`; or `rename`, `protect` or `unprotect`, which
    change what the engine records and nothing in the tenant.
    """

    operation: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack named after its environment, run in the folder of its Pulumi.yaml, `root`.

    `output` is where the engine tells its progress, a file descriptor; by default where ostiary
    prints its results.
    """

    engine: Engine
    root: Path
    name: str
    environ: Mapping[str, str] = field(repr=False)
    output: int | None = None

    def select(self) -> None:
        """Make the stack if there is none; raises EngineError with what the engine said."""
        self._quietly("stack", "select", "--create", "--stack", self.name)

    def preview(self, imports: Imports | None = None) -> list[Change]:
        """Show what an update would do, on the user's terminal, and give it."""
        return self._watched(["preview"], imports)

    def up(self, imports: Imports | None = None, order: Order = ()) -> list[Change]:
        """Apply, showing the engine's progress; gives what was done.

        The first of each pair of `order`, each (kind, key), changes before the second.
        """
        return self._watched(["up", "--yes", "--skip-preview"], imports, order)

    def take_over(self, file: Path, provider: str) -> None:
        """Record what an import file names, as it stands in the tenant, which is not written to.

        Unlike a program's own import this takes what differs from the program, for `preview` to
        show.  The file's `provider`, named as the engine does, must be in the state before.
        """
        shown = ["--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink=true"]
        once = ["--generate-code=false", "--protect=false", "--parallel", str(PARALLEL)]
        for command in (
            ["up", "--target", provider, *shown],
            ["import", "--file", str(file), *once, *shown],
        ):
            if self.run([*command, "--non-interactive"]) != 0:
                raise EngineError(f"pulumi {command[0]} of `{self.name}` did not succeed")

    def record(self, but: Iterable[Change]) -> list[Change]:
        """Record what the program says of resources beside their inputs; gives what was done.

        That is what replaces them and what protects them.  `but` are left as they are, so nothing
        is done in the tenant as long as `but` is all that a preview shows.
        """
        name = project(self.root)["name"]
        excluded = [("--exclude", urn(name, self.name, each.type, each.name)) for each in but]
        options = [part for pair in excluded for part in pair]
        return self._watched(["up", "--yes", "--skip-preview", *options], None)

    def state(self) -> dict[str, Any]:
        """Give the stack's state as the engine exports it, secrets encrypted."""
        state: dict[str, Any] = json.loads(self._quietly("stack", "export", "--stack", self.name))
        return state

    def replace_ids(self, ids: Mapping[str, str]) -> None:
        """Record that objects have other ids now, as what is gone and made anew has.

        The next refresh reads them by these.  Every GUID stands for one object, wherever it stands.
        """
        text = self._quietly("stack", "export", "--stack", self.name)
        for old, new in ids.items():
            text = text.replace(old, new)
        with tempfile.TemporaryDirectory(prefix="ostiary-") as folder:
            file = Path(folder) / "state.json"
            file.write_text(text, encoding="utf-8")
            self._quietly("stack", "import", "--file", str(file), "--stack", self.name)

    def run(
        self, arguments: Sequence[str], order: Order = (), imports: Imports | None = None
    ) -> int:
        """Run any command of the engine's on the user's terminal; gives its exit code."""
        command = [str(self.engine.command), *arguments, "--stack", self.name]
        environ = {**self.environ, ORDER: json.dumps(order)}
        if imports and any(imports.values()):
            environ[IMPORTS] = json.dumps(imports)
        return self._attended(command, environ)

    def unanswered(self) -> list[dict[str, Any]]:
        """Give the creates that runs on this machine saw begin and not end: URN, type, inputs.

        Of a run that is interrupted the engine counts the create under way as failed and records
        nothing, whatever the tenant does with the request.
        """
        if not self._unanswered.exists():
            return []
        found: list[dict[str, Any]] = json.loads(self._unanswered.read_text(encoding="utf-8"))
        return found

    def forget(self) -> None:
        """Forget creates that were not answered; what they made has been dealt with."""
        self.refresh(forget=True)
        self._unanswered.unlink(missing_ok=True)

    @property
    def _unanswered(self) -> Path:
        return self.root / ".ostiary" / f"{self.name}.unanswered.json"

    def _remember(self, creates: list[dict[str, Any]]) -> None:
        if creates:
            self._unanswered.parent.mkdir(parents=True, exist_ok=True)
            every = json.dumps([*self.unanswered(), *creates])
            whole = self._unanswered.with_suffix(".new")
            whole.write_text(every, encoding="utf-8")
            whole.replace(self._unanswered)

    def release(self) -> None:
        """Take away the lock that a run left which was ended before it could."""
        self._quietly("cancel", "--yes", "--stack", self.name)

    def refresh(self, *, forget: bool = False) -> None:
        """Record what the tenant holds of what the state knows, and nothing else of it.

        With `forget` creates of which a run that was ended recorded the beginning only are
        forgotten; else the engine carries them along for ever
        (https://www.pulumi.com/docs/support/troubleshooting/common-issues/interrupted-updates/).
        """
        creates = "--clear-pending-creates" if forget else "--skip-pending-creates"
        arguments = ["--yes", "--skip-preview", creates]
        self._quietly("refresh", *arguments, "--parallel", str(PARALLEL), "--stack", self.name)

    def _quietly(self, *arguments: str) -> str:
        run = subprocess.run(  # noqa: S603 (the engine that was chosen, with our own arguments)
            [str(self.engine.command), *arguments, "--non-interactive"],
            cwd=self.root,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            raise EngineError(_told(run.stderr) or f"pulumi {arguments[0]} failed")
        return run.stdout

    def _watched(
        self, command: Sequence[str], imports: Imports | None, order: Order = ()
    ) -> list[Change]:
        with tempfile.TemporaryDirectory(prefix="ostiary-") as folder:
            events = Path(folder) / "events.json"
            arguments = [
                *(str(self.engine.command), *command, "--stack", self.name, "--non-interactive"),
                *("--refresh", "--suppress-outputs", "--suppress-permalink=true"),
                *("--parallel", str(PARALLEL), "--event-log", str(events)),
            ]
            # The engine offers its event log only to those who ask for its debugging commands.
            environ = {**self.environ, "PULUMI_DEBUG_COMMANDS": "true"}
            environ[IMPORTS], environ[ORDER] = json.dumps(imports or {}), json.dumps(order)
            succeeded = False
            try:
                succeeded = self._attended(arguments, environ, stdin=subprocess.DEVNULL) == 0
            finally:
                if not succeeded and command[0] == "up":
                    self._remember(_creates_begun(events))
            if not succeeded:
                raise EngineError(f"pulumi {command[0]} of `{self.name}` did not succeed")
            return list(_changes(events))

    def _attended(
        self, command: Sequence[str], environ: Mapping[str, str], stdin: int | None = None
    ) -> int:
        """Run a command on the user's terminal to its own end; gives its exit code.

        Ctrl-C reaches it too, and it needs the time to record what it has done and to give its lock
        back: only then is KeyboardInterrupt raised here.
        """
        interrupted = False
        with subprocess.Popen(  # noqa: S603 (the engine that was chosen)
            command, cwd=self.root, env=dict(environ), stdin=stdin, stdout=self.output
        ) as process:
            while process.returncode is None:
                try:
                    process.wait()
                except KeyboardInterrupt:
                    interrupted = True
        if interrupted:
            raise KeyboardInterrupt
        return process.returncode


def urn(project_name: str, stack: str, kind: str, name: str) -> str:
    """Give the engine's name of a resource."""
    return f"urn:pulumi:{stack}::{project_name}::{kind}::{name}"


def project(root: Path) -> dict[str, Any]:
    """Give what Pulumi.yaml says; raises EngineError when it does not describe a project."""
    try:
        told: dict[str, Any] = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
        return {**told, "name": str(told["name"]), "runtime": told["runtime"]}
    except (yaml.YAMLError, TypeError, KeyError):
        raise EngineError("Pulumi.yaml does not describe a Pulumi project") from None


def project_apart(root: Path, folder: Path) -> None:
    """Write a Pulumi.yaml into `folder` that runs the program of the project in `root`.

    The engine keeps a stack's settings beside Pulumi.yaml, and with them the way its secrets are
    encrypted: those of a sandbox's stack and those of the real one of the same name exclude each
    other.  Raises EngineError when the project cannot be read.
    """
    told = project(root)
    runtime = told["runtime"]
    options = runtime.get("options", {}) if isinstance(runtime, dict) else {}
    if "virtualenv" in options:
        options["virtualenv"] = str(root / options["virtualenv"])
    told["main"] = str(root / told.get("main", ""))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")


def stale_lock(stack: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a local file backend holds a lock of a process that is no more.

    Only a lock taken on this machine can be judged; of any other the answer is no.
    """
    return bool(_locks(stack, environ)) and lock_holder(stack, environ) is None


def lock_holder(stack: str, environ: Mapping[str, str]) -> str | None:
    """Say in words who holds the lock of a stack in a local file backend; None for nobody alive.

    Of any other backend nothing is known: there the engine itself refuses.
    """
    for lock in _locks(stack, environ):
        if lock.get("hostname") != os.uname().nodename or _alive(int(lock["pid"])):
            return f"process {lock['pid']} on {lock.get('hostname')}"
    return None


def _locks(stack: str, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    backend = environ.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith("file://"):
        return []
    folder = Path(backend.removeprefix("file://")).expanduser() / ".pulumi" / "locks"
    return [json.loads(file.read_text()) for file in folder.glob(f"**/{stack}/*.json")]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # In a container nobody may be there to bury an orphan: a dead process, with its number.
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self").exists()
    return status.rpartition(")")[2].split()[0] != "Z"


def _events(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _changes(events: Path) -> Iterator[Change]:
    for event in _events(events):
        step = event.get("resourcePreEvent", {}).get("metadata")
        if step and (change := change_of(step)):
            yield change


def _creates_begun(events: Path) -> list[dict[str, Any]]:
    begun: dict[str, dict[str, Any]] = {}
    # An engine that was killed may have written no log, or one that ends in the middle of a line.
    with suppress(FileNotFoundError, ValueError):
        for event in _events(events):
            step = event.get("resourcePreEvent", {}).get("metadata")
            if step and (create := create_of(step)):
                begun[create["urn"]] = create
            if ended := event.get("resOutputsEvent", {}).get("metadata"):
                begun.pop(ended["urn"], None)
    return list(begun.values())


def create_of(step: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the URN, type and inputs of what a step of the engine's creates in the tenant.

    Beside what `change_of` needs, `new` has `inputs`.
    """
    if step["type"] not in {POLICY, NAMED_LOCATION} or not step["op"].startswith("create"):
        return None
    return {"urn": step["urn"], "type": step["type"], "inputs": step["new"]["inputs"]}


def change_of(step: Mapping[str, Any]) -> Change | None:
    """Give what a step of the engine's changes; None where it changes nothing.

    `step` has `op`, `type` and `urn`, and of `old` and `new` at least `urn` and `protect`.
    """
    if step["type"] == _STACK:
        return None
    operation = _of_the_state(step) if step["op"] == "same" else step["op"]
    if operation in _NO_CHANGE:
        return None
    return Change(operation, step["type"], step["urn"].rpartition("::")[2])


def _of_the_state(step: Mapping[str, Any]) -> str:
    """Name what changes of a resource whose object stays the same; the engine calls it `same`."""
    old, new = step.get("old") or {}, step.get("new") or {}
    if old.get("urn") != new.get("urn"):
        return "rename"
    if old.get("protect") != new.get("protect"):
        return "protect" if new.get("protect") else "unprotect"
    return "same"


def _told(text: str) -> str:
    """Keep what the engine said of the error, without its `error: `."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(line.removeprefix("error: ") for line in lines)
