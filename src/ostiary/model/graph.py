"""Policy and named location ⇄ Microsoft Graph v1.0 JSON, both ways in one file.

Reading fails closed: a property that carries a value and is not modelled raises, because a policy
with an unknown condition must never be taken for one without it.
Shapes: https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy and
https://learn.microsoft.com/graph/api/resources/namedlocation
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from ostiary import catalog
from ostiary.errors import OstiaryError, Severity
from ostiary.model.addresses import (
    Finding,
    canonical_countries,
    canonical_ranges,
    without_host_bits,
)
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    CountryNamedLocation,
    ExternalTenants,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    IpNamedLocation,
    Locations,
    NamedLocation,
    Platforms,
    Policy,
    SessionControls,
    SignInFrequency,
    Users,
    canonical,
)
from ostiary.spec import unsupported

Json = dict[str, Any]
# Where Graph keeps them, below `identity/conditionalAccess`.
Collection = Literal["policies", "namedLocations"]

_POLICY = "#microsoft.graph.conditionalAccessPolicy"
_IP = "#microsoft.graph.ipNamedLocation"
_COUNTRY = "#microsoft.graph.countryNamedLocation"
# What Graph adds to an object and what does not change what it does.
_IGNORED = {"id", "createdDateTime", "modifiedDateTime", "deletedDateTime", "templateId"}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_LEGACY_GUESTS = "GuestsOrExternalUsers"


class GraphShapeError(OstiaryError):
    """Graph sent something that is not modelled; the message names the property."""


def policy_from_graph(
    answer: Mapping[str, Any], key: str, location_keys: Mapping[str, str] | None = None
) -> Policy:
    """Read a policy; `location_keys` gives the key of a named location for its id.

    A location that has no key stays as its id.  Raises GraphShapeError for what is not modelled.
    """
    return canonical(policy_as_listed(answer, key, location_keys))


def policy_as_listed(
    answer: Mapping[str, Any], key: str, location_keys: Mapping[str, str] | None = None
) -> Policy:
    """Read a policy, each list in the order in which Graph gives it; else as `policy_from_graph`.

    Ids are the same in either case, and what a list holds twice counts once.
    """
    top = _Reader(answer, "policy")
    top.drop(*_IGNORED)
    conditions = top.object("conditions")
    if conditions is None:
        raise GraphShapeError("`policy` has no `conditions`")
    policy = Policy(
        key=key,
        display_name=top.text("displayName"),
        state=top.one("state", catalog.State),
        conditions=_conditions(conditions, location_keys or {}),
        grant_controls=_grant_controls(top.object("grantControls")),
        session_controls=_session_controls(top.object("sessionControls")),
    )
    top.end()
    return policy


def named_location_from_graph(answer: Mapping[str, Any], key: str) -> NamedLocation:
    """Read a named location; raises GraphShapeError for another kind or an unmodelled property."""
    kind = answer.get("@odata.type")
    top = _Reader(answer, "namedLocation")
    top.drop(*_IGNORED)
    name = top.text("displayName")
    location: NamedLocation
    if kind == _IP:
        texts = [each.text("cidrAddress") for each in top.objects("ipRanges")]
        # Graph takes `12.34.221.11/22` and means the range around it, as its own example has it:
        # https://learn.microsoft.com/graph/api/conditionalaccessroot-post-namedlocations
        ranges, found = canonical_ranges([*dict.fromkeys(map(without_host_bits, texts))])
        _refuse(name, found)
        location = IpNamedLocation(key, name, ranges, bool(top.take("isTrusted")))
    elif kind == _COUNTRY:
        codes = dict.fromkeys(each.upper() for each in top.texts("countriesAndRegions"))
        countries, found = canonical_countries([*codes])
        _refuse(name, found)
        lookup = top.optional("countryLookupMethod", catalog.CountryLookupMethod)
        location = CountryNamedLocation(
            key,
            name,
            countries,
            lookup or "clientIpAddress",
            bool(top.take("includeUnknownCountriesAndRegions")),
        )
    else:
        raise GraphShapeError(f"named location `{name}` is of the unknown type `{kind}`")
    top.end()
    return location


def _refuse(name: str, found: Iterable[Finding]) -> None:
    """Raise for what cannot be read; a range or country is never left out silently."""
    wrong = [each.message for each in found if each.severity is Severity.ERROR]
    if wrong:
        raise GraphShapeError(f"named location `{name}`: {'; '.join(wrong)}")


def policy_to_graph(policy: Policy, location_ids: Mapping[str, str]) -> Json:
    """Write a policy as Graph shows it; `location_ids` gives the id for each location's key."""
    of = policy.conditions
    return {
        "@odata.type": _POLICY,
        "displayName": policy.display_name,
        "state": policy.state,
        "conditions": {
            "users": _users_to_graph(of.users),
            "applications": {
                "includeApplications": list(of.applications.include_applications),
                "excludeApplications": list(of.applications.exclude_applications),
                "includeUserActions": list(of.applications.include_user_actions),
                "applicationFilter": _filter_to_graph(of.applications.application_filter),
            },
            "clientAppTypes": list(of.client_app_types),
            "clientApplications": of.client_applications
            and {
                "includeServicePrincipals": list(of.client_applications.include_service_principals),
                "excludeServicePrincipals": list(of.client_applications.exclude_service_principals),
                "servicePrincipalFilter": _filter_to_graph(
                    of.client_applications.service_principal_filter
                ),
            },
            "platforms": of.platforms
            and {
                "includePlatforms": list(of.platforms.include_platforms),
                "excludePlatforms": list(of.platforms.exclude_platforms),
            },
            "locations": of.locations
            and {
                "includeLocations": [
                    location_ids.get(key, key) for key in of.locations.include_locations
                ],
                "excludeLocations": [
                    location_ids.get(key, key) for key in of.locations.exclude_locations
                ],
            },
            "devices": of.device_filter and {"deviceFilter": _filter_to_graph(of.device_filter)},
            "authenticationFlows": {"transferMethods": ",".join(of.authentication_flows)}
            if of.authentication_flows
            else None,
            "signInRiskLevels": list(of.sign_in_risk_levels),
            "userRiskLevels": list(of.user_risk_levels),
            "servicePrincipalRiskLevels": list(of.service_principal_risk_levels),
            "insiderRiskLevels": of.insider_risk_levels,
        },
        "grantControls": _grant_to_graph(policy.grant_controls),
        "sessionControls": _session_to_graph(policy.session_controls),
    }


