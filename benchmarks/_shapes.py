"""Eight policies and two named locations, each written twice: as a spec and as a Pulumi program.

Both texts are by hand, so that a benchmark which compares their plans compares two authors.
`$n` is the number of the copy; `$` with a name is the id that this copy's name has in a tenant.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """One file: `names` are its rows in the environment's tables, as (table, name)."""

    key: str
    spec: str
    program: str
    names: tuple[tuple[str, str], ...] = ()
    location: Shape | None = None
    values: str = ""


OFFICE = Shape(
    "office",
    """\
type: ipNamedLocation
displayName: Office $n
isTrusted: true
""",
    """\
office_$n = azuread.NamedLocation(
    "office-$n",
    display_name="Office $n",
    ip=azuread.NamedLocationIpArgs(ip_ranges=["$range"], trusted=True),
    opts=entra,
)
""",
    values="{ipRanges: [$range]}",
)

COUNTRIES = Shape(
    "countries",
    """\
type: countryNamedLocation
displayName: Countries $n
includeUnknownCountriesAndRegions: true
""",
    """\
countries_$n = azuread.NamedLocation(
    "countries-$n",
    display_name="Countries $n",
    country=azuread.NamedLocationCountryArgs(
        countries_and_regions=["DE", "NO", "SE"],
        country_lookup_method="clientIpAddress",
        include_unknown_countries_and_regions=True,
    ),
    opts=entra,
)
""",
    values="{countriesAndRegions: [NO, SE, DE]}",
)

