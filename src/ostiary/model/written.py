"""Policy and named location → the data of their files: `resolve_policy` and `named_locations` back.

Every list keeps its order.  What a file may leave out is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from ostiary.catalog import (
    APPLICATION_KEYWORDS,
    AUTHENTICATION_STRENGTHS,
    WELL_KNOWN_APPLICATIONS,
    WELL_KNOWN_LOCATIONS,
)
from ostiary.model.policy import (
    Conditions,
    CountryNamedLocation,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    IpNamedLocation,
    NamedLocation,
    Policy,
    SessionControls,
    SignInFrequency,
)
from ostiary.roles import ROLE_TEMPLATE_IDS
from ostiary.spec.environment import EnvironmentSpec

# The environment's tables, by their keys in its file.
Table = Literal[
    "groups",
    "users",
    "applications",
    "servicePrincipals",
    "externalTenants",
    "termsOfUse",
    "authenticationStrengths",
]
Tables = Mapping[Table, Mapping[str, str]]
Data = dict[str, Any]


def tables_of(environment: EnvironmentSpec) -> Tables:
    """Give an environment's tables: ids by name."""
    return {
        "groups": environment.groups,
        "users": environment.users,
        "applications": environment.applications,
        "servicePrincipals": environment.service_principals,
        "externalTenants": environment.external_tenants,
        "termsOfUse": environment.terms_of_use,
        "authenticationStrengths": environment.authentication_strengths,
    }


def inverted(tables: Tables) -> Tables:
    """Give names by id for ids by name."""
    return {
        table: {identity: name for name, identity in names.items()}
        for table, names in tables.items()
    }


# Words that stand for themselves where ids are listed.
KEYWORDS = frozenset({"All", "None", "ServicePrincipalsInMyTenant", *APPLICATION_KEYWORDS})

_KNOWN: Tables = {
    "applications": {identity: name for name, identity in WELL_KNOWN_APPLICATIONS.items()},
    "authenticationStrengths": {
        identity: name for name, identity in AUTHENTICATION_STRENGTHS.items()
    },
}
_ROLES = {identity: name for name, identity in ROLE_TEMPLATE_IDS.items()}
_LOCATIONS = {identity: name for name, identity in WELL_KNOWN_LOCATIONS.items()}


def ids(policy: Policy) -> Iterator[tuple[Table, str]]:
    """Give every id that a table of the environment must name for the policy to be written."""
    asked: list[tuple[Table, str]] = []

    def note(table: Table, identity: str) -> str:
        asked.append((table, identity))
        return identity

    _Writer(note).policy(policy)
    yield from (
        (table, identity)
        for table, identity in asked
        if identity not in KEYWORDS and identity not in _KNOWN.get(table, {})
    )


def policy_data(policy: Policy, tables: Tables) -> Data:
    """Give what a policy's file says; `tables` has a name for each of its `ids`."""

    def name(table: Table, identity: str) -> str:
        if identity in KEYWORDS:
            return identity
        return _KNOWN.get(table, {}).get(identity) or tables[table][identity]

    return _Writer(name).policy(policy)


def named_location_data(location: NamedLocation) -> tuple[Data, Data]:
    """Give what a named location's file says, and its values, which the environment's file has."""
    top = {"displayName": location.display_name}
    if isinstance(location, IpNamedLocation):
        kind = {"type": "ipNamedLocation", **top}
        trusted = {"isTrusted": True} if location.is_trusted else {}
        return {**kind, **trusted}, {"ipRanges": list(location.ip_ranges)}
    return _country(location, top), {"countriesAndRegions": list(location.countries_and_regions)}


def _country(location: CountryNamedLocation, top: Data) -> Data:
    made = {"type": "countryNamedLocation", **top}
    if location.country_lookup_method != "clientIpAddress":
        made["countryLookupMethod"] = location.country_lookup_method
    if location.include_unknown_countries_and_regions:
        made["includeUnknownCountriesAndRegions"] = True
    return made


