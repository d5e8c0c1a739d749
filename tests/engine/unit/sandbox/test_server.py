from __future__ import annotations

import json
import socket
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential

from ostiary.sandbox import tokens
from ostiary.sandbox.home import Home
from ostiary.sandbox.lifecycle import Running
from tests.engine.unit.sandbox.wire import (
    CONDITIONAL_ACCESS,
    LOCATIONS,
    POLICIES,
    Graph,
    block,
    countries,
    office,
)

DELETED = f"{CONDITIONAL_ACCESS}/deletedItems"
UNKNOWN = "0a0a0a0a-0000-4000-8000-0a0a0a0a0a0a"


# What a client asks before it asks Graph


def test_metadata_is_what_the_azuread_provider_needs(
    running: Running, client: httpx.Client
) -> None:
    asked = "/metadata/endpoints?api-version=2022-09-01"
    found = client.get(f"{running.origin}{asked}").json()
    assert found["name"]
    assert found["resourceManager"]
    assert found["microsoftGraphResourceId"] == running.origin
    assert found["authentication"]["loginEndpoint"] == running.origin
    assert found["authentication"]["tenant"] == "common"
    assert found["authentication"]["identityProvider"] == "AAD"


def credential(running: Running, tenant: str, secret: str | None = None) -> ClientSecretCredential:
    variables = running.environment(tenant)
    return ClientSecretCredential(
        tenant,
        variables["ARM_CLIENT_ID"],
        secret or variables["ARM_CLIENT_SECRET"],
        authority=running.authority,
        disable_instance_discovery=True,
        connection_verify=str(running.ca),
    )


def test_azure_identity_gets_a_token_that_graph_takes(
    running: Running, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = str(uuid4())
    monkeypatch.setenv("NO_PROXY", running.environment(tenant)["NO_PROXY"])
    with credential(running, tenant) as identity:
        token = identity.get_token(f"{running.origin}/.default").token
    claims = tokens.payload(token)
    assert claims["tid"] == tenant
    assert claims["oid"]
    assert claims["appid"] == running.environment(tenant)["ARM_CLIENT_ID"]
    assert claims["aud"] == running.origin
    assert "Policy.ReadWrite.ConditionalAccess" in claims["roles"]
    assert 3500 < claims["exp"] - time.time() < 3600
    assert "=" not in token
    assert Graph(running, client, tenant, token).get(POLICIES)["value"] == []


def test_azure_identity_reports_a_wrong_secret(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = str(uuid4())
    monkeypatch.setenv("NO_PROXY", running.environment(tenant)["NO_PROXY"])
    with (
        credential(running, tenant, "guess") as identity,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        identity.get_token(f"{running.origin}/.default")


def ask_token(running: Running, client: httpx.Client, **form: str) -> httpx.Response:
    tenant = str(uuid4())
    known = {
        "grant_type": "client_credentials",
        "client_id": running.environment(tenant)["ARM_CLIENT_ID"],
        "scope": f"{running.origin}/.default",
    }
    return client.post(f"{running.origin}/{tenant}/oauth2/v2.0/token", data=known | form)


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"client_secret": "guess"}, 401, 7000215),
        ({}, 401, 7000218),
        ({"client_secret": "x", "client_id": UNKNOWN}, 400, 700016),
        ({"client_secret": "x", "grant_type": "password"}, 400, 70003),
        ({"client_assertion": "a.b.c"}, 400, 90014),
    ],
)
def test_a_token_is_refused_in_the_words_of_entra(
    running: Running, client: httpx.Client, form: dict[str, str], status: int, code: int
) -> None:
    answer = ask_token(running, client, **form)
    assert answer.status_code == status
    assert answer.json()["error_codes"] == [code]
    assert answer.json()["error_description"].startswith(f"AADSTS{code}: ")


def assertion(expires: float) -> str:
    claims = {"tenant_id": "t", "client_id": "c", "audience": "api://AzureADTokenExchange"}
    token = tokens.issue(b"the key of a pipeline", roles=(), **claims)
    head, body, signature = token.split(".")
    changed = tokens.payload(token) | {"exp": int(expires)}
    return f"{head}.{tokens.encode(changed)}.{signature}" if body else token


