"""One policy spec → one Policy, every name looked up and every list in the order of the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ostiary.errors import Location
from ostiary.model import exclusions
from ostiary.model.filters import check_attribute_filter, check_device_filter
from ostiary.model.named_locations import LocationNames
from ostiary.model.names import Names
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    ExternalTenants,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    Locations,
    Platforms,
    Policy,
    SessionControls,
    SignInFrequency,
    Users,
)
from ostiary.spec.models import (
    ApplicationsSpec,
    ClientApplicationsSpec,
    FilterSpec,
    GrantControlsSpec,
    GuestsOrExternalUsersSpec,
    LocationsSpec,
    PolicySpec,
    SessionControlsSpec,
    UsersSpec,
)
from ostiary.spec.workspace import Sourced

Lookup = Callable[[str, Location], str | None]


class PolicyResolver:
    """Resolves policies of one environment."""

    def __init__(self, names: Names, locations: LocationNames) -> None:
        self.names = names
        self.environment = names.environment
        self.locations = locations
        self.found = names.found

    def policy(self, written: Sourced[PolicySpec], spec: PolicySpec) -> Policy:
        """Resolve `spec`: what was `written`, with the exclusions that hold in the environment."""
        return _OnePolicy(self, written).policy(spec)


class _OnePolicy:
    """The place of each name is that in the policy's file, or in the environment that added it."""

    def __init__(self, resolver: PolicyResolver, written: Sourced[PolicySpec]) -> None:
        self.resolver = resolver
        self.names = resolver.names
        self.written = written

    def policy(self, spec: PolicySpec) -> Policy:
        states = self.resolver.environment.spec.states
        return Policy(
            key=self.written.key,
            display_name=spec.display_name,
            state=states.get(self.written.key, spec.state),
            conditions=self._conditions(spec),
            grant_controls=self._grant_controls(spec.grant_controls),
            session_controls=session_controls(spec.session_controls),
        )

    def _conditions(self, spec: PolicySpec) -> Conditions:
        of = spec.conditions
        flows, platforms = of.authentication_flows, of.platforms
        return Conditions(
            users=self._users(of.users),
            applications=self._applications(of.applications),
            client_app_types=tuple(of.client_app_types),
            client_applications=self._client_applications(of.client_applications),
            platforms=Platforms(
                tuple(platforms.include_platforms), tuple(platforms.exclude_platforms)
            )
            if platforms
            else None,
            locations=self._locations(of.locations),
            device_filter=self._device_filter(spec),
            authentication_flows=tuple(flows.transfer_methods) if flows else (),
            sign_in_risk_levels=tuple(of.sign_in_risk_levels),
            user_risk_levels=tuple(of.user_risk_levels),
            service_principal_risk_levels=tuple(of.service_principal_risk_levels),
            insider_risk_levels=of.insider_risk_levels,
        )

    def _users(self, of: UsersSpec) -> Users:
        ids, at = self._ids, "conditions.users."
        user, group, role = self.names.user, self.names.group, self.names.role
        return Users(
            ids(user, of.include_users, at + "includeUsers"),
            ids(user, of.exclude_users, at + "excludeUsers"),
            ids(group, of.include_groups, at + "includeGroups"),
            ids(group, of.exclude_groups, at + "excludeGroups"),
            ids(role, of.include_roles, at + "includeRoles"),
            ids(role, of.exclude_roles, at + "excludeRoles"),
            self._guests(of.include_guests_or_external_users, at + "includeGuestsOrExternalUsers"),
            self._guests(of.exclude_guests_or_external_users, at + "excludeGuestsOrExternalUsers"),
        )

    def _guests(
        self, of: GuestsOrExternalUsersSpec | None, at: str
    ) -> GuestsOrExternalUsers | None:
        if of is None:
            return None
        types, tenants = tuple(of.guest_or_external_user_types), of.external_tenants
        if tenants is None:
            return GuestsOrExternalUsers(types)
        if tenants.membership_kind == "all":
            return GuestsOrExternalUsers(types, ExternalTenants())
        members = self._ids(
            self.names.external_tenant, tenants.members or [], at + ".externalTenants.members"
        )
        return GuestsOrExternalUsers(types, ExternalTenants(members))

    def _applications(self, of: ApplicationsSpec) -> Applications:
        at, application = "conditions.applications.", self.names.application
        return Applications(
            self._ids(application, of.include_applications, at + "includeApplications"),
            self._ids(application, of.exclude_applications, at + "excludeApplications"),
            tuple(of.include_user_actions),
            self._filter(of.application_filter, at + "applicationFilter"),
        )

    def _client_applications(self, of: ClientApplicationsSpec | None) -> ClientApplications | None:
        if of is None:
            return None
        at, principal = "conditions.clientApplications.", self.names.service_principal
        return ClientApplications(
            self._ids(principal, of.include_service_principals, at + "includeServicePrincipals"),
            self._ids(principal, of.exclude_service_principals, at + "excludeServicePrincipals"),
            self._filter(of.service_principal_filter, at + "servicePrincipalFilter"),
        )

    def _locations(self, of: LocationsSpec | None) -> Locations | None:
        if of is None:
            return None
        at, location = "conditions.locations.", self.resolver.locations.key
        return Locations(
            self._ids(location, of.include_locations, at + "includeLocations"),
            self._ids(location, of.exclude_locations, at + "excludeLocations"),
        )

    def _grant_controls(self, of: GrantControlsSpec | None) -> GrantControls | None:
        if of is None:
            return None
        strength = of.authentication_strength
        return GrantControls(
            of.operator,
            tuple(of.built_in_controls),
            self.names.authentication_strength(
                strength, self.written.at("grantControls", "authenticationStrength")
            )
            if strength
            else None,
            self._ids(self.names.terms_of_use, of.terms_of_use, "grantControls.termsOfUse"),
            tuple(of.custom_authentication_factors),
        )

    def _filter(self, of: FilterSpec | None, at: str) -> Filter | None:
        if of is None:
            return None
        self.resolver.found += check_attribute_filter(of, self._rule(at))
        return Filter(of.mode, of.rule)

    def _device_filter(self, spec: PolicySpec) -> Filter | None:
        devices = spec.conditions.devices
        if devices is None:
            return None
        place = self._rule("conditions.devices.deviceFilter")
        self.resolver.found += check_device_filter(spec, place)
        return Filter(devices.device_filter.mode, devices.device_filter.rule)

    def _rule(self, at: str) -> Location:
        return self.written.at(*at.split("."), "rule")

    def _ids(self, lookup: Lookup, names: Sequence[str], at: str) -> tuple[str, ...]:
        route = at.split(".")
        own = self.written.source.values

        def place(index: int) -> Location:
            if (*route, index) in own:
                return self.written.at(*route, index)
            environment = self.resolver.environment
            for key, name, added in exclusions.added(self.written.key, environment):
                if (key, name) == (route[-1], names[index]):
                    return environment.at(*added)
            return environment.at("exclusions")

        return self.names.ids(lookup, names, place)


def session_controls(of: SessionControlsSpec | None) -> SessionControls | None:
    """Make session controls; no name is looked up in them."""
    if of is None:
        return None
    frequency, browser = of.sign_in_frequency, of.persistent_browser
    return SessionControls(
        of.application_enforced_restrictions is not None,
        of.cloud_app_security.cloud_app_security_type if of.cloud_app_security else None,
        of.disable_resilience_defaults,
        browser.mode if browser else None,
        SignInFrequency(frequency.value, frequency.type, frequency.authentication_type)
        if frequency
        else None,
    )
