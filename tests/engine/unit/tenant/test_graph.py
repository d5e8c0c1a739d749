from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trustme

from ostiary.errors import TenantError
from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.graph import Graph
from ostiary.tenant.patience import Patience
from tests.engine.unit.sandbox.wire import block, office
from tests.engine.unit.tenant.elsewhere import (
    TENANT,
    Answer,
    Asked,
    Elsewhere,
    Time,
    token,
    variables,
)

POLICIES = "identity/conditionalAccess/policies"
LOCATIONS = "identity/conditionalAccess/namedLocations"
OF_POLICIES = f"/v1.0/{POLICIES}$"
HTML = Answer(
    body=b"<html>Sign in to the guest network</html>", headers={"Content-Type": "text/html"}
)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tenant() -> str:
    return str(uuid4())


@pytest.fixture
def graph(running: Running, tenant: str, time: Time) -> Iterator[Graph]:
    with closing(Graph(tenant, variables(running, tenant), clock=time.clock)) as graph:
        yield graph


@pytest.fixture
def abroad(elsewhere: Elsewhere, time: Time) -> Iterator[Graph]:
    with closing(Graph(TENANT, elsewhere.environ, clock=time.clock)) as graph:
        yield graph


def statuses(running: Running, tenant: str, method: str) -> list[int]:
    return [
        each["status"]
        for each in running.requests(tenant)
        if each["method"] == method and "/conditionalAccess/" in each["path"]
    ]


def test_what_is_made_is_read_changed_and_deleted(graph: Graph) -> None:
    made = graph.post(POLICIES, block("one"))
    path = f"{POLICIES}/{made['id']}"
    assert graph.patch(path, {"displayName": "two"}) == {}
    assert graph.get(path)["displayName"] == "two"
    graph.delete(path)
    assert list(graph.pages(POLICIES)) == []
    deleted = graph.pages("identity/conditionalAccess/deletedItems/policies", version="beta")
    assert [each["id"] for each in deleted] == [made["id"]]


def test_a_collection_is_read_page_after_page(graph: Graph, running: Running, tenant: str) -> None:
    for number in range(5):
        graph.post(POLICIES, block(f"policy {number}"))
    found = graph.pages(POLICIES, top=2, select="displayName")
    assert [each["displayName"] for each in found] == [f"policy {number}" for number in range(5)]
    assert statuses(running, tenant, "GET") == [200, 200, 200]


@pytest.mark.parametrize("name", ["it's 100% & +1 #x?", "a b", "ä/ö"])
def test_a_filter_arrives_as_it_was_written(graph: Graph, name: str) -> None:
    graph.post(POLICIES, block(name))
    quoted = name.replace("'", "''")
    found = list(graph.pages(POLICIES, filter=f"displayName eq '{quoted}'"))
    assert [each["displayName"] for each in found] == [name]


def test_platforms_that_came_later_are_told_by_name(
    graph: Graph, faults: Faults, tenant: str
) -> None:
    platforms = {"includePlatforms": ["linux"], "excludePlatforms": []}
    graph.post(POLICIES, block("linux", platforms=platforms))
    faults.add(Fault(kind="unknown_enum", tenant=tenant))
    (policy,) = graph.pages(POLICIES)
    assert policy["conditions"]["platforms"]["includePlatforms"] == ["linux"]


def test_requests_for_conditional_access_are_a_second_apart(
    running: Running, tenant: str, time: Time
) -> None:
    patience = Patience(spacing=1.0)
    environ = variables(running, tenant)
    with closing(Graph(tenant, environ, patience=patience, clock=time.clock)) as graph:
        for _ in range(3):
            list(graph.pages(POLICIES))
        graph.get("policies/identitySecurityDefaultsEnforcementPolicy")
        list(graph.pages("identity/conditionalAccess/deletedItems/policies", version="beta"))
    assert time.waits == [1.0, 1.0, 1.0]


def test_the_sandbox_need_not_be_spared(graph: Graph, time: Time) -> None:
    for _ in range(3):
        list(graph.pages(POLICIES))
    assert time.waits == []