@pytest.mark.parametrize(("lifetime", "status"), [(600, 200), (-1, 401)])
def test_a_federated_assertion_is_taken_while_it_lasts(
    running: Running, client: httpx.Client, lifetime: int, status: int
) -> None:
    answer = ask_token(
        running,
        client,
        client_assertion=assertion(time.time() + lifetime),
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    )
    assert answer.status_code == status, answer.text


def test_a_tenant_that_is_no_guid_does_not_exist(running: Running, client: httpx.Client) -> None:
    answer = client.post(f"{running.origin}/contoso/oauth2/v2.0/token", data={})
    assert answer.json()["error_codes"] == [90002]


def expired(graph: Graph) -> str:
    key = Home(graph.running.home).secrets().signing_key.encode()
    claims = tokens.payload(graph.token) | {"exp": int(time.time()) - 1}
    return tokens.sign(key, claims)


@pytest.mark.parametrize("what", ["expired", "forged", "of another key", "no token"])
def test_graph_takes_only_a_token_of_its_own(graph: Graph, what: str) -> None:
    head, body, signature = graph.token.split(".")
    other = tokens.encode(tokens.payload(graph.token) | {"tid": UNKNOWN})
    graph.token = {
        "expired": expired(graph),
        "forged": f"{head}.{other}.{signature}",
        "of another key": tokens.sign(b"another", tokens.payload(graph.token)),
        "no token": "x",
    }[what]
    answer = graph.ask("GET", POLICIES)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert body


def test_graph_takes_no_request_without_a_token(running: Running, client: httpx.Client) -> None:
    answer = client.get(f"{running.origin}{POLICIES}")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"


# Who may do what


def test_reading_needs_a_role(graph: Graph) -> None:
    graph.running.set_roles(graph.tenant, "User.Read.All")
    graph.sign_in()
    for path in (POLICIES, LOCATIONS, f"{DELETED}/policies"):
        answer = graph.ask("GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AccessDenied")
    answer = graph.ask("GET", "/v1.0/organization")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Authorization_RequestDenied"


def test_writing_needs_one_more(graph: Graph) -> None:
    graph.running.set_roles(graph.tenant, "Policy.Read.All")
    graph.sign_in()
    assert graph.ask("GET", POLICIES).status_code == 200
    assert graph.ask("POST", POLICIES, block()).status_code == 403
    assert graph.ask("POST", LOCATIONS, office()).status_code == 403
    assert graph.get(POLICIES)["value"] == []


def test_naming_an_application_needs_yet_another(graph: Graph) -> None:
    graph.running.set_roles(graph.tenant, "Policy.Read.All", "Policy.ReadWrite.ConditionalAccess")
    graph.sign_in()
    named = block(applications={"includeApplications": [UNKNOWN]})
    assert graph.refusal("POST", POLICIES, named) == (
        403,
        "Application.Read.All scope is required to add/edit application condition",
    )
    graph.create(POLICIES, block())


def test_new_roles_are_for_new_tokens(graph: Graph) -> None:
    graph.running.set_roles(graph.tenant)
    assert graph.ask("GET", POLICIES).status_code == 200
    assert graph.sign_in().ask("GET", POLICIES).status_code == 403


# Policies


def test_a_policy_comes_back_as_it_was_sent_with_all_else_unset(graph: Graph) -> None:
    answer = graph.ask("POST", POLICIES, block())
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    made = answer.json()
    assert graph.get(f"{POLICIES}/{made['id']}") == made
    for name in ("templateId", "modifiedDateTime", "deletedDateTime"):
        assert made.pop(name) is None
    assert made.pop("createdDateTime").startswith("20")
    assert made.pop("@odata.context").endswith("conditionalAccess/policies/$entity")
    made.pop("id")
    sent = block()
    del sent["@odata.type"]
    sent["conditions"] |= {"clientApplications": None, "insiderRiskLevels": None}
    sent["conditions"]["applications"] |= {
        "includeAuthenticationContextClassReferences": [],
        "applicationFilter": None,
    }
    sent["grantControls"]["authenticationStrength"] = None
    assert made == sent


