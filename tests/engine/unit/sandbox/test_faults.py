from __future__ import annotations

import socket
import ssl
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import SandboxError
from tests.engine.unit.sandbox.wire import LOCATIONS, POLICIES, Graph, block, office


def test_a_throttled_request_says_when_to_come_back_if_told_to(
    graph: Graph, faults: Faults
) -> None:
    faults.add(Fault(kind="throttle", tenant=graph.tenant, times=1, retry_after=7))
    faults.add(Fault(kind="throttle", tenant=graph.tenant, times=1, skip=1))
    first, second, third = (graph.ask("GET", POLICIES) for _ in range(3))
    assert (first.status_code, first.headers.get("retry-after")) == (429, "7")
    assert (second.status_code, second.headers.get("retry-after")) == (429, None)
    assert first.json()["error"]["code"] == "TooManyRequests"
    assert third.status_code == 200


def test_a_fault_matches_by_method_path_and_tenant(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="status", status=500, method="POST", path="/policies$"))
    faults.add(Fault(kind="status", status=501, tenant="another"))
    assert graph.ask("GET", POLICIES).status_code == 200
    assert graph.ask("POST", LOCATIONS, office()).status_code == 201
    assert graph.ask("POST", POLICIES, block()).status_code == 500
    assert graph.get(POLICIES)["value"] == []


def test_a_fault_skips_then_fires_then_is_spent(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="status", tenant=graph.tenant, skip=2, times=2))
    seen = [graph.ask("GET", POLICIES).status_code for _ in range(6)]
    assert seen == [200, 200, 503, 503, 200, 200]


def test_of_two_faults_that_answer_the_first_does(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="status", status=502, tenant=graph.tenant))
    faults.add(Fault(kind="throttle", tenant=graph.tenant))
    assert graph.ask("GET", POLICIES).status_code == 502


def test_clear_ends_every_fault_and_what_it_left_behind(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="not_found_after_create", tenant=graph.tenant, reads=9))
    policy = graph.create(POLICIES, block())
    faults.add(Fault(kind="throttle", tenant=graph.tenant))
    faults.clear()
    assert graph.get(f"{POLICIES}/{policy}")["id"] == policy


def test_a_token_request_can_fail_too(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="status", path="/token$", tenant=graph.tenant))
    with pytest.raises(AssertionError, match="ServiceUnavailable"):
        graph.sign_in()


def test_a_write_can_be_carried_out_and_answered_with_an_error(
    graph: Graph, faults: Faults
) -> None:
    faults.add(Fault(kind="commit_then_status", method="POST", tenant=graph.tenant, times=2))
    for _ in range(2):
        assert graph.ask("POST", POLICIES, block()).status_code == 503
    names = [each["displayName"] for each in graph.get(POLICIES)["value"]]
    assert names == ["Block device code flow"] * 2


def test_what_was_created_is_not_found_for_some_reads(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="not_found_after_create", tenant=graph.tenant, reads=3, times=1))
    late, prompt = graph.create(LOCATIONS, office()), graph.create(LOCATIONS, office())
    assert graph.ask("GET", f"{LOCATIONS}/{prompt}").status_code == 200
    seen = [graph.ask("GET", f"{LOCATIONS}/{late}").status_code for _ in range(5)]
    assert seen == [404, 404, 404, 200, 200]


def test_reads_after_an_update_alternate(graph: Graph, faults: Faults) -> None:
    path = f"{POLICIES}/{graph.create(POLICIES, block('old'))}"
    faults.add(Fault(kind="stale_reads", method="PATCH", tenant=graph.tenant, reads=5))
    assert graph.ask("PATCH", path, {"displayName": "new"}).status_code == 204
    seen = [graph.get(path)["displayName"] for _ in range(7)]
    assert seen == ["old", "new", "old", "new", "old", "new", "new"]


