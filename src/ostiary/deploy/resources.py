"""Policies and named locations → pulumi-azuread resources.

Logical names are file names, so a new display name is an update.  A property without a value is
never sent as an empty block: the provider and Graph disagree about those for ever
(https://github.com/hashicorp/terraform-provider-azuread/issues/1235).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Any, TypeVar

import pulumi
import pulumi_azuread as azuread

from ostiary.deploy.import_file import PATHS, PROVIDER_NAME
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    Filter,
    GrantControls,
    GuestsOrExternalUsers,
    IpNamedLocation,
    NamedLocation,
    Policy,
    SessionControls,
    Users,
)
from ostiary.model.resolve import Resolved

_STRENGTHS = "/policies/authenticationStrengthPolicies/"

# Graph answers one request a second for these resources, and each create waits for several reads.
_TIMEOUTS = pulumi.CustomTimeouts(create="15m", update="15m", delete="15m")

Value = TypeVar("Value")
# Kind, `policy` or `named location`, and key.
Resource = tuple[str, str]


def declare(
    resolved: Resolved,
    imports: Mapping[str, Mapping[str, str]],
    order: Iterable[tuple[Resource, Resource]] = (),
) -> None:
    """Declare everything one environment's tenant shall hold.

    `imports` gives, under `policies` and `namedLocations`, the ids of objects that stand in the
    tenant already and are to be taken over unchanged.  Of each pair of `order`, each (kind, key),
    the first changes before the second; a resource that is gone, and so is deleted last, may stand
    there.  Raises graphlib.CycleError for an order that cannot be.
    """
    _Declared(resolved, imports, order)
    # Ids are in the state.  As an output each would hold up every preview: one of two hundred
    # resources took 7 % longer.
    pulumi.export("tenantId", resolved.tenant_id)


class _Declared:
    """The resources, made one after the other so that each may wait for those before it."""

    def __init__(
        self,
        resolved: Resolved,
        imports: Mapping[str, Mapping[str, str]],
        order: Iterable[tuple[Resource, Resource]],
    ) -> None:
        self.imports = imports
        self.named_locations: dict[str, azuread.NamedLocation] = {}
        self.policies: dict[str, azuread.ConditionalAccessPolicy] = {}
        self.options = _Options(
            resolved, azuread.Provider(PROVIDER_NAME, tenant_id=resolved.tenant_id)
        )
        specified: dict[Resource, NamedLocation | Policy] = {
            **{("named location", each.key): each for each in resolved.named_locations},
            **{("policy", each.key): each for each in resolved.as_written},
        }
        before: dict[Resource, set[Resource]] = {each: set() for each in specified}
        for first, then in order:
            if first in specified and then in specified:
                before[then].add(first)
        waiting = {each: set(firsts) for each, firsts in before.items()}
        for each in resolved.as_written:
            named = (("named location", key) for key in _location_keys(each))
            waiting["policy", each.key] |= {each for each in named if each in specified}
        for resource in TopologicalSorter(waiting).static_order():
            firsts = [self._made(first) for first in sorted(before[resource])]
            self._declare(specified[resource], firsts)

    def _locations_of(self, policy: Policy) -> set[str]:
        return _location_keys(policy) & self.named_locations.keys()

    def _made(self, resource: Resource) -> pulumi.Resource:
        kind, key = resource
        return self.policies[key] if kind == "policy" else self.named_locations[key]

    def _declare(self, of: NamedLocation | Policy, depends_on: list[pulumi.Resource]) -> None:
        if not isinstance(of, Policy):
            self.named_locations[of.key] = _named_location(
                of,
                self.options.of(
                    of.key,
                    PATHS["namedLocations"],
                    self.imports.get("namedLocations", {}),
                    depends_on=depends_on or None,
                ),
            )
            return
        self.policies[of.key] = _policy(
            of,
            {key: self.named_locations[key].object_id for key in self._locations_of(of)},
            self.options.of(
                of.key,
                PATHS["policies"],
                self.imports.get("policies", {}),
                depends_on=depends_on or None,
                protect=of.key in self.options.resolved.protected,
                replacement_trigger=_cannot_be_cleared(of),
            ),
        )


def _location_keys(policy: Policy) -> set[str]:
    of = policy.conditions.locations
    return {*of.include_locations, *of.exclude_locations} if of else set()


class _Options:
    """The resource options that follow from the environment."""

    def __init__(self, resolved: Resolved, provider: azuread.Provider) -> None:
        self.resolved = resolved
        self.provider = provider

    def of(
        self, key: str, path: str, imports: Mapping[str, str], **more: Any
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            provider=self.provider,
            aliases=[pulumi.Alias(name=name) for name in self.resolved.renamed_from.get(key, ())],
            custom_timeouts=_TIMEOUTS,
            import_=path + imports[key] if key in imports else None,
            **more,
        )


def _cannot_be_cleared(policy: Policy) -> list[str]:
    """Name the properties in use that the provider leaves out of an update when they are unset.

    Graph merges an update into the object, so a property left out keeps its old value: when one of
    these comes or goes, the policy is created anew and the old one deleted after that
    (https://github.com/hashicorp/terraform-provider-azuread/pull/1597,
    https://github.com/microsoft/Microsoft365DSC/issues/6218).
    """
    session = policy.session_controls
    sticky = {
        "applicationFilter": policy.conditions.applications.application_filter,
        "authenticationStrength": policy.grant_controls
        and policy.grant_controls.authentication_strength,
        "clientApplications": policy.conditions.client_applications,
        "insiderRiskLevels": policy.conditions.insider_risk_levels,
        "persistentBrowser": session and session.persistent_browser,
        "signInFrequency": session and session.sign_in_frequency,
    }
    return [name for name, value in sticky.items() if value]


def _named_location(
    location: NamedLocation, options: pulumi.ResourceOptions
) -> azuread.NamedLocation:
    if isinstance(location, IpNamedLocation):
        return azuread.NamedLocation(
            location.key,
            display_name=location.display_name,
            ip=azuread.NamedLocationIpArgs(
                ip_ranges=list(location.ip_ranges), trusted=location.is_trusted
            ),
            opts=options,
        )
    return azuread.NamedLocation(
        location.key,
        display_name=location.display_name,
        country=azuread.NamedLocationCountryArgs(
            countries_and_regions=list(location.countries_and_regions),
            country_lookup_method=location.country_lookup_method,
            include_unknown_countries_and_regions=location.include_unknown_countries_and_regions,
        ),
        opts=options,
    )


def _policy(
    policy: Policy, location_ids: Mapping[str, pulumi.Output[str]], options: pulumi.ResourceOptions
) -> azuread.ConditionalAccessPolicy:
    return azuread.ConditionalAccessPolicy(
        policy.key,
        display_name=policy.display_name,
        state=policy.state,
        conditions=_conditions(policy.conditions, location_ids),
        grant_controls=_grant_controls(policy.grant_controls) if policy.grant_controls else None,
        session_controls=_session_controls(policy.session_controls)
        if policy.session_controls
        else None,
        opts=options,
    )


def _conditions(
    of: Conditions, location_ids: Mapping[str, pulumi.Output[str]]
) -> azuread.ConditionalAccessPolicyConditionsArgs:
    def locations(keys: Iterable[str]) -> list[pulumi.Input[str]]:
        return [location_ids.get(key, key) for key in keys]

    return azuread.ConditionalAccessPolicyConditionsArgs(
        users=_users(of.users),
        applications=_applications(of.applications),
        client_app_types=list(of.client_app_types),
        client_applications=_client_applications(of.client_applications)
        if of.client_applications
        else None,
        platforms=azuread.ConditionalAccessPolicyConditionsPlatformsArgs(
            included_platforms=list(of.platforms.include_platforms),
            excluded_platforms=_some(of.platforms.exclude_platforms),
        )
        if of.platforms
        else None,
        locations=azuread.ConditionalAccessPolicyConditionsLocationsArgs(
            included_locations=locations(of.locations.include_locations),
            excluded_locations=locations(of.locations.exclude_locations) or None,
        )
        if of.locations
        else None,
        devices=azuread.ConditionalAccessPolicyConditionsDevicesArgs(
            filter=azuread.ConditionalAccessPolicyConditionsDevicesFilterArgs(
                mode=of.device_filter.mode, rule=of.device_filter.rule
            )
        )
        if of.device_filter
        else None,
        authentication_flow_transfer_methods=_some(of.authentication_flows),
        sign_in_risk_levels=_some(of.sign_in_risk_levels),
        user_risk_levels=_some(of.user_risk_levels),
        service_principal_risk_levels=_some(of.service_principal_risk_levels),
        insider_risk_levels=of.insider_risk_levels,
    )


def _users(users: Users) -> azuread.ConditionalAccessPolicyConditionsUsersArgs:
    included, excluded = (
        users.include_guests_or_external_users,
        users.exclude_guests_or_external_users,
    )
    return azuread.ConditionalAccessPolicyConditionsUsersArgs(
        included_users=_some(users.include_users),
        excluded_users=_some(users.exclude_users),
        included_groups=_some(users.include_groups),
        excluded_groups=_some(users.exclude_groups),
        included_roles=_some(users.include_roles),
        excluded_roles=_some(users.exclude_roles),
        included_guests_or_external_users=[_included_guests(included)] if included else None,
        excluded_guests_or_external_users=[_excluded_guests(excluded)] if excluded else None,
    )


def _included_guests(
    guests: GuestsOrExternalUsers,
) -> azuread.ConditionalAccessPolicyConditionsUsersIncludedGuestsOrExternalUserArgs:
    tenants = guests.external_tenants
    return azuread.ConditionalAccessPolicyConditionsUsersIncludedGuestsOrExternalUserArgs(
        guest_or_external_user_types=list(guests.types),
        external_tenants=[
            azuread.ConditionalAccessPolicyConditionsUsersIncludedGuestsOrExternalUserExternalTenantArgs(
                membership_kind="all" if tenants.members is None else "enumerated",
                members=_some(tenants.members or ()),
            )
        ]
        if tenants
        else None,
    )


def _excluded_guests(
    guests: GuestsOrExternalUsers,
) -> azuread.ConditionalAccessPolicyConditionsUsersExcludedGuestsOrExternalUserArgs:
    tenants = guests.external_tenants
    return azuread.ConditionalAccessPolicyConditionsUsersExcludedGuestsOrExternalUserArgs(
        guest_or_external_user_types=list(guests.types),
        external_tenants=[
            azuread.ConditionalAccessPolicyConditionsUsersExcludedGuestsOrExternalUserExternalTenantArgs(
                membership_kind="all" if tenants.members is None else "enumerated",
                members=_some(tenants.members or ()),
            )
        ]
        if tenants
        else None,
    )


def _applications(
    of: Applications,
) -> azuread.ConditionalAccessPolicyConditionsApplicationsArgs:
    rule = of.application_filter
    return azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
        included_applications=_some(of.include_applications),
        excluded_applications=_some(of.exclude_applications),
        included_user_actions=_some(of.include_user_actions),
        filter=azuread.ConditionalAccessPolicyConditionsApplicationsFilterArgs(**_filter(rule))
        if rule
        else None,
    )


def _client_applications(
    of: ClientApplications,
) -> azuread.ConditionalAccessPolicyConditionsClientApplicationsArgs:
    rule = of.service_principal_filter
    return azuread.ConditionalAccessPolicyConditionsClientApplicationsArgs(
        included_service_principals=_some(of.include_service_principals),
        excluded_service_principals=_some(of.exclude_service_principals),
        filter=azuread.ConditionalAccessPolicyConditionsClientApplicationsFilterArgs(
            **_filter(rule)
        )
        if rule
        else None,
    )


def _filter(rule: Filter) -> dict[str, str]:
    return {"mode": rule.mode, "rule": rule.rule}


def _grant_controls(grant: GrantControls) -> azuread.ConditionalAccessPolicyGrantControlsArgs:
    strength = grant.authentication_strength
    return azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator=grant.operator,
        built_in_controls=_some(grant.built_in_controls),
        authentication_strength_policy_id=_STRENGTHS + strength if strength else None,
        terms_of_uses=_some(grant.terms_of_use),
        custom_authentication_factors=_some(grant.custom_authentication_factors),
    )


def _session_controls(
    session: SessionControls,
) -> azuread.ConditionalAccessPolicySessionControlsArgs:
    frequency = session.sign_in_frequency
    return azuread.ConditionalAccessPolicySessionControlsArgs(
        application_enforced_restrictions_enabled=session.application_enforced_restrictions or None,
        cloud_app_security_policy=session.cloud_app_security,
        disable_resilience_defaults=session.disable_resilience_defaults or None,
        persistent_browser_mode=session.persistent_browser,
        sign_in_frequency=frequency.value if frequency else None,
        sign_in_frequency_period=frequency.type if frequency else None,
        sign_in_frequency_interval=None
        if frequency is None
        else "everyTime"
        if frequency.value is None
        else "timeBased",
        sign_in_frequency_authentication_type=frequency.authentication_type if frequency else None,
    )


def _some(values: Iterable[Value]) -> list[Value] | None:
    """Give the values as a list, or None where there are none."""
    return list(values) or None
