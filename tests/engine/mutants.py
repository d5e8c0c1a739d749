"""Every change of a single condition of a policy file, each made as its author would make it.

Whoever takes an exclusion out takes out its declaration too, and whoever puts one in declares it:
a change that only the formalities give away would prove nothing about goals and rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, get_args

from ostiary.catalog import ClientAppType

Data = dict[str, Any]
Mutant = tuple[str, Data]

CLIENTS = [each for each in get_args(ClientAppType) if each != "all"]
COMPLIANT = "device.isCompliant -eq True"
STRENGTHS = ("Phishing-resistant MFA", "Passwordless MFA", "Multifactor authentication")
# What could be left out of a policy of the shipped environments, by the list it would stand in.
OUTSIDERS = (
    ("users", "excludeGroups", "suspected-users"),
    ("users", "excludeRoles", "Global Administrator"),
    ("applications", "excludeApplications", "Office365"),
    ("applications", "excludeApplications", "Windows Azure Service Management API"),
)


def mutants(policy: Data) -> Iterator[Mutant]:
    """Give each mutant of a policy file's data, and what was done to it."""
    for each in (_state, _users, _targets, _clients, _circumstances, _grants, _sessions):
        yield from each(policy)


def _with(policy: Data, **conditions: Any) -> Data:
    """Replace conditions; None takes one away."""
    made = deepcopy(policy)
    for key, value in conditions.items():
        if value is None:
            made["conditions"].pop(key, None)
        else:
            made["conditions"][key] = value
    return made


def _declared(policy: Data, name: str, *, several: bool = False) -> Data:
    policy.setdefault("exceptions", []).append(
        {"of": name, "owner": "us", "reason": "why not", "expires": "2027-11-30"}
    )
    if several:
        policy["excludedBy"] = "any"
    return policy


def _undeclared(policy: Data, name: str) -> Data:
    left = [each for each in policy.get("exceptions", ()) if each["of"] != name]
    policy["exceptions"] = left
    if len(left) < 2:  # one condition alone must not say that there are several
        policy.pop("excludedBy", None)
    return policy


def _state(policy: Data) -> Iterator[Mutant]:
    for state in ("disabled", "enabledForReportingButNotEnforced"):
        yield f"state {state}", {**deepcopy(policy), "state": state}


def _users(policy: Data) -> Iterator[Mutant]:
    users: Data = policy["conditions"]["users"]
    included = {key: value for key, value in users.items() if key.startswith("include")}
    left_out = {key: value for key, value in users.items() if key not in included}
    for key, entries in users.items():
        for entry in entries:
            left = [each for each in entries if each != entry]
            fewer = {**users, key: left} if left else {k: v for k, v in users.items() if k != key}
            if key not in included or left:
                yield f"drop {entry} from {key}", _undeclared(_with(policy, users=fewer), entry)
    if included != {"includeUsers": ["All"]}:
        yield "include all users", _with(policy, users={"includeUsers": ["All"], **left_out})
    guests = {"guestOrExternalUserTypes": ["b2bCollaborationGuest"]}
    for label, narrower in (
        ("include suspected-users only", {"includeGroups": ["suspected-users"]}),
        ("include guests only", {"includeGuestsOrExternalUsers": guests}),
        ("include nobody", {"includeUsers": ["None"]}),
    ):
        if narrower != included:
            yield label, _with(policy, users={**narrower, **left_out})
    yield (
        "exclude guests",
        _declared(
            _with(policy, users={**users, "excludeGuestsOrExternalUsers": guests}),
            "excludeGuestsOrExternalUsers",
            several=True,
        ),
    )
    for condition, key, entry in OUTSIDERS:
        part: Data = policy["conditions"][condition]
        if condition == "applications" and "includeUserActions" in part:
            continue
        more = {**part, key: [*part.get(key, ()), entry]}
        several = condition != "users" or "exceptions" in policy
        yield (
            f"add {entry} to {key}",
            _declared(_with(policy, **{condition: more}), entry, several=several),
        )


def _targets(policy: Data) -> Iterator[Mutant]:
    actions = policy["conditions"]["applications"].get("includeUserActions", [])
    for action in actions:
        left = [each for each in actions if each != action]
        yield f"drop {action}", _with(policy, applications={"includeUserActions": left})
    for name in ("All", "Office365", "MicrosoftAdminPortals"):
        if policy["conditions"]["applications"] != {"includeApplications": [name]}:
            yield f"target {name} only", _with(policy, applications={"includeApplications": [name]})
    if not actions:
        action = "urn:user:registerdevice"
        yield f"target {action} only", _with(policy, applications={"includeUserActions": [action]})


def _clients(policy: Data) -> Iterator[Mutant]:
    types: list[str] = policy["conditions"]["clientAppTypes"]
    whole = CLIENTS if types == ["all"] else types
    for client in whole:
        left = [each for each in whole if each != client]
        yield f"drop the client {client}", _with(policy, clientAppTypes=left)
    if types != ["all"]:
        yield "any client", _with(policy, clientAppTypes=["all"])
        for client in CLIENTS:
            if client not in types:
                yield f"add the client {client}", _with(policy, clientAppTypes=[*types, client])


