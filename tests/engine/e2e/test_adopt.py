"""A tenant that nobody here made is taken over as it is, by the real engine."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from ostiary.sandbox.faults import Fault
from tests.engine.e2e.checkout import READS, Checkout, Done, copy_program, until
from tests.engine.raw_tenant import EMERGENCY, RawTenant, raw_tenant
from tests.engine.unit.sandbox.wire import CONDITIONAL_ACCESS, Graph, connect, listed
from tests.engine.unit.tenant.export_files import office, policy

pytestmark = pytest.mark.e2e

GLASS = "e0e0e0e0-1111-4222-8333-000000000001"
TENANT = "11111111-0000-4000-8000-000000000001"
ARGUMENTS = ("adopt", "contoso", "--tenant-id", TENANT, "--sandbox")
LONG = 900.0  # seconds: two cores are shared
Json = dict[str, Any]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Checkout]:
    """A folder with the Pulumi program and no policy."""
    root = tmp_path / "checkout"
    root.mkdir()
    copy_program(root)
    checkout = Checkout(root)
    yield checkout
    checkout.close()


def fill(checkout: Checkout, tenant: RawTenant) -> None:
    """Put objects into the tenant past every rule of Graph, and its directory."""
    for each in tenant.named_locations:
        checkout.sandbox.put(TENANT, "namedLocations", each)
    for each in tenant.policies:
        checkout.sandbox.put(TENANT, "policies", each)
    named = tenant.directory
    checkout.sandbox.furnish(
        TENANT,
        {
            "groups": [
                {"id": i, "displayName": name, "members": [GLASS] if i == EMERGENCY else []}
                for i, name in named["groups"].items()
            ],
            "users": [
                {"id": i, "displayName": name, "userPrincipalName": name}
                for i, name in {**named["users"], GLASS: "glass@contoso.com"}.items()
            ],
            "servicePrincipals": [
                *(
                    {"id": i, "appId": i, "displayName": n}
                    for i, n in named["applications"].items()
                ),
                *(
                    {"id": i, "appId": i, "displayName": n}
                    for i, n in named["servicePrincipals"].items()
                ),
            ],
        },
    )


def adopt(checkout: Checkout, code: int) -> Json:
    """Adopt, and give what was told; nothing may be written to the tenant."""
    before = held(checkout)
    began = len(checkout.sandbox.requests(TENANT))
    done = checkout.begin(*ARGUMENTS, "--format", "json").end(LONG)
    assert done.code == code, done.text
    asked = checkout.sandbox.requests(TENANT)[began:]
    written = [each for each in asked if each["path"].startswith(CONDITIONAL_ACCESS)]
    assert {each["method"] for each in written} <= READS
    assert held(checkout) == before
    told: Json = json.loads(done.stdout)
    return told


def held(checkout: Checkout) -> list[Json]:
    graph = Graph(checkout.sandbox, connect(checkout.sandbox), TENANT).sign_in()
    with closing(graph.client):
        return [
            each
            for what in ("policies", "namedLocations")
            for each in listed(graph, f"{CONDITIONAL_ACCESS}/{what}")
        ]


def tables(checkout: Checkout) -> dict[str, dict[str, str]]:
    file = checkout.root / "environments/contoso.yaml"
    found: dict[str, dict[str, str]] = yaml.safe_load(file.read_text("utf-8"))
    return found


def preview(checkout: Checkout, *arguments: str) -> Done:
    """Run the engine's own preview, as a user would who has never heard of `ostiary`."""
    return checkout.engine(checkout.stack("contoso"), "preview", "--non-interactive", *arguments)


