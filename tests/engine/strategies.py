"""Generated specs that are valid, over every property of a policy and a named location."""

from __future__ import annotations

import operator
from typing import Any, get_args

from hypothesis import strategies as st

from ostiary import catalog
from ostiary.roles import ROLE_TEMPLATE_IDS

Data = dict[str, Any]

GROUPS = ["emergency-access", "staff", "guests", "Straße & Söhne", "group: with colon"]
USERS = ["anna", "berta", "cäsar"]
APPLICATIONS = ["Payroll", "Wiki"]
PRINCIPALS = ["deployer", "robot"]
TENANTS = ["partner", "supplier"]
TERMS = ["visitors", "staff terms"]
STRENGTHS = ["Smart card"]
IP_LOCATIONS = ["head-office", "factory"]
COUNTRY_LOCATIONS = ["countries", "elsewhere"]
FACTORS = ["RequireDuo", "RequireRSA"]
DEVICE_RULES = [
    "device.isCompliant -eq True",
    'device.trustType -eq "ServerAD"',
    'device.model -in ["Surface Hub", "Teams Room"]',
    'device.displayName -startsWith "KIOSK-" and device.isCompliant -eq True',
]
ATTRIBUTE_RULE = 'CustomSecurityAttribute.Engineering_Project -eq "Baker"'


