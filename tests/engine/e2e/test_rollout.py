"""`ostiary rollout`: many tenants from one command, each of which gets its own and nothing else."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from ostiary.sandbox.faults import Fault
from tests.engine.e2e.checkout import READS, Checkout, Done, Json, until
from tests.engine.shipped import edit

pytestmark = pytest.mark.e2e

RING = ["contoso-dev", "contoso-prod", "contoso-staging"]


def tenants(done: Done) -> dict[str, Json]:
    told = json.loads(done.stdout)
    return {each["environment"]: each for each in told["tenants"]}


def states(done: Done) -> list[str]:
    return [each["state"] for each in tenants(done).values()]


def asked(checkout: Checkout) -> set[str]:
    """Give the environments whose tenants were asked for anything since the mark."""
    names = {checkout.specified(each).tenant_id: each for each in RING}
    of = (each["tenant"] for each in checkout.requests() if each["tenant"])  # else of no tenant
    return {names.get(each, each) for each in of}


def test_one_process_gives_each_tenant_its_own_and_the_next_run_does_what_is_left(
    fresh: Checkout,
) -> None:
    fresh.write("rollout.yaml", {"rings": {"first": RING[:2], "then": RING[2:]}})
    early = fresh.run("rollout", "--ring", "then", "--sandbox")
    assert early.code == 5
    assert "ring `first` is not done with what is specified now: contoso-dev" in early.stderr

    # One at a time: the same process works for both, which differ in groups, ranges and states.
    done = fresh.run("rollout", "--ring", "1", "--sandbox", "--parallel", "1", "--format", "json")
    assert done.code == 0, done.text
    for each in RING[:2]:
        fresh.assert_as_specified(each)
        told = tenants(done)[each]
        every = len(fresh.held("policies", each)) + len(fresh.held("namedLocations", each))
        assert (told["state"], told["created"], told["proof"]) == ("done", every, "10 proven")

    fresh.mark()
    again = fresh.run("rollout", "--ring", "first", "--sandbox", "--format", "json")
    assert (again.code, states(again)) == (0, ["done before"] * 2), again.text
    assert asked(fresh) == set()

    edit(fresh.root / "environments/contoso-dev.yaml", "198.51.100.0/25", "198.51.100.0/26")
    previewed = fresh.run("rollout", "--ring", "first", "--sandbox", "--preview")
    assert previewed.code == 2, previewed.text
    assert fresh.writes("contoso-dev") == []
    changed = fresh.run("rollout", "--ring", "first", "--sandbox", "--format", "json")
    assert (changed.code, states(changed)) == (0, ["done", "done before"]), changed.text
    assert [(each.method, each.name) for each in fresh.writes("contoso-dev")] == [
        ("PATCH", "Head office")
    ]
    fresh.assert_as_specified("contoso-dev")


def test_a_broken_tenant_stops_the_others_only_after_so_many_failures(fresh: Checkout) -> None:
    fresh.write("rollout.yaml", {"rings": {"all": RING}})
    broken = fresh.specified(RING[0]).tenant_id
    fresh.add(Fault(kind="status", status=403, method="POST", path="policies$", tenant=broken))

    command = ("rollout", "--ring", "all", "--sandbox", "--format", "json", "--parallel")
    stopped = fresh.run(*command, "1")
    assert stopped.code == 1
    assert states(stopped) == ["failed", "not begun", "not begun"], stopped.text
    assert "1 failed: 2 not begun: contoso-prod, contoso-staging" in stopped.stderr
    assert asked(fresh) == {"contoso-dev"}

    fresh.write("rollout.yaml", {"rings": {"all": RING}, "stopAfter": 2})
    rest = fresh.run(*command, "2")
    assert rest.code == 1
    assert states(rest) == ["failed", "done", "done"], rest.text
    assert "403" in tenants(rest)["contoso-dev"]["error"]
    for each in RING[1:]:
        fresh.assert_as_specified(each)

    fresh.heal()
    fresh.mark()
    left = fresh.run(*command, "2")
    assert left.code == 0
    assert states(left) == ["done", "done before", "done before"], left.text
    assert asked(fresh) == {"contoso-dev"}
    fresh.assert_as_specified("contoso-dev")


def test_ctrl_c_begins_no_other_tenant_and_the_next_run_goes_on(fresh: Checkout) -> None:
    fresh.write("rollout.yaml", {"rings": {"all": RING[:2]}})
    command = ("rollout", "--ring", "all", "--sandbox", "--parallel", "1", "--format", "json")
    run = fresh.begin(*command)
    until(lambda: "contoso-dev: applying" in run.said().stderr)
    until(lambda: any(each["method"] not in READS for each in fresh.requests()))
    run.signal(signal.SIGINT)
    done = run.end()
    assert done.code == 130, done.text
    assert "Traceback" not in done.text
    assert "interrupted: 1 not begun: contoso-prod" in done.stderr
    assert states(done)[1] == "not begun"

    again = fresh.run(*command)
    assert again.code == 0, again.text
    for each in RING[:2]:
        fresh.assert_as_specified(each)


def test_the_lock_of_another_machine_is_told_and_the_next_rollout_goes_on(
    deployed: Checkout,
) -> None:
    deployed.write("rollout.yaml", {"rings": {"all": ["sandbox"]}})
    edit(deployed.root / "environments/sandbox.yaml", "203.0.113.0/24", "203.0.113.0/25")
    locks = deployed.root / ".ostiary/state/.pulumi/locks/organization/ostiary/sandbox"
    locks.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 1, "username": "b", "hostname": "elsewhere", "timestamp": "2026-11-23T10:00:00Z"}
    (locks / "one.json").write_text(json.dumps(lock))
    deployed.mark()

    refused = deployed.run("rollout", "--ring", "all", "--sandbox", "--format", "json")
    assert (refused.code, states(refused)) == (5, ["failed"]), refused.text
    assert "locked by process 1 on elsewhere" in refused.stderr
    assert deployed.writes() == []

    (locks / "one.json").unlink()
    done = deployed.run("rollout", "--ring", "all", "--sandbox", "--format", "json")
    assert (done.code, states(done)) == (0, ["done"]), done.text
    deployed.assert_as_specified()


def test_a_tenant_without_a_credential_of_its_own_fails_alone(fresh: Checkout) -> None:
    """Nobody is reached: of these, two have none, and one has a file that says nothing."""
    fresh.write("rollout.yaml", {"rings": {"all": RING}, "stopAfter": 9})
    edit(fresh.root / "environments/contoso-prod.yaml", "tenantId: c0", "tenantId: zz")
    done = fresh.run(
        *("rollout", "--ring", "all", "--yes", "--format", "json"),
        ARM_CLIENT_ID="somebody else",
        ARM_CLIENT_SECRET="of another tenant",
    )
    assert done.code == 1
    assert states(done) == ["failed"] * 3
    assert "ARM_CLIENT_ID__CONTOSO_DEV" in tenants(done)["contoso-dev"]["hint"]
    assert "not-an-id" in tenants(done)["contoso-prod"]["error"]
    assert "of another tenant" not in done.text
    assert not Path(fresh.root / ".ostiary" / "state").exists()