def named_location_to_graph(location: NamedLocation) -> Json:
    """Write a named location as Graph shows it."""
    if isinstance(location, IpNamedLocation):
        return {
            "@odata.type": _IP,
            "displayName": location.display_name,
            "isTrusted": location.is_trusted,
            "ipRanges": [
                {
                    "@odata.type": f"#microsoft.graph.iPv{6 if ':' in cidr else 4}CidrRange",
                    "cidrAddress": cidr,
                }
                for cidr in location.ip_ranges
            ],
        }
    return {
        "@odata.type": _COUNTRY,
        "displayName": location.display_name,
        "countriesAndRegions": list(location.countries_and_regions),
        "countryLookupMethod": location.country_lookup_method,
        "includeUnknownCountriesAndRegions": location.include_unknown_countries_and_regions,
    }


class _Reader:
    """Takes the properties of one JSON object, and refuses what nobody took."""

    def __init__(self, answer: Mapping[str, Any], name: str) -> None:
        self.rest = {key: value for key, value in answer.items() if "@odata" not in key}
        self.name = name

    def take(self, key: str) -> Any:
        return self.rest.pop(key, None)

    def drop(self, *keys: str) -> None:
        for key in keys:
            self.take(key)

    def text(self, key: str) -> str:
        value = self.take(key)
        if not isinstance(value, str):
            raise GraphShapeError(f"`{key}` of `{self.name}` is no text")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.take(key)
        if not isinstance(value, list | None) or any(
            not isinstance(each, str) for each in value or ()
        ):
            raise GraphShapeError(f"`{key}` of `{self.name}` is no list of texts")
        return value or []

    def names(self, key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(_folded, self.texts(key))))

    def objects(self, key: str) -> list[_Reader]:
        value = self.take(key)
        if not isinstance(value, list | None) or any(
            not isinstance(each, dict) for each in value or ()
        ):
            raise GraphShapeError(f"`{key}` of `{self.name}` is no list of objects")
        return [_Reader(each, key) for each in value or ()]

    def object(self, key: str) -> _Reader | None:
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise GraphShapeError(f"`{key}` of `{self.name}` is no object")
        return _Reader(value, key)

    def one(self, key: str, kind: Any) -> Any:
        value = self.optional(key, kind)
        if value is None:
            raise GraphShapeError(f"`{self.name}` has no `{key}`")
        return value

    def optional(self, key: str, kind: Any) -> Any:
        value = self.take(key)
        return None if value is None else self._known(key, value, kind)

    def several(self, key: str, kind: Any) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(self._known(key, value, kind) for value in self.texts(key)))

    def flags(self, key: str, kind: Any) -> tuple[Any, ...]:
        """Read flags that Graph joins with commas; `none` and null mean that none is set."""
        joined = self.take(key) or ""
        if not isinstance(joined, str):
            raise GraphShapeError(f"`{key}` of `{self.name}` is no text")
        words = dict.fromkeys(word.strip() for word in joined.split(","))
        return tuple(self._known(key, each, kind) for each in words if each not in {"", "none"})

    def _known(self, key: str, value: Any, kind: Any) -> Any:
        if value not in get_args(kind):
            why = unsupported.VALUES.get(value) if isinstance(value, str) else None
            raise GraphShapeError(
                f"`{key}` of `{self.name}` has the unknown value `{value}`{_because(why)}"
            )
        return value

    def end(self) -> None:
        """Refuse any property that is left and carries a value."""
        left = sorted(
            key for key, value in self.rest.items() if value not in (None, [], {}, False, "")
        )
        if left:
            why = (
                each
                for route, each in unsupported.KEYS.items()
                if route.rpartition(".")[2] in left and self.name in {*route.split("."), "policy"}
            )
            raise GraphShapeError(
                f"`{self.name}` has properties that are not modelled: {', '.join(left)}"
                + _because(next(why, None))
            )