def test_what_was_deleted_is_still_read_for_a_while(graph: Graph, faults: Faults) -> None:
    path = f"{POLICIES}/{graph.create(POLICIES, block())}"
    faults.add(Fault(kind="stale_reads", method="DELETE", tenant=graph.tenant, reads=2))
    assert graph.ask("DELETE", path).status_code == 204
    assert [graph.ask("GET", path).status_code for _ in range(3)] == [200, 200, 404]
    assert [len(graph.get(POLICIES)["value"]) for _ in range(4)] == [1, 0, 0, 0]


def test_lists_after_a_write_alternate(graph: Graph, faults: Faults) -> None:
    def seen() -> list[list[str]]:
        pages = [graph.get(POLICIES)["value"] for _ in range(4)]
        return [[each["displayName"] for each in page] for page in pages]

    first = f"{POLICIES}/{graph.create(POLICIES, block('first'))}"
    faults.add(Fault(kind="stale_reads", tenant=graph.tenant, reads=3))
    graph.create(POLICIES, block("second"))
    both = ["first", "second"]
    assert seen() == [["first"], both, ["first"], both]
    assert graph.ask("PATCH", first, {"displayName": "changed"}).status_code == 204
    changed = ["changed", "second"]
    assert seen() == [both, changed, both, changed]
    assert graph.ask("DELETE", first).status_code == 204
    assert seen() == [["second", "changed"], ["second"], ["second", "changed"], ["second"]]
    graph.create(LOCATIONS, office())
    assert graph.get(LOCATIONS)["value"] == []


def test_a_tenant_may_ask_no_more_often_than_its_limit(graph: Graph, faults: Faults) -> None:
    other = Graph(graph.running, graph.client, str(uuid4())).sign_in()
    faults.add(Fault(kind="rate_limit", per_second=0.001))
    for each in (graph, other):
        seen = [each.ask("GET", POLICIES) for _ in range(3)]
        assert [answer.status_code for answer in seen] == [200, 429, 429]
        assert "retry-after" not in seen[1].headers
    assert graph.ask("POST", LOCATIONS, office()).status_code == 429
    assert graph.ask("GET", "/v1.0/users").status_code == 200
    faults.clear()
    faults.add(Fault(kind="rate_limit", per_second=1000.0))
    assert graph.get(LOCATIONS)["value"] == []


def test_a_refused_write_leaves_nothing_behind(graph: Graph, faults: Faults) -> None:
    path = f"{LOCATIONS}/{graph.create(LOCATIONS, office(trusted=True))}"
    faults.add(Fault(kind="stale_reads", method="DELETE", tenant=graph.tenant, reads=9))
    assert graph.ask("DELETE", path).status_code == 400
    assert graph.ask("PATCH", path, {"isTrusted": False}).status_code == 204
    assert graph.get(path)["isTrusted"] is False


def test_lists_come_in_another_order(graph: Graph, faults: Faults) -> None:
    ranges = ["203.0.113.0/24", "198.51.100.0/24"]
    path = f"{LOCATIONS}/{graph.create(LOCATIONS, office(*ranges, name='linux'))}"
    second = graph.create(LOCATIONS, office())
    faults.add(Fault(kind="reordered_lists", tenant=graph.tenant, times=2))
    assert [each["cidrAddress"] for each in graph.get(path)["ipRanges"]] == ranges[::-1]
    listed = graph.get(LOCATIONS)["value"]
    assert [each["cidrAddress"] for each in listed[0]["ipRanges"]] == ranges[::-1]
    assert listed[1]["id"] == second
    assert [each["cidrAddress"] for each in graph.get(path)["ipRanges"]] == ranges


def test_a_new_location_is_not_known_to_policies_yet(graph: Graph, faults: Faults) -> None:
    location = graph.create(LOCATIONS, office())
    faults.add(Fault(kind="location_too_new", tenant=graph.tenant, times=2))
    named = block(locations={"includeLocations": ["All"], "excludeLocations": [location]})
    graph.create(POLICIES, block())
    for _ in range(2):
        assert graph.refusal("POST", POLICIES, named) == (
            400,
            f"1040: NamedLocation with id {location} does not exist in the directory.",
        )
    graph.create(POLICIES, named)


