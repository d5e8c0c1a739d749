from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.engine.e2e.checkout import Checkout, Json

pytestmark = pytest.mark.e2e

PATCH, POST, DELETE = "PATCH", "POST", "DELETE"


def test_up_makes_what_the_files_say_and_a_second_one_changes_nothing(fresh: Checkout) -> None:
    done = fresh.run("up")

    assert done.code == 0, done.text
    fresh.assert_as_specified()
    rows = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    for each in fresh.held("policies"):
        assert [each["state"], each["id"], each["displayName"]] in rows
    for each in fresh.held("namedLocations"):
        assert ["trusted", each["id"], each["displayName"]] in rows

    fresh.mark()
    again = fresh.run("up")
    assert again.code == 0, again.text
    assert "nothing changed: sandbox is as specified" in again.stderr
    assert fresh.writes() == []
    fresh.assert_as_specified()
    # what is kept for the sandbox's stack is not for the repository
    assert not list(fresh.root.glob("Pulumi.*.yaml"))

    secrets = json.loads((fresh.home / "secrets.json").read_text())
    hidden = [secrets[name].encode() for name in ("client_secret", "admin_token", "signing_key")]
    token = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.")
    files = [each for each in fresh.root.rglob("*") if each.is_file()]
    assert len(files) > 30
    for file in files:
        if ".venv" not in file.relative_to(fresh.root).parts and file.name != "secrets.json":
            content = file.read_bytes()
            assert not any(secret in content for secret in hidden), file
            assert not token.search(content), file


def test_machines_are_told_what_was_done_and_what_stands(deployed: Checkout) -> None:
    deployed.write("policies/another.yaml", deployed.policy("Another"))

    done = deployed.up("sandbox", "--format", "json")

    told = json.loads(done.stdout)
    kind = "azuread:index/conditionalAccessPolicy:ConditionalAccessPolicy"
    assert told["changes"] == [{"operation": "create", "type": kind, "name": "another"}]
    held = {each["id"]: each["state"] for each in deployed.held("policies")}
    assert held == {each["id"]: each["state"] for each in told["holds"] if each["kind"] == "policy"}
    again = json.loads(deployed.up("sandbox", "--format", "json").stdout)
    assert (again["changes"], again["holds"]) == ([], told["holds"])


def _named(data: Json) -> None:
    data["displayName"] = "Another name"


def _moved(data: Json) -> None:
    data["namedLocations"]["head-office"]["ipRanges"] = ["203.0.113.0/24", "198.51.100.0/24"]


def _watched(data: Json) -> None:
    data["states"] = {"subject": "enabledForReportingButNotEnforced"}


@pytest.mark.parametrize(
    ("path", "edit", "what", "name"),
    [
        ("policies/subject.yaml", _named, "policies", "Another name"),
        ("environments/sandbox.yaml", _moved, "namedLocations", "Head office"),
        ("environments/sandbox.yaml", _watched, "policies", "Subject"),
    ],
)
def test_one_edit_is_one_update_in_place(
    deployed: Checkout, path: str, edit: Any, what: str, name: str
) -> None:
    before = set(deployed.ids(what).values())
    deployed.change(path, edit)

    deployed.up()

    assert [(each.method, each.what, each.name) for each in deployed.writes()] == [
        (PATCH, what, name)
    ]
    deployed.assert_as_specified()
    assert set(deployed.ids(what).values()) == before


def test_a_removed_policy_shows_in_the_preview_before_it_goes(deployed: Checkout) -> None:
    ids = deployed.ids()
    (deployed.root / "policies/subject.yaml").unlink()
    deployed.write("policies/newcomer.yaml", deployed.policy("Newcomer"))

    preview = deployed.run("pulumi", "sandbox", "preview")
    assert preview.code == 0, preview.text
    assert re.search(r"-  azuread\S+ subject delete", preview.stdout)
    assert re.search(r"\+  azuread\S+ newcomer create", preview.stdout)
    assert deployed.writes() == []

    done = deployed.up()
    previewed, updated = done.stdout.split("Updating (sandbox)")
    assert re.search(r"-  azuread\S+ subject delete", previewed)
    assert re.search(r"-  azuread\S+ subject deleted", updated)
    assert [(each.method, each.name) for each in deployed.writes()] == [
        (POST, "Newcomer"),
        (DELETE, "Subject"),
    ]
    deployed.assert_as_specified()
    left = deployed.ids()
    assert {name: ids[name] for name in ids if name != "Subject"} == {
        name: left[name] for name in left if name != "Newcomer"
    }


