"""The plugin over gRPC, as an engine calls it, against the sandbox tenant."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.lifecycle import Running
from ostiary.sandbox.plugin import values
from ostiary.sandbox.plugin.schema import LOCATION, POLICY
from ostiary.sandbox.plugin.service import Provider
from ostiary.sandbox.plugin.values import UNKNOWN, Secret
from tests.engine.unit.sandbox import wire
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS, LOCATIONS, POLICIES, Graph

Json = dict[str, Any]

OFFICE: Json = {"displayName": "Head office", "ip": {"ipRanges": ["203.0.113.0/24"]}}
NORDICS: Json = {"displayName": "Nordics", "country": {"countriesAndRegions": ["NO", "SE"]}}
BLOCK: Json = {
    "displayName": "Block",
    "state": "enabled",
    "conditions": {
        "applications": {"includedApplications": ["All"]},
        "clientAppTypes": ["all"],
        "users": {"includedUsers": ["All"]},
    },
    "grantControls": {"operator": "OR", "builtInControls": ["block"]},
}
KINDS = {LOCATION: "namedLocations", POLICY: "policies"}
DIFF = provider_pb2.PropertyDiff


def urn(token: str) -> str:
    return f"urn:pulumi:dev::project::{token}::thing"


@dataclass
class Plugin:
    """An engine's view of the plugin, configured for one tenant."""

    stub: Any
    graph: Graph

    def check(self, token: str, news: Json) -> tuple[Json, list[str]]:
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=urn(token), news=values.write(news)))
        return values.read(answer.inputs), [each.reason for each in answer.failures]

    def create(
        self, token: str, inputs: Json, *, preview: bool = False, timeout: float = 0
    ) -> tuple[str, Json]:
        request = provider_pb2.CreateRequest(
            urn=urn(token), properties=values.write(inputs), preview=preview, timeout=timeout
        )
        answer = self.stub.Create(request)
        return answer.id, values.read(answer.properties)

    def read(self, token: str, path: str, inputs: Json | None = None) -> tuple[str, Json, Json]:
        request = provider_pb2.ReadRequest(
            urn=urn(token), id=path, inputs=values.write(inputs or {})
        )
        answer = self.stub.Read(request)
        return answer.id, values.read(answer.properties), values.read(answer.inputs)

    def update(self, token: str, path: str, olds: Json, news: Json) -> Json:
        request = provider_pb2.UpdateRequest(
            urn=urn(token), id=path, olds=values.write(olds), news=values.write(news)
        )
        return values.read(self.stub.Update(request).properties)

    def diff(self, token: str, olds: Json, news: Json) -> Any:
        request = provider_pb2.DiffRequest(
            urn=urn(token), id="id", olds=values.write(olds), news=values.write(news)
        )
        return self.stub.Diff(request)

    def delete(self, token: str, path: str, olds: Json) -> None:
        request = provider_pb2.DeleteRequest(urn=urn(token), id=path, properties=values.write(olds))
        self.stub.Delete(request)

    def invoke(self, token: str, **arguments: Any) -> Json:
        request = provider_pb2.InvokeRequest(tok=token, args=values.write(arguments))
        return values.read(getattr(self.stub.Invoke(request), "return"))

    def asked(self) -> list[str]:
        """Give the requests about Conditional Access so far."""
        return [
            f"{each['method']} {'/id' if each['path'].count('/') > 4 else ''}".strip()
            for each in self.graph.running.requests(self.graph.tenant)
            if each["path"].startswith(CONDITIONAL_ACCESS)
        ]

    def fails(self, call: Any, *arguments: Any) -> str:
        with pytest.raises(grpc.RpcError) as caught:
            call(*arguments)
        return str(caught.value.details())


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, running: Running) -> Iterator[Any]:
    monkeypatch.setenv("SSL_CERT_FILE", str(running.ca))
    server = grpc.server(ThreadPoolExecutor(8))
    provider = Provider()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()
    provider.close()


def settings(graph: Graph) -> Json:
    variables = graph.running.environment(graph.tenant)
    return {
        "metadataHost": variables["ARM_METADATA_HOSTNAME"],
        "tenantId": graph.tenant,
        "clientId": Secret(variables["ARM_CLIENT_ID"]),
        "clientSecret": Secret(variables["ARM_CLIENT_SECRET"]),
    }


@pytest.fixture
def plugin(stub: Any, graph: Graph) -> Plugin:
    stub.Configure(provider_pb2.ConfigureRequest(args=values.write(settings(graph))))
    return Plugin(stub, graph)


WAIT = ["GET /id"] * 5
READ = ["GET /id"]