def test_a_policy_lives_and_dies(graph: Graph) -> None:
    policy = graph.create(POLICIES, block())
    path = f"{POLICIES}/{policy}"
    changed = graph.ask("PATCH", path, {"displayName": "Renamed", "state": "disabled"})
    assert (changed.status_code, changed.content) == (204, b"")
    found = graph.get(path)
    assert (found["displayName"], found["state"]) == ("Renamed", "disabled")
    assert found["conditions"]["users"]["includeUsers"] == ["All"]
    assert found["modifiedDateTime"] >= found["createdDateTime"]
    assert graph.ask("DELETE", path).status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = graph.ask(method, path, {})
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "ResourceNotFound"
        assert policy in answer.json()["error"]["message"]


def test_the_beta_version_answers_too(graph: Graph) -> None:
    policy = graph.create(POLICIES.replace("v1.0", "beta"), block())
    assert graph.get(f"{POLICIES}/{policy}".replace("v1.0", "beta"))["id"] == policy


def test_names_are_not_unique(graph: Graph) -> None:
    first, second = graph.create(POLICIES, block()), graph.create(POLICIES, block())
    assert [each["id"] for each in graph.get(POLICIES)["value"]] == [first, second]


def test_two_tenants_never_see_each_other(graph: Graph) -> None:
    other = Graph(graph.running, graph.client, str(uuid4())).sign_in()
    policy, location = graph.create(POLICIES, block()), graph.create(LOCATIONS, office())
    assert other.get(POLICIES)["value"] == []
    assert other.get(LOCATIONS)["value"] == []
    for path in (f"{POLICIES}/{policy}", f"{LOCATIONS}/{location}"):
        for method in ("GET", "PATCH", "DELETE"):
            assert other.ask(method, path, {"displayName": "stolen"}).status_code == 404
    abroad = block(locations={"includeLocations": [location]})
    assert other.refusal("POST", POLICIES, abroad)[1].startswith("1040: ")
    assert graph.get(f"{POLICIES}/{policy}")["displayName"] == "Block device code flow"
    assert graph.get("/v1.0/organization")["value"][0]["id"] == graph.tenant
    assert other.get("/v1.0/organization")["value"][0]["id"] == other.tenant


# What an admin puts past Graph's rules


def test_what_the_sandbox_does_not_know_of_a_policy_is_kept(graph: Graph) -> None:
    session = {"secureSignInSession": {"isEnabled": True}, "signInFrequency": None}
    strange = block() | {"sessionControls": session, "novelty": [1]}
    strange["conditions"]["agents"] = {"includeAgents": ["All"]}
    with pytest.raises(AssertionError, match="1007"):
        graph.create(POLICIES, strange)
    made = graph.running.put(graph.tenant, "policies", strange)
    found = graph.get(f"{POLICIES}/{made['id']}")
    assert found["sessionControls"]["secureSignInSession"] == {"isEnabled": True}
    assert found["sessionControls"]["persistentBrowser"] is None
    assert found["conditions"]["agents"] == {"includeAgents": ["All"]}
    assert found["novelty"] == [1]
    assert "@odata.type" not in found
    change = {"displayName": "Renamed"}
    assert graph.ask("PATCH", f"{POLICIES}/{made['id']}", change).status_code == 204
    assert graph.get(f"{POLICIES}/{made['id']}")["conditions"] == found["conditions"]


def test_a_policy_for_beta_is_not_in_v1(graph: Graph) -> None:
    made = graph.running.put(graph.tenant, "policies", block("new"), beta_only=True)
    plain = graph.create(POLICIES, block("plain"))
    beta = POLICIES.replace("v1.0", "beta")
    assert [each["id"] for each in graph.get(POLICIES)["value"]] == [plain]
    assert [each["id"] for each in graph.get(beta)["value"]] == [made["id"], plain]
    status, message = graph.refusal("GET", f"{POLICIES}/{made['id']}")
    assert (status, message[:6]) == (400, "1037: ")
    assert graph.get(f"{beta}/{made['id']}")["displayName"] == "new"


# Lists