def _because(why: str | None) -> str:
    return f" ({why})" if why else ""


def _conditions(of: _Reader, location_keys: Mapping[str, str]) -> Conditions:
    users, applications = of.object("users"), of.object("applications")
    platforms, locations = of.object("platforms"), of.object("locations")
    flows, devices = of.object("authenticationFlows"), of.object("devices")
    device_filter = _filter(devices.object("deviceFilter")) if devices else None
    transfer = flows.flags("transferMethods", catalog.AuthenticationFlow) if flows else ()
    conditions = Conditions(
        users=_users(users or _Reader({}, "users")),
        applications=_applications(applications or _Reader({}, "applications")),
        client_app_types=of.several("clientAppTypes", catalog.ClientAppType),
        client_applications=_client_applications(of.object("clientApplications")),
        platforms=_platforms(platforms),
        locations=_locations(locations, location_keys),
        device_filter=device_filter,
        authentication_flows=transfer,
        sign_in_risk_levels=of.several("signInRiskLevels", catalog.RiskLevel),
        user_risk_levels=of.several("userRiskLevels", catalog.RiskLevel),
        service_principal_risk_levels=of.several("servicePrincipalRiskLevels", catalog.RiskLevel),
        insider_risk_levels=of.optional("insiderRiskLevels", catalog.InsiderRiskLevel),
    )
    for each in (of, flows, devices):
        if each:
            each.end()
    return conditions


