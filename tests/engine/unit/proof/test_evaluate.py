"""Which sign-ins a policy reaches: one row for each rule that Microsoft states, under its page.

Rows marked `assumed` are what the page leaves open and docs/semantics.md says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, NamedTuple

import pytest

from ostiary.model.device_filter import FilterSyntaxError
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
    Platforms,
    Policy,
    PolicySet,
    SessionControls,
    Users,
)
from ostiary.model.sign_in import (
    UNREGISTERED,
    Application,
    ServicePrincipal,
    SignIn,
    User,
    UserAction,
)
from ostiary.proof.decision import Decision, Verdict
from ostiary.proof.evaluate import evaluate

ALL_USERS = Users(include_users=("All",))
ALL_RESOURCES = Applications(include_applications=("All",))
BLOCK = GrantControls("OR", ("block",))
MFA = GrantControls("OR", ("mfa",))
MFA_TRUSTED_IPS = "00000000-0000-0000-0000-000000000000"
AZURE_MANAGEMENT = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
LOCATIONS = (
    IpNamedLocation("office", "Office", ("203.0.113.0/24", "2001:db8:10::/48"), is_trusted=True),
    IpNamedLocation("shop", "Shop", ("198.51.100.0/24",)),
    CountryNamedLocation("north", "North", ("NO", "SE")),
    CountryNamedLocation(
        "anywhere", "Anywhere", ("NO",), include_unknown_countries_and_regions=True
    ),
    CountryNamedLocation("by-gps", "GPS", ("NO",), "authenticatorAppGps"),
)

# An ordinary sign-in of a member by browser, every signal of it known.
MEMBER = User("anna", frozenset(), frozenset(), None, None)
PLAIN = SignIn(
    MEMBER,
    Application(None, frozenset(), {}),
    authentication_flow="none",
    client_app_type="browser",
    platform="windows",
    ip_address=ip_address("192.0.2.1"),
    in_mfa_trusted_ips=False,
    country="DE",
    gps_country=None,
    other_locations=frozenset(),
    device=UNREGISTERED,
    sign_in_risk="none",
    user_risk="none",
    insider_risk="none",
)


def policy(
    key: str = "the policy",
    *,
    grant: GrantControls | None = BLOCK,
    session: SessionControls | None = None,
    state: Any = "enabled",
    **conditions: Any,
) -> Policy:
    """Make a policy that blocks every user everywhere, but for what is given."""
    every = {"users": ALL_USERS, "applications": ALL_RESOURCES, "client_app_types": ("all",)}
    return Policy(key, key, state, Conditions(**{**every, **conditions}), grant, session)


def decide(policies: Iterable[Policy] | Policy, sign_in: SignIn = PLAIN, **how: Any) -> Decision:
    every = (policies,) if isinstance(policies, Policy) else tuple(policies)
    return evaluate(PolicySet(every, LOCATIONS), sign_in, **how)


def verdict(of: Policy, sign_in: SignIn, **how: Any) -> Verdict:
    decision = decide(of, sign_in, **how)
    return (decision.verdicts + decision.report_only)[0]


def test_a_rule_that_cannot_be_read_is_refused_unless_its_policy_is_disabled() -> None:
    nobody = policy(users=Users(), device_filter=Filter("include", "device."))
    with pytest.raises(FilterSyntaxError):
        decide(nobody)
    assert decide(replace(nobody, state="disabled")).outcome == "allowed"


class Rule(NamedTuple):
    """A policy with the conditions reaches the sign-in, or fails to for the one reason."""

    page: str
    says: str
    conditions: dict[str, Any]
    sign_in: SignIn
    reason: str = ""


def member(**known: Any) -> SignIn:
    return replace(PLAIN, identity=replace(MEMBER, **known))


def users(**lists: Any) -> dict[str, Any]:
    return {"users": Users(**lists)}


def to(identity: str | None, *suites: str, **attributes: str | None) -> SignIn:
    held = {f"CustomSecurityAttribute.{name}": value for name, value in attributes.items()}
    return replace(PLAIN, target=Application(identity, frozenset(suites), held))


def apps(*include: str, exclude: tuple[str, ...] = (), rule: Filter | None = None) -> Any:
    return {"applications": Applications(include, exclude, application_filter=rule)}


def places(*include: str, exclude: tuple[str, ...] = ()) -> Any:
    return {"locations": Locations(include, exclude)}


def at(address: str, **known: Any) -> SignIn:
    return replace(PLAIN, ip_address=ip_address(address), **known)


def platforms(*include: Any, exclude: Any = ()) -> Any:
    return {"platforms": Platforms(include, exclude)}


def guests(*types: Any, tenants: tuple[str, ...] | str | None = "any") -> GuestsOrExternalUsers:
    if isinstance(tenants, str):
        return GuestsOrExternalUsers(types)
    return GuestsOrExternalUsers(types, ExternalTenants(tenants))


GUEST = member(guest_type="b2bCollaborationGuest", external_tenant="partner")
REGISTRATION = replace(PLAIN, target=UserAction("urn:user:registersecurityinfo"))
ROBOT = replace(PLAIN, identity=ServicePrincipal("robot", "none", {}))
NEEDS = "CustomSecurityAttribute.Web_Needs"
TAGGED = f'{NEEDS} -contains "mfa"'

USERS_PAGE = "concept-conditional-access-users-groups"
TARGETS_PAGE = "concept-conditional-access-cloud-apps"
NETWORK_PAGE = "concept-assignment-network"
CONDITIONS_PAGE = "concept-conditional-access-conditions"
FLOWS_PAGE = "concept-authentication-flows"
WORKLOADS_PAGE = "workload-identity"
APP_FILTER_PAGE = "concept-filter-for-applications"
GRAPH_SET_PAGE = "graph: conditionalaccessconditionset"
WHAT_IF_PAGE = "graph: conditionalaccessroot-evaluate"
GUESTS_PAGE = "external-id: authentication-conditional-access"

OUT = "users"
RULES = [
    # --- users
    Rule(USERS_PAGE, "All includes members", {}, PLAIN),
    Rule(USERS_PAGE, "All includes B2B guests", {}, GUEST),
    Rule(USERS_PAGE, "None is nobody", users(include_users=("None",)), PLAIN, OUT),
    Rule(USERS_PAGE, "a user", users(include_users=("anna",)), PLAIN),
    Rule(USERS_PAGE, "another user", users(include_users=("bob",)), PLAIN, OUT),
    Rule(
        USERS_PAGE, "lists of users are one union",
        users(include_users=("bob",), include_groups=("staff",)),
        member(groups=frozenset({"staff"})),
    ),
    Rule(
        USERS_PAGE, "an excluded user is out, whatever includes them",
        users(include_users=("All", "anna"), exclude_users=("anna",)), PLAIN, OUT,
    ),
    Rule(
        USERS_PAGE, "an excluded group wins over an included group",
        users(include_groups=("staff",), exclude_groups=("emergency",)),
        member(groups=frozenset({"staff", "emergency"})), OUT,
    ),
    Rule(
        USERS_PAGE, "a role that is active", users(include_roles=("admin",)),
        member(roles=frozenset({"admin"})),
    ),
    Rule(
        USERS_PAGE, "a role that is not active", users(include_roles=("admin",)),
        PLAIN, OUT,
    ),
    Rule(
        USERS_PAGE, "a group is not a role", users(include_roles=("x",)),
        member(groups=frozenset({"x"})), OUT,
    ),
    Rule(
        USERS_PAGE, "an excluded role", users(include_users=("All",), exclude_roles=("admin",)),
        member(roles=frozenset({"admin"})), OUT,
    ),
    Rule(
        USERS_PAGE, "a guest type",
        users(include_guests_or_external_users=guests("b2bCollaborationGuest")),
        GUEST,
    ),
    Rule(
        USERS_PAGE, "another guest type",
        users(include_guests_or_external_users=guests("serviceProvider")), GUEST, OUT,
    ),
    Rule(
        USERS_PAGE, "a member is no guest",
        users(include_guests_or_external_users=guests("b2bCollaborationMember", "internalGuest")),
        PLAIN, OUT,
    ),
    Rule(
        USERS_PAGE, "guests of all tenants",
        users(include_guests_or_external_users=guests("b2bCollaborationGuest", tenants=None)),
        GUEST,
    ),
    Rule(
        USERS_PAGE, "guests of a tenant",
        users(
            include_guests_or_external_users=guests("b2bCollaborationGuest", tenants=("partner",))
        ),
        GUEST,
    ),
    Rule(
        USERS_PAGE, "guests of another tenant",
        users(include_guests_or_external_users=guests("b2bCollaborationGuest", tenants=("x",))),
        GUEST, OUT,
    ),
    Rule(
        USERS_PAGE, "guests without a tenant are of none that is listed",
        users(include_guests_or_external_users=guests("otherExternalUser", tenants=("x",))),
        member(guest_type="otherExternalUser"), OUT,
    ),
    Rule(
        USERS_PAGE, "assumed: tenants tell only external users apart",
        users(include_guests_or_external_users=guests("internalGuest", tenants=("x",))),
        member(guest_type="internalGuest"),
    ),
    Rule(
        USERS_PAGE, "excluded guests of a tenant",
        users(
            include_users=("All",),
            exclude_guests_or_external_users=guests("b2bCollaborationGuest", tenants=("partner",)),
        ),
        GUEST, OUT,
    ),
    Rule(
        GUESTS_PAGE, "the legacy word is every guest type",
        users(include_users=("GuestsOrExternalUsers",)), GUEST,
    ),
    Rule(
        GUESTS_PAGE, "the legacy word excludes every guest type",
        users(include_users=("All",), exclude_users=("GuestsOrExternalUsers",)),
        member(guest_type="internalGuest"), OUT,
    ),
    Rule(
        GUESTS_PAGE, "the legacy word is no member",
        users(include_users=("GuestsOrExternalUsers",)), PLAIN, OUT,
    ),
    # --- workloads
    Rule(WORKLOADS_PAGE, "policies on users reach no service principal", {}, ROBOT, OUT),
    Rule(
        WORKLOADS_PAGE, "policies on a group do not reach the service principals in it",
        users(include_groups=("robot",)), ROBOT, OUT,
    ),
    Rule(
        WORKLOADS_PAGE, "every service principal of the tenant",
        {"client_applications": ClientApplications(("ServicePrincipalsInMyTenant",))},
        ROBOT,
    ),
    Rule(
        WORKLOADS_PAGE, "a service principal",
        {"client_applications": ClientApplications(("robot",))}, ROBOT,
    ),
    Rule(
        WORKLOADS_PAGE, "an excluded service principal",
        {"client_applications": ClientApplications(("ServicePrincipalsInMyTenant",), ("robot",))},
        ROBOT, "workloadIdentities",
    ),
    Rule(
        WORKLOADS_PAGE, "multitenant applications and managed identities are not covered",
        {"client_applications": ClientApplications(("ServicePrincipalsInMyTenant",))},
        replace(ROBOT, identity=ServicePrincipal("robot", single_tenant=False)),
        "workloadIdentities",
    ),
    Rule(
        WORKLOADS_PAGE, "policies on workloads reach no user",
        {"client_applications": ClientApplications(("ServicePrincipalsInMyTenant",))},
        PLAIN, "workloadIdentities",
    ),
    Rule(
        WORKLOADS_PAGE, "a risk of service principals that is listed",
        {
            "client_applications": ClientApplications(("ServicePrincipalsInMyTenant",)),
            "service_principal_risk_levels": ("high",),
        },
        replace(ROBOT, identity=ServicePrincipal("robot", "high")),
    ),
    Rule(
        WORKLOADS_PAGE, "a risk of service principals that is not listed",
        {
            "client_applications": ClientApplications(("ServicePrincipalsInMyTenant",)),
            "service_principal_risk_levels": ("high",),
        },
        replace(ROBOT, identity=ServicePrincipal("robot", "medium")),
        "servicePrincipalRisk",
    ),
    Rule(
        WORKLOADS_PAGE, "a location that is excluded",
        {
            "client_applications": ClientApplications(("ServicePrincipalsInMyTenant",)),
            **places("All", exclude=("AllTrusted",)),
        },
        replace(ROBOT, ip_address=ip_address("203.0.113.5")), "location",
    ),
    Rule(
        WORKLOADS_PAGE, "assumed: a filter on attributes adds to the list it excludes",
        {
            "client_applications": ClientApplications(
                ("ServicePrincipalsInMyTenant",), (), Filter("exclude", TAGGED)
            )
        },
        replace(ROBOT, identity=ServicePrincipal("robot", "none", {NEEDS: ("mfa",)})),
        "workloadIdentities",
    ),
    # --- target resources
    Rule(TARGETS_PAGE, "All takes in what cannot be chosen", {}, to(None)),
    Rule(TARGETS_PAGE, "None is nothing", apps("None"), to("mail"), "application"),
    Rule(TARGETS_PAGE, "an application", apps("mail"), to("mail")),
    Rule(TARGETS_PAGE, "another application", apps("mail"), to("wiki"), "application"),
    Rule(
        TARGETS_PAGE, "an excluded application", apps("All", exclude=("mail",)), to("mail"),
        "application",
    ),
    Rule(TARGETS_PAGE, "Office 365", apps("Office365"), to("mail", "Office365")),
    Rule(
        TARGETS_PAGE, "not in Office 365", apps("Office365"), to("wiki"), "application",
    ),
    Rule(
        TARGETS_PAGE, "Office 365 excluded", apps("All", exclude=("Office365",)),
        to("mail", "Office365"), "application",
    ),
    Rule(
        TARGETS_PAGE, "admin portals", apps("MicrosoftAdminPortals"),
        to("portal", "MicrosoftAdminPortals"),
    ),
    Rule(
        TARGETS_PAGE, "Azure management stands for several applications", apps(AZURE_MANAGEMENT),
        to("resource manager", AZURE_MANAGEMENT),
    ),
    Rule(
        TARGETS_PAGE, "a user action",
        {"applications": Applications(include_user_actions=("urn:user:registersecurityinfo",))},
        REGISTRATION,
    ),
    Rule(
        TARGETS_PAGE, "another user action",
        {"applications": Applications(include_user_actions=("urn:user:registerdevice",))},
        REGISTRATION, "userActions",
    ),
    Rule(
        TARGETS_PAGE, "a user action is not an application",
        {"applications": Applications(include_user_actions=("urn:user:registersecurityinfo",))},
        to("mail"), "application",
    ),
    Rule(WHAT_IF_PAGE, "All takes in user actions", {}, REGISTRATION),
    Rule(
        WHAT_IF_PAGE, "assumed: All but an application takes in user actions",
        apps("All", exclude=("mail",)), REGISTRATION,
    ),
    Rule(
        WHAT_IF_PAGE, "an application takes in no user action", apps("mail", "Office365"),
        REGISTRATION, "userActions",
    ),
    Rule(
        APP_FILTER_PAGE, "a filter includes what is tagged",
        apps(rule=Filter("include", TAGGED)), to("wiki", Web_Needs="mfa"),
    ),
    Rule(
        APP_FILTER_PAGE, "a filter does not include the rest",
        apps(rule=Filter("include", TAGGED)), to("wiki", Web_Needs=None), "application",
    ),
    Rule(
        "github: terraform-provider-azuread 1882", "an including filter does not narrow All",
        apps("All", rule=Filter("include", TAGGED)), to("wiki", Web_Needs=None),
    ),
    Rule(
        APP_FILTER_PAGE, "assumed: a filter adds to the list it excludes",
        apps("All", exclude=("mail",), rule=Filter("exclude", TAGGED)),
        to("wiki", Web_Needs="mfa"), "application",
    ),
    Rule(
        "concept-enforcement-resource-exclusions", "baseline scopes are one application more",
        apps("All", exclude=("mail",)), to("00000002-0000-0000-c000-000000000000"),
    ),
    # --- network
    Rule(NETWORK_PAGE, "All is any address", places("All"), PLAIN),
    Rule(NETWORK_PAGE, "an address inside", places("shop"), at("198.51.100.9")),
    Rule(NETWORK_PAGE, "an address outside", places("shop"), PLAIN, "location"),
    Rule(NETWORK_PAGE, "an IPv6 address inside", places("office"), at("2001:db8:10::7")),
    Rule(
        NETWORK_PAGE, "an IPv6 address outside", places("office"), at("2001:db8:11::7"),
        "location",
    ),
    Rule(
        NETWORK_PAGE, "IPv4 ranges hold no IPv6 address", places("shop"), at("::c633:6409"),
        "location",
    ),
    Rule(
        NETWORK_PAGE, "an excluded location", places("All", exclude=("shop",)), at("198.51.100.9"),
        "location",
    ),
    Rule(
        NETWORK_PAGE, "locations are one union", places("north", "shop"), at("198.51.100.9"),
    ),
    Rule(
        NETWORK_PAGE, "AllTrusted is every trusted location", places("AllTrusted"),
        at("203.0.113.5"),
    ),
    Rule(
        NETWORK_PAGE, "AllTrusted is no other location", places("AllTrusted"), at("198.51.100.9"),
        "location",
    ),
    Rule(
        NETWORK_PAGE, "AllTrusted is MFA trusted IPs too", places("AllTrusted"),
        replace(PLAIN, in_mfa_trusted_ips=True),
    ),
    Rule(
        NETWORK_PAGE, "MFA trusted IPs stand in the list of locations", places(MFA_TRUSTED_IPS),
        replace(PLAIN, in_mfa_trusted_ips=True),
    ),
    Rule(
        NETWORK_PAGE, "MFA trusted IPs are no other trusted location", places(MFA_TRUSTED_IPS),
        at("203.0.113.5"), "location",
    ),
    Rule(
        NETWORK_PAGE, "a country of the address", places("north"), replace(PLAIN, country="NO"),
    ),
    Rule(NETWORK_PAGE, "another country", places("north"), PLAIN, "location"),
    Rule(
        NETWORK_PAGE, "a country can never be trusted", places("AllTrusted"),
        replace(PLAIN, country="NO"), "location",
    ),
    Rule(
        NETWORK_PAGE, "an address without a country is in none", places("north"),
        replace(PLAIN, country=None), "location",
    ),
    Rule(
        NETWORK_PAGE, "unknown countries, where they are included", places("anywhere"),
        replace(PLAIN, country=None),
    ),
    Rule(
        NETWORK_PAGE, "a country of the position", places("by-gps"),
        replace(PLAIN, gps_country="NO"),
    ),
    Rule(
        NETWORK_PAGE, "a position is not an address", places("by-gps"),
        replace(PLAIN, country="NO", gps_country="DE"), "location",
    ),
    Rule(
        NETWORK_PAGE, "a compliant network", places("compliant"),
        replace(PLAIN, other_locations=frozenset({"compliant"})),
    ),
    Rule(
        NETWORK_PAGE, "not a compliant network", places("compliant"), PLAIN, "location",
    ),
    # --- client apps and platforms
    Rule(CONDITIONS_PAGE, "a client app", {"client_app_types": ("browser",)}, PLAIN),
    Rule(
        CONDITIONS_PAGE, "another client app",
        {"client_app_types": ("exchangeActiveSync", "other")}, PLAIN, "clientApps",
    ),
    Rule(
        CONDITIONS_PAGE, "all takes in legacy clients", {"client_app_types": ("all",)},
        replace(PLAIN, client_app_type="other"),
    ),
    Rule(
        CONDITIONS_PAGE, "assumed: none listed means all", {"client_app_types": ()},
        replace(PLAIN, client_app_type="other"),
    ),
    Rule(
        CONDITIONS_PAGE, "modern clients only", {
            "client_app_types": ("browser", "mobileAppsAndDesktopClients"),
        },
        replace(PLAIN, client_app_type="other"), "clientApps",
    ),
    Rule(
        GRAPH_SET_PAGE, "exchangeActiveSync takes in supported platforms",
        {"client_app_types": ("exchangeActiveSync",)},
        replace(PLAIN, client_app_type="easSupported"),
    ),
    Rule(
        GRAPH_SET_PAGE, "easSupported takes in no other platforms",
        {"client_app_types": ("easSupported",)},
        replace(PLAIN, client_app_type="exchangeActiveSync"), "clientApps",
    ),
    Rule(CONDITIONS_PAGE, "a platform", platforms("windows"), PLAIN),
    Rule(CONDITIONS_PAGE, "another platform", platforms("iOS"), PLAIN, "devicePlatform"),
    Rule(
        CONDITIONS_PAGE, "an excluded platform wins", platforms("all", exclude=("windows",)), PLAIN,
        "devicePlatform",
    ),
    Rule(
        CONDITIONS_PAGE, "any device takes in an unsupported platform",
        platforms("all", exclude=("android", "iOS", "windows", "macOS", "linux")),
        replace(PLAIN, platform=None),
    ),
    Rule(
        CONDITIONS_PAGE, "an unsupported platform is none of the supported",
        platforms("android", "iOS", "windows", "windowsPhone", "macOS", "linux"),
        replace(PLAIN, platform=None), "devicePlatform",
    ),
    Rule(
        CONDITIONS_PAGE, "a platform of tomorrow is any device", platforms("all"),
        replace(PLAIN, platform="unknownFutureValue"),
    ),
    # --- risk
    Rule(
        CONDITIONS_PAGE, "a sign-in risk", {"sign_in_risk_levels": ("high", "medium")},
        replace(PLAIN, sign_in_risk="medium"),
    ),
    Rule(
        CONDITIONS_PAGE, "levels of risk have no order", {"sign_in_risk_levels": ("low",)},
        replace(PLAIN, sign_in_risk="high"), "signInRisk",
    ),
    Rule(
        CONDITIONS_PAGE, "a user risk", {"user_risk_levels": ("high",)},
        replace(PLAIN, user_risk="high"),
    ),
    Rule(
        CONDITIONS_PAGE, "both risks must be met",
        {"user_risk_levels": ("high",), "sign_in_risk_levels": ("high",)},
        replace(PLAIN, user_risk="high"), "signInRisk",
    ),
    Rule(
        CONDITIONS_PAGE, "an insider risk", {"insider_risk_levels": "elevated"},
        replace(PLAIN, insider_risk="elevated"),
    ),
    Rule(
        CONDITIONS_PAGE, "another insider risk", {"insider_risk_levels": "elevated"},
        replace(PLAIN, insider_risk="moderate"), "insiderRisk",
    ),
    # --- authentication flows
    Rule(
        FLOWS_PAGE, "the flow of the sign-in", {"authentication_flows": ("deviceCodeFlow",)},
        replace(PLAIN, authentication_flow="deviceCodeFlow"),
    ),
    Rule(
        FLOWS_PAGE, "one of two flows",
        {"authentication_flows": ("authenticationTransfer", "deviceCodeFlow")},
        replace(PLAIN, authentication_flow="authenticationTransfer"),
    ),
    Rule(
        FLOWS_PAGE, "another flow", {"authentication_flows": ("deviceCodeFlow",)},
        replace(PLAIN, authentication_flow="authenticationTransfer"), "authenticationFlow",
    ),
    Rule(
        FLOWS_PAGE, "an ordinary sign-in", {"authentication_flows": ("deviceCodeFlow",)}, PLAIN,
        "authenticationFlow",
    ),
    Rule(
        FLOWS_PAGE, "a session that began by device code",
        {"authentication_flows": ("deviceCodeFlow",)},
        replace(PLAIN, session_flow="deviceCodeFlow"),
    ),
    Rule(
        "concept-authentication-transfer", "a session that began by transfer",
        {"authentication_flows": ("authenticationTransfer",)},
        replace(PLAIN, session_flow="authenticationTransfer"),
    ),
    Rule(
        "concept-authentication-transfer", "all policies are evaluated during a transfer", {},
        replace(PLAIN, authentication_flow="authenticationTransfer"),
    ),
    Rule(
        FLOWS_PAGE, "a policy without the condition reaches every flow", {},
        replace(PLAIN, authentication_flow="deviceCodeFlow"),
    ),
    Rule(
        FLOWS_PAGE, "Device Registration Service can be left out",
        {
            **apps("All", exclude=("01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9",)),
            "authentication_flows": ("deviceCodeFlow",),
        },
        replace(
            to("01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9"), authentication_flow="deviceCodeFlow"
        ),
        "application",
    ),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=[f"{each.page}: {each.says}" for each in RULES])
def test_rule(rule: Rule) -> None:
    found = verdict(policy(**rule.conditions), rule.sign_in)
    assert [each.condition for each in found.reasons] == ([rule.reason] if rule.reason else [])
    assert found.applies is not bool(rule.reason)
    outcome = decide(policy(**rule.conditions), rule.sign_in).outcome
    assert outcome == ("allowed" if rule.reason else "blocked")


# https://learn.microsoft.com/entra/identity/conditional-access/concept-condition-filters-for-devices
COMPLIANT = {"device.isCompliant": True}
NOT_COMPLIANT = {"device.isCompliant": False}
FOUR_WAYS: list[tuple[Any, str, list[bool]]] = [
    ("exclude", "device.isCompliant -eq True", [False, True, True]),
    ("exclude", "device.isCompliant -ne True", [True, False, False]),
    ("include", "device.isCompliant -eq True", [True, False, False]),
    ("include", "device.isCompliant -ne True", [False, True, True]),
]


@pytest.mark.parametrize(("mode", "rule", "blocked"), FOUR_WAYS)
def test_positive_operators_are_false_and_negative_true_of_an_unregistered_device(
    mode: Any, rule: str, blocked: list[bool]
) -> None:
    of = policy(device_filter=Filter(mode, rule))
    signed_in = [replace(PLAIN, device=each) for each in (COMPLIANT, NOT_COMPLIANT, UNREGISTERED)]
    assert [decide(of, each).outcome == "blocked" for each in signed_in] == blocked
    assert all(
        [each.condition for each in verdict(of, sign_in).reasons] == ([] if met else ["devices"])
        for sign_in, met in zip(signed_in, blocked, strict=True)
    )


@pytest.mark.parametrize(
    ("rule", "device", "matches"),
    [
        ('device.model -contains "face"', {"device.model": "Surface Hub"}, True),
        ('device.systemLabels -contains "M365"', {"device.systemLabels": ["M365Managed"]}, False),
        ('device.systemLabels -contains "M365"', {"device.systemLabels": ["M365"]}, True),
        ('device.model -in ["A", "B"]', {"device.model": "B"}, True),
        ('device.extensionAttribute1 -notIn ["SAW"]', {"device.extensionAttribute1": None}, True),
    ],
)
def test_a_device_filter_reads_the_device_that_entra_sees(
    rule: str, device: dict[str, object], matches: object
) -> None:
    of = policy(device_filter=Filter("include", rule))
    assert verdict(of, replace(PLAIN, device=device)).applies is matches


def test_legacy_clients_show_no_device() -> None:
    # concept-conditional-access-conditions: "don't pass device state information"
    legacy = replace(PLAIN, client_app_type="exchangeActiveSync", device=COMPLIANT)
    exempting = policy(device_filter=Filter("exclude", "device.isCompliant -eq True"))
    assert decide(exempting, legacy).outcome == "blocked"
    assert decide(exempting, replace(legacy, client_app_type="browser")).outcome == "allowed"


@pytest.mark.parametrize(
    ("address", "device", "outcome"),
    [
        ("203.0.113.5", COMPLIANT, "allowed"),
        ("203.0.113.5", UNREGISTERED, "allowed"),
        ("192.0.2.1", COMPLIANT, "allowed"),
        ("192.0.2.1", UNREGISTERED, "blocked"),
    ],
)
def test_exclusions_of_several_conditions_each_exempt_alone(
    address: str, device: Any, outcome: str
) -> None:
    # concept-conditional-access-policies: all assignments of a policy are combined by AND
    of = policy(
        **places("All", exclude=("AllTrusted",)),
        device_filter=Filter("exclude", "device.isCompliant -eq True"),
    )
    assert decide(of, at(address, device=device)).outcome == outcome


def test_one_policy_for_each_exclusion_exempts_only_what_has_both() -> None:
    # concept-conditional-access-policies: all policies that apply must be satisfied
    by_place = policy("place", **places("All", exclude=("AllTrusted",)))
    by_device = policy("device", device_filter=Filter("exclude", "device.isCompliant -eq True"))
    outcomes = [
        decide((by_place, by_device), at(address, device=device)).outcome
        for address in ("203.0.113.5", "192.0.2.1")
        for device in (COMPLIANT, UNREGISTERED)
    ]
    assert outcomes == ["allowed", "blocked", "blocked", "blocked"]


def test_every_unmet_condition_is_told() -> None:
    of = policy(
        **users(include_users=("bob",)), **apps("mail"), **platforms("iOS"), **places("shop"),
        client_app_types=("other",), sign_in_risk_levels=("high",),
        authentication_flows=("deviceCodeFlow",),
    )  # fmt: skip
    assert [each.condition for each in verdict(of, PLAIN).reasons] == [
        "users", "application", "clientApps", "devicePlatform", "location", "signInRisk",
        "authenticationFlow",
    ]  # fmt: skip
    assert verdict(of, PLAIN).words.startswith("`the policy` does not apply: users, application")