def test_a_tenant_of_240_policies_that_nobody_here_made(empty: Checkout) -> None:
    tenant = raw_tenant(seed=5, size=240)
    fill(empty, tenant)
    began = time.monotonic()
    told = adopt(empty, code=2)
    print(f"adopted 240 policies in {time.monotonic() - began:.0f} s")  # noqa: T201 (a measurement)

    # Every object is accounted for, and only what no file can say is left alone.
    adopted = {each["id"] for each in told["adopted"]}
    left = {each["id"]: each for each in told["leftAlone"]}
    every = {each["id"] for each in (*tenant.policies, *tenant.named_locations)}
    assert adopted | left.keys() == every
    assert not adopted & left.keys()
    named = {each["displayName"] for each in left.values() if each["kind"] == "policy"}
    assert named == tenant.inexpressible
    assert all(each["reason"] for each in left.values())

    # The tenant and the files decide every sign-in alike, and the engine would change nothing but
    # the spelling of what was told.
    assert told["difference"]["same"]
    rewritten = {each["key"] for each in told["adopted"] if each["rewritten"]}
    assert {(each["operation"], each["name"]) for each in told["preview"]} == {
        ("update", key) for key in rewritten
    }
    assert len(rewritten) < 30

    # Names are the directory's, told apart where it has one for two or for what means something.
    names = {identity: name for name, identity in tables(empty)["groups"].items()}
    for identity, name in tenant.directory["groups"].items():
        if identity in names:
            assert names[identity].startswith(name)
            assert name.startswith("Break") or names[identity] == f"{name} ({identity[:8]})"
    assert "svc-1@contoso.com" in tables(empty)["users"]
    assert "App 1" in tables(empty)["applications"]
    assert told["emergencyAccess"] == {
        "groups": ["Break glass: ## do not delete ##"], "users": [], "assumed": True,
    }  # fmt: skip
    named_ids = {identity for names in tenant.directory.values() for identity in names}
    assert not named_ids & {each["id"] for each in told["generatedNames"]}

    assert empty.begin("up", "contoso", "--sandbox").end(LONG).code == 0
    done = preview(empty, "--expect-no-changes")
    assert done.code == 0, done.text

    # Once written, nothing is spelt in another way any more, and nothing is new.
    again = adopt(empty, code=2)
    assert (again["preview"], again["difference"]["same"]) == ([], True)
    assert not any(each["new"] or each["rewritten"] for each in again["adopted"])


def tidy(checkout: Checkout) -> None:
    """Fill a tenant whose words are ours already, in an order that is not."""
    blocked = policy("Block", number=2, locations={"includeLocations": [office()["id"]]})
    strong = policy("Strong", number=3, clientAppTypes=["mobileAppsAndDesktopClients", "browser"])
    strength = {"id": "00000000-0000-0000-0000-000000000004"}
    strong["grantControls"] = {"operator": "AND", "builtInControls": ["mfa", "compliantDevice"]}
    blocked["grantControls"] = {"operator": "OR", "authenticationStrength": strength}
    tenant = RawTenant([policy(), blocked, strong], [office()])
    tenant.directory = {"groups": {EMERGENCY: "Break glass"}, "users": {}, "applications": {},
                        "servicePrincipals": {}}  # fmt: skip
    fill(checkout, tenant)


def test_a_tidy_tenant_needs_no_change_at_all(empty: Checkout) -> None:
    tidy(empty)
    told = adopt(empty, code=0)
    assert (told["preview"], told["leftAlone"]) == ([], [])
    assert told["emergencyAccess"]["groups"] == ["Break glass"]
    done = preview(empty, "--expect-no-changes")
    assert done.code == 0, done.text

    # What replaces a policy that cannot be changed in place is recorded with it.
    strength, mfa = "authenticationStrength: Phishing-resistant MFA", "builtInControls: [mfa]"
    file = empty.root / "policies/block.yaml"
    file.write_text(file.read_text().replace(strength, mfa))
    assert "replace" in preview(empty).stdout
    assert empty.begin("up", "contoso", "--sandbox").end(LONG).code == 0


def test_an_adoption_goes_on_where_everything_was_killed(empty: Checkout) -> None:
    tidy(empty)
    empty.add(Fault(kind="slow", method="GET", path="/conditionalAccess/policies/", skip=1,
                    seconds=3600.0))  # fmt: skip
    run = empty.begin(*ARGUMENTS)
    until(lambda: empty.sandbox.admin("GET", "faults")[0]["seen"] > 1)
    run.signal(signal.SIGKILL)
    run.end()
    empty.heal()
    told = adopt(empty, code=0)
    assert (told["preview"], told["difference"]["same"]) == ([], True)
    assert preview(empty, "--expect-no-changes").code == 0


def test_what_only_beta_reads_stays_visible(empty: Checkout) -> None:
    tidy(empty)
    hidden = policy("Preview features", number=9)
    empty.sandbox.put(TENANT, "policies", hidden, beta_only=True)
    told = adopt(empty, code=2)
    assert [each["id"] for each in told["leftAlone"]] == [hidden["id"]]
    assert "Preview features" in (empty.root / "environments/contoso.yaml").read_text()