def test_a_renamed_file_keeps_its_object_if_it_says_what_it_was(deployed: Checkout) -> None:
    ids = deployed.ids()
    deployed.rename("policies/subject.yaml", "policies/topic.yaml")
    deployed.change("policies/topic.yaml", lambda data: data.update(renamedFrom=["subject"]))

    deployed.up()

    assert deployed.writes() == []
    assert deployed.ids() == ids
    deployed.assert_as_specified()


def test_a_renamed_file_that_does_not_is_made_before_the_old_one_goes(deployed: Checkout) -> None:
    ids = deployed.ids()
    deployed.rename("policies/subject.yaml", "policies/topic.yaml")

    deployed.up()

    assert [(each.method, each.name) for each in deployed.writes()] == [
        (POST, "Subject"),
        (DELETE, "Subject"),
    ]
    assert deployed.ids()["Subject"] != ids["Subject"]
    deployed.assert_as_specified()


def test_what_an_update_cannot_clear_is_made_anew_before_the_old_one_goes(
    deployed: Checkout,
) -> None:
    def with_strength(data: Json) -> None:
        del data["sessionControls"]
        data["grantControls"] = {"operator": "OR", "authenticationStrength": "Passwordless MFA"}

    def without_strength(data: Json) -> None:
        data["grantControls"] = {"operator": "OR", "builtInControls": ["mfa"]}
        data["sessionControls"] = {"signInFrequency": {"frequencyInterval": "everyTime"}}

    deployed.change("policies/subject.yaml", with_strength)
    deployed.change("policies/strong.yaml", without_strength)

    deployed.up()

    writes = [(each.method, each.name) for each in deployed.writes()]
    assert sorted(writes) == sorted((m, n) for m in (POST, DELETE) for n in ("Subject", "Strong"))
    for name in ("Subject", "Strong"):
        assert writes.index((POST, name)) < writes.index((DELETE, name))
    deployed.assert_as_specified()


def test_a_condition_that_goes_is_cleared_in_place(deployed: Checkout) -> None:
    def bare(data: Json) -> None:
        for name in ("platforms", "locations", "devices"):
            del data["conditions"][name]
        del data["excludedBy"], data["exceptions"]

    deployed.change("policies/subject.yaml", bare)

    deployed.up()

    (write,) = deployed.writes()
    assert (write.method, write.name) == (PATCH, "Subject")
    conditions = write.body["conditions"]
    assert {name: conditions[name] for name in ("platforms", "locations", "devices")} == {
        "platforms": None,
        "locations": None,
        "devices": None,
    }
    deployed.assert_as_specified()


def test_a_faulty_spec_stops_before_any_request(deployed: Checkout) -> None:
    stack = deployed.stack()
    deployed.change("policies/subject.yaml", lambda data: data.update(state="enable"))

    deployed.mark()
    done = deployed.run("up")
    assert done.code == 3
    line = next(line for line in done.stderr.splitlines() if "unknown-value" in line)
    assert re.match(r"policies/subject\.yaml:\d+:\d+: ", line)
    assert "Traceback" not in done.text

    past_us = deployed.engine(stack, "preview", "--non-interactive")
    assert past_us.code not in (0, -9)
    (_, told) = past_us.text.split("Diagnostics:")
    assert told.count("unknown value `enable`") == 1
    assert "policies/subject.yaml:" in past_us.text
    assert "Traceback" not in past_us.text
    assert deployed.requests() == []


def test_a_protected_policy_stays_until_the_environment_says_otherwise(fresh: Checkout) -> None:
    environment, policy = "contoso-prod", "block-legacy-authentication"
    name, path = "Block legacy authentication", f"policies/{policy}.yaml"
    fresh.up(environment)
    fresh.mark()

    destroyed = fresh.run("pulumi", "--sandbox", environment, "destroy", "--yes", "--skip-preview")
    assert destroyed.code != 0
    assert "cannot be deleted" in destroyed.text

    # what is to go must be missed by no goal
    goals = "environments/contoso-prod.yaml"
    fresh.change(goals, lambda data: data["goals"].remove("legacy-authentication-is-blocked"))
    text = (fresh.root / path).read_text(encoding="utf-8")
    (fresh.root / path).unlink()
    refused = fresh.run("up", environment, "--sandbox")
    assert refused.code == 1
    assert "it is protected" in refused.stdout
    assert "Updating" not in refused.stdout
    assert fresh.writes(environment) == []

    (fresh.root / path).write_text(text, encoding="utf-8")
    file = fresh.root / f"environments/{environment}.yaml"
    lines = file.read_text(encoding="utf-8")
    file.write_text(f"{lines}unprotected: [{policy}]\n", encoding="utf-8")
    fresh.up(environment)
    assert fresh.writes(environment) == []
    fresh.assert_as_specified(environment)

    (fresh.root / path).unlink()
    file.write_text(lines, encoding="utf-8")
    fresh.up(environment)
    assert [(each.method, each.name) for each in fresh.writes(environment)] == [(DELETE, name)]
    fresh.assert_as_specified(environment)


