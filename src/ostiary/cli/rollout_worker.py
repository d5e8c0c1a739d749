"""What each worker of `ostiary rollout` runs: one tenant after another, by lines of JSON.

In comes a job, out go lines with `say` (what it does), `wait` (what it waits for) and at the `end`
what it came to.  The process has the variables of the one tenant that it works on.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ostiary.apply import apply, listed_by, managed_by, plan, state_of, target
from ostiary.cli.preflight_told import tell_preflight
from ostiary.cli.up import only_one, tell_order
from ostiary.cli.workspace import today
from ostiary.deploy.engine import Engine, quiet_environment
from ostiary.deploy.inline import InlineStack
from ostiary.deploy.record import digest_of
from ostiary.deploy.stack import NAMED_LOCATION, POLICY, Change
from ostiary.errors import DiagnosticsError, OstiaryError, ProofError, errors_in
from ostiary.model.resolve import Resolved, resolve
from ostiary.proof.examine import examine
from ostiary.proof.findings import errors
from ostiary.report.gate import failures
from ostiary.sandbox import SandboxError
from ostiary.spec.workspace import load
from ostiary.tenant.patience import Clock
from ostiary.tenant.snapshots import Snapshots

Json = dict[str, Any]

# How long another run of the same environment may keep this one waiting.
_PATIENCE = 900.0
_KINDS = {"create": "created", "delete": "deleted"}
# What changes nothing in the tenant.
_OF_THE_STATE = {"rename", "protect", "unprotect"}


def main() -> None:
    """Do the jobs that come, until no more do."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what others print is no answer
    interrupted = False

    def interrupt(*_: object) -> None:
        nonlocal interrupted
        interrupted = True

    # The engine gets Ctrl-C too, and needs its time to record what it did.
    signal.signal(signal.SIGINT, interrupt)

    one_at_a_time = threading.Lock()

    def answer(**line: Any) -> None:
        with one_at_a_time:
            answers.write(json.dumps(line) + "\n")
            answers.flush()
        between_steps = "end" not in line and threading.current_thread() is threading.main_thread()
        if interrupted and between_steps:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory(prefix="ostiary-") as links:
        for text in sys.stdin:
            answer(end=_end(json.loads(text), Path(links), answer))


def _end(job: Json, links: Path, answer: Callable[..., None]) -> Json:
    """Do one job; gives what it came to, whatever that is."""
    os.environ.clear()
    os.environ.update(job["environ"])
    try:
        return _roll_out(job, links, answer)
    except DiagnosticsError as error:
        return _failed(str(errors_in(error.diagnostics)[0]), error)
    except (OstiaryError, SandboxError) as error:
        return _failed(str(error), error)
    except KeyboardInterrupt:
        return {"state": "interrupted", "error": "interrupted"}


def _failed(message: str, error: Exception) -> Json:
    return {
        "state": "failed",
        "error": message,
        "hint": getattr(error, "hint", None),
        "exitCode": getattr(error, "exit_code", 1),
    }


def _roll_out(job: Json, links: Path, answer: Callable[..., None]) -> Json:
    root, environment = Path(job["root"]), job["environment"]

    def say(line: str) -> None:
        answer(of=environment, say=line)

    def wait(reason: str) -> None:
        answer(of=environment, wait=reason)

    say("proving")
    resolved, proof = _proven(root, environment)
    engine = Engine(**{**job["engine"], "command": Path(job["engine"]["command"])})
    environ = quiet_environment(job["environ"])
    stack = InlineStack(
        *(engine, Path(job["project"]), environment, environ),
        resolved=resolved,
        links=links,
        wait=wait,
    )
    result = {"state": "done", "proof": proof, "digest": digest_of(resolved)}
    with target(stack, resolved, say, clock=_clock(wait)) as of:
        if job["preview"]:
            managed = managed_by(state_of(stack, resolved))
            planned = plan(of, managed, listed_by(of))
            return result | _counted(planned.changes, len(planned.found.twins), resolved)

        def another() -> None:
            wait(f"another run of `{environment}` in this folder")

        with only_one(root, environment, patience=_PATIENCE, wait=another):
            done = apply(
                of,
                snapshots=Snapshots.of(root, environment),
                tell_preflight=tell_preflight(root, say, say),
                tell_order=tell_order(resolved, say),
            )
        return result | _counted(done.changes, done.twins, resolved)


def _clock(wait: Callable[[str], None]) -> Clock:
    """Tell what the waiting is for."""

    def sleep(seconds: float) -> None:
        wait(f"Graph, which takes no request for {seconds:.0f} s")
        time.sleep(seconds)

    return Clock(sleep=sleep)


def _proven(root: Path, environment: str) -> tuple[Resolved, str]:
    """Resolve one environment and prove it; gives how many goals hold, in words."""
    workspace = load(root, [environment])
    resolved = resolve(workspace, environment, today())
    examined = examine(resolved)
    if found := errors_in(errors(workspace, examined)):
        raise DiagnosticsError(found)
    if examined.failed:
        raise ProofError(
            "not every goal is proven: " + "\n".join(failures(workspace, examined)),
            hint=f"ostiary prove {environment}",
        )
    waived = f", {len(examined.waivers)} waived" if examined.waivers else ""
    return resolved, f"{len(examined.results) - len(examined.waivers)} proven{waived}"


def _counted(changes: Sequence[Change], twins: int, resolved: Resolved) -> Json:
    """Count the objects of the tenant by what is done to them; one that is replaced is updated."""
    last = {
        (each.type, each.name): _KINDS.get(each.operation, "updated")
        for each in changes
        if each.type in {POLICY, NAMED_LOCATION} and each.operation not in _OF_THE_STATE
    }
    counts = Counter(last.values())
    every = len(resolved.policies) + len(resolved.named_locations)
    return {
        "created": counts["created"],
        "updated": counts["updated"],
        "deleted": counts["deleted"] + twins,
        "same": every - counts["created"] - counts["updated"],
    }


if __name__ == "__main__":
    main()
