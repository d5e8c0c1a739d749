"""Edits, work by hand, faults and kills in any order, and an `up` that must end as specified.

`pytest -m e2e` draws a few histories, always the same; HISTORIES=n draws n.  Each ends with what
holds after every history: the tenant means what the files say, nothing is there twice, nothing of
others was touched, and a second `up` has nothing to do.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ostiary.proof.compare import compare
from ostiary.proof.examine import policy_set_of
from ostiary.sandbox.faults import Fault
from ostiary.tenant.held import held
from ostiary.tenant.orphans import Managed
from tests.engine import strategies
from tests.engine.e2e.checkout import Checkout, Done, Json, copy_program, until
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS, block, office

pytestmark = pytest.mark.e2e

HISTORIES = int(os.environ.get("HISTORIES", "6"))
STEPS = 7
HERE = "here"
TENANT = "22222222-0000-4000-8000-000000000000"
FOR_EVER = 3600.0
WRITES = ("POST", "PATCH", "DELETE")
# How an `up` may end; the last that it must not be interrupted in.
FAILED, REFUSED = 1, 5

FAULTS = [
    Fault(kind="throttle", method="POST", path="conditionalAccess", times=2, retry_after=1),
    Fault(kind="throttle", method="GET", path="/policies/", skip=4, times=3),
    Fault(kind="commit_then_status", method="POST", path="/policies$", times=2),
    Fault(kind="commit_then_status", method="POST", path="/namedLocations$", times=1),
    Fault(kind="commit_then_status", method="PATCH", path="/policies/", times=1),
    Fault(kind="commit_then_status", method="DELETE", path="/policies/", times=1),
    Fault(kind="drop_connection", method="POST", path="/policies$", times=1, committed=True),
    Fault(kind="drop_connection", method="PATCH", path="conditionalAccess", times=1),
    Fault(kind="not_found_after_create", path="/policies$", reads=3),
    Fault(kind="not_found_after_create", path="/namedLocations$", reads=2),
    Fault(kind="stale_reads", path="conditionalAccess", reads=4),
    Fault(kind="location_too_new", times=1),
]


class History(RuleBasedStateMachine):
    """One history: a checkout, its tenant, and what others keep there."""

    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="ostiary-history-")
        self.checkout = Checkout(Path(self.folder.name) / "checkout")
        self.foreign: dict[str, Json] = {}
        self.number = 100  # those drawn at the beginning have lower ones

    @initialize(files=strategies.workspaces(TENANT, 2))
    def begin(self, files: dict[str, strategies.Data]) -> None:
        self.checkout.root.mkdir()
        copy_program(self.checkout.root)
        for path, data in files.items():
            self.checkout.write(path, data)
        self.happened["histories"] += 1
        self._ended(self._up(), "ups")

    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        self._edit(data)

    def _edit(self, data: st.DataObject) -> None:
        """Change the files in one way."""
        self.number += 1
        new = f"policies/generated-{self.number}-again.yaml"
        drawn = data.draw(strategies.policies(self.number))
        path = data.draw(st.sampled_from(self._policies()))
        match data.draw(st.sampled_from(["add", "rewrite", "switch", "rename", "remove", "move"])):
            case "rewrite":
                self.checkout.write(path, drawn)
            case "switch":
                state = "disabled" if drawn["state"] == "enabled" else "enabled"
                self.checkout.change(path, lambda policy: policy.update(state=state))
            case "rename":
                former = Path(path).stem
                self.checkout.rename(path, new)
                self.checkout.change(
                    new, lambda policy: policy.setdefault("renamedFrom", []).append(former)
                )
            case "remove" if len(self._policies()) > 1:
                (self.checkout.root / path).unlink()
            case "move":
                key = data.draw(st.sampled_from(strategies.IP_LOCATIONS))
                ranges = data.draw(strategies.some(strategies.RANGES, 1))
                self.checkout.change(
                    f"environments/{HERE}.yaml",
                    lambda of: of["namedLocations"].update({key: {"ipRanges": ranges}}),
                )
            case _:
                self.checkout.write(new, drawn)
        self.happened["edits"] += 1

    @rule(data=st.data(), what=st.sampled_from(["policies", "namedLocations"]))
    def somebody_changes(self, data: st.DataObject, what: str) -> None:
        """Change or delete by hand what the stack made."""
        ours = [each for each in self.checkout.held(what, HERE) if each["id"] not in self.foreign]
        if not ours:
            return
        one = data.draw(st.sampled_from(ours))
        url = f"{CONDITIONAL_ACCESS}/{what}/{one['id']}"
        changes = {"displayName": f"{one['displayName']} by hand"}
        if what == "policies":
            changes["state"] = "disabled"
        else:
            changes["@odata.type"] = one["@odata.type"]
        graph = self.checkout.graph(HERE)
        with closing(graph.client):
            if data.draw(st.booleans()):
                answer = graph.ask("PATCH", url, changes)
            else:
                answer = graph.ask("DELETE", url)  # refused where a policy names the location
        self.happened["by hand, done" if answer.is_success else "by hand, refused"] += 1

    @rule(location=st.booleans())
    def somebody_adds(self, location: bool) -> None:  # noqa: FBT001 (a drawn value)
        self.number += 1
        name = f"Foreign {self.number}"
        graph = self.checkout.graph(HERE)
        what = "namedLocations" if location else "policies"
        # One in force would block emergency access, and rightly end every later `up`.
        policy = block(name) | {"state": "disabled"}
        with closing(graph.client):
            identity = graph.create(
                f"{CONDITIONAL_ACCESS}/{what}", office(name=name) if location else policy
            )
            self.foreign[identity] = graph.get(f"{CONDITIONAL_ACCESS}/{what}/{identity}")
        self.happened["by others"] += 1

    @rule(data=st.data(), faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3))
    def up_through_faults(self, data: st.DataObject, faults: list[Fault]) -> None:
        self._edit(data)
        self.checkout.add(*faults)
        self._ended(self._up(), "ups through faults")
        self.checkout.heal()

    @rule()
    def up(self) -> None:
        self._ended(self._up(), "ups")

    @rule(
        data=st.data(),
        held=st.sampled_from(
            [("GET", 2), ("GET", 15), ("GET", 25), *((each, 0) for each in WRITES)]
        ),
        victim=st.sampled_from(["kill -9", "the death of the sandbox", "Ctrl-C"]),
    )
    def up_that_is_ended(self, data: st.DataObject, held: tuple[str, int], victim: str) -> None:
        """Hold an `up` in the middle of a request, and end it, or the tenant's server, there."""
        self._edit(data)
        method, skip = held
        # Ctrl-C lets the request under way end; the others never learn its answer.
        seconds = 1.0 if victim == "Ctrl-C" else FOR_EVER
        path = "/conditionalAccess/(policies|namedLocations)"
        self.checkout.add(
            Fault(kind="slow", method=method, path=path, skip=skip, times=1, seconds=seconds)
        )
        run = self.checkout.begin("up", HERE, "--sandbox")
        until(lambda: self._seen() > skip or run.process.poll() is not None)
        if run.process.poll() is not None:
            victim = "its own end"
        elif victim == "the death of the sandbox":
            os.kill(self.checkout.sandbox.pid, signal.SIGKILL)
            self.checkout.sandbox  # noqa: B018 (starts it again, on the same port)
        else:
            run.signal(signal.SIGKILL if victim == "kill -9" else signal.SIGINT)
        ended = run.end()
        assert "Traceback" not in ended.text, ended.text
        self.happened[f"ups ended by {victim}"] += 1
        self.checkout.heal()

    def teardown(self) -> None:
        """See that the next `up` ends as specified, whatever happened."""
        try:
            if self.checkout.root.exists():
                self._converges()
        finally:
            self.checkout.close()
            self.folder.cleanup()

    def _converges(self) -> None:
        self.checkout.heal()
        done = self._up()
        assert done.code == 0, done.text
        self.checkout.assert_as_specified(HERE, besides=tuple(self.foreign))
        self.checkout.mark()
        assert "nothing changed" in self.checkout.up(HERE).stderr
        assert self.checkout.writes(HERE) == []
        resolved = self.checkout.specified(HERE)
        policies, locations = (
            self.checkout.held(each, HERE) for each in ("policies", "namedLocations")
        )
        recorded = self.checkout.recorded(HERE)
        found = compare(
            held(Managed(recorded, recorded), {}, policies, locations).policy_set,
            policy_set_of(resolved),
            resolved.facts,
        )
        assert found.empty, found
        assert {
            each["id"]: each for each in (*policies, *locations) if each["id"] in self.foreign
        } == {identity: _listed(each) for identity, each in self.foreign.items()}

    def _up(self) -> Done:
        return self.checkout.run("up", HERE, "--sandbox")

    def _ended(self, done: Done, what: str) -> None:
        assert done.code in {0, FAILED, REFUSED}, done.text
        assert "Traceback" not in done.text, done.text
        self.happened[f"{what}, {'done' if done.code == 0 else 'failed'}"] += 1

    def _seen(self) -> int:
        """Count the requests that the one fault has matched."""
        return int(self.checkout.sandbox.admin("GET", "faults")[0]["seen"])

    def _policies(self) -> list[str]:
        found = (self.checkout.root / "policies").glob("generated-*.yaml")
        return sorted(f"policies/{each.name}" for each in found)

    def _some_policy(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self._policies()))


def _listed(one: Json) -> Json:
    """Give an object as a list shows it."""
    return {name: value for name, value in one.items() if name != "@odata.context"}


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
def test_every_history_ends_as_specified(record_property: Any) -> None:
    History.happened.clear()
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    record_property("histories", dict(sorted(History.happened.items())))
    assert History.happened["histories"] >= HISTORIES