class _Writer:
    def __init__(self, name: Callable[[Table, str], str]) -> None:
        self._name = name

    def policy(self, policy: Policy) -> Data:
        made = {
            "displayName": policy.display_name,
            "state": policy.state,
            "conditions": self._conditions(policy.conditions),
        }
        if policy.grant_controls:
            made["grantControls"] = self._grant_controls(policy.grant_controls)
        if policy.session_controls:
            made["sessionControls"] = _session_controls(policy.session_controls)
        return made

    def _names(self, table: Table, identities: Sequence[str]) -> list[str]:
        return [self._name(table, each) for each in identities]

    def _conditions(self, of: Conditions) -> Data:
        flows, platforms, workloads = of.authentication_flows, of.platforms, of.client_applications
        made = {
            "users": self._users(of),
            "applications": self._applications(of),
            "clientAppTypes": list(of.client_app_types),
            "clientApplications": workloads
            and _said(
                includeServicePrincipals=self._names(
                    "servicePrincipals", workloads.include_service_principals
                ),
                excludeServicePrincipals=self._names(
                    "servicePrincipals", workloads.exclude_service_principals
                ),
                servicePrincipalFilter=_filter(workloads.service_principal_filter),
            ),
            "authenticationFlows": flows and {"transferMethods": list(flows)},
            "platforms": platforms
            and {
                "includePlatforms": list(platforms.include_platforms),
                **_said(excludePlatforms=list(platforms.exclude_platforms)),
            },
            "locations": of.locations
            and {
                "includeLocations": _locations(of.locations.include_locations),
                **_said(excludeLocations=_locations(of.locations.exclude_locations)),
            },
            "devices": of.device_filter and {"deviceFilter": _filter(of.device_filter)},
            "signInRiskLevels": list(of.sign_in_risk_levels),
            "userRiskLevels": list(of.user_risk_levels),
            "servicePrincipalRiskLevels": list(of.service_principal_risk_levels),
            "insiderRiskLevels": of.insider_risk_levels,
        }
        required = ("users", "applications", "clientAppTypes")
        return {key: each for key, each in made.items() if each or key in required}

    def _users(self, of: Conditions) -> Data:
        users = of.users
        return _said(
            includeUsers=self._names("users", users.include_users),
            excludeUsers=self._names("users", users.exclude_users),
            includeGroups=self._names("groups", users.include_groups),
            excludeGroups=self._names("groups", users.exclude_groups),
            includeRoles=[_ROLES.get(each, each) for each in users.include_roles],
            excludeRoles=[_ROLES.get(each, each) for each in users.exclude_roles],
            includeGuestsOrExternalUsers=self._guests(users.include_guests_or_external_users),
            excludeGuestsOrExternalUsers=self._guests(users.exclude_guests_or_external_users),
        )

    def _guests(self, guests: GuestsOrExternalUsers | None) -> Data | None:
        if guests is None:
            return None
        made: Data = {"guestOrExternalUserTypes": list(guests.types)}
        if guests.external_tenants:
            members = guests.external_tenants.members
            made["externalTenants"] = (
                {"membershipKind": "all"}
                if members is None
                else {
                    "membershipKind": "enumerated",
                    "members": self._names("externalTenants", members),
                }
            )
        return made

    def _applications(self, of: Conditions) -> Data:
        targets = of.applications
        return _said(
            includeApplications=self._names("applications", targets.include_applications),
            excludeApplications=self._names("applications", targets.exclude_applications),
            includeUserActions=list(targets.include_user_actions),
            applicationFilter=_filter(targets.application_filter),
        )

    def _grant_controls(self, of: GrantControls) -> Data:
        strength = of.authentication_strength
        return {
            "operator": of.operator,
            **_said(
                builtInControls=list(of.built_in_controls),
                authenticationStrength=strength and self._name("authenticationStrengths", strength),
                termsOfUse=self._names("termsOfUse", of.terms_of_use),
                customAuthenticationFactors=list(of.custom_authentication_factors),
            ),
        }


def _said(**parts: Any) -> Data:
    """Leave out what says nothing."""
    return {key: each for key, each in parts.items() if each}


def _locations(keys: Sequence[str]) -> list[str]:
    return [_LOCATIONS.get(each, each) for each in keys]


def _filter(rule: Filter | None) -> Data | None:
    return {"mode": rule.mode, "rule": rule.rule} if rule else None


def _session_controls(of: SessionControls) -> Data:
    browser, cloud = of.persistent_browser, of.cloud_app_security
    return _said(
        applicationEnforcedRestrictions=of.application_enforced_restrictions
        and {"isEnabled": True},
        cloudAppSecurity=cloud and {"cloudAppSecurityType": cloud},
        disableResilienceDefaults=of.disable_resilience_defaults,
        persistentBrowser=browser and {"mode": browser},
        signInFrequency=of.sign_in_frequency and _frequency(of.sign_in_frequency),
    )


def _frequency(of: SignInFrequency) -> Data:
    made: Data = (
        {"frequencyInterval": "everyTime"}
        if of.value is None
        else {"value": of.value, "type": of.type}
    )
    if of.authentication_type != "primaryAndSecondaryAuthentication":
        made["authenticationType"] = of.authentication_type
    return made