def test_a_list_comes_in_pages(graph: Graph) -> None:
    made = [graph.create(LOCATIONS, office(name=f"Office {each}")) for each in range(5)]
    found, pages = [], 0
    path: str | None = f"{LOCATIONS}?$top=2"
    while path:
        page = graph.get(path)
        found += [each["id"] for each in page["value"]]
        path, pages = page.get("@odata.nextLink"), pages + 1
    assert (found, pages) == (made, 3)
    assert "@odata.nextLink" not in graph.get(f"{LOCATIONS}?$top=5")


def test_a_list_is_filtered_by_name_with_doubled_quotes(graph: Graph) -> None:
    wanted = graph.create(LOCATIONS, office(name="Director's + & office"))
    graph.create(LOCATIONS, office())
    query = httpx.QueryParams({"$filter": "displayName eq 'Director''s + & office'"})
    assert [each["id"] for each in graph.get(f"{LOCATIONS}?{query}")["value"]] == [wanted]


def test_a_list_shows_only_what_is_selected(graph: Graph) -> None:
    policy = graph.create(POLICIES, block())
    found = graph.get(f"{POLICIES}?$select=id,state&$count=true")
    assert found["value"] == [{"id": policy, "state": "enabled"}]
    assert found["@odata.count"] == 1


@pytest.mark.parametrize(
    "query", ["$filter=state eq 'enabled'", "$top=0", "$top=1000", "$top=x", "$search=x"]
)
def test_a_query_that_is_not_known_is_refused(graph: Graph, query: str) -> None:
    assert graph.ask("GET", f"{POLICIES}?{query}").status_code == 400


# What Graph refuses about policies


def controls(*built_in: str, operator: str = "OR", **more: Any) -> dict[str, Any]:
    return {"grantControls": {"operator": operator, "builtInControls": list(built_in)} | more}


STRENGTH = {"id": "00000000-0000-0000-0000-000000000004"}
GUESTS = {"guestOrExternalUserTypes": "b2bCollaborationGuest"}
RESET = block(userRiskLevels=["high"], authenticationFlows=None) | controls(
    "mfa", "passwordChange", operator="AND"
)


def users(**more: Any) -> dict[str, Any]:
    return block(users={"includeUsers": ["All"]} | more)


def password(**conditions: Any) -> dict[str, Any]:
    return RESET | {"conditions": RESET["conditions"] | conditions}


def session(**more: Any) -> dict[str, Any]:
    return block() | {"grantControls": None, "sessionControls": more}


def frequency(**more: Any) -> dict[str, Any]:
    return session(signInFrequency={"isEnabled": True} | more)


