"""A tenant that somebody changed by hand: drift, snapshots, restore, and the `up` after them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ostiary.sandbox.faults import Fault
from tests.engine.e2e.checkout import Checkout, Json
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS, POLICIES, Graph, connect

pytestmark = pytest.mark.e2e

ANNA = {"id": "5a9d0b0c-0000-4000-8000-0000000000a1", "userPrincipalName": "anna@contoso.com"}
DELETED = f"{CONDITIONAL_ACCESS}/deletedItems"
LOCATIONS = f"{CONDITIONAL_ACCESS}/namedLocations"
FLOW, LEGACY = "Block device code flow", "Block legacy authentication"


@contextmanager
def by_hand(checkout: Checkout) -> Iterator[Graph]:
    """Give a client of a person who does in the tenant what she likes."""
    running, tenant = checkout.sandbox, checkout.specified().tenant_id
    with connect(running) as client:
        yield Graph(running, client, tenant, running.token(tenant, user=ANNA))


def told(checkout: Checkout, *arguments: str, code: int) -> Any:
    done = checkout.run(*arguments, "--format", "json")
    assert done.code == code, done.text
    return json.loads(done.stdout)


def drift(checkout: Checkout, code: int) -> Json:
    found: Json = told(checkout, "drift", "sandbox", code=code)
    return found


def purge(graph: Graph, what: str, identity: str) -> None:
    for path in (f"{CONDITIONAL_ACCESS}/{what}", f"{DELETED}/{what}"):
        assert graph.ask("DELETE", f"{path}/{identity}").status_code == 204


def test_drift_is_told_worst_first_with_who_did_it(deployed: Checkout) -> None:
    assert drift(deployed, 0)["inLine"]
    ids = deployed.ids()
    with by_hand(deployed) as anna:
        deployed.add(Fault(kind="stale_reads", method="PATCH", path="policies", reads=3))
        theirs = anna.get(f"{POLICIES}/{ids['Subject']}") | {"displayName": "Anna's test"}
        for read_only in ("id", "createdDateTime", "modifiedDateTime", "@odata.context"):
            theirs.pop(read_only)
        anna.create(POLICIES, theirs | {"state": "enabledForReportingButNotEnforced"})
        assert anna.ask("PATCH", f"{POLICIES}/{ids[FLOW]}", {"state": "disabled"}).is_success
        assert anna.ask("DELETE", f"{POLICIES}/{ids[LEGACY]}").is_success

    found = drift(deployed, 2)

    assert [(each["kind"], each["name"]) for each in found["deviations"]] == [
        ("missing", LEGACY),
        ("changed", FLOW),
        ("foreign", "Anna's test"),
    ]
    assert {each["changedBy"] for each in found["deviations"]} == {"anna@contoso.com"}
    missing, changed, _ = found["deviations"]
    assert missing["restorableUntil"]
    assert changed["properties"] == [
        {
            "path": "state",
            "specified": "enabled",
            "found": "disabled",
            "spellingOnly": False,
        }
    ]
    assert changed["effect"]["changes"][0]["kind"] == "opened"
    assert set(found["brokenGoals"]) >= {"device-code-flow-is-blocked"}


def test_what_graph_tells_in_two_ways_is_neither_drift_nor_in_line(deployed: Checkout) -> None:
    deployed.add(Fault(kind="stale_reads", path="/policies", reads=1000))
    with by_hand(deployed) as anna:
        path = f"{POLICIES}/{deployed.ids()[FLOW]}"
        assert anna.ask("PATCH", path, {"state": "disabled"}).is_success

    done = deployed.run("drift", "sandbox")

    assert done.code == 1
    assert f"unsettled: Graph gives two answers for `{FLOW}`" in done.stdout
    assert "as specified" not in done.stdout


def test_what_was_deleted_comes_back_and_up_has_nothing_to_do(deployed: Checkout) -> None:
    identity = deployed.ids()[LEGACY]
    with by_hand(deployed) as anna:
        assert anna.ask("DELETE", f"{POLICIES}/{identity}").is_success

    planned = told(deployed, "restore", "sandbox", "--deleted", code=2)
    assert [(each["operation"], each["id"]) for each in planned["steps"]] == [
        ("undelete", identity)
    ]
    assert planned["effect"]["changes"][0]["kind"] == "closed"
    assert LEGACY not in deployed.ids()
    done = deployed.run("restore", "sandbox", "--deleted", "--apply")
    assert done.code == 0, done.text

    deployed.mark()
    assert "nothing changed" in deployed.up().stderr
    assert deployed.writes() == []
    deployed.assert_as_specified()


def test_what_is_gone_for_good_is_made_anew_and_goes_on_being_managed(deployed: Checkout) -> None:
    """The location and all policies that name it; of one the files say something else since."""
    (of_up,) = (deployed.root / ".ostiary/snapshots/sandbox").glob("*.json")
    assert of_up.stat().st_mode & 0o777 == 0o600
    told(deployed, "snapshot", "sandbox", code=0)
    before = deployed.ids()
    naming = {
        each["displayName"] for each in deployed.held("policies") if each["conditions"]["locations"]
    }
    office = deployed.ids("namedLocations")["Head office"]
    with by_hand(deployed) as anna:
        for name in naming:
            purge(anna, "policies", before[name])
        untrusted = {"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": False}
        assert anna.ask("PATCH", f"{LOCATIONS}/{office}", untrusted).is_success
        purge(anna, "namedLocations", office)

    done = deployed.run("restore", "sandbox", "--apply")

    assert done.code == 0, done.text
    assert drift(deployed, 0)["inLine"]
    after = deployed.ids()
    assert {name for name, identity in before.items() if after[name] != identity} == naming
    deployed.change("policies/subject.yaml", lambda data: data.update(state="disabled"))
    deployed.mark()
    deployed.up()
    assert [(each.method, each.name) for each in deployed.writes()] == [("PATCH", "Subject")]
    deployed.assert_as_specified()
    assert deployed.ids() == after


def test_a_restore_that_opens_a_goal_is_refused(deployed: Checkout) -> None:
    """A snapshot of a time at which device code flow was not blocked."""
    path = f"{POLICIES}/{deployed.ids()[FLOW]}"
    with by_hand(deployed) as anna:
        assert anna.ask("PATCH", path, {"state": "disabled"}).is_success
        file = told(deployed, "snapshot", "sandbox", code=0)["file"]
        assert anna.ask("PATCH", path, {"state": "enabled"}).is_success
    deployed.mark()

    done = deployed.run("restore", "sandbox", "--snapshot", file, "--apply")

    assert done.code == 4
    assert "would no longer be proven: `device-code-flow-is-blocked`" in done.stdout
    assert deployed.writes() == []