def test_two_environments_never_mix_and_pulumi_itself_deploys_them(deployed: Checkout) -> None:
    sandbox = deployed.held("policies")
    dev = ("pulumi", "contoso-dev", "--sandbox")

    previewed = deployed.run(*dev, "preview")
    assert previewed.code == 0, previewed.text
    assert deployed.writes("contoso-dev") == []
    done = deployed.run(*dev, "up", "--yes", "--skip-preview")
    assert done.code == 0, done.text
    deployed.assert_as_specified("contoso-dev")
    deployed.up("contoso-prod")
    deployed.assert_as_specified("contoso-prod")

    assert deployed.writes() == []
    assert deployed.held("policies") == sandbox
    groups = {
        environment: deployed.specified(environment).policies[0].conditions.users.exclude_groups
        for environment in ("contoso-dev", "contoso-prod")
    }
    for environment, excluded in groups.items():
        held = json.dumps(deployed.held("policies", environment))
        assert excluded[0] in held
        other = groups["contoso-dev" if environment == "contoso-prod" else "contoso-prod"]
        assert other[0] not in held

    flow = next(
        each
        for each in deployed.held("policies", "contoso-dev")
        if each["displayName"] == "Block device code flow"
    )
    conditions = flow["conditions"]
    assert conditions["users"]["excludeGroups"] == list(groups["contoso-dev"])
    assert not conditions["users"]["excludeUsers"]
    assert not conditions["applications"]["excludeApplications"]
    assert not (conditions["locations"] or {}).get("excludeLocations")
    assert conditions["devices"] is None


def test_a_stack_is_never_taken_to_another_tenant(deployed: Checkout) -> None:
    held = deployed.held("policies")
    old = deployed.specified().tenant_id
    new = "5a9d0b0c-0000-4000-8000-00000000beef"
    deployed.change("environments/sandbox.yaml", lambda data: data.update(tenantId=new))

    deployed.mark()
    for command in (("up",), ("pulumi", "sandbox", "up", "--yes")):
        done = deployed.run(*command)
        assert done.code == 5, done.text
        assert old in done.stderr
        assert new in done.stderr
    assert [each for each in deployed.requests() if each["tenant"]] == []
    deployed.change("environments/sandbox.yaml", lambda data: data.update(tenantId=old))
    assert deployed.held("policies") == held


def test_what_others_made_is_theirs(deployed: Checkout) -> None:
    running, tenant = deployed.sandbox, deployed.specified().tenant_id
    unrelated = next(each for each in deployed.held("policies") if each["displayName"] == "Strong")
    unrelated = {key: value for key, value in unrelated.items() if key != "id"}
    theirs = running.put(tenant, "policies", unrelated | {"displayName": "Theirs"})
    country = running.put(
        tenant,
        "namedLocations",
        {
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "displayName": "Their country",
            "countriesAndRegions": ["NO"],
        },
    )
    besides = (theirs["id"], country["id"])
    deployed.write("policies/newcomer.yaml", deployed.policy("Newcomer"))

    twin = running.put(tenant, "policies", unrelated | {"displayName": "Newcomer"})
    deployed.mark()
    refused = deployed.run("up")
    assert refused.code == 5, refused.text
    assert f"`Newcomer` ({twin['id']})" in refused.stderr
    assert deployed.writes() == []

    deployed.change("policies/newcomer.yaml", lambda data: data.update(displayName="Newest"))
    deployed.up()
    assert [(each.method, each.name) for each in deployed.writes()] == [(POST, "Newest")]
    deployed.assert_as_specified(besides=(*besides, twin["id"]))
    held = {each["id"]: each for each in deployed.held("policies")}
    assert held[theirs["id"]]["modifiedDateTime"] == theirs["modifiedDateTime"]
    assert held[twin["id"]]["modifiedDateTime"] == twin["modifiedDateTime"]