REFUSED_POLICIES: dict[str, tuple[Any, str]] = {
    "no body": (None, "Unable to read"),
    "a list": ([], "Unable to read"),
    "unknown property": (block() | {"colour": "red"}, "1007: "),
    "unknown condition": (block(colour="red"), "1007: "),
    "unknown control": (block() | controls("lock"), "1007: "),
    "unknown state": (block() | {"state": "on"}, "1007: "),
    "future value": (block(clientAppTypes=["unknownFutureValue"]), "1007: "),
    "unknown flow": (block(authenticationFlows={"transferMethods": "none"}), "1007: "),
    "wrong type": (block(clientAppTypes="all"), "1007: "),
    "a name for an id": (users(includeGroups=["emergency-access"]), "1007: "),
    "no name": (block(""), "displayName"),
    "no state": (block() | {"state": None}, "state is required"),
    "no applications": (block(applications={"includeApplications": []}), "1011: "),
    "no users": (block(users={"excludeUsers": [UNKNOWN]}), "at least one user"),
    "no client applications": (block(clientAppTypes=[]), "clientAppTypes"),
    "empty locations": (
        block(locations={"includeLocations": [], "excludeLocations": []}),
        "includeLocations must not be empty",
    ),
    "empty platforms": (
        block(platforms={"includePlatforms": [], "excludePlatforms": []}),
        "includePlatforms must not be empty",
    ),
    "unknown location": (block(locations={"includeLocations": [UNKNOWN]}), f"1040: {UNKNOWN}"),
    "half a filter": (block(devices={"deviceFilter": {"mode": "exclude"}}), "A filter needs"),
    "long filter": (
        block(devices={"deviceFilter": {"mode": "exclude", "rule": "x" * 3073}}),
        "1007: ",
    ),
    "no controls": (block() | {"grantControls": None}, "at least one grant or session"),
    "empty controls": (block() | controls(), "grantControls needs"),
    "no operator": (
        block() | {"grantControls": {"builtInControls": ["mfa"]}},
        "grantControls needs",
    ),
    "mfa and strength": (block() | controls("mfa", authenticationStrength=STRENGTH), "1108: "),
    "strength without id": (
        block() | controls(authenticationStrength={"displayName": "Phishing-resistant MFA"}),
        "needs an id",
    ),
    "block and mfa": (block() | controls("block", "mfa"), "1032: "),
    "block and terms": (block() | controls("block", termsOfUse=[UNKNOWN]), "1032: "),
    "password change alone": (RESET | controls("passwordChange"), "1032: "),
    "password change or mfa": (RESET | controls("passwordChange", "mfa"), "1032: "),
    "password change without risk": (password(userRiskLevels=[]), "1032: "),
    "password change on a platform": (
        password(platforms={"includePlatforms": ["iOS"]}),
        "1032: ",
    ),
    "password change by client": (password(clientAppTypes=["browser"]), "1032: "),
    "password change, one app": (
        password(applications={"includeApplications": [UNKNOWN]}),
        "1032: ",
    ),
    "retired control": (block() | controls("approvedApplication"), "retired"),
    "guests twice": (
        users(includeUsers=["GuestsOrExternalUsers"], includeGuestsOrExternalUsers=GUESTS),
        "cannot be combined",
    ),
    "guests of no type": (users(excludeGuestsOrExternalUsers={}), "guestOrExternalUserTypes"),
    "members of all tenants": (
        users(
            excludeGuestsOrExternalUsers=GUESTS
            | {"externalTenants": {"membershipKind": "all", "members": [UNKNOWN]}}
        ),
        "members of externalTenants",
    ),
    "every time, and each hour": (
        frequency(frequencyInterval="everyTime", value=1, type="hours"),
        "signInFrequency",
    ),
    "no frequency": (frequency(frequencyInterval="timeBased"), "signInFrequency"),
    "24 hours": (frequency(value=24, type="hours"), "signInFrequency"),
    "session of one app": (
        session(persistentBrowser={"mode": "never", "isEnabled": True})
        | {"conditions": block(applications={"includeApplications": [UNKNOWN]})["conditions"]},
        "1032: ",
    ),
}


@pytest.mark.parametrize("case", REFUSED_POLICIES)
def test_a_policy_is_refused(graph: Graph, case: str) -> None:
    body, reason = REFUSED_POLICIES[case]
    status, message = graph.refusal("POST", POLICIES, body)
    assert status == 400
    for part in reason.split(": ", 1):
        assert part in message
    assert graph.get(POLICIES)["value"] == []


