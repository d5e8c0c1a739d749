"""Nothing reaches a tenant that is not proven, in an order in which it stays protected."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.e2e.checkout import Checkout, Json

pytestmark = pytest.mark.e2e

GOAL = "device-code-flow-is-blocked"


def opened(data: Json) -> None:
    """Let device code sign-ins on Linux through, and own up to it."""
    data["conditions"]["platforms"] = {"includePlatforms": ["all"], "excludePlatforms": ["linux"]}
    data["exceptions"].append(
        {"of": "linux", "owner": "a team", "reason": "a test", "expires": "2099-12-31"}
    )


def test_a_gap_stops_every_way_to_deploy_with_the_sign_in_that_shows_it(deployed: Checkout) -> None:
    stack = deployed.stack()
    deployed.change("policies/block-device-code-flow.yaml", opened)

    ours = deployed.run("up")
    assert ours.code == 4, ours.text
    assert "on linux" in ours.stdout
    assert "policies/block-device-code-flow.yaml:" in ours.stdout
    assert deployed.requests() == []

    for command in ("preview", "up"):
        skip = ("--yes", "--skip-preview") if command == "up" else ()
        past_us = deployed.engine(stack, command, "--non-interactive", *skip)
        assert past_us.code not in (0, -9)
        assert f"sandbox::{GOAL}: NOT PROVEN" in past_us.text
        assert "on linux" in past_us.text
        assert "Traceback" not in past_us.text
    assert deployed.writes() == []


def test_a_waiver_lets_pass_and_is_told_each_time(deployed: Checkout) -> None:
    deployed.change("policies/block-device-code-flow.yaml", opened)
    waiver = {"goal": GOAL, "owner": "board", "reason": "until May", "expires": "2099-05-31"}
    deployed.change("environments/sandbox.yaml", lambda data: data.update(waivers=[waiver]))

    done = deployed.up()
    assert "waived until 2099-05-31 by board: until May" in done.stdout
    stack = deployed.stack()
    again = deployed.engine(stack, "preview", "--non-interactive")
    assert again.code == 0, again.text
    assert "waived until 2099-05-31 by board: until May" in again.text
    deployed.assert_as_specified()


def blocking(checkout: Checkout, name: str, *groups: str, **users: Any) -> Json:
    policy = checkout.policy(name)
    policy["grantControls"]["builtInControls"] = ["block"]
    policy["conditions"]["users"] |= {"includeUsers": [], **users}
    if groups:
        policy["conditions"]["users"]["includeGroups"] = list(groups)
    return {key: value for key, value in policy.items() if value != []}


def with_groups(checkout: Checkout, *names: str) -> None:
    def edit(data: Json) -> None:
        data["groups"] |= {
            name: f"5a9d0b0c-0000-4000-8000-00000000000{n}" for n, name in enumerate(names, 1)
        }
        data["goals"].remove("device-code-flow-works-at-head-office")  # these tests block there

    checkout.change("environments/sandbox.yaml", edit)


def test_whom_one_policy_lets_go_another_holds_first(deployed: Checkout) -> None:
    """`a-first` lets group x go, `b-second` takes it: the second must change before the first."""
    with_groups(deployed, "x", "y", "z")
    deployed.write("policies/a-first.yaml", blocking(deployed, "First", "x", "y"))
    deployed.write("policies/b-second.yaml", blocking(deployed, "Second", "z"))
    deployed.up()
    deployed.mark()

    deployed.write("policies/a-first.yaml", blocking(deployed, "First", "y"))
    deployed.write("policies/b-second.yaml", blocking(deployed, "Second", "x", "z"))
    done = deployed.up()

    assert "policy `b-second` changes before policy `a-first`" in done.stderr
    assert [each.name for each in deployed.writes()] == ["Second", "First"]
    deployed.assert_as_specified()

    # and the other way around, the other comes first
    deployed.mark()
    deployed.write("policies/a-first.yaml", blocking(deployed, "First", "x", "y"))
    deployed.write("policies/b-second.yaml", blocking(deployed, "Second", "z"))
    deployed.up()
    assert [each.name for each in deployed.writes()] == ["First", "Second"]


def test_what_no_order_makes_safe_is_refused(deployed: Checkout) -> None:
    with_groups(deployed, "x", "y")
    deployed.write("policies/a-first.yaml", blocking(deployed, "First", "x"))
    deployed.write("policies/b-second.yaml", blocking(deployed, "Second", "y"))
    deployed.up()
    deployed.mark()

    deployed.write("policies/a-first.yaml", blocking(deployed, "First", "y"))
    deployed.write("policies/b-second.yaml", blocking(deployed, "Second", "x"))
    done = deployed.run("up")

    assert done.code == 5, done.text
    assert "a sign-in that is blocked before and after gets in" in done.stderr
    assert "apply it in two steps" in done.stderr
    assert deployed.writes() == []


def test_a_tenant_is_compared_with_what_it_shall_be(deployed: Checkout) -> None:
    done = deployed.run("diff", "sandbox", "--tenant")
    assert (done.code, done.stderr.count("Traceback")) == (0, 0), done.text
    assert "no sign-in is decided differently" in done.stdout

    deployed.change(
        "policies/block-legacy-authentication.yaml", lambda data: data.update(state="disabled")
    )
    done = deployed.run("diff", "sandbox", "--tenant")
    assert done.code == 2, done.text
    assert "no longer blocked (by `Block legacy authentication`)" in done.stdout
    assert deployed.writes() == []
