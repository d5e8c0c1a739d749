"""A client of one tenant, and bodies as the azuread provider sends them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from ostiary.sandbox.lifecycle import Running

CONDITIONAL_ACCESS = "/v1.0/identity/conditionalAccess"
POLICIES = f"{CONDITIONAL_ACCESS}/policies"
LOCATIONS = f"{CONDITIONAL_ACCESS}/namedLocations"


@dataclass
class Graph:
    """A client of one tenant, as any client of Graph is: it has a token and sends requests."""

    running: Running
    client: httpx.Client
    tenant: str
    token: str = ""

    def sign_in(self) -> Graph:
        variables = self.running.environment(self.tenant)
        answer = self.client.post(
            f"{self.running.origin}/{self.tenant}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": variables["ARM_CLIENT_ID"],
                "client_secret": variables["ARM_CLIENT_SECRET"],
                "scope": f"{self.running.origin}/.default",
            },
        )
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self.client.request(
            method,
            path if path.startswith("https:") else f"{self.running.origin}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
        )

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, path: str, body: Any) -> str:
        answer = self.ask("POST", path, body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def refusal(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = self.ask(method, path, body)
        assert answer.is_error, answer.text
        return answer.status_code, answer.json()["error"]["message"]


def connect(running: Running) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(running.ca))
    return httpx.Client(verify=context, trust_env=False)


def block(name: str = "Block device code flow", **conditions: Any) -> dict[str, Any]:
    """A policy as the azuread provider sends it."""
    users = ("includeUsers", "excludeUsers", "includeGroups", "excludeGroups")
    return {
        "@odata.type": "#microsoft.graph.conditionalAccessPolicy",
        "displayName": name,
        "state": "enabled",
        "conditions": {
            "applications": {
                "includeApplications": ["All"],
                "excludeApplications": [],
                "includeUserActions": [],
            },
            "authenticationFlows": {"transferMethods": "deviceCodeFlow,authenticationTransfer"},
            "clientAppTypes": ["all"],
            "devices": None,
            "locations": None,
            "platforms": None,
            "servicePrincipalRiskLevels": [],
            "signInRiskLevels": [],
            "userRiskLevels": [],
            "users": {name: [] for name in users}
            | {
                "includeUsers": ["All"],
                "includeRoles": [],
                "excludeRoles": [],
                "includeGuestsOrExternalUsers": None,
                "excludeGuestsOrExternalUsers": None,
            },
        }
        | conditions,
        "grantControls": {
            "operator": "OR",
            "builtInControls": ["block"],
            "customAuthenticationFactors": [],
            "termsOfUse": [],
        },
        "sessionControls": None,
    }


def office(*ranges: str, trusted: bool = False, name: str = "Head office") -> dict[str, Any]:
    """An IP location as the azuread provider sends it: IPv6 ranges under the name of IPv4."""
    kind = "#microsoft.graph.iPv4CidrRange"
    sent = ranges or ("203.0.113.0/24",)
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": name,
        "ipRanges": [{"@odata.type": kind, "cidrAddress": each} for each in sent],
        "isTrusted": trusted,
    }


def countries(*codes: str) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.countryNamedLocation",
        "displayName": "Countries",
        "countriesAndRegions": list(codes),
        "includeUnknownCountriesAndRegions": True,
    }


def listed(graph: Graph, path: str) -> list[Any]:
    """Everything a list holds, over all of its pages."""
    found: list[Any] = []
    following: str | None = path
    while following:
        page = graph.get(following)
        found += page["value"]
        following = page.get("@odata.nextLink")
    return found