ACCEPTED_POLICIES = {
    "password change": RESET,
    "strength": block() | controls(authenticationStrength=STRENGTH),
    "terms of use": block() | controls("mfa", termsOfUse=[UNKNOWN]),
    "every time": frequency(frequencyInterval="everyTime"),
    "each day": frequency(value=1, type="days", frequencyInterval="timeBased"),
    "no session to speak of": frequency(isEnabled=False),
    "well-known places": block(
        locations={
            "includeLocations": ["All"],
            "excludeLocations": ["AllTrusted", "00000000-0000-0000-0000-000000000000"],
        }
    ),
    "enumerated tenants": users(
        excludeGuestsOrExternalUsers=GUESTS
        | {
            "externalTenants": {
                "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
                "membershipKind": "enumerated",
                "members": [UNKNOWN],
            }
        }
    ),
    "workload identities": block(
        users={"includeUsers": ["None"]},
        clientApplications={"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]},
    ),
    "a user action": block(applications={"includeUserActions": ["urn:user:registersecurityinfo"]}),
}


@pytest.mark.parametrize("case", ACCEPTED_POLICIES)
def test_a_policy_is_taken_and_its_own_answer_is_taken_again(graph: Graph, case: str) -> None:
    policy = graph.create(POLICIES, ACCEPTED_POLICIES[case])
    path = f"{POLICIES}/{policy}"
    found = graph.get(path)
    answer = graph.ask("PATCH", path, found)
    assert answer.status_code == 204, answer.text
    assert graph.get(path) == found | {"modifiedDateTime": graph.get(path)["modifiedDateTime"]}


def test_a_strength_is_sent_by_its_id_and_described_when_read(graph: Graph) -> None:
    policy = graph.create(POLICIES, ACCEPTED_POLICIES["strength"])
    strength = graph.get(f"{POLICIES}/{policy}")["grantControls"]["authenticationStrength"]
    assert strength["id"] == STRENGTH["id"]
    assert strength["displayName"] == "Phishing-resistant MFA"
    assert strength["policyType"] == "builtIn"


def test_a_location_is_named_by_its_id_and_not_by_its_path(graph: Graph) -> None:
    location = graph.create(LOCATIONS, office())
    graph.create(POLICIES, block(locations={"includeLocations": [location]}))
    path = f"/identity/conditionalAccess/namedLocations/{location}"
    assert graph.refusal("POST", POLICIES, block(locations={"includeLocations": [path]})) == (
        400,
        f"1040: NamedLocation with id {path} does not exist in the directory.",
    )


def test_what_a_patch_leaves_out_can_make_it_impossible(graph: Graph) -> None:
    policy = graph.create(POLICIES, block() | controls("mfa"))
    path = f"{POLICIES}/{policy}"
    strength = {"grantControls": {"operator": "OR", "authenticationStrength": STRENGTH}}
    status, message = graph.refusal("PATCH", path, strength)
    assert (status, message[:6]) == (400, "1108: ")
    assert graph.get(path)["grantControls"]["authenticationStrength"] is None
    strength["grantControls"]["builtInControls"] = []
    assert graph.ask("PATCH", path, strength).status_code == 204


def test_a_retired_control_stays_where_it_is_but_cannot_be_sent(graph: Graph) -> None:
    old = graph.running.put(graph.tenant, "policies", block() | controls("approvedApplication"))
    path = f"{POLICIES}/{old['id']}"
    assert graph.ask("PATCH", path, {"state": "disabled"}).status_code == 204
    assert graph.ask("PATCH", path, controls("approvedApplication")).status_code == 400
    assert graph.get(path)["grantControls"]["builtInControls"] == ["approvedApplication"]


def test_security_defaults_keep_a_policy_from_being_enabled(graph: Graph) -> None:
    graph.running.set_security_defaults(graph.tenant, enabled=True)
    defaults = "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy"
    assert graph.get(defaults)["isEnabled"] is True
    status, message = graph.refusal("POST", POLICIES, block())
    assert status == 400
    assert "Security Defaults" in message
    policy = graph.create(POLICIES, block() | {"state": "enabledForReportingButNotEnforced"})
    assert graph.ask("PATCH", f"{POLICIES}/{policy}", {"state": "enabled"}).status_code == 400
    graph.running.set_security_defaults(graph.tenant, enabled=False)
    assert graph.ask("PATCH", f"{POLICIES}/{policy}", {"state": "enabled"}).status_code == 204


def test_a_tenant_holds_240_policies(graph: Graph) -> None:
    for number in range(239):
        graph.running.put(graph.tenant, "policies", block(f"Policy {number}"))
    last = graph.create(POLICIES, block())
    assert "240" in graph.refusal("POST", POLICIES, block())[1]
    assert graph.ask("DELETE", f"{POLICIES}/{last}").status_code == 204
    graph.create(POLICIES, block())


# Named locations


def test_ranges_keep_their_order_and_find_their_version(graph: Graph) -> None:
    ranges = ("203.0.113.0/24", "2001:db8:10::/48", "12.34.221.11/22", "64:ff9b::/96")
    made = graph.get(f"{LOCATIONS}/{graph.create(LOCATIONS, office(*ranges))}")
    assert made["@odata.type"] == "#microsoft.graph.ipNamedLocation"
    assert made["ipRanges"] == [
        {"@odata.type": f"#microsoft.graph.iPv{version}CidrRange", "cidrAddress": each}
        for version, each in zip((4, 6, 4, 6), ranges, strict=True)
    ]


def test_a_location_is_changed_where_it_stands(graph: Graph) -> None:
    location = graph.create(LOCATIONS, office(trusted=True))
    path = f"{LOCATIONS}/{location}"
    ranges = [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "198.51.100.0/24"}]
    change = {"@odata.type": "#microsoft.graph.ipNamedLocation", "ipRanges": ranges}
    assert graph.ask("PATCH", path, change).status_code == 204
    found = graph.get(path)
    assert found["ipRanges"] == ranges
    assert (found["displayName"], found["isTrusted"]) == ("Head office", True)