def test_a_slow_answer_keeps_nobody_else_waiting(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="slow", path="namedLocations", tenant=graph.tenant, seconds=600))
    running = graph.running
    context = ssl.create_default_context(cafile=str(running.ca))
    request = f"GET {LOCATIONS} HTTP/1.1\r\nHost: {running.authority}\r\n"
    request += f"Authorization: Bearer {graph.token}\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", running.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as waiting,
    ):
        waiting.sendall(request.encode())
        deadline = time.monotonic() + 20
        while running.admin("GET", "faults")[0]["seen"] == 0:
            assert time.monotonic() < deadline
        graph.get(POLICIES)
        waiting.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):
            waiting.recv(1)


def test_a_slow_answer_comes_in_the_end(graph: Graph, faults: Faults) -> None:
    faults.add(Fault(kind="slow", tenant=graph.tenant, seconds=0.05, times=1))
    started = time.monotonic()
    graph.create(POLICIES, block())
    assert time.monotonic() - started >= 0.05
    assert len(graph.get(POLICIES)["value"]) == 1


@pytest.mark.parametrize("committed", [False, True])
def test_a_connection_is_cut_before_or_after_the_commit(
    graph: Graph,
    faults: Faults,
    committed: bool,  # noqa: FBT001 - a table
) -> None:
    cut: dict[str, Any] = {"method": "POST", "tenant": graph.tenant, "committed": committed}
    faults.add(Fault(kind="drop_connection", times=1, **cut))
    with pytest.raises(httpx.TransportError):
        graph.ask("POST", POLICIES, block())
    assert len(graph.get(POLICIES)["value"]) == int(committed)
    assert graph.running.requests(graph.tenant)[1]["status"] == 0


def test_a_policy_with_preview_features_is_for_beta_only(graph: Graph, faults: Faults) -> None:
    marked, plain = graph.create(POLICIES, block()), graph.create(POLICIES, block())
    faults.add(Fault(kind="beta_only", path=marked))
    status, message = graph.refusal("GET", f"{POLICIES}/{marked}")
    assert (status, message[:6]) == (400, "1037: ")
    assert graph.get(f"{POLICIES}/{marked}".replace("v1.0", "beta"))["id"] == marked
    assert graph.get(f"{POLICIES}/{plain}")["id"] == plain


def test_a_new_member_of_an_enumeration_is_unknown_unless_asked_for(
    graph: Graph, faults: Faults
) -> None:
    platforms = {"includePlatforms": ["linux", "iOS"], "excludePlatforms": []}
    path = f"{POLICIES}/{graph.create(POLICIES, block('linux', platforms=platforms))}"
    faults.add(Fault(kind="unknown_enum", tenant=graph.tenant))
    bent = graph.get(path)
    assert bent["displayName"] == "linux"
    assert bent["conditions"]["platforms"]["includePlatforms"] == ["unknownFutureValue", "iOS"]
    prefer = {"Prefer": "include-unknown-enum-members"}
    asked = graph.ask("GET", path, headers=prefer).json()
    assert asked["conditions"]["platforms"] == platforms


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"kind": "gremlins"}, "there is no fault `gremlins`"),
        ({"kind": "status", "status": 200}, "status 200 is not an error"),
        ({"kind": "throttle", "skip": -1}, "below zero"),
        ({"kind": "throttle", "times": -1}, "below zero"),
        ({"kind": "rate_limit", "per_second": 0}, "lets something pass"),
        ({"kind": "throttle", "path": "("}, "not a regular expression"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    graph: Graph, wrong: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Fault(**wrong)
    with pytest.raises(SandboxError, match=reason):
        graph.running.admin("POST", "faults", wrong)
