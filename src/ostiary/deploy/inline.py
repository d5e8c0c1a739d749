"""One Pulumi stack whose program runs in this process, through Pulumi's Automation API.

The SDK gives the engine the variables of this process and can only add to them: os.environ must
hold what leads to this tenant, and nothing that leads to another.  It takes one run at a time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from ostiary.deploy.resources import declare
from ostiary.deploy.stack import PARALLEL, Change, Imports, Order, Stack, change_of, create_of
from ostiary.errors import EngineError
from ostiary.model.resolve import Resolved

# Another machine may hold the lock of the state for as long as its run takes.
_PATIENCE, _BETWEEN = 900.0, 5.0
_MARKUP = re.compile(r"<\{%.*?%\}>")

Wait = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineStack(Stack):
    """An environment's stack, applied without a Python process for its program.

    `links` is an empty folder for a link to the engine, which the SDK looks for by its name.
    `wait` is told what the engine waits for, each time that this changes.
    """

    resolved: Resolved
    links: Path
    wait: Wait

    def preview(self, imports: Imports | None = None) -> list[Change]:
        """Give what an update would do."""
        self.wait("Graph, to read what there is")
        return self._run("preview", imports or {}, ())

    def up(self, imports: Imports | None = None, order: Order = ()) -> list[Change]:
        """Apply; gives what was done."""
        return self._run("up", imports or {}, order)

    def _run(self, command: str, imports: Imports, order: Order) -> list[Change]:
        ends = time.monotonic() + _PATIENCE
        while True:
            seen = _Seen(self.wait if command == "up" else lambda _: None)
            try:
                with _told(seen, f"pulumi {command} of `{self.name}` did not succeed"):
                    try:
                        self._once(command, lambda: declare(self.resolved, imports, order), seen)
                    finally:
                        if command == "up":
                            self._remember([*seen.creating.values()])
            except ConcurrentUpdateError:
                if time.monotonic() > ends:
                    raise EngineError(
                        f"another run holds the lock of `{self.name}`",
                        hint=f"once nothing runs any more: pulumi cancel --stack {self.name}",
                    ) from None
                self.wait("another run, which holds the lock of the state")
                time.sleep(_BETWEEN)
            else:
                return seen.changes

    def _once(self, command: str, program: Callable[[], None], seen: _Seen) -> None:
        workspace = _Workspace(
            work_dir=str(self.root), pulumi_command=_command(self.engine.command, self.links)
        )
        stack = automation.Stack.select(self.name, workspace)
        run = stack.up if command == "up" else stack.preview
        run(
            program=program,
            parallel=PARALLEL,
            refresh=True,
            suppress_outputs=True,
            color="never",
            on_event=seen,
        )


@cache
def _command(engine: Path, links: Path) -> automation.PulumiCommand:
    command = links / "bin" / "pulumi"
    command.parent.mkdir()
    command.symlink_to(engine.resolve())
    return automation.PulumiCommand(root=str(links))


class _Workspace(automation.LocalWorkspace):
    """Leaves out what the SDK asks around each run: three more starts of the engine."""

    def select_stack(self, stack_name: str) -> None:
        """Find the stack made: `Stack.select` comes before everything."""

    def stack_outputs(self, stack_name: str) -> automation.OutputMap:  # noqa: ARG002 (the SDK's)
        return {}


class _Seen:
    """What the engine's events told: changes, errors, and what is under way."""

    def __init__(self, wait: Wait) -> None:
        self.changes: list[Change] = []
        self.errors: list[str] = []
        self.creating: dict[str, dict[str, Any]] = {}  # begun and not ended, by URN
        self._wait = wait
        self._under_way: dict[str, str] = {}

    def __call__(self, event: automation.EngineEvent) -> None:
        if (before := event.resource_pre_event) is not None:
            step = _step(before.metadata)
            if create := create_of(step):
                self.creating[before.metadata.urn] = create
            change = change_of(step)
            if change is not None:
                self.changes.append(change)
                self._under_way[before.metadata.urn] = f"to {change.operation} `{change.name}`"
                self._tell()
        elif (after := event.res_outputs_event) is not None:
            self.creating.pop(after.metadata.urn, None)
            if self._under_way.pop(after.metadata.urn, None):
                self._tell()
        elif (said := event.diagnostic_event) is not None and said.severity == "error":
            self.errors.append(_MARKUP.sub("", said.message).strip())

    def _tell(self) -> None:
        if self._under_way:
            self._wait(f"Entra, {' and '.join(self._under_way.values())}")


def _step(of: automation.StepEventMetadata) -> dict[str, Any]:
    def state(each: automation.StepEventStateMetadata | None) -> dict[str, Any] | None:
        if not each:
            return None
        return {"urn": each.urn, "protect": each.protect, "inputs": each.inputs}

    return {
        "op": of.op.value,
        "type": of.type,
        "urn": of.urn,
        "old": state(of.old),
        "new": state(of.new),
    }


@contextmanager
def _told(seen: _Seen, otherwise: str) -> Iterator[None]:
    """Tell a failure in the engine's own words; a lock that is held passes as it is."""
    try:
        yield
    except ConcurrentUpdateError:
        raise
    except CommandError:
        raise EngineError("\n".join(dict.fromkeys(seen.errors)) or otherwise) from None