def _users(of: _Reader) -> Users:
    included, excluded = of.names("includeUsers"), of.names("excludeUsers")
    users = Users(
        _but_legacy_guests(included), _but_legacy_guests(excluded),
        of.names("includeGroups"), of.names("excludeGroups"),
        of.names("includeRoles"), of.names("excludeRoles"),
        _guests(of.object("includeGuestsOrExternalUsers"), included),
        _guests(of.object("excludeGuestsOrExternalUsers"), excluded),
    )  # fmt: skip
    of.end()
    return users


def _but_legacy_guests(users: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in users if each != _LEGACY_GUESTS)


def _guests(of: _Reader | None, users: tuple[str, ...]) -> GuestsOrExternalUsers | None:
    """Read guests, or what the legacy word among the users means.

    Entra's portal rewrites that word when it saves a policy
    (https://github.com/hashicorp/terraform-provider-azuread/issues/1196); that it means every type
    from every tenant is assumed.
    """
    if _LEGACY_GUESTS in users:
        if of is not None:
            raise GraphShapeError(f"`{_LEGACY_GUESTS}` stands beside guests by type")
        return GuestsOrExternalUsers(get_args(catalog.GuestOrExternalUserType), ExternalTenants())
    if of is None:
        return None
    types = of.flags("guestOrExternalUserTypes", catalog.GuestOrExternalUserType)
    tenants = of.object("externalTenants")
    of.end()
    if tenants is None:
        return GuestsOrExternalUsers(types)
    kind = tenants.text("membershipKind")
    members = tenants.names("members")
    tenants.end()
    return GuestsOrExternalUsers(types, ExternalTenants(None if kind == "all" else members))


def _applications(of: _Reader) -> Applications:
    applications = Applications(
        of.names("includeApplications"), of.names("excludeApplications"),
        of.several("includeUserActions", catalog.ApplicationUserAction),
        _filter(of.object("applicationFilter")),
    )  # fmt: skip
    of.end()
    return applications


def _client_applications(of: _Reader | None) -> ClientApplications | None:
    if of is None:
        return None
    workloads = ClientApplications(
        of.names("includeServicePrincipals"), of.names("excludeServicePrincipals"),
        _filter(of.object("servicePrincipalFilter")),
    )  # fmt: skip
    of.end()
    return workloads if workloads != ClientApplications() else None


def _platforms(of: _Reader | None) -> Platforms | None:
    if of is None:
        return None
    platforms = Platforms(
        of.several("includePlatforms", catalog.DevicePlatform),
        of.several("excludePlatforms", catalog.DevicePlatform),
    )
    of.end()
    return platforms


def _locations(of: _Reader | None, keys: Mapping[str, str]) -> Locations | None:
    if of is None:
        return None
    included, excluded = of.texts("includeLocations"), of.texts("excludeLocations")
    of.end()
    return Locations(
        tuple(dict.fromkeys(keys.get(each, each) for each in map(_folded, included))),
        tuple(dict.fromkeys(keys.get(each, each) for each in map(_folded, excluded))),
    )


def _folded(text: str) -> str:
    """Give an id in lower case, and anything else as it is."""
    return text.lower() if _GUID.match(text) else text


def _filter(of: _Reader | None) -> Filter | None:
    if of is None:
        return None
    made = Filter(of.one("mode", catalog.FilterMode), of.text("rule"))
    of.end()
    return made


def _grant_controls(of: _Reader | None) -> GrantControls | None:
    if of is None:
        return None
    # What else Graph tells of a strength describes it; only its id counts.
    strength = of.object("authenticationStrength")
    grant = GrantControls(
        of.optional("operator", catalog.Operator) or "OR",
        of.several("builtInControls", catalog.BuiltInControl),
        _folded(strength.text("id")) if strength else None,
        of.names("termsOfUse"),
        of.names("customAuthenticationFactors"),
    )
    of.end()
    return grant