@pytest.mark.parametrize("inputs", [OFFICE, NORDICS], ids=["ip", "country"])
def test_a_location_lives_by_the_requests_of_the_real_plugin(plugin: Plugin, inputs: Json) -> None:
    checked, wrong = plugin.check(LOCATION, inputs)
    assert not wrong
    path, made = plugin.create(LOCATION, checked)
    assert path == f"/identity/conditionalAccess/namedLocations/{made['objectId']}"
    assert plugin.asked() == ["POST", *WAIT, *READ]
    assert plugin.diff(LOCATION, made, checked).changes == provider_pb2.DiffResponse.DIFF_NONE
    kept, properties, refreshed = plugin.read(LOCATION, path, checked)
    assert (kept, properties, refreshed) == (path, made, checked)

    begun = len(plugin.asked())
    renamed = checked | {"displayName": "Renamed"}
    after = plugin.update(LOCATION, path, made, renamed)
    assert after == made | {"displayName": "Renamed"}
    assert plugin.asked()[begun:] == ["PATCH /id", *WAIT, *READ]

    begun = len(plugin.asked())
    plugin.delete(LOCATION, path, after)
    distrust = ["PATCH /id", *WAIT] if "ip" in inputs else []
    assert plugin.asked()[begun:] == [*distrust, "DELETE /id", *WAIT]
    assert plugin.read(LOCATION, path, checked)[0] == ""


def test_a_location_keeps_its_name_out_of_an_update_that_does_not_change_it(
    plugin: Plugin,
) -> None:
    path, made = plugin.create(LOCATION, NORDICS)
    fewer = NORDICS | {"country": {"countriesAndRegions": ["SE"]}}
    made = plugin.update(LOCATION, path, made, fewer)
    plugin.update(LOCATION, path, made, fewer | {"displayName": "Sweden"})
    asked = plugin.graph.running.requests(plugin.graph.tenant)
    sent = [each["body"] for each in asked if each["method"] == "PATCH"]
    assert ["displayName" in each for each in sent] == [False, True]


def test_a_policy_lives_by_the_requests_of_the_real_plugin(plugin: Plugin) -> None:
    path, made = plugin.create(POLICY, BLOCK)
    assert path == f"/identity/conditionalAccess/policies/{made['objectId']}"
    assert plugin.asked() == ["POST", *WAIT, *READ]
    assert plugin.read(POLICY, path, BLOCK) == (path, made, BLOCK)

    begun = len(plugin.asked())
    disabled = BLOCK | {"state": "disabled"}
    assert plugin.update(POLICY, path, made, disabled) == made | {"state": "disabled"}
    assert plugin.asked()[begun:] == ["PATCH /id", *WAIT]

    begun = len(plugin.asked())
    plugin.delete(POLICY, path, made)
    assert plugin.asked()[begun:] == ["GET /id", "DELETE /id", *WAIT]
    begun = len(plugin.asked())
    plugin.delete(POLICY, path, made)
    assert plugin.asked()[begun:] == ["GET /id"]


def test_a_preview_asks_nothing_and_does_not_know_the_id(plugin: Plugin) -> None:
    inputs = OFFICE | {"displayName": UNKNOWN}
    assert plugin.create(LOCATION, inputs, preview=True) == ("", inputs | {"objectId": UNKNOWN})
    assert plugin.asked() == []


def test_a_diff_names_paths_kinds_and_replacements(plugin: Plugin) -> None:
    olds = OFFICE | {"objectId": "x"}
    more = {"ipRanges": ["203.0.113.0/24", "198.51.100.0/24"], "trusted": True}
    found = plugin.diff(LOCATION, olds, OFFICE | {"ip": more})
    assert {path: each.kind for path, each in found.detailedDiff.items()} == {
        "ip.ipRanges[1]": DIFF.ADD,
        "ip.trusted": DIFF.ADD,
    }
    assert list(found.diffs) == ["ip"]
    assert list(found.replaces) == []
    assert list(found.stables) == ["objectId"]
    found = plugin.diff(LOCATION, olds, NORDICS)
    assert sorted(found.replaces) == ["country", "ip"]
    kinds = {path: each.kind for path, each in found.detailedDiff.items()}
    assert kinds["ip"] == DIFF.DELETE_REPLACE
    assert kinds["country"] == DIFF.ADD_REPLACE


def test_an_import_takes_full_paths_only(plugin: Plugin) -> None:
    location = plugin.graph.create(LOCATIONS, wire.office("203.0.113.0/24"))
    path = f"/identity/conditionalAccess/namedLocations/{location}"
    found, properties, inputs = plugin.read(LOCATION, path)
    assert found == path
    assert properties["objectId"] == location
    assert inputs == OFFICE
    for wrong in (location, f"/identity/conditionalAccess/policies/{location}", f"{path}/more"):
        assert "has the form" in plugin.fails(plugin.read, LOCATION, wrong)