def test_countries_come_back_in_order_with_their_defaults(graph: Graph) -> None:
    made = graph.get(f"{LOCATIONS}/{graph.create(LOCATIONS, countries('NO', 'DE', 'AT'))}")
    assert made["@odata.type"] == "#microsoft.graph.countryNamedLocation"
    assert made["countriesAndRegions"] == ["NO", "DE", "AT"]
    assert made["includeUnknownCountriesAndRegions"] is True
    assert made["countryLookupMethod"] == "clientIpAddress"
    assert "ipRanges" not in made


@pytest.mark.parametrize(
    "body",
    [
        office("203.0.113.7"),
        office("203.0.113.0/255.255.255.0"),
        office("203.0.113.0/33"),
        office("203.0.113.0/ 24"),
        office("12.0.0.0/7"),
        office("2001::/7"),
        office("office"),
        office("203.0.113.0/24", "203.0.113.0/24"),
        office() | {"ipRanges": []},
        office() | {"ipRanges": ["203.0.113.0/24"]},
        office() | {"isTrusted": "yes"},
        office() | {"displayName": ""},
        office() | {"@odata.type": "#microsoft.graph.namedLocation"},
        office() | {"countriesAndRegions": ["NO"]},
        office(*(f"10.{number // 256}.{number % 256}.0/24" for number in range(2001))),
        countries(),
        countries("no"),
        countries("NOR"),
        countries("NO", "NO"),
        countries("NO") | {"countryLookupMethod": "guess"},
        countries("NO") | {"isTrusted": True},
        {"displayName": "No type"},
    ],
    ids=lambda body: json.dumps(body)[-70:],
)
def test_a_location_is_refused(graph: Graph, body: dict[str, Any]) -> None:
    assert graph.refusal("POST", LOCATIONS, body)[0] == 400
    assert graph.get(LOCATIONS)["value"] == []


def test_a_location_does_not_change_its_kind(graph: Graph) -> None:
    location = graph.create(LOCATIONS, office())
    assert graph.ask("PATCH", f"{LOCATIONS}/{location}", countries("NO")).status_code == 400


def test_2000_ranges_are_taken(graph: Graph) -> None:
    ranges = [f"10.{number // 256}.{number % 256}.0/24" for number in range(2000)]
    graph.create(LOCATIONS, office(*ranges))


def test_a_tenant_holds_195_ip_locations_and_more_countries(graph: Graph) -> None:
    for number in range(195):
        graph.running.put(graph.tenant, "namedLocations", office(name=f"Office {number}"))
    assert "195" in graph.refusal("POST", LOCATIONS, office())[1]
    graph.create(LOCATIONS, countries("NO"))


def test_a_trusted_location_is_not_deleted(graph: Graph) -> None:
    location = graph.create(LOCATIONS, office(trusted=True))
    path = f"{LOCATIONS}/{location}"
    assert graph.refusal("DELETE", path)[0] == 400
    untrusted = {"@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": False}
    assert graph.ask("PATCH", path, untrusted).status_code == 204
    assert graph.ask("DELETE", path).status_code == 204


def test_a_location_is_not_deleted_while_a_policy_names_it(graph: Graph) -> None:
    location = graph.create(LOCATIONS, office())
    places = {"includeLocations": ["All"], "excludeLocations": [location]}
    policy = graph.create(POLICIES, block(locations=places))
    status, message = graph.refusal("DELETE", f"{LOCATIONS}/{location}")
    assert status == 400
    assert policy in message
    assert graph.ask("DELETE", f"{POLICIES}/{policy}").status_code == 204
    assert graph.ask("DELETE", f"{LOCATIONS}/{location}").status_code == 204


