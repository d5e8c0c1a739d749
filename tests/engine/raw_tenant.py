"""A tenant as years of clicking and scripts leave it: raw JSON that no serialiser of ours made.

Lists in any order, nulls beside empty lists, ids in capitals, guests by the legacy word, switches
that are off, names with spaces; and some of what nobody can express in a file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

EMERGENCY = "e0e0e0e0-1111-4222-8333-e0e0e0e0e0e0"
CA = "https://graph.microsoft.com/v1.0/$metadata#identity/conditionalAccess"
ROLES = [
    "62e90394-69f5-4237-9190-012177145e10",  # Global Administrator
    "194ae4cb-b126-40b2-bd5b-6091b380977d",  # Security Administrator
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",  # SharePoint Administrator
    "29232cdf-9323-42fd-ade2-1d097af3e4de",  # Exchange Administrator
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",  # Conditional Access Administrator
    "fe930be7-5e62-47db-91af-98c3a49a38b1",  # User Administrator
]
APPLICATIONS = [
    "00000003-0000-0ff1-ce00-000000000000",
    "00000002-0000-0ff1-ce00-000000000000",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "Office365",
    "MicrosoftAdminPortals",
]
RULES = [
    'device.isCompliant -eq True -or device.trustType -eq "ServerAD"',
    'device.model -in ["Surface Hub","Teams Room"]',
    "device.isCompliant -eq True",
    'device.displayName -startsWith "PAW-"',
]
GUESTS = [
    "internalGuest", "b2bCollaborationGuest", "b2bCollaborationMember", "b2bDirectConnectUser",
    "otherExternalUser", "serviceProvider",
]  # fmt: skip
STATES = ["enabled", "enabled", "enabled", "disabled", "enabledForReportingButNotEnforced"]


@dataclass
class RawTenant:
    """Raw objects; `inexpressible` are the display names of those that no file can say."""

    policies: list[Json] = field(default_factory=list)
    named_locations: list[Json] = field(default_factory=list)
    inexpressible: set[str] = field(default_factory=set)
    directory: dict[str, dict[str, str]] = field(default_factory=dict)


def raw_tenant(seed: int, size: int) -> RawTenant:
    return _Maker(random.Random(seed)).tenant(size)


class _Maker:
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.made = RawTenant()
        self.groups = [self.guid() for _ in range(40)]
        self.users = [self.guid() for _ in range(12)]
        self.apps = [*APPLICATIONS, *(self.guid() for _ in range(10))]
        self.principals = [self.guid() for _ in range(4)]
        self.tenants = [self.guid() for _ in range(3)]
        self.terms = [self.guid() for _ in range(2)]
        self.strength = self.guid()
        self.made.directory = {
            # Two groups of one name, one whose name means something else, one that has none.
            "groups": {each: f"SG-CA {number // 2}" for number, each in enumerate(self.groups[2:])}
            | {self.groups[0]: "All", EMERGENCY: "Break glass: ## do not delete ##"},
            "users": {each: f"svc-{number}@contoso.com" for number, each in enumerate(self.users)},
            "applications": {each: f"App {n}" for n, each in enumerate(self.apps[5:-2])},
            "servicePrincipals": {each: f"robot {n}" for n, each in enumerate(self.principals)},
        }

    def guid(self) -> str:
        number = f"{self.draw.getrandbits(128):032x}"
        return f"{number[:8]}-{number[8:12]}-4{number[13:16]}-a{number[17:20]}-{number[20:]}"

    def tenant(self, size: int) -> RawTenant:
        self.made.named_locations = list(self.locations())
        for number in range(size):
            policy = self.policy(number)
            if number % 24 == 7:
                self.spoil(policy, number // 24)
                self.made.inexpressible.add(policy["displayName"])
            self.made.policies.append(policy)
        self.draw.shuffle(self.made.policies)
        return self.made

    def some(self, values: list[str], least: int = 1, most: int = 4) -> list[str]:
        chosen = self.draw.sample(values, min(len(values), self.draw.randint(least, most)))
        return [each.upper() if self.draw.random() < 0.005 and "-" in each else each
                for each in chosen]  # fmt: skip

    def maybe(self, value: Any, chance: float = 0.3) -> Any:
        return value if self.draw.random() < chance else None

    def nothing(self) -> Any:
        """Say nothing, as one client or the other does."""
        return self.draw.choice([None, []])

    def locations(self) -> Iterator[Json]:
        for number in range(9):
            ranges = [
                f"{self.draw.randint(20, 99)}.{self.draw.randint(0, 255)}.{number}.0/24"
                for _ in range(self.draw.randint(1, 6))
            ]
            if number % 3 == 0:
                ranges.append("2001:0DB8:00A0::/48")  # as somebody typed it
            if number == 4:
                ranges.append("12.34.221.11/22")  # host bits, as in Graph's own example
            yield {
                "@odata.type": "#microsoft.graph.ipNamedLocation",
                "id": self.guid(),
                "displayName": f"Büro {number} (IP)",
                "createdDateTime": "2021-02-03T04:05:06.789Z",
                "modifiedDateTime": "2024-02-03T04:05:06Z",
                "isTrusted": number % 2 == 0,
                "ipRanges": [
                    {"@odata.type": f"#microsoft.graph.iPv{6 if ':' in each else 4}CidrRange",
                     "cidrAddress": each}
                    for each in dict.fromkeys(ranges)
                ],
            }  # fmt: skip
        for number, countries in enumerate((["US", "NO", "DE"], ["RU", "KP"], ["XK"])):
            yield {
                "@odata.type": "#microsoft.graph.countryNamedLocation",
                "id": self.guid(),
                "displayName": f"Countries {number}",
                "countriesAndRegions": countries,
                "includeUnknownCountriesAndRegions": number == 1,
                "countryLookupMethod": ["clientIpAddress", "authenticatorAppGps"][number % 2],
            }

    def policy(self, number: int) -> Json:
        kind = self.draw.choice(
            [self.on_everybody, self.on_everybody, self.on_groups, self.on_guests, self.on_roles]
        )
        users = kind()
        if number % 11 != 3:
            users["excludeGroups"] = [*(users.get("excludeGroups") or []), EMERGENCY]
            self.draw.shuffle(users["excludeGroups"])
        conditions: Json = {
            "clientAppTypes": self.draw.choice(
                [["all"], ["all"], ["browser", "mobileAppsAndDesktopClients"],
                 ["mobileAppsAndDesktopClients", "browser"], ["other", "exchangeActiveSync"]]
            ),
            "userRiskLevels": self.maybe(self.draw.choice([["high"], ["medium", "high"]]), 0.1)
            or [],
            "signInRiskLevels": [],
            "servicePrincipalRiskLevels": [],
            "users": users,
            "applications": self.applications(),
            "platforms": self.maybe(self.platforms(), 0.25),
            "locations": self.maybe(self.places(), 0.4),
            "devices": self.maybe(self.devices(), 0.2),
            "authenticationFlows": None,
            "clientApplications": None,
            "insiderRiskLevels": self.maybe(self.draw.choice(["elevated", "minor"]), 0.05),
            "times": None,
            "agents": None,
        }  # fmt: skip
        if not conditions["userRiskLevels"] and self.draw.random() < 0.1:
            conditions["signInRiskLevels"] = ["high", "medium"]
        if self.draw.random() < 0.1:
            conditions["authenticationFlows"] = {
                "transferMethods": self.draw.choice(
                    ["deviceCodeFlow", "deviceCodeFlow,authenticationTransfer",
                     "deviceCodeFlow, authenticationTransfer"]
                )
            }  # fmt: skip
            conditions["locations"] = None
        session = self.maybe(self.session(conditions), 0.3)
        grant = self.grant(conditions)
        return {
            "id": self.guid(),
            "templateId": self.maybe(self.guid(), 0.1),
            "displayName": f"CA{number:03} - {self.draw.choice(['Böse', 'Require', 'Block'])} it",
            "createdDateTime": "2022-11-05T10:11:12.1234567Z",
            "modifiedDateTime": self.maybe("2025-01-01T00:00:00Z"),
            "state": self.draw.choice(STATES),
            "deletedDateTime": None,
            "partialEnablementStrategy": None,
            "conditions": conditions,
            "grantControls": None if session and self.draw.random() < 0.3 else grant,
            "sessionControls": session,
        }

    def on_everybody(self) -> Json:
        return {
            "includeUsers": ["All"],
            "excludeUsers": self.maybe(self.some(self.users, 1, 2), 0.2) or [],
            "includeGroups": self.nothing(),
            "excludeGroups": self.maybe(self.some(self.groups[1:], 1, 3)) or self.nothing(),
            "includeRoles": [],
            "excludeRoles": self.maybe(self.some(ROLES, 1, 2), 0.1) or [],
            "includeGuestsOrExternalUsers": None,
            "excludeGuestsOrExternalUsers": self.maybe(self.guests(), 0.1),
        }

    def on_groups(self) -> Json:
        chosen = self.some(self.groups, 2, 6)
        return {
            "includeUsers": [],
            "excludeUsers": [],
            "includeGroups": chosen[:-1],
            "excludeGroups": chosen[-1:],
            "includeRoles": [],
            "excludeRoles": [],
        }

    def on_guests(self) -> Json:
        legacy = self.draw.random() < 0.15
        return {
            "includeUsers": ["GuestsOrExternalUsers"] if legacy else [],
            "excludeUsers": [],
            "includeGroups": [],
            "excludeGroups": [],
            "includeRoles": [],
            "excludeRoles": [],
            "includeGuestsOrExternalUsers": None if legacy else self.guests(),
            "excludeGuestsOrExternalUsers": None,
        }

    def on_roles(self) -> Json:
        return {"includeRoles": self.some(ROLES, 2, 5), "includeUsers": [], "excludeUsers": []}

    def guests(self) -> Json:
        tenants: Json | None = self.draw.choice(
            [
                None,
                {"@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
                 "membershipKind": "all"},
                {"@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
                 "membershipKind": "enumerated", "members": self.some(self.tenants)},
            ]
        )  # fmt: skip
        return {
            "guestOrExternalUserTypes": ",".join(self.some(GUESTS, 1, 6)),
            "externalTenants": tenants,
        }

    def applications(self) -> Json:
        if self.draw.random() < 0.08:
            actions = ["urn:user:registersecurityinfo"]
            return {"includeApplications": [], "excludeApplications": [],
                    "includeUserActions": actions}  # fmt: skip
        if self.draw.random() < 0.5:
            named = [each for each in self.apps if each != "Office365"]
            excluded = self.maybe(self.some(named, 1, 3), 0.3) or []
            return {"includeApplications": ["All"], "excludeApplications": excluded,
                    "includeUserActions": [], "includeAuthenticationContextClassReferences": [],
                    "applicationFilter": None}  # fmt: skip
        return {"includeApplications": self.some(self.apps, 1, 5), "excludeApplications": []}

    def platforms(self) -> Json:
        return self.draw.choice(
            [
                {"includePlatforms": ["all"], "excludePlatforms": ["windows", "macOS", "iOS"]},
                {"includePlatforms": ["iOS", "android"], "excludePlatforms": []},
            ]
        )

    def places(self) -> Json:
        known = [each["id"] for each in self.made.named_locations]
        trusted = [each["id"] for each in self.made.named_locations if each.get("isTrusted")]
        return self.draw.choice(
            [
                {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]},
                {"includeLocations": ["All"], "excludeLocations": self.some(trusted, 1, 2)},
                {"includeLocations": self.some(known[1:], 1, 3), "excludeLocations": []},
                {"includeLocations": ["All"],
                 "excludeLocations": ["00000000-0000-0000-0000-000000000000", *known[:1]]},
            ]
        )  # fmt: skip

    def devices(self) -> Json:
        mode = self.draw.choice(["include", "exclude"])
        rule = self.draw.choice(RULES)
        return {"includeDevices": [], "excludeDevices": [],
                "deviceFilter": {"mode": mode, "rule": rule}}  # fmt: skip

    def grant(self, conditions: Json) -> Json:
        if conditions["authenticationFlows"] or self.draw.random() < 0.2:
            made: Json = {"operator": "OR", "builtInControls": ["block"]}
        elif self.draw.random() < 0.3:
            strength = self.draw.choice(
                ["00000000-0000-0000-0000-000000000004", self.strength,
                 "00000000-0000-0000-0000-000000000002"]
            )  # fmt: skip
            made = {
                "operator": self.draw.choice(["AND", "OR"]),
                "builtInControls": self.draw.choice([[], ["compliantDevice"]]),
                "authenticationStrength": {"id": strength, "displayName": "whatever"},
            }
        else:
            controls = ["mfa", "domainJoinedDevice", "compliantDevice", "compliantApplication"]
            made = {
                "operator": self.draw.choice(["AND", "OR"]),
                "builtInControls": self.some(controls, 1, 3),
                "termsOfUse": self.maybe(self.some(self.terms, 1, 2), 0.1) or self.nothing(),
                "authenticationStrength": None,
            }
        if conditions["applications"].get("includeUserActions"):
            made = {"operator": "OR", "builtInControls": ["mfa"]}
        return {"customAuthenticationFactors": [], "termsOfUse": [], **made}

    def session(self, conditions: Json) -> Json:
        everywhere = conditions["applications"]["includeApplications"] == ["All"]
        frequency = self.draw.choice(
            [
                {"value": 4, "type": "hours", "frequencyInterval": "timeBased"},
                {"value": 7, "type": "days", "frequencyInterval": "timeBased"},
                {"value": None, "type": None, "frequencyInterval": "everyTime"},
            ]
        )
        authentication = ["primaryAndSecondaryAuthentication", "secondaryAuthentication"]
        return {
            "disableResilienceDefaults": None,
            "applicationEnforcedRestrictions": None,
            "cloudAppSecurity": self.maybe(
                {"cloudAppSecurityType": "monitorOnly", "isEnabled": True}, 0.2
            ),
            "persistentBrowser": {"mode": "never", "isEnabled": True} if everywhere else None,
            "signInFrequency": {
                **frequency,
                "isEnabled": True,
                "authenticationType": self.draw.choice(authentication),
            },
        }

    def spoil(self, policy: Json, way: int) -> None:
        """Make something of it that no file can say."""
        conditions = policy["conditions"]
        every_way = (
            lambda: policy.update(displayName=policy["displayName"] + " "),
            lambda: policy.update(
                grantControls={"operator": "OR", "builtInControls": ["approvedApplication"]}
            ),
            lambda: conditions.update(
                applications={"includeApplications": [], "excludeApplications": [],
                              "includeAuthenticationContextClassReferences": ["c1"]}
            ),
            lambda: conditions.update(insiderRiskLevels="minor,moderate"),
            lambda: policy.update(
                sessionControls={"persistentBrowser": {"mode": "always", "isEnabled": False}}
            ),
            lambda: conditions.update(
                devices={"deviceFilter": {"mode": "exclude",
                                          "rule": "device.isCompliant -ne True"}}
            ),
            lambda: conditions["users"].update(includeUsers=["All"], includeGroups=self.groups[:1]),
        )  # fmt: skip
        every_way[way % len(every_way)]()
