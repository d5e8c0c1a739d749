"""What Graph refuses about policies and named locations, beyond their shapes.

Each rule names where it is known from; "assumed" marks what no source states.  The numbers in
front of the messages are Graph's; a message without one has a wording of our own.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ostiary.sandbox.answers import Json, RefusalError, bad_request
from ostiary.sandbox.graph_shapes import COUNTRY_LOCATION, IP_LOCATION, POLICY
from ostiary.sandbox.graph_types import MismatchError, Shape, check, is_guid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# https://learn.microsoft.com/entra/identity/conditional-access/plan-conditional-access
POLICIES = 240
# https://learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network
IP_LOCATIONS = 195
RANGES = 2000
WIDEST_PREFIX = 8

# "Multifactor authentication trusted IPs": may be named by a policy, but is no named location
# (https://github.com/microsoft/Microsoft365DSC/issues/2974).
MFA_TRUSTED_IPS = "00000000-0000-0000-0000-000000000000"
_LOCATION_KEYWORDS = frozenset({"All", "AllTrusted", MFA_TRUSTED_IPS})
_LOCATION_SHAPES = {shape.types[0]: shape for shape in (IP_LOCATION, COUNTRY_LOCATION)}
_HOURS = range(1, 24)
_DAYS = range(1, 366)


@dataclass(frozen=True, slots=True)
class Directory:
    """What a rule must know of the tenant."""

    location_exists: Callable[[str], bool]
    security_defaults: bool


def check_policy_shape(sent: Json) -> None:
    """Refuse unknown properties, unknown values and wrong types.

    The message is from https://github.com/hashicorp/terraform-provider-azuread/issues/790; what
    stands in parentheses is ours.
    """
    try:
        check(POLICY, sent, "")
    except MismatchError as mismatch:
        raise bad_request(
            "1007: Incoming ConditionalAccessPolicy object is null or does not match the schema of"
            f" ConditionalAccessPolicy type. (sandbox: {mismatch})"
        ) from None


def check_policy(policy: Json, sent: Json, directory: Directory) -> None:
    """Refuse a policy, complete after creation or merge, that Graph would not take.

    `sent` is what the request itself held.  Raises RefusalError with status 400.
    """
    conditions = policy["conditions"]
    if not policy["displayName"]:
        raise bad_request("displayName is required.")
    if policy["state"] is None:
        raise bad_request("state is required.")
    _check_targets(conditions)
    _check_conditions(conditions)
    _check_locations(conditions["locations"], directory)
    _check_controls(policy, sent)
    # https://github.com/KelvinTegelaar/CIPP/issues/2214
    if directory.security_defaults and policy["state"] == "enabled":
        raise bad_request(
            "Security Defaults is enabled in the tenant. You must disable Security defaults before"
            " enabling a Conditional Access policy."
        )


def _check_targets(conditions: Json) -> None:
    applications, users = conditions["applications"], conditions["users"]
    includes = (
        "includeApplications",
        "includeUserActions",
        "includeAuthenticationContextClassReferences",
        "applicationFilter",
    )
    if not any(applications[name] for name in includes):
        raise bad_request("1011: Policy must contain at least one included application.")
    subjects = ("includeUsers", "includeGroups", "includeRoles", "includeGuestsOrExternalUsers")
    # https://learn.microsoft.com/graph/api/conditionalaccessroot-post-policies: at least one rule
    # for applications, one for users, and one control; the wording is ours.
    if not any(users[name] for name in subjects) and not conditions["clientApplications"]:
        raise bad_request(
            "Policy must include at least one user, group, role or workload identity."
        )
    for side in ("include", "exclude"):
        guests = users[f"{side}GuestsOrExternalUsers"]
        # https://github.com/hashicorp/terraform-provider-azuread/issues/1196
        if guests and "GuestsOrExternalUsers" in users[f"{side}Users"]:
            raise bad_request(f"{side}GuestsOrExternalUsers cannot be combined with {side}Users.")
        if guests:
            _check_guests(guests)


def _check_guests(guests: Json) -> None:
    if not guests["guestOrExternalUserTypes"]:
        raise bad_request("guestOrExternalUserTypes is required.")
    tenants = guests["externalTenants"]
    # https://github.com/hashicorp/terraform-provider-azuread/issues/1555
    if tenants and (tenants["membershipKind"] == "enumerated") != bool(tenants["members"]):
        raise bad_request(
            "members of externalTenants go with membershipKind enumerated, and only so."
        )


def _check_conditions(conditions: Json) -> None:
    if not conditions["clientAppTypes"]:
        raise bad_request("clientAppTypes is required.")
    # https://github.com/hashicorp/terraform-provider-azuread/issues/708
    for name, member in (("locations", "includeLocations"), ("platforms", "includePlatforms")):
        if conditions[name] is not None and not conditions[name][member]:
            raise bad_request(f"{member} must not be empty.")
    filters = (
        (conditions["devices"] or {}).get("deviceFilter"),
        conditions["applications"]["applicationFilter"],
        (conditions["clientApplications"] or {}).get("servicePrincipalFilter"),
    )
    for each in filters:
        if each and not (each["mode"] and each["rule"]):
            raise bad_request("A filter needs a mode and a rule.")


def referenced_locations(policy: Json) -> Iterator[str]:
    """Give the ids of the named locations that a policy names."""
    locations = policy["conditions"]["locations"] or {}
    for name in ("includeLocations", "excludeLocations"):
        yield from (each for each in locations.get(name, ()) if each not in _LOCATION_KEYWORDS)


def unknown_location(location_id: str) -> RefusalError:
    """Refuse a named location that does not exist, or does not exist yet.

    https://github.com/hashicorp/terraform-provider-azuread/issues/1504 and
    https://github.com/KelvinTegelaar/CIPP/issues/3932
    """
    return bad_request(
        f"1040: NamedLocation with id {location_id} does not exist in the directory."
    )


def _check_locations(locations: Json | None, directory: Directory) -> None:
    if locations is None:
        return
    for each in referenced_locations({"conditions": {"locations": locations}}):
        if not is_guid(each) or not directory.location_exists(each):
            raise unknown_location(each)


def _check_controls(policy: Json, sent: Json) -> None:
    grant, session = policy["grantControls"], policy["sessionControls"]
    controls = _grants(grant) if grant else set()
    if grant is not None and (not controls or grant["operator"] is None):
        # https://github.com/hashicorp/terraform-provider-azuread/issues/1150
        raise bad_request("grantControls needs an operator and at least one control.")
    if grant is None and not any((session or {}).values()):
        raise bad_request("Policy must contain at least one grant or session control.")
    strength = (grant or {}).get("authenticationStrength")
    if strength and not strength["id"]:
        raise bad_request("authenticationStrength needs an id.")
    if {"mfa", "authenticationStrength"} <= controls:
        # https://github.com/microsoft/Microsoft365DSC/issues/6218
        raise bad_request(
            "1108: The policy cannot require both multifactor authentication and an authentication"
            " strength."
        )
    # https://learn.microsoft.com/graph/api/resources/conditionalaccessgrantcontrols: block stands
    # alone.  The reason after "due to" is Graph's for some control, assumed for this one.
    if "block" in controls and len(controls) > 1:
        raise bad_request("1032: ConditionalActionPolicy validation failed due to InvalidControls.")
    if "passwordChange" in controls:
        _check_password_change(policy, controls)
    # Cannot be created or edited since 2026-06-30, assumed:
    # https://learn.microsoft.com/entra/identity/conditional-access/migrate-approved-client-app
    if "approvedApplication" in _grants(sent.get("grantControls") or {}):
        raise bad_request("The control approvedApplication is retired. Use compliantApplication.")
    _check_session(policy["conditions"], session or {})


def _grants(grant: Json) -> set[str]:
    named = {*(grant.get("builtInControls") or ())}
    others = ("authenticationStrength", "termsOfUse", "customAuthenticationFactors")
    return named | {name for name in others if grant.get(name)}


def _check_password_change(policy: Json, controls: set[str]) -> None:
    """Refuse as https://github.com/AlexFilipin/ConditionalAccess/issues/4 was.

    The four considerations are those of
    https://learn.microsoft.com/graph/api/resources/conditionalaccessgrantcontrols
    """
    conditions, operator = policy["conditions"], policy["grantControls"]["operator"]
    others = ("authenticationFlows", "devices", "locations", "platforms", "signInRiskLevels")
    allowed = (
        operator == "AND"
        and bool(controls & {"mfa", "authenticationStrength"})
        and bool(conditions["userRiskLevels"])
        and conditions["applications"]["includeApplications"] == ["All"]
        and not conditions["applications"]["excludeApplications"]
        and conditions["clientAppTypes"] == ["all"]
        and not any(conditions[name] for name in others)
    )
    if not allowed:
        raise bad_request(
            "1032: ConditionalActionPolicy validation failed due to InvalidPasswordResetControl."
        )


def _check_session(conditions: Json, session: Json) -> None:
    frequency = session.get("signInFrequency") or {}
    if frequency.get("isEnabled"):
        value, unit = frequency["value"], frequency["type"]
        # https://learn.microsoft.com/graph/api/resources/signinfrequencysessioncontrol
        if frequency["frequencyInterval"] == "everyTime":
            good = value is None and unit is None
        else:
            good = value in {"hours": _HOURS, "days": _DAYS}.get(unit, ())
        if not good:
            raise bad_request("signInFrequency needs either everyTime or a value in hours or days.")
    browser = session.get("persistentBrowser") or {}
    # https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-session:
    # only with all resources; the number is assumed.
    if browser.get("isEnabled") and "All" not in conditions["applications"]["includeApplications"]:
        raise bad_request("1032: ConditionalActionPolicy validation failed due to InvalidControls.")


def location_shape(sent: Json, existing: Json | None = None) -> Shape:
    """Give the shape a location follows, by its `@odata.type`, and refuse what does not fit it.

    A PATCH may leave the type out but not change it (assumed).
    """
    named = sent.get("@odata.type") or (existing or {}).get("@odata.type")
    shape = _LOCATION_SHAPES.get(str(named))
    if shape is None or (existing is not None and named != existing["@odata.type"]):
        raise bad_request(
            "@odata.type must be #microsoft.graph.ipNamedLocation or"
            " #microsoft.graph.countryNamedLocation, and cannot be changed."
        )
    try:
        check(shape, sent, "")
    except MismatchError as mismatch:
        raise bad_request(
            f"Incoming NamedLocation object does not match its schema. (sandbox: {mismatch})"
        ) from None
    return shape


def check_location(location: Json) -> Json:
    """Give a complete named location as Graph stores it, or refuse it with status 400.

    IPv6 ranges that came as iPv4CidrRange are given their own type; the order is kept.
    """
    if not location["displayName"]:
        raise bad_request("displayName is required.")
    if "ipRanges" in location:
        ranges = [_range(each["cidrAddress"]) for each in location["ipRanges"]]
        if not 0 < len(ranges) <= RANGES:
            raise bad_request(f"ipRanges must hold 1 to {RANGES} ranges.")
        # That repeated ranges and countries are refused is assumed.
        _check_distinct("ipRanges", (each["cidrAddress"].lower() for each in ranges))
        return location | {"ipRanges": ranges}
    countries = location["countriesAndRegions"]
    if not countries or not all(_is_country(each) for each in countries):
        raise bad_request("countriesAndRegions must hold two-letter codes of ISO 3166.")
    _check_distinct("countriesAndRegions", countries)
    method = location["countryLookupMethod"] or "clientIpAddress"
    return location | {"countryLookupMethod": method}


def _is_country(code: str) -> bool:
    return len(code) == len("XX") and code.isascii() and code.isalpha() and code.isupper()


def _range(text: str | None) -> Json:
    """Read a range: a prefix is required and no wider than /8; host bits may be set.

    The documentation's own example has them: 12.34.221.11/22,
    https://learn.microsoft.com/graph/api/conditionalaccessroot-post-namedlocations
    """
    refusal = bad_request(f"Invalid IP range {text}: CIDR form with a prefix of /8 or longer.")
    try:
        network = ipaddress.ip_network(text or "", strict=False)
    except ValueError:
        raise refusal from None
    prefix = (text or "").partition("/")[2]
    if not prefix.isdecimal() or network.prefixlen < WIDEST_PREFIX:
        raise refusal
    kind = f"#microsoft.graph.iPv{network.version}CidrRange"
    return {"@odata.type": kind, "cidrAddress": text}


def _check_distinct(name: str, values: Iterable[str]) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise bad_request(f"{name} holds the same value twice.")


def check_location_delete(location: Json, policies: Iterable[Json]) -> None:
    """Refuse to delete a location that is trusted, or that a policy names.

    Trusted: https://github.com/hashicorp/terraform-provider-azuread/pull/1156.  Named by a policy:
    https://learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network;
    the wording of both is ours.
    """
    if location.get("isTrusted"):
        raise bad_request(
            "A trusted named location cannot be deleted. Set isTrusted to false first."
        )
    for policy in policies:
        if location["id"] in referenced_locations(policy):
            raise bad_request(
                f"NamedLocation with id {location['id']} is referenced by policy {policy['id']}."
            )