POLICIES = (
    Shape(
        "device-code",
        """\
# Nobody signs in by device code, except from this office or on a compliant device.
displayName: Block device code flow $n
state: enabled
conditions:
  users:
    includeUsers: [All]
    excludeGroups: [emergency-access, staff-$n]
  applications:
    includeApplications: [All]
  clientAppTypes: [all]
  authenticationFlows:
    transferMethods: [deviceCodeFlow]
  locations:
    includeLocations: [All]
    excludeLocations: [office-$n]
  devices:
    deviceFilter: {mode: exclude, rule: device.isCompliant -eq True}
grantControls:
  operator: OR
  builtInControls: [block]
excludedBy: any
exceptions:
  - {of: office-$n, owner: network team, reason: meeting rooms, expires: 2099-12-31}
  - {of: staff-$n, owner: workplace team, reason: build machines, expires: 2099-12-31}
  - {of: deviceFilter, owner: endpoint team, reason: kiosks, expires: 2099-12-31}
""",
        """\
azuread.ConditionalAccessPolicy(
    "device-code-$n",
    display_name="Block device code flow $n",
    state="enabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_users=["All"],
            excluded_groups=["$emergency", "$staff"],
        ),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["All"],
        ),
        client_app_types=["all"],
        authentication_flow_transfer_methods=["deviceCodeFlow"],
        locations=azuread.ConditionalAccessPolicyConditionsLocationsArgs(
            included_locations=["All"],
            excluded_locations=[office_$n.object_id],
        ),
        devices=azuread.ConditionalAccessPolicyConditionsDevicesArgs(
            filter=azuread.ConditionalAccessPolicyConditionsDevicesFilterArgs(
                mode="exclude",
                rule="device.isCompliant -eq True",
            ),
        ),
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR",
        built_in_controls=["block"],
    ),
    opts=entra,
)
""",
        names=(("groups", "staff"),),
        location=OFFICE,
    ),
    Shape(
        "mfa",
        """\
displayName: Require multifactor authentication $n
state: enabled
conditions:
  users:
    includeGroups: [staff-$n]
    excludeGroups: [emergency-access]
  applications:
    includeApplications: [All]
    excludeApplications: [payroll-$n]
  clientAppTypes: [browser, mobileAppsAndDesktopClients]
grantControls:
  operator: OR
  builtInControls: [mfa]
exceptions:
  - {of: payroll-$n, owner: payroll team, reason: it asks by itself, expires: 2099-12-31}
""",
        """\
azuread.ConditionalAccessPolicy(
    "mfa-$n",
    display_name="Require multifactor authentication $n",
    state="enabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_groups=["$staff"],
            excluded_groups=["$emergency"],
        ),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["All"],
            excluded_applications=["$payroll"],
        ),
        client_app_types=["browser", "mobileAppsAndDesktopClients"],
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR",
        built_in_controls=["mfa"],
    ),
    opts=entra,
)
""",
        names=(
            ("groups", "staff"),
            ("applications", "payroll"),
        ),
    ),
    Shape(
        "administrators",
        """\
displayName: Phishing-resistant sign-in for administrators $n
state: enabledForReportingButNotEnforced
conditions:
  users:
    includeRoles: [Global Administrator, Security Administrator]
    excludeGroups: [emergency-access, staff-$n]
  applications:
    includeApplications: [MicrosoftAdminPortals, Windows Azure Service Management API]
  clientAppTypes: [all]
grantControls:
  operator: OR
  authenticationStrength: Phishing-resistant MFA
sessionControls:
  signInFrequency: {value: 4, type: hours}
""",
        """\
azuread.ConditionalAccessPolicy(
    "administrators-$n",
    display_name="Phishing-resistant sign-in for administrators $n",
    state="enabledForReportingButNotEnforced",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_roles=[
                "62e90394-69f5-4237-9190-012177145e10",
                "194ae4cb-b126-40b2-bd5b-6091b380977d",
            ],
            excluded_groups=["$emergency", "$staff"],
        ),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=[
                "MicrosoftAdminPortals",
                "797f4846-ba00-4fd7-ba43-dac1f8f63013",
            ],
        ),
        client_app_types=["all"],
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR",
        authentication_strength_policy_id=(
            "/policies/authenticationStrengthPolicies/00000000-0000-0000-0000-000000000004"
        ),
    ),
    session_controls=azuread.ConditionalAccessPolicySessionControlsArgs(
        sign_in_frequency=4,
        sign_in_frequency_period="hours",
        sign_in_frequency_interval="timeBased",
        sign_in_frequency_authentication_type="primaryAndSecondaryAuthentication",
    ),
    opts=entra,
)
""",
        names=(("groups", "staff"),),
    ),
    Shape(
        "guests",
        """\
displayName: Terms of use for guests $n
state: enabled
conditions:
  users:
    includeGuestsOrExternalUsers:
      guestOrExternalUserTypes: [b2bCollaborationGuest, serviceProvider]
      externalTenants: {membershipKind: enumerated, members: [partner-$n]}
    excludeGroups: [emergency-access]
  applications:
    includeApplications: [Office365]
  clientAppTypes: [all]
grantControls:
  operator: AND
  builtInControls: [mfa]
  termsOfUse: [visitors-$n]
""",
        """\
azuread.ConditionalAccessPolicy(
    "guests-$n",
    display_name="Terms of use for guests $n",
    state="enabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_guests_or_external_users=[
                azuread.ConditionalAccessPolicyConditionsUsersIncludedGuestsOrExternalUserArgs(
                    guest_or_external_user_types=["b2bCollaborationGuest", "serviceProvider"],
                    external_tenants=[
                        azuread.ConditionalAccessPolicyConditionsUsersIncludedGuestsOrExternalUserExternalTenantArgs(
                            membership_kind="enumerated",
                            members=["$partner"],
                        )
                    ],
                )
            ],
            excluded_groups=["$emergency"],
        ),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["Office365"],
        ),
        client_app_types=["all"],
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="AND",
        built_in_controls=["mfa"],
        terms_of_uses=["$visitors"],
    ),
    opts=entra,
)
""",
        names=(
            ("externalTenants", "partner"),
            ("termsOfUse", "visitors"),
        ),
    ),
    Shape(
        "risk",
        """\
displayName: Verify risky sign-ins $n
state: enabled
conditions:
  users:
    includeUsers: [All]
    excludeUsers: [clerk-$n]
    excludeGroups: [emergency-access]
  applications:
    includeApplications: [All]
  clientAppTypes: [all]
  signInRiskLevels: [high, medium]
grantControls:
  operator: OR
  builtInControls: [mfa]
sessionControls:
  signInFrequency: {frequencyInterval: everyTime}
exceptions:
  - {of: clerk-$n, owner: front desk, reason: a shared machine, expires: 2099-12-31}
""",
        """\
azuread.ConditionalAccessPolicy(
    "risk-$n",
    display_name="Verify risky sign-ins $n",
    state="enabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_users=["All"],
            excluded_users=["$clerk"],
            excluded_groups=["$emergency"],
        ),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["All"],
        ),
        client_app_types=["all"],
        sign_in_risk_levels=["high", "medium"],
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR",
        built_in_controls=["mfa"],
    ),
    session_controls=azuread.ConditionalAccessPolicySessionControlsArgs(
        sign_in_frequency_interval="everyTime",
        sign_in_frequency_authentication_type="primaryAndSecondaryAuthentication",
    ),
    opts=entra,
)
""",
        names=(("users", "clerk"),),
    ),
    Shape(
        "devices",
        """\
displayName: Managed devices $n
state: enabled
conditions:
  users:
    includeGroups: [staff-$n]
    excludeGroups: [emergency-access]
  applications:
    includeApplications: [payroll-$n, Office 365 Exchange Online]
  clientAppTypes: [browser, mobileAppsAndDesktopClients]
  platforms:
    includePlatforms: [windows, macOS, linux]
  devices:
    deviceFilter: {mode: include, rule: 'device.model -in ["Surface Hub", "Teams Room"]'}
grantControls:
  operator: OR
  builtInControls: [compliantDevice, domainJoinedDevice]
sessionControls:
  applicationEnforcedRestrictions: {isEnabled: true}
""",
        """\
azuread.ConditionalAccessPolicy(
    "devices-$n",
    display_name="Managed devices $n",
    state="enabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_groups=["$staff"],
            excluded_groups=["$emergency"],
        ),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["$payroll", "00000002-0000-0ff1-ce00-000000000000"],
        ),
        client_app_types=["browser", "mobileAppsAndDesktopClients"],
        platforms=azuread.ConditionalAccessPolicyConditionsPlatformsArgs(
            included_platforms=["windows", "macOS", "linux"],
        ),
        devices=azuread.ConditionalAccessPolicyConditionsDevicesArgs(
            filter=azuread.ConditionalAccessPolicyConditionsDevicesFilterArgs(
                mode="include",
                rule='device.model -in ["Surface Hub", "Teams Room"]',
            ),
        ),
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR",
        built_in_controls=["compliantDevice", "domainJoinedDevice"],
    ),
    session_controls=azuread.ConditionalAccessPolicySessionControlsArgs(
        application_enforced_restrictions_enabled=True,
    ),
    opts=entra,
)
""",
        names=(
            ("groups", "staff"),
            ("applications", "payroll"),
        ),
    ),
    Shape(
        "abroad",
        """\
displayName: Block legacy clients from abroad $n
state: enabled
conditions:
  users:
    includeUsers: [All]
    excludeGroups: [emergency-access]
  applications:
    includeApplications: [All]
  clientAppTypes: [exchangeActiveSync, other]
  locations:
    includeLocations: [countries-$n]
grantControls:
  operator: OR
  builtInControls: [block]
""",
        """\
azuread.ConditionalAccessPolicy(
    "abroad-$n",
    display_name="Block legacy clients from abroad $n",
    state="enabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(
            included_users=["All"],
            excluded_groups=["$emergency"],
        ),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["All"],
        ),
        client_app_types=["exchangeActiveSync", "other"],
        locations=azuread.ConditionalAccessPolicyConditionsLocationsArgs(
            included_locations=[countries_$n.object_id],
        ),
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR",
        built_in_controls=["block"],
    ),
    opts=entra,
)
""",
        location=COUNTRIES,
    ),
    Shape(
        "workloads",
        """\
displayName: Block risky workloads $n
state: disabled
conditions:
  users:
    includeUsers: [None]
  applications:
    includeApplications: [All]
  clientAppTypes: [all]
  clientApplications:
    includeServicePrincipals: [robot-$n]
  servicePrincipalRiskLevels: [high]
grantControls:
  operator: OR
  builtInControls: [block]
""",
        """\
azuread.ConditionalAccessPolicy(
    "workloads-$n",
    display_name="Block risky workloads $n",
    state="disabled",
    conditions=azuread.ConditionalAccessPolicyConditionsArgs(
        users=azuread.ConditionalAccessPolicyConditionsUsersArgs(included_users=["None"]),
        applications=azuread.ConditionalAccessPolicyConditionsApplicationsArgs(
            included_applications=["All"],
        ),
        client_app_types=["all"],
        client_applications=azuread.ConditionalAccessPolicyConditionsClientApplicationsArgs(
            included_service_principals=["$robot"],
        ),
        service_principal_risk_levels=["high"],
    ),
    grant_controls=azuread.ConditionalAccessPolicyGrantControlsArgs(
        operator="OR",
        built_in_controls=["block"],
    ),
    opts=entra,
)
""",
        names=(("servicePrincipals", "robot"),),
    ),
)