def _session_controls(of: _Reader | None) -> SessionControls | None:
    if of is None:
        return None
    controls = SessionControls(
        _switched(of, "applicationEnforcedRestrictions") is not None,
        _part(of, "cloudAppSecurity", "cloudAppSecurityType", catalog.CloudAppSecurityType),
        bool(of.take("disableResilienceDefaults")),
        _part(of, "persistentBrowser", "mode", catalog.PersistentBrowserMode),
        _sign_in_frequency(_switched(of, "signInFrequency")),
    )
    of.end()
    return controls if controls != SessionControls() else None


def _switched(of: _Reader, key: str) -> _Reader | None:
    """Take a session control; one that is switched off counts as absent."""
    control = of.object(key)
    return control if control and control.take("isEnabled") else None


def _part(of: _Reader, key: str, inner: str, kind: Any) -> Any:
    control = _switched(of, key)
    if control is None:
        return None
    value = control.one(inner, kind)
    control.end()
    return value


def _sign_in_frequency(of: _Reader | None) -> SignInFrequency | None:
    if of is None:
        return None
    every_time = of.take("frequencyInterval") == "everyTime"
    value, period = of.take("value"), of.optional("type", catalog.SignInFrequencyType)
    authentication = of.optional("authenticationType", catalog.SignInFrequencyAuthenticationType)
    of.end()
    if every_time == isinstance(value, int) or not isinstance(value, int | None):
        raise GraphShapeError("`signInFrequency` has a value and everyTime, or neither")
    return SignInFrequency(
        value, None if every_time else period, authentication or "primaryAndSecondaryAuthentication"
    )


def _users_to_graph(users: Users) -> Json:
    return {
        "includeUsers": list(users.include_users),
        "excludeUsers": list(users.exclude_users),
        "includeGroups": list(users.include_groups),
        "excludeGroups": list(users.exclude_groups),
        "includeRoles": list(users.include_roles),
        "excludeRoles": list(users.exclude_roles),
        "includeGuestsOrExternalUsers": _guests_to_graph(users.include_guests_or_external_users),
        "excludeGuestsOrExternalUsers": _guests_to_graph(users.exclude_guests_or_external_users),
    }


def _guests_to_graph(guests: GuestsOrExternalUsers | None) -> Json | None:
    if guests is None:
        return None
    tenants: Json | None = None
    if guests.external_tenants:
        members = guests.external_tenants.members
        kind = "all" if members is None else "enumerated"
        tenants = {
            "@odata.type": f"#microsoft.graph.conditionalAccess{kind.capitalize()}ExternalTenants",
            "membershipKind": kind,
        }
        if members is not None:
            tenants["members"] = list(members)
    return {"guestOrExternalUserTypes": ",".join(guests.types), "externalTenants": tenants}


def _filter_to_graph(rule: Filter | None) -> Json | None:
    return {"mode": rule.mode, "rule": rule.rule} if rule else None


def _grant_to_graph(grant: GrantControls | None) -> Json | None:
    if grant is None:
        return None
    return {
        "operator": grant.operator,
        "builtInControls": list(grant.built_in_controls),
        "authenticationStrength": {"id": grant.authentication_strength}
        if grant.authentication_strength
        else None,
        "termsOfUse": list(grant.terms_of_use),
        "customAuthenticationFactors": list(grant.custom_authentication_factors),
    }


def _session_to_graph(session: SessionControls | None) -> Json | None:
    if session is None:
        return None
    frequency = session.sign_in_frequency
    return {
        "applicationEnforcedRestrictions": {"isEnabled": True}
        if session.application_enforced_restrictions
        else None,
        "cloudAppSecurity": session.cloud_app_security
        and {"isEnabled": True, "cloudAppSecurityType": session.cloud_app_security},
        "disableResilienceDefaults": session.disable_resilience_defaults or None,
        "persistentBrowser": session.persistent_browser
        and {"isEnabled": True, "mode": session.persistent_browser},
        "signInFrequency": frequency
        and {
            "isEnabled": True,
            "frequencyInterval": "everyTime" if frequency.value is None else "timeBased",
            "value": frequency.value,
            "type": frequency.type,
            "authenticationType": frequency.authentication_type,
        },
    }