def test_drift_shows_in_properties_and_inputs(plugin: Plugin) -> None:
    path, made = plugin.create(POLICY, BLOCK)
    plugin.graph.ask("PATCH", f"{POLICIES}/{made['objectId']}", {"state": "disabled"})
    _, properties, inputs = plugin.read(POLICY, path, BLOCK)
    assert properties["state"] == inputs["state"] == "disabled"
    found = plugin.diff(POLICY, properties, BLOCK)
    assert {name: each.kind for name, each in found.detailedDiff.items()} == {"state": DIFF.UPDATE}


def test_secrets_stay_marked(plugin: Plugin) -> None:
    inputs = OFFICE | {"displayName": Secret("Bunker")}
    path, made = plugin.create(LOCATION, inputs)
    assert made["displayName"] == Secret("Bunker")
    _, properties, refreshed = plugin.read(LOCATION, path, inputs)
    assert properties["displayName"] == refreshed["displayName"] == Secret("Bunker")
    after = plugin.update(LOCATION, path, made, inputs | {"displayName": Secret("Shed")})
    assert after["displayName"] == Secret("Shed")


def partial(error: grpc.RpcError) -> Any:
    """Give what the engine is to record of a failed operation, or None."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            failed = provider_pb2.ErrorResourceInitFailed()
            assert status_pb2.Status.FromString(value).details[0].Unpack(failed)
            return failed
    return None


@pytest.mark.parametrize(
    ("token", "inputs", "recorded"),
    [(LOCATION, OFFICE, False), (LOCATION, NORDICS, True), (POLICY, BLOCK, False)],
    ids=["ip", "country", "policy"],
)
def test_a_create_whose_wait_fails_leaves_an_object_behind(
    plugin: Plugin, faults: Faults, token: str, inputs: Json, *, recorded: bool
) -> None:
    faults.add(Fault(kind="throttle", method="GET", tenant=plugin.graph.tenant))
    with pytest.raises(grpc.RpcError) as caught:
        plugin.create(token, inputs)
    faults.clear()
    assert "429 (429 Too Many Requests)" in str(caught.value.details())
    objects = plugin.graph.get(f"{CONDITIONAL_ACCESS}/{KINDS[token]}")["value"]
    assert len(objects) == 1
    failed = partial(caught.value)
    assert (failed is not None) == recorded
    if failed:
        assert failed.id.endswith(objects[0]["id"])
        assert values.read(failed.properties)["objectId"] == objects[0]["id"]


def test_a_policy_may_be_missing_at_first_but_a_location_may_not(
    plugin: Plugin, faults: Faults
) -> None:
    late = Fault(kind="not_found_after_create", method="POST", reads=3, tenant=plugin.graph.tenant)
    faults.add(late)
    assert plugin.create(POLICY, BLOCK)[0]
    assert plugin.asked() == ["POST", *["GET /id"] * 3, *WAIT, *READ]
    said = plugin.fails(plugin.create, LOCATION, OFFICE)
    assert "waiting for creation of Identity Conditional Access Named Location" in said
    assert "404" in said


def test_a_last_read_of_404_is_an_object_that_is_absent(plugin: Plugin, faults: Faults) -> None:
    fault = Fault(kind="status", status=404, method="GET", skip=5, tenant=plugin.graph.tenant)
    faults.add(fault)
    with pytest.raises(grpc.RpcError) as caught:
        plugin.create(POLICY, BLOCK)
    assert "Root object was present, but now absent" in str(caught.value.details())
    assert partial(caught.value) is None


def test_a_last_read_that_fails_has_recorded_the_object(plugin: Plugin, faults: Faults) -> None:
    fault = Fault(kind="status", status=403, method="GET", skip=5, tenant=plugin.graph.tenant)
    faults.add(fault)
    with pytest.raises(grpc.RpcError) as caught:
        plugin.create(LOCATION, OFFICE)
    assert "Bad API Response: returned model was nil" in str(caught.value.details())
    assert partial(caught.value).id.startswith("/identity/conditionalAccess/namedLocations/")


def test_a_reordered_list_waits_for_the_whole_timeout(plugin: Plugin, faults: Faults) -> None:
    faults.add(Fault(kind="reordered_lists", tenant=plugin.graph.tenant))
    ranges = OFFICE | {"ip": {"ipRanges": ["203.0.113.0/24", "198.51.100.0/24"]}}
    said = plugin.fails(lambda: plugin.create(LOCATION, ranges, timeout=45))
    assert "timeout while waiting for state to become 'Done' (last state: 'Waiting'" in said
    # 15 seconds of pause, then after 0, 5, 15 and 25 more.
    assert plugin.asked() == ["POST", *["GET /id"] * 4]


def test_stale_reads_after_an_update_are_waited_for(plugin: Plugin, faults: Faults) -> None:
    path, made = plugin.create(POLICY, BLOCK)
    fault = Fault(kind="stale_reads", method="PATCH", reads=4, tenant=plugin.graph.tenant)
    faults.add(fault)
    begun = len(plugin.asked())
    plugin.update(POLICY, path, made, BLOCK | {"state": "disabled"})
    assert len(plugin.asked()) - begun > 6


def test_a_refused_update_is_recorded_as_to_be_done(plugin: Plugin, faults: Faults) -> None:
    path, made = plugin.create(LOCATION, OFFICE)
    faults.add(Fault(kind="status", status=400, method="PATCH", tenant=plugin.graph.tenant))
    with pytest.raises(grpc.RpcError) as caught:
        plugin.update(LOCATION, path, made, OFFICE | {"displayName": Secret("Renamed")})
    failed = partial(caught.value)
    assert failed.id == path
    assert values.read(failed.properties)["displayName"] == Secret("Renamed")


def test_a_location_that_cannot_be_deleted_has_lost_its_trust(plugin: Plugin) -> None:
    office = OFFICE | {"ip": OFFICE["ip"] | {"trusted": True}}
    path, made = plugin.create(LOCATION, office)
    named = {"includedLocations": ["All"], "excludedLocations": [made["objectId"]]}
    conditions = BLOCK["conditions"] | {"locations": named}
    plugin.create(POLICY, BLOCK | {"conditions": conditions})
    assert "deleting Identity" in plugin.fails(plugin.delete, LOCATION, path, made)
    assert plugin.read(LOCATION, path)[1]["ip"]["trusted"] is False


def test_a_location_is_found_by_its_name(plugin: Plugin) -> None:
    path, made = plugin.create(LOCATION, OFFICE | {"displayName": "Dún Laoghaire's office"})
    token = "azuread:index/getNamedLocation:getNamedLocation"
    assert plugin.invoke(token, displayName="Dún Laoghaire's office") == {
        "id": path,
        "objectId": made["objectId"],
        "displayName": "Dún Laoghaire's office",
        "ips": [{"ipRanges": ["203.0.113.0/24"], "trusted": False}],
        "countries": [],
    }
    said = plugin.fails(lambda: plugin.invoke(token, displayName="Nowhere"))
    assert 'display name "Nowhere" was not found' in said


def test_the_signed_in_client_is_known(plugin: Plugin) -> None:
    found = plugin.invoke("azuread:index/getClientConfig:getClientConfig")
    assert found["tenantId"] == plugin.graph.tenant
    assert found["objectId"]


def test_other_types_are_refused_by_name(plugin: Plugin) -> None:
    group = "azuread:index/group:Group"
    assert f"does not know `{group}`" in plugin.fails(plugin.check, group, {})
    assert f"does not know `{group}`" in plugin.fails(plugin.create, group, {})
    other = "azuread:index/getGroup:getGroup"
    assert f"does not know `{other}`" in plugin.fails(plugin.invoke, other)


def test_a_cancelled_engine_is_not_kept_waiting(plugin: Plugin) -> None:
    plugin.stub.Cancel(empty_pb2.Empty())
    assert "context canceled" in plugin.fails(plugin.create, POLICY, BLOCK)
    assert plugin.asked() == ["POST"]


def test_settings_are_checked(stub: Any, graph: Graph) -> None:
    def reasons(**changes: Any) -> list[str]:
        news = values.write(settings(graph) | changes)
        answer = stub.CheckConfig(provider_pb2.CheckRequest(news=news))
        assert answer.inputs == news
        return [each.reason for each in answer.failures]

    assert reasons() == []
    assert reasons(clientId=UNKNOWN) == []
    assert reasons(colour="red") == ["`colour` is not a setting of azuread"]
    assert (
        "refuses to reach `graph.microsoft.com`" in reasons(metadataHost="graph.microsoft.com")[0]
    )


def test_a_wrong_secret_is_the_answer_of_the_token_endpoint(stub: Any, graph: Graph) -> None:
    wrong = settings(graph) | {"clientSecret": Secret("open sesame")}
    with pytest.raises(grpc.RpcError) as caught:
        stub.Configure(provider_pb2.ConfigureRequest(args=values.write(wrong)))
    said = str(caught.value.details())
    assert "AADSTS7000215" in said
    assert "open sesame" not in said