# Deleted items


@pytest.mark.parametrize(("kind", "body"), [("policies", block()), ("namedLocations", office())])
def test_what_was_deleted_is_restored_as_it_was(
    graph: Graph, kind: str, body: dict[str, Any]
) -> None:
    path = f"{CONDITIONAL_ACCESS}/{kind}"
    made = graph.create(path, body)
    before = graph.get(f"{path}/{made}")
    assert graph.ask("DELETE", f"{path}/{made}").status_code == 204
    (deleted,) = graph.get(f"{DELETED}/{kind}")["value"]
    assert deleted["deletedDateTime"]
    assert graph.get(f"{DELETED}/{kind}/{made}")["id"] == made
    assert graph.ask("POST", f"{DELETED}/{kind}/{made}/restore").status_code == 200
    assert graph.get(f"{path}/{made}") == before
    assert graph.get(f"{DELETED}/{kind}")["value"] == []
    assert graph.ask("POST", f"{DELETED}/{kind}/{made}/restore").status_code == 404


def test_what_was_purged_is_gone(graph: Graph) -> None:
    policy = graph.create(POLICIES, block())
    gone = f"{DELETED}/policies/{policy}"
    assert graph.ask("DELETE", gone).status_code == 404
    assert graph.ask("DELETE", f"{POLICIES}/{policy}").status_code == 204
    assert graph.ask("DELETE", gone).status_code == 204
    assert graph.ask("POST", f"{gone}/restore").status_code == 404


def test_what_was_deleted_is_kept_for_thirty_days(graph: Graph) -> None:
    for name, moment in (("old", "2020-01-01T00:00:00Z"), ("new", "2999-01-01T00:00:00Z")):
        deleted = block(name) | {"deletedDateTime": moment}
        graph.running.put(graph.tenant, "policies", deleted)
    found = graph.get(f"{DELETED}/policies")["value"]
    assert [each["displayName"] for each in found] == ["new"]


# The server itself


def test_an_unknown_path_is_refused_as_graph_does(graph: Graph) -> None:
    message = "Resource not found for the segment 'toasters'."
    assert graph.refusal("GET", "/v1.0/toasters") == (400, message)
    assert graph.refusal("PUT", "/beta/toasters", {}) == (400, message)


def test_every_request_is_in_the_log_and_no_secret_is(graph: Graph) -> None:
    graph.create(POLICIES, block("Logged"))
    graph.ask("GET", f"{POLICIES}?$top=5")
    log = graph.running.requests(graph.tenant)
    assert [(each["method"], each["path"], each["status"]) for each in log] == [
        ("POST", f"/{graph.tenant}/oauth2/v2.0/token", 200),
        ("POST", POLICIES, 201),
        ("GET", POLICIES, 200),
    ]
    assert log[0]["body"] is None
    assert log[1]["body"]["displayName"] == "Logged"
    assert log[2]["query"] == "$top=5"
    secret = graph.running.environment(graph.tenant)["ARM_CLIENT_SECRET"]
    for path in graph.running.home.glob("s*e*.*"):
        if path.name != "secrets.json":
            text = path.read_bytes()
            assert secret.encode() not in text, path
            assert graph.token.encode() not in text, path


def test_only_the_loopback_address_is_served(running: Running) -> None:
    with pytest.raises(OSError, match=r"refused|timed out|assign"):
        socket.create_connection(("127.0.0.2", running.port), timeout=5)


def test_a_request_under_another_name_is_refused(running: Running, client: httpx.Client) -> None:
    answer = client.get(f"{running.origin}/metadata/endpoints", headers={"host": "evil.example"})
    assert answer.status_code == 400


@pytest.mark.parametrize("token", [None, "Bearer x"])
def test_the_admin_door_needs_its_own_token(
    running: Running, client: httpx.Client, token: str | None
) -> None:
    headers = {"Authorization": token} if token else {}
    for method, path in (("GET", "requests"), ("POST", "reset"), ("POST", "faults")):
        answer = client.request(method, f"{running.origin}/_sandbox/{path}", headers=headers)
        assert answer.status_code == 401