def _circumstances(policy: Data) -> Iterator[Mutant]:
    conditions: Data = policy["conditions"]
    yield from _flows(policy, conditions.get("authenticationFlows"))
    yield from _locations(policy, conditions.get("locations"))
    yield from _devices(policy, conditions.get("devices"))
    for label, platforms in (
        ("on android only", {"includePlatforms": ["android"]}),
        ("not on linux", {"includePlatforms": ["all"], "excludePlatforms": ["linux"]}),
        (
            "on known platforms only",
            {
                "includePlatforms": [
                    "android", "iOS", "linux", "macOS", "windows", "windowsPhone",
                ]
            },
        ),
    ):  # fmt: skip
        made = _with(policy, platforms=platforms)
        yield label, _declared(made, "linux", several=True) if "not" in label else made
    for key in ("signInRiskLevels", "userRiskLevels"):
        yield f"at high {key} only", _with(policy, **{key: ["high"]})
        yield f"at any {key} but none", _with(policy, **{key: ["low", "medium", "high"]})
    yield "at elevated insider risk only", _with(policy, insiderRiskLevels="elevated")


def _flows(policy: Data, flows: Data | None) -> Iterator[Mutant]:
    every = ("deviceCodeFlow", "authenticationTransfer")
    if flows is None:
        for flow in every:
            yield f"by {flow} only", _with(policy, authenticationFlows={"transferMethods": [flow]})
        return
    (own,) = flows["transferMethods"]
    (other,) = (each for each in every if each != own)
    yield "drop the flows", _with(policy, authenticationFlows=None)
    yield f"{other} instead", _with(policy, authenticationFlows={"transferMethods": [other]})
    yield f"{other} too", _with(policy, authenticationFlows={"transferMethods": [own, other]})


def _locations(policy: Data, locations: Data | None) -> Iterator[Mutant]:
    yield "from head-office only", _with(policy, locations={"includeLocations": ["head-office"]})
    trusted = {"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}
    if locations is None:
        out = {"includeLocations": ["All"], "excludeLocations": ["head-office"]}
        yield "exclude head-office", _declared(_with(policy, locations=out), "head-office")
        yield "exclude AllTrusted", _declared(_with(policy, locations=trusted), "AllTrusted")
        return
    yield "drop the locations", _undeclared(_with(policy, locations=None), "head-office")
    wider = _undeclared(_with(policy, locations=trusted), "head-office")
    yield (
        "AllTrusted instead",
        _declared(wider, "AllTrusted", several="devices" in wider["conditions"]),
    )
    fewer = {**locations, "includeLocations": ["AllTrusted"]}
    yield "from AllTrusted only, but head-office", _with(policy, locations=fewer)


def _devices(policy: Data, devices: Data | None) -> Iterator[Mutant]:
    other = "device.isCompliant -ne True"
    if devices is None:
        for mode, rule in (("exclude", COMPLIANT), ("include", COMPLIANT), ("include", other)):
            made = _with(policy, devices={"deviceFilter": {"mode": mode, "rule": rule}})
            if mode == "exclude":
                made = _declared(made, "deviceFilter", several=True)
            yield f"{mode} devices by {rule}", made
        return
    yield "drop the device filter", _undeclared(_with(policy, devices=None), "deviceFilter")
    filter_: Data = devices["deviceFilter"]
    turned = {"mode": "include", "rule": filter_["rule"]}
    made = _undeclared(_with(policy, devices={"deviceFilter": turned}), "deviceFilter")
    yield "turn the device filter's mode", made
    for rule in (other, 'device.trustType -eq "AzureAD"', 'device.operatingSystem -eq "Windows"'):
        yield (
            f"filter by {rule}",
            _with(policy, devices={"deviceFilter": {**filter_, "rule": rule}}),
        )


def _grants(policy: Data) -> Iterator[Mutant]:
    for label, grant in _other_grants(policy["grantControls"]):
        yield label, {**deepcopy(policy), "grantControls": grant}
    without = {key: value for key, value in deepcopy(policy).items() if key != "grantControls"}
    # A policy must do something.
    without.setdefault("sessionControls", {"persistentBrowser": {"mode": "never"}})
    yield "no grant, but a session control", without


def _other_grants(grant: Data) -> Iterator[Mutant]:
    controls: list[str] = grant.get("builtInControls", [])
    strength = grant.get("authenticationStrength")
    own = {"authenticationStrength": strength} if strength else {}
    for control in controls:
        left = [each for each in controls if each != control]
        if left or strength:
            yield f"drop {control}", {**grant, "builtInControls": left}
    if strength:
        yield from _other_strengths(grant, controls, strength)
    for control in ("block", "mfa", "compliantDevice", "compliantApplication"):
        if control in controls:
            continue
        yield f"{control} alone", {"operator": "OR", "builtInControls": [control]}
        fits = control != "block" and "block" not in controls
        if fits and not (strength and control == "mfa"):  # Graph refuses the two together
            for operator in ("OR", "AND"):
                more = {"operator": operator, "builtInControls": [*controls, control]}
                yield f"{operator} {control}", {**more, **own}
    if len(controls) + bool(strength) > 1:
        yield "AND instead of OR", {**grant, "operator": "AND"}


def _other_strengths(grant: Data, controls: list[str], strength: str) -> Iterator[Mutant]:
    without = {key: value for key, value in grant.items() if key != "authenticationStrength"}
    if controls:
        yield "drop the strength", without
    yield "mfa instead of the strength", {**without, "builtInControls": [*controls, "mfa"]}
    for other in STRENGTHS:
        if other != strength:
            yield f"{other} instead", {**grant, "authenticationStrength": other}


def _sessions(policy: Data) -> Iterator[Mutant]:
    if "sessionControls" not in policy:
        return
    without = {k: v for k, v in deepcopy(policy).items() if k != "sessionControls"}
    yield "drop the session controls", without
    hours = {"signInFrequency": {"value": 12, "type": "hours"}}
    yield "sign in every 12 hours only", {**deepcopy(policy), "sessionControls": hours}