def some(values: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
    if not values:
        return st.just([])
    return st.lists(st.sampled_from(values), unique=True, min_size=least, max_size=4)


def listed(kind: object, without: tuple[str, ...] = (), least: int = 1) -> Any:
    return some([word for word in get_args(kind) if word not in without], least)


def optional(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Data]:
    """Draw a mapping with any of the parts; an empty one is left to the caller."""
    return st.fixed_dictionaries({}, optional=parts)


@st.composite
def users(draw: st.DrawFn) -> Data:
    made: Data = {"excludeGroups": ["emergency-access"]}
    if draw(st.booleans()):
        made["includeUsers"] = ["All"]
        taken: set[str] = set()
    else:
        taken = set(draw(some(USERS)))
        made["includeUsers"] = sorted(taken)
        made["includeGroups"] = draw(some(GROUPS[1:3]))
        made["includeRoles"] = draw(some(sorted(ROLE_TEMPLATE_IDS)))
        if draw(st.booleans()) or not any(made[key] for key in made if key.startswith("include")):
            made["includeGuestsOrExternalUsers"] = draw(guests())
    made["excludeUsers"] = draw(some([name for name in USERS if name not in taken]))
    made["excludeGroups"] += draw(some(GROUPS[3:]))
    made["excludeRoles"] = draw(
        some(sorted(ROLE_TEMPLATE_IDS.keys() - set(made.get("includeRoles", ()))))
    )
    if draw(st.booleans()):
        made["excludeGuestsOrExternalUsers"] = draw(guests())
    return {key: value for key, value in made.items() if value}


@st.composite
def guests(draw: st.DrawFn) -> Data:
    made: Data = {"guestOrExternalUserTypes": draw(listed(catalog.GuestOrExternalUserType))}
    members = draw(some(TENANTS))
    kind = draw(st.sampled_from(["none", "all", "enumerated"]))
    if kind == "all":
        made["externalTenants"] = {"membershipKind": "all"}
    elif kind == "enumerated" and members:
        made["externalTenants"] = {"membershipKind": "enumerated", "members": members}
    return made


@st.composite
def applications(draw: st.DrawFn) -> Data:
    if draw(st.integers(0, 4)) == 0:
        return {"includeUserActions": ["urn:user:registersecurityinfo"]}
    named = [*APPLICATIONS, "Office365", "MicrosoftAdminPortals", *catalog.WELL_KNOWN_APPLICATIONS]
    included = draw(st.one_of(st.just(["All"]), some(named, 1)))
    made: Data = {"includeApplications": included}
    if excluded := draw(some([name for name in named if name not in included])):
        made["excludeApplications"] = excluded
    if draw(st.integers(0, 4)) == 0:
        made["applicationFilter"] = {"mode": draw(st.sampled_from(["include", "exclude"])),
                                     "rule": ATTRIBUTE_RULE}  # fmt: skip
    return made


@st.composite
def around(draw: st.DrawFn, key: str, names: list[str], everything: str) -> Data:
    """Draw an include list, of all or of some, and an exclude list beside it."""
    included = draw(st.one_of(st.just([everything]), some(names, 1)))
    made = {f"include{key}": included}
    if excluded := draw(some([name for name in names if name not in included])):
        made[f"exclude{key}"] = excluded
    return made


@st.composite
def grant_controls(draw: st.DrawFn) -> Data:
    if draw(st.booleans()):
        return {"operator": "OR", "builtInControls": ["block"]}
    made: Data = {"operator": draw(st.sampled_from(["AND", "OR"]))}
    controls = draw(listed(catalog.BuiltInControl, ("block", "passwordChange"), 0))
    if "mfa" not in controls and draw(st.booleans()):
        made["authenticationStrength"] = draw(
            st.sampled_from([*STRENGTHS, *catalog.AUTHENTICATION_STRENGTHS])
        )
    if terms := draw(some(TERMS)):
        made["termsOfUse"] = terms
    if not controls and len(made) == 1:
        controls = ["mfa"]
    if factors := draw(some(FACTORS)):
        made["customAuthenticationFactors"] = factors
    return {**made, "builtInControls": controls} if controls else made


def session_controls(*, everywhere: bool) -> st.SearchStrategy[Data]:
    """Draw session controls; a persistent browser goes with all applications only."""
    period = st.sampled_from([("hours", 1), ("hours", 23), ("days", 1), ("days", 365)])
    timed = st.builds(lambda drawn: {"type": drawn[0], "value": drawn[1]}, period)
    frequency = st.builds(
        operator.or_,
        timed | st.just({"frequencyInterval": "everyTime"}),
        optional(
            authenticationType=st.sampled_from(get_args(catalog.SignInFrequencyAuthenticationType))
        ),
    )
    browser = st.builds(lambda mode: {"mode": mode}, st.sampled_from(["always", "never"]))
    return optional(
        applicationEnforcedRestrictions=st.just({"isEnabled": True}),
        cloudAppSecurity=st.builds(
            lambda kind: {"cloudAppSecurityType": kind},
            st.sampled_from(get_args(catalog.CloudAppSecurityType)),
        ),
        disableResilienceDefaults=st.just(value=True),
        **({"persistentBrowser": browser} if everywhere else {}),
        signInFrequency=frequency,
    ).filter(lambda made: bool(made) and not _every_time_beside(made))


@st.composite
def policies(draw: st.DrawFn, number: int = 0) -> Data:
    """Draw the data of one policy file that fits `environment()`."""
    conditions: Data = {
        "users": draw(users()),
        "applications": draw(applications()),
        "clientAppTypes": draw(
            st.one_of(st.just(["all"]), listed(catalog.ClientAppType, ("all",)))
        ),
    }
    conditions |= draw(
        optional(
            platforms=around(
                "Platforms",
                [each for each in get_args(catalog.DevicePlatform) if each != "all"],
                "all",
            ),
            locations=around("Locations", [*IP_LOCATIONS, *COUNTRY_LOCATIONS, "AllTrusted"], "All"),
            devices=st.builds(
                lambda mode, rule: {"deviceFilter": {"mode": mode, "rule": rule}},
                st.sampled_from(["include", "exclude"]),
                st.sampled_from(DEVICE_RULES),
            ),
            authenticationFlows=st.builds(
                lambda flows: {"transferMethods": flows}, listed(catalog.AuthenticationFlow)
            ),
            signInRiskLevels=listed(catalog.RiskLevel),
            userRiskLevels=listed(catalog.RiskLevel),
            insiderRiskLevels=st.sampled_from(get_args(catalog.InsiderRiskLevel)),
        )
    )
    made: Data = {
        "displayName": f"{number} {draw(st.sampled_from(['plain', 'quoted', 'çédille']))}",
        "state": draw(st.sampled_from(get_args(catalog.State))),
        "conditions": conditions,
        "grantControls": draw(grant_controls()),
    }
    if draw(st.booleans()):
        everywhere = conditions["applications"].get("includeApplications") == ["All"]
        made["sessionControls"] = draw(session_controls(everywhere=everywhere))
        if draw(st.booleans()):
            del made["grantControls"]
    return _declared(made)


@st.composite
def workload_policies(draw: st.DrawFn, number: int = 0) -> Data:
    """Draw a policy on workload identities."""
    included = draw(st.one_of(st.just(["ServicePrincipalsInMyTenant"]), some(PRINCIPALS, 1)))
    workloads: Data = {"includeServicePrincipals": included}
    if excluded := draw(some([name for name in PRINCIPALS if name not in included])):
        workloads["excludeServicePrincipals"] = excluded
    if draw(st.booleans()):
        workloads["servicePrincipalFilter"] = {"mode": "exclude", "rule": ATTRIBUTE_RULE}
    conditions: Data = {
        "users": {"includeUsers": ["None"]},
        "applications": {"includeApplications": ["All"]},
        "clientAppTypes": ["all"],
        "clientApplications": workloads,
    }
    conditions |= draw(
        optional(servicePrincipalRiskLevels=listed(catalog.ServicePrincipalRiskLevel))
    )
    return _answered_for(
        {
            "displayName": f"{number} workloads",
            "state": draw(st.sampled_from(get_args(catalog.State))),
            "conditions": conditions,
            "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        }
    )


def _declared(made: Data) -> Data:
    """Add what the author must say of exclusions: their exceptions, and that each suffices."""
    conditions = made["conditions"]
    devices = conditions.get("devices", {}).get("deviceFilter", {})
    application_filter = conditions["applications"].get("applicationFilter", {})
    excluding = [
        "excludeApplications" in conditions["applications"]
        or application_filter.get("mode") == "exclude",
        "excludePlatforms" in conditions.get("platforms", {}),
        "excludeLocations" in conditions.get("locations", {}),
        devices.get("mode") == "exclude",
    ]
    if sum(excluding) > 1:
        made["excludedBy"] = "any"
    if (
        "authenticationFlows" in conditions
        and made.get("grantControls", {}).get("builtInControls") == ["block"]
        and (locations := conditions.get("locations"))
    ):
        locations["excludeLocations"] = [
            name for name in locations.get("excludeLocations", []) if name not in COUNTRY_LOCATIONS
        ]
        if not locations["excludeLocations"]:
            del locations["excludeLocations"]
            excluding[2] = False
            if sum(excluding) <= 1:
                made.pop("excludedBy", None)
    return _answered_for(made)


def _answered_for(made: Data) -> Data:
    """Declare every exclusion but that of emergency access: any may open something."""
    conditions = made["conditions"]
    users, workloads = conditions["users"], conditions.get("clientApplications", {})
    filters = {
        "deviceFilter": conditions.get("devices", {}).get("deviceFilter", {}),
        "applicationFilter": conditions["applications"].get("applicationFilter", {}),
        "servicePrincipalFilter": workloads.get("servicePrincipalFilter", {}),
    }
    guests = "excludeGuestsOrExternalUsers"
    names = [
        *users.get("excludeUsers", []),
        *users.get("excludeGroups", [])[1:],
        *users.get("excludeRoles", []),
        *([guests] if guests in users else []),
        *conditions["applications"].get("excludeApplications", []),
        *conditions.get("platforms", {}).get("excludePlatforms", []),
        *conditions.get("locations", {}).get("excludeLocations", []),
        *workloads.get("excludeServicePrincipals", []),
        *(name for name, rule in filters.items() if rule.get("mode") == "exclude"),
    ]
    if names:
        made["exceptions"] = [
            {"of": name, "owner": "a team", "reason": "a reason", "expires": "2099-12-31"}
            for name in dict.fromkeys(names)
        ]
    return made


def _table(names: list[str], kind: int) -> dict[str, str]:
    return {
        name: f"22222222-0000-4000-8000-{kind:04x}{number:08x}" for number, name in enumerate(names)
    }


RANGES = [
    "203.0.113.0/24", "198.51.100.7/32", "8.0.0.0/8", "64:ff9b::/96", "2001:db8:10::/48",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128",
]  # fmt: skip


@st.composite
def environments(draw: st.DrawFn, tenant_id: str) -> Data:
    """Draw the data of an environment file that has every name of this module."""
    return {
        "tenantId": tenant_id,
        "groups": _table(GROUPS, 1),
        "users": _table(USERS, 2),
        "applications": _table(APPLICATIONS, 3),
        "servicePrincipals": _table(PRINCIPALS, 4),
        "externalTenants": _table(TENANTS, 5),
        "termsOfUse": _table(TERMS, 6),
        "authenticationStrengths": _table(STRENGTHS, 7),
        "namedLocations": {
            **{name: {"ipRanges": draw(some(RANGES, 1))} for name in IP_LOCATIONS},
            **{
                name: {"countriesAndRegions": draw(some(["NO", "DE", "XK", "us"], 1))}
                for name in COUNTRY_LOCATIONS
            },
        },
    }


@st.composite
def named_locations(draw: st.DrawFn) -> dict[str, Data]:
    """Draw the data of every named location file, by key; locations by address are trusted."""
    ip = {
        name: {"type": "ipNamedLocation", "displayName": f"Office {name}", "isTrusted": True}
        for name in IP_LOCATIONS
    }
    return ip | {
        name: {
            "type": "countryNamedLocation",
            "displayName": f"Land {name}",
            **draw(
                optional(
                    countryLookupMethod=st.sampled_from(get_args(catalog.CountryLookupMethod)),
                    includeUnknownCountriesAndRegions=st.booleans(),
                )
            ),
        }
        for name in COUNTRY_LOCATIONS
    }


@st.composite
def workspaces(draw: st.DrawFn, tenant_id: str, size: int) -> dict[str, Data]:
    """Draw a workspace of `size` policies and more: data by path, one environment named `here`."""
    files: dict[str, Data] = {
        "environments/here.yaml": draw(environments(tenant_id)),
        "policies/everything.yaml": EVERYTHING,
        "policies/workloads.yaml": {
            "displayName": "workloads",
            "state": "disabled",
            "conditions": {
                "users": {"includeUsers": ["None"]},
                "applications": {"includeApplications": ["All"]},
                "clientAppTypes": ["all"],
                "clientApplications": {"includeServicePrincipals": PRINCIPALS},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["block"]},
        },
    }
    for key, location in draw(named_locations()).items():
        files[f"policies/named-locations/{key}.yaml"] = location
    for number in range(size):
        kind = workload_policies if number % 8 == 7 else policies
        files[f"policies/generated-{number}.yaml"] = draw(kind(number))
    return files


# Uses every name, so that the generated policies are free to leave some out.
EVERYTHING: Data = {
    "displayName": "everything",
    "state": "disabled",
    "conditions": {
        "users": {
            "includeUsers": USERS,
            "includeGroups": GROUPS[1:],
            "includeGuestsOrExternalUsers": {
                "guestOrExternalUserTypes": ["serviceProvider"],
                "externalTenants": {"membershipKind": "enumerated", "members": TENANTS},
            },
            "excludeGroups": ["emergency-access"],
        },
        "applications": {"includeApplications": APPLICATIONS},
        "clientAppTypes": ["all"],
        "locations": {"includeLocations": [*IP_LOCATIONS, *COUNTRY_LOCATIONS]},
    },
    "grantControls": {
        "operator": "AND",
        "termsOfUse": TERMS,
        "authenticationStrength": STRENGTHS[0],
    },
}


def _every_time_beside(made: Data) -> bool:
    """Tell what the rules refuse: the provider would leave the others out."""
    others = {"applicationEnforcedRestrictions", "disableResilienceDefaults"}
    every_time = "frequencyInterval" in made.get("signInFrequency", {})
    return every_time and bool(others & made.keys())