def test_no_proxy_is_asked_for_the_sandbox(
    running: Running, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with closing(Graph(tenant, variables(running, tenant), clock=Time().clock)) as graph:
        assert list(graph.pages(POLICIES)) == []


@pytest.mark.parametrize("status", [408, 424, 429, 500, 502, 503, 504])
def test_a_read_is_repeated_while_graph_is_in_trouble(
    graph: Graph, faults: Faults, tenant: str, time: Time, status: int
) -> None:
    faults.add(Fault(kind="status", status=status, path=OF_POLICIES, tenant=tenant, times=3))
    assert list(graph.pages(POLICIES)) == []
    assert time.waits == [1, 2, 4]


@pytest.mark.parametrize("status", [400, 404, 409, 412, 501])
def test_a_read_is_not_repeated_after_a_refusal(
    graph: Graph, faults: Faults, tenant: str, time: Time, status: int
) -> None:
    faults.add(Fault(kind="status", status=status, path=OF_POLICIES, tenant=tenant))
    with pytest.raises(TenantError, match=f"GET {OF_POLICIES[:-1]}: Graph said {status} "):
        list(graph.pages(POLICIES))
    assert time.waits == []


def test_graph_says_when_to_come_back(
    graph: Graph, faults: Faults, tenant: str, time: Time
) -> None:
    faults.add(Fault(kind="throttle", path=OF_POLICIES, tenant=tenant, times=2, retry_after=11))
    assert list(graph.pages(POLICIES)) == []
    assert time.waits == [11, 11]


def test_graph_says_the_date_to_come_back(abroad: Graph, elsewhere: Elsewhere, time: Time) -> None:
    headers = {
        "Date": "Tue, 24 Nov 2026 12:00:20 GMT",
        "Retry-After": "Tue, 24 Nov 2026 12:00:33 GMT",
    }
    elsewhere.answers = [Answer(429, {}, headers), Answer(body={"value": []})]
    assert list(abroad.pages(POLICIES)) == []
    assert time.waits == [13]


def test_patience_ends_and_says_what_graph_said_last(
    graph: Graph, faults: Faults, tenant: str, time: Time
) -> None:
    faults.add(Fault(kind="throttle", path=OF_POLICIES, tenant=tenant))
    with pytest.raises(TenantError) as caught:
        list(graph.pages(POLICIES))
    assert str(caught.value).startswith(
        f"GET {OF_POLICIES[:-1]} was tried 8 times in 91 seconds; in the end Graph said 429 "
    )
    assert time.passed < 120


@pytest.mark.parametrize("committed", [False, True])
def test_a_read_is_repeated_when_the_connection_is_lost(
    graph: Graph,
    faults: Faults,
    tenant: str,
    time: Time,
    committed: bool,  # noqa: FBT001
) -> None:
    fault = Fault(
        kind="drop_connection", path=OF_POLICIES, tenant=tenant, times=2, committed=committed
    )
    faults.add(fault)
    assert list(graph.pages(POLICIES)) == []
    assert time.waits == [1, 2]


def test_a_create_is_repeated_after_429_only(
    graph: Graph, faults: Faults, running: Running, tenant: str
) -> None:
    faults.add(Fault(kind="throttle", method="POST", path=OF_POLICIES, tenant=tenant, times=2))
    graph.post(POLICIES, block())
    assert statuses(running, tenant, "POST") == [429, 429, 201]
    assert len(list(graph.pages(POLICIES))) == 1


@pytest.mark.parametrize("kind", ["commit_then_status", "drop_connection"])
def test_a_create_that_may_have_been_carried_out_is_not_repeated(
    graph: Graph, faults: Faults, running: Running, tenant: str, kind: Any
) -> None:
    faults.add(Fault(kind=kind, method="POST", path=OF_POLICIES, tenant=tenant, committed=True))
    with pytest.raises(TenantError, match="POST") as caught:
        graph.post(POLICIES, block())
    assert "may have been carried out or not" in str(caught.value.hint)
    assert len(statuses(running, tenant, "POST")) == 1
    assert len(list(graph.pages(POLICIES))) == 1


def test_a_change_and_a_deletion_are_repeated_after_503(
    graph: Graph, faults: Faults, running: Running, tenant: str
) -> None:
    path = f"{LOCATIONS}/{graph.post(LOCATIONS, office())['id']}"
    for method in ("PATCH", "DELETE"):
        fault = Fault(kind="commit_then_status", method=method, path=path, tenant=tenant, times=1)
        faults.add(fault)
    graph.patch(path, {"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "new"})
    assert graph.get(path)["displayName"] == "new"
    graph.delete(path)
    assert statuses(running, tenant, "PATCH") == [503, 204]
    # The first deletion was carried out, so the second finds nothing.
    assert statuses(running, tenant, "DELETE") == [503, 404]
    assert list(graph.pages(LOCATIONS)) == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_other_troubles_with_a_write_are_told(
    graph: Graph, faults: Faults, tenant: str, time: Time, method: str
) -> None:
    path = f"{LOCATIONS}/{graph.post(LOCATIONS, office())['id']}"
    faults.add(Fault(kind="status", status=500, method=method, path=path, tenant=tenant))
    with pytest.raises(TenantError, match=f"{method} .*500"):
        graph.patch(path, {}) if method == "PATCH" else graph.delete(path)
    assert time.waits == []


def test_deleting_what_is_not_there_is_told(graph: Graph) -> None:
    with pytest.raises(TenantError, match="404 ResourceNotFound"):
        graph.delete(f"{POLICIES}/{uuid4()}")


def test_asking_with_a_body_is_repeated_like_a_read(
    abroad: Graph, elsewhere: Elsewhere, time: Time
) -> None:
    elsewhere.answers = [Answer(503, {}), Answer(body={"value": []})]
    asked = abroad.post("directoryObjects/getByIds", {"ids": []}, repeatable=True)
    assert asked == {"value": []}
    assert time.waits == [1]


def test_what_never_left_is_sent_again(abroad: Graph, elsewhere: Elsewhere) -> None:
    elsewhere.answers = [Answer(201, {"id": "made"})]
    abroad.identity()  # the token is there, and then nobody listens
    elsewhere.stop()
    with pytest.raises(TenantError, match=r"POST /v1.0/.* tried 4 times.*no answer: .*refused"):
        abroad.post(POLICIES, block())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (HTML, r"the answer is no JSON object but 41 bytes of text/html"),
        (Answer(body=b'{"value": [{"id"'), r"no JSON object but 16 bytes of application/json"),
        (Answer(body=b'{"value": ["\xff"]}'), r"no JSON object but 16 bytes of application/json"),
        (Answer(body=[]), r"no JSON object"),
        (Answer(body={"id": "1"}), r"there is no list `value` of objects"),
        (Answer(body={"value": {}}), r"there is no list `value` of objects"),
        (Answer(body={"value": ["1"]}), r"there is no list `value` of objects"),
        (Answer(204, b""), r"there is no list `value` of objects"),
        (Answer(302, b"", {"Location": "https://proxy.example/"}), r"Graph said 302 with 0 bytes"),
        (Answer(407, HTML.body, HTML.headers), r"Graph said 407 with 41 bytes of text/html"),
        (Answer(400, {"error": "bad"}), r"Graph said 400 with 16 bytes of application/json"),
        (Answer(400, {"error": {"code": "a", "message": "b\nc"}}), r"Graph said 400 a: b$"),
    ],
)
def test_an_answer_that_is_none_is_told(
    abroad: Graph, elsewhere: Elsewhere, answer: Answer, reason: str
) -> None:
    elsewhere.answers = [answer]
    with pytest.raises(TenantError, match=reason) as caught:
        list(abroad.pages(POLICIES))
    assert "guest network" not in str(caught.value)


def test_a_long_refusal_is_cut(abroad: Graph, elsewhere: Elsewhere) -> None:
    elsewhere.answers = [Answer(400, {"error": {"code": "1037", "message": "x" * 5000}})]
    with pytest.raises(TenantError, match=r"1037: x+…$") as caught:
        list(abroad.pages(POLICIES))
    assert len(str(caught.value)) < 500


def test_a_cut_answer_is_a_lost_connection(abroad: Graph, elsewhere: Elsewhere, time: Time) -> None:
    whole = Answer(body={"value": [{"id": "1"}]})
    elsewhere.answers = [Answer(body=b'{"value": [{"id"', length=500), whole]
    assert list(abroad.pages(POLICIES)) == [{"id": "1"}]
    assert time.waits == [1]


def test_an_answer_that_trickles_ends_with_patience(elsewhere: Elsewhere, time: Time) -> None:
    def late(_: Asked) -> Answer:
        time.passed += 31
        return Answer(body={"value": []})

    elsewhere.answers = [late]
    with (
        closing(Graph(TENANT, elsewhere.environ, clock=time.clock)) as graph,
        pytest.raises(TenantError, match="the answer does not come to an end"),
    ):
        list(graph.pages(POLICIES))
    assert time.passed < 160


@pytest.mark.parametrize(
    ("link", "where"),
    [
        (lambda _: "https://graph.example/v1.0/next", "to `https://graph.example/"),
        (lambda origin: f"{origin}.example/v1.0/next", "to `https?://127.0.0.1:"),
        (lambda origin: f"{origin.replace('https', 'http')}/v1.0/next", "to `https?://127.0.0.1:"),
        (lambda origin: f"{origin}/v1.0/{POLICIES}", "back"),
        (lambda _: 7, "to `7`"),
    ],
)
def test_the_token_does_not_follow_a_link_away(
    abroad: Graph, elsewhere: Elsewhere, link: Callable[[str], object], where: str
) -> None:
    page = {"value": [{"id": "1"}], "@odata.nextLink": link(elsewhere.origin)}
    elsewhere.answers = [Answer(body=page)]
    with pytest.raises(TenantError, match=f"the link to the next page leads {where}"):
        list(abroad.pages(POLICIES))
    assert len(elsewhere.of_graph()) == 1


@pytest.mark.parametrize("strange", ["login", "graph"])
def test_a_certificate_that_is_not_trusted_is_told_at_once(
    elsewhere: Elsewhere, tmp_path: Path, time: Time, strange: str
) -> None:
    (tmp_path / "stranger").mkdir()
    with Elsewhere(tmp_path / "stranger", authority=trustme.CA()) as stranger:
        login, graph = (
            stranger.origin if strange == each else elsewhere.origin for each in ("login", "graph")
        )
        elsewhere.metadata = Answer(
            body={"authentication": {"loginEndpoint": login}, "microsoftGraphResourceId": graph}
        )
        with (
            closing(Graph(TENANT, elsewhere.environ, clock=time.clock)) as client,
            pytest.raises(TenantError, match="CERTIFICATE_VERIFY_FAILED") as caught,
        ):
            list(client.pages(POLICIES))
    assert "SSL_CERT_FILE" in str(caught.value.hint)
    assert time.waits == []


def test_a_refusal_names_what_is_needed_and_what_is_held(
    running: Running, tenant: str, graph: Graph
) -> None:
    graph.identity()  # makes the tenant
    running.set_roles(tenant, "Application.Read.All", "Policy.Read.All")
    with closing(Graph(tenant, variables(running, tenant), clock=Time().clock)) as poorer:
        assert list(poorer.pages(POLICIES)) == []
        with pytest.raises(TenantError, match="403 AccessDenied") as caught:
            poorer.post(POLICIES, block())
    assert caught.value.hint == (
        "it needs Policy.Read.All and Policy.ReadWrite.ConditionalAccess and Application.Read.All"
        " (https://learn.microsoft.com/graph/api/conditionalaccessroot-post-policies#permissions);"
        " the token allows Application.Read.All, Policy.Read.All"
    )


def test_a_token_that_is_not_taken_is_told(abroad: Graph, elsewhere: Elsewhere) -> None:
    said = {"error": {"code": "InvalidAuthenticationToken", "message": "Invalid audience."}}
    elsewhere.answers = [Answer(401, said)]
    with pytest.raises(TenantError, match="401 InvalidAuthenticationToken") as caught:
        abroad.get("organization")
    assert "for this cloud and this tenant" in str(caught.value.hint)


def test_a_tenant_says_who_is_signed_in(graph: Graph, running: Running, tenant: str) -> None:
    found = graph.identity()
    assert found.tenant_id == tenant
    assert found.client_id == variables(running, tenant)["ARM_CLIENT_ID"]
    assert found.object_id
    assert found.application
    assert "Policy.Read.All" in found.permissions


def test_one_token_serves_many_requests(abroad: Graph, elsewhere: Elsewhere) -> None:
    elsewhere.answers = [Answer(body={"value": []})]
    for _ in range(3):
        list(abroad.pages(POLICIES))
    assert sum(each.path.endswith("/token") for each in elsewhere.asked) == 1
    assert elsewhere.of_graph()[0].headers["Authorization"].startswith("Bearer ey")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            Answer(
                401, {"error": "invalid_client", "error_description": "AADSTS7000215: no\nTrace"}
            ),
            r"^signing in|Entra gave no token: .*AADSTS7000215: no$",
        ),
        (Answer(body={"token_type": "Bearer"}), "Entra gave no token"),
        (HTML, "Entra gave no token"),
        (Answer(403, HTML.body, HTML.headers), "Entra gave no token"),
        (Answer(body={"access_token": "opaque", "expires_in": 3599}), "cannot be read"),
        (Answer(body={"access_token": token(tid=None), "expires_in": 99}), "cannot be read"),
        (Answer(503, {}), "signing in was tried 8 times"),
    ],
)
def test_entra_gives_no_token(
    abroad: Graph, elsewhere: Elsewhere, answer: Answer, reason: str
) -> None:
    elsewhere.token = answer
    with pytest.raises(TenantError, match=reason) as caught:
        abroad.identity()
    assert "guest network" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "no such host", "[", "127.0.0.1:9/x@y"])
def test_a_metadata_host_that_does_not_answer_is_told(host: str, elsewhere: Elsewhere) -> None:
    with pytest.raises(TenantError, match=r"does not answer|does not name") as caught:
        Graph(TENANT, {**elsewhere.environ, "ARM_METADATA_HOSTNAME": host})
    assert "ARM_METADATA_HOSTNAME" in str(caught.value.hint)


def test_a_metadata_host_that_is_none_is_told(elsewhere: Elsewhere) -> None:
    elsewhere.metadata = Answer(body=[{"name": "AzureCloud"}])
    with pytest.raises(TenantError, match="does not name the endpoints of a cloud"):
        Graph(TENANT, elsewhere.environ)


def test_an_unknown_cloud_is_told() -> None:
    with pytest.raises(TenantError, match=r"no cloud `germany` \(\$ARM_ENVIRONMENT\)") as caught:
        Graph(TENANT, {"ARM_ENVIRONMENT": "germany", "PATH": ""})
    assert "usgovernment" in str(caught.value.hint)
