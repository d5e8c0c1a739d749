"""The shape of a policy file and of a named location file: Graph's keys, with names for ids.

Pydantic checks keys, types and enumerations here; what Graph and the provider refuse in
combination stands in `rules`, and names are looked up in `model.resolve`.
Shape: https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from ostiary.catalog import (
    DISPLAY_NAME_LENGTH,
    ApplicationUserAction,
    AuthenticationFlow,
    BuiltInControl,
    ClientAppType,
    CloudAppSecurityType,
    CountryLookupMethod,
    DevicePlatform,
    FilterMode,
    GuestOrExternalUserType,
    InsiderRiskLevel,
    Operator,
    PersistentBrowserMode,
    RiskLevel,
    ServicePrincipalRiskLevel,
    SignInFrequencyAuthenticationType,
    SignInFrequencyType,
    State,
)


class SpecModel(BaseModel):
    """What every mapping keeps to: Graph's camelCase keys, no unknown ones, no coercion."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=False
    )


def _trimmed(text: str) -> str:
    if text != text.strip() or min(text) < " ":
        raise PydanticCustomError(
            "stray-space",
            "`{text}` has spaces around it or a control character in it",
            {"text": text.strip(), "hint": "write the name as it stands in Entra"},
        )
    return text


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError(
            "wrong-date",
            "`{text}` is not a date",
            {"text": value, "hint": "write it as 2027-03-31"},
        ) from None


Text = Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_trimmed)]
DisplayName = Annotated[
    str, StringConstraints(min_length=1, max_length=DISPLAY_NAME_LENGTH), AfterValidator(_trimmed)
]
Day = Annotated[date, BeforeValidator(_date)]
Names = list[Text]
_HOURS_OF_A_DAY = 24
Rule = Annotated[str, StringConstraints(min_length=1), AfterValidator(_trimmed)]


class ExternalTenantsSpec(SpecModel):
    """Which external tenants; `members` are tenant ids or names from the environment."""

    membership_kind: Literal["all", "enumerated"]
    members: Names | None = None


class GuestsOrExternalUsersSpec(SpecModel):
    """Guests and external users; Graph joins the types with commas, a file lists them."""

    guest_or_external_user_types: list[GuestOrExternalUserType]
    external_tenants: ExternalTenantsSpec | None = None


class UsersSpec(SpecModel):
    """Names of users and groups from the environment, and roles by display name or template id."""

    include_users: Names = []
    exclude_users: Names = []
    include_groups: Names = []
    exclude_groups: Names = []
    include_roles: Names = []
    exclude_roles: Names = []
    include_guests_or_external_users: GuestsOrExternalUsersSpec | None = None
    exclude_guests_or_external_users: GuestsOrExternalUsersSpec | None = None


class FilterSpec(SpecModel):
    """A rule in Entra's filter language, and whether it includes or excludes what it matches."""

    mode: FilterMode
    rule: Rule


class ApplicationsSpec(SpecModel):
    """Target resources: applications by name or client id, or user actions."""

    include_applications: Names = []
    exclude_applications: Names = []
    include_user_actions: list[ApplicationUserAction] = []
    application_filter: FilterSpec | None = None


class ClientApplicationsSpec(SpecModel):
    """Workload identities by name."""

    include_service_principals: Names = []
    exclude_service_principals: Names = []
    service_principal_filter: FilterSpec | None = None


class PlatformsSpec(SpecModel):
    """Device platforms."""

    include_platforms: list[DevicePlatform]
    exclude_platforms: list[DevicePlatform] = []


class LocationsSpec(SpecModel):
    """Named locations by key, `All` or `AllTrusted`."""

    include_locations: Names
    exclude_locations: Names = []


class DevicesSpec(SpecModel):
    """The device filter."""

    device_filter: FilterSpec


class AuthenticationFlowsSpec(SpecModel):
    """Authentication flows; Graph joins them with commas, a file lists them."""

    transfer_methods: list[AuthenticationFlow]


class ConditionsSpec(SpecModel):
    """All conditions of a policy."""

    users: UsersSpec
    applications: ApplicationsSpec
    client_app_types: list[ClientAppType]
    client_applications: ClientApplicationsSpec | None = None
    platforms: PlatformsSpec | None = None
    locations: LocationsSpec | None = None
    devices: DevicesSpec | None = None
    authentication_flows: AuthenticationFlowsSpec | None = None
    sign_in_risk_levels: list[RiskLevel] = []
    user_risk_levels: list[RiskLevel] = []
    service_principal_risk_levels: list[ServicePrincipalRiskLevel] = []
    insider_risk_levels: InsiderRiskLevel | None = None


