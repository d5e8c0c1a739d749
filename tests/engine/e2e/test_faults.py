from __future__ import annotations

import pytest

from ostiary.sandbox.faults import Fault
from tests.engine.e2e.checkout import Checkout, Json

pytestmark = pytest.mark.e2e

POLICIES, LOCATIONS = "/conditionalAccess/policies", "/conditionalAccess/namedLocations"


def change_everything(checkout: Checkout) -> None:
    """Have the next `up` create, update and delete a policy, and create a location."""
    checkout.write(
        "policies/named-locations/branch.yaml",
        {"type": "ipNamedLocation", "displayName": "Branch", "isTrusted": True},
    )
    ranges = ["198.51.100.0/24", "2001:db8:ffff::/48"]

    def edit(data: Json) -> None:
        data["namedLocations"]["branch"] = {"ipRanges": ranges}
        data["namedLocations"]["head-office"]["ipRanges"].append("192.0.2.0/24")

    checkout.change("environments/sandbox.yaml", edit)
    at_branch = {"includeLocations": ["branch"]}
    checkout.write("policies/at-branch.yaml", checkout.policy("At the branch", locations=at_branch))
    checkout.write("policies/newcomer.yaml", checkout.policy("Newcomer"))
    checkout.change("policies/subject.yaml", lambda data: data.update(state="disabled"))
    (checkout.root / "policies/strong.yaml").unlink()


@pytest.mark.parametrize(
    "faults",
    [
        [
            Fault(kind="throttle", method="POST", path="conditionalAccess", times=3),
            Fault(kind="throttle", method="GET", path="/policies/", skip=30, times=4),
            Fault(kind="throttle", method="PATCH", times=2),
            Fault(kind="throttle", method="DELETE", times=2),
        ],
        [
            Fault(kind="throttle", method="POST", path="conditionalAccess", times=3, retry_after=1),
            Fault(kind="throttle", method="GET", path="/namedLocations/", times=3, retry_after=1),
        ],
        [Fault(kind="not_found_after_create", path=f"{POLICIES}$", reads=3)],
        [Fault(kind="stale_reads", path="conditionalAccess", reads=4)],
        [
            Fault(kind="commit_then_status", method="POST", path=f"{POLICIES}$", times=2),
            Fault(kind="commit_then_status", method="POST", path=f"{LOCATIONS}$", times=2),
        ],
    ],
    ids=["429", "429 with Retry-After", "404 after create", "stale reads", "503 after commit"],
)
def test_up_gets_through(deployed: Checkout, faults: list[Fault]) -> None:
    change_everything(deployed)
    deployed.add(*faults)

    deployed.up()

    fired = {each["kind"]: each["seen"] for each in deployed.sandbox.admin("GET", "faults")}
    assert all(fired.values()), fired
    deployed.heal()
    deployed.assert_as_specified()
    deployed.mark()
    assert "nothing changed" in deployed.up().stderr
    assert deployed.writes() == []


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(kind="throttle", method="GET", path=f"{POLICIES}/"), "429"),
        (Fault(kind="throttle", method="GET", path=f"{LOCATIONS}/"), "429"),
        (Fault(kind="commit_then_status", method="POST", path=f"{POLICIES}$"), "503"),
        (
            Fault(
                kind="drop_connection", method="POST", path=f"{POLICIES}$", times=1, committed=True
            ),
            "POST",
        ),
        (Fault(kind="not_found_after_create", path=f"{LOCATIONS}$", reads=2), "404"),
        (Fault(kind="reordered_lists", path=f"{LOCATIONS}/"), "timeout while waiting"),
    ],
    ids=[
        "429 while waiting for a policy",
        "429 while waiting for a location",
        "503 after each commit",
        "connection lost after commit",
        "404 after create of a location",
        "lists in another order",
    ],
)
def test_what_a_failed_up_left_is_taken_over(fresh: Checkout, fault: Fault, told: str) -> None:
    fresh.add(fault)
    fresh.mark()
    failed = fresh.run("up")
    assert failed.code == 1, failed.text
    assert told in failed.text
    assert "Traceback" not in failed.text
    made = {each.name for each in fresh.writes() if each.method == "POST"}
    recorded = fresh.recorded().values()
    left = {
        each["id"]: each["displayName"]
        for what in ("policies", "namedLocations")
        for each in fresh.held(what)
        if each["id"] not in recorded
    }
    assert left
    assert set(left.values()) <= made

    fresh.heal()
    fresh.mark()
    done = fresh.up()

    assert "taking them over" in done.stderr
    fresh.assert_as_specified()
    again = {each.name for each in fresh.writes() if each.method == "POST"}
    assert not again & set(left.values())
    ids = {*fresh.ids().values(), *fresh.ids("namedLocations").values()}
    assert {name for identity, name in left.items() if identity in ids} == set(left.values())


def test_a_location_that_is_too_new_stops_one_up_and_not_the_next(deployed: Checkout) -> None:
    change_everything(deployed)
    deployed.add(Fault(kind="location_too_new", times=1))

    failed = deployed.run("up")
    assert failed.code == 1, failed.text
    assert "1040" in failed.stdout

    deployed.up()
    deployed.assert_as_specified()