class GrantControlsSpec(SpecModel):
    """Grant controls; authentication strength and terms of use by name."""

    operator: Operator
    built_in_controls: list[BuiltInControl] = []
    authentication_strength: Text | None = None
    terms_of_use: Names = []
    custom_authentication_factors: Names = []


class SwitchedOn(SpecModel):
    """A session control that Graph switches with `isEnabled`; to leave it off, leave it out."""

    is_enabled: Literal[True] = True


class CloudAppSecuritySpec(SwitchedOn):
    """Conditional Access App Control."""

    cloud_app_security_type: CloudAppSecurityType


class PersistentBrowserSpec(SwitchedOn):
    """Whether the browser session persists."""

    mode: PersistentBrowserMode


class SignInFrequencySpec(SwitchedOn):
    """Sign-in frequency: every time, or after a number of hours or days."""

    frequency_interval: Literal["timeBased", "everyTime"] = "timeBased"
    value: Annotated[int, Field(ge=1, le=365)] | None = None
    type: SignInFrequencyType | None = None
    authentication_type: SignInFrequencyAuthenticationType = "primaryAndSecondaryAuthentication"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """Refuse a period on everyTime and its absence on timeBased, as the provider does."""
        given = self.value is not None or self.type is not None
        if self.frequency_interval == "everyTime" and given:
            raise PydanticCustomError(
                "sign-in-frequency",
                "`everyTime` takes neither value nor type",
                {"hint": "remove `value` and `type`, or the interval"},
            )
        if self.frequency_interval == "timeBased" and (self.value is None or self.type is None):
            raise PydanticCustomError(
                "sign-in-frequency",
                "a time-based sign-in frequency needs value and type",
                {"hint": "for example `{value: 4, type: hours}`"},
            )
        if self.type == "hours" and self.value is not None and self.value >= _HOURS_OF_A_DAY:
            raise PydanticCustomError(
                "sign-in-frequency",
                "a sign-in frequency has 1 to 23 hours",
                {"hint": "write it in days, of which 1 to 365 are allowed"},
            )
        return self


class SessionControlsSpec(SpecModel):
    """Session controls."""

    application_enforced_restrictions: SwitchedOn | None = None
    cloud_app_security: CloudAppSecuritySpec | None = None
    disable_resilience_defaults: bool = False
    persistent_browser: PersistentBrowserSpec | None = None
    sign_in_frequency: SignInFrequencySpec | None = None


class ExceptionSpec(SpecModel):
    """Why one exclusion opens the door: whose it is, what for, and until when.

    `of` is the excluded name as the policy writes it, or `deviceFilter`.
    """

    of: Text
    owner: Text
    reason: Text
    expires: Day


class PolicySpec(SpecModel):
    """A policy file.

    Beside Graph's keys: `exceptions`; `excludedBy: any`, the author's word that exclusions in
    several conditions each exempt a sign-in alone; `emergencyAccessIncluded`, the reason why a
    policy does not exclude the emergency access accounts; `renamedFrom`, its former file names.
    """

    display_name: DisplayName
    state: State
    conditions: ConditionsSpec
    grant_controls: GrantControlsSpec | None = None
    session_controls: SessionControlsSpec | None = None
    exceptions: list[ExceptionSpec] = []
    excluded_by: Literal["any", "all"] | None = None
    emergency_access_included: Text | None = None
    renamed_from: Names = []


class IpNamedLocationSpec(SpecModel):
    """A named location by address; the ranges usually come from the environment."""

    type: Literal["ipNamedLocation"]
    display_name: DisplayName
    is_trusted: bool = False
    ip_ranges: Names | None = None
    renamed_from: Names = []


class CountryNamedLocationSpec(SpecModel):
    """A named location by country."""

    type: Literal["countryNamedLocation"]
    display_name: DisplayName
    countries_and_regions: Names | None = None
    country_lookup_method: CountryLookupMethod = "clientIpAddress"
    include_unknown_countries_and_regions: bool = False
    renamed_from: Names = []


NamedLocationSpec = IpNamedLocationSpec | CountryNamedLocationSpec
