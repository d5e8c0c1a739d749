"""The conditions of a policy against one sign-in, in three-valued logic.

A condition is met when what it includes matches and what it excludes does not; one that is not set
is always met.  Lists are unions, an exclusion wins, and all conditions of a policy must be met
(https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-policies),
so a sign-in that any one of them excludes is exempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from ostiary import catalog
from ostiary.catalog import AuthenticationFlow, ClientAppType
from ostiary.model import attribute_filter, device_filter
from ostiary.model.filter_expression import Expression, comparisons, truth
from ostiary.model.policy import (
    Applications,
    ClientApplications,
    Conditions,
    CountryNamedLocation,
    Filter,
    GuestsOrExternalUsers,
    Locations,
    NamedLocation,
    Platforms,
    Policy,
    PolicySet,
    Users,
)
from ostiary.model.sign_in import (
    UNKNOWN,
    UNREGISTERED,
    Application,
    Attributes,
    Ids,
    Partly,
    ServicePrincipal,
    SignIn,
    Unknown,
    User,
    UserAction,
)
from ostiary.proof.networks import blocks

# True, False, or undecided: the names of the unknown signals that it hangs on.
Truth = bool | frozenset[str]

# Graph's `analysisReasons`, and `servicePrincipalRisk`, for which it has no word.
# https://learn.microsoft.com/graph/api/resources/whatifanalysisresult
ReasonWord = Literal[
    "policyNotEnabled",
    "users",
    "workloadIdentities",
    "application",
    "userActions",
    "clientApps",
    "devicePlatform",
    "location",
    "devices",
    "signInRisk",
    "userRisk",
    "servicePrincipalRisk",
    "insiderRisk",
    "authenticationFlow",
]

# `unavailable`: the device that signs in cannot give its state to the one that shows the code, so
# it counts as unregistered; `as given`: as What If has it, which takes a device in this flow too.
# https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-grant
# https://learn.microsoft.com/graph/api/conditionalaccessroot-evaluate
DeviceCodeDevice = Literal["unavailable", "as given"]

FilterKind = Literal["device", "application", "servicePrincipal"]

# Clients that carry neither a second factor nor the state of the device.
# https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-conditions
LEGACY_CLIENTS = ("exchangeActiveSync", "easSupported", "other")
# What stands for several applications; the last is Windows Azure Service Management API.
# https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-cloud-apps
SUITES = (
    "Office365",
    "MicrosoftAdminPortals",
    catalog.WELL_KNOWN_APPLICATIONS["Windows Azure Service Management API"],
)
_NULL = dict.fromkeys(device_filter.ATTRIBUTES)
MFA_TRUSTED_IPS = catalog.WELL_KNOWN_LOCATIONS["Multifactor authentication trusted IPs"]


@dataclass(frozen=True, slots=True)
class Reason:
    """A condition that is not met, or undecided: `met` None, with the signals it hangs on."""

    condition: ReasonWord
    met: Literal[False] | None = False
    unknown: frozenset[str] = frozenset()


def any_of(truths: Iterable[Truth]) -> Truth:
    """Tell whether one is true; of nothing, False."""
    unknown: frozenset[str] = frozenset()
    for each in truths:
        if each is True:
            return True
        if each is not False:
            unknown |= each
    return unknown or False


def denied(truth: Truth) -> Truth:
    """Turn true and false around."""
    return not truth if isinstance(truth, bool) else truth


def all_of(truths: Iterable[Truth]) -> Truth:
    """Tell whether none is false; of nothing, True."""
    return denied(any_of(map(denied, truths)))


def among(value: object, wanted: Iterable[object], signal: str) -> Truth:
    """Tell whether a signal has one of the values; an empty list decides it, known or not."""
    entries = tuple(wanted)
    if value is UNKNOWN and entries:
        return frozenset({signal})
    return value in entries


def members(ids: Ids, wanted: Iterable[str], signal: str) -> Truth:
    """Tell whether a set of ids holds one that is wanted."""
    if isinstance(ids, frozenset):
        return not ids.isdisjoint(wanted)
    entries = frozenset(wanted)
    known = Partly() if isinstance(ids, Unknown) else ids
    if not known.of.isdisjoint(entries):
        return True
    return frozenset({signal}) if entries - known.not_of else False


class Circumstances:
    """A sign-in beside the named locations of its tenant, and what follows from the two."""

    def __init__(
        self, policy_set: PolicySet, sign_in: SignIn, device_code_device: DeviceCodeDevice
    ) -> None:
        self.sign_in = sign_in
        self._named = {each.key: each for each in policy_set.named_locations}
        self._inside: dict[str, Truth] = {}  # found out for those that a policy asks about
        device = sign_in.device
        self._device: Attributes = (
            {} if isinstance(device, Unknown) else _NULL if device is UNREGISTERED else device
        )
        self._device_hidden = among(sign_in.client_app_type, LEGACY_CLIENTS, "client_app_type")
        if device_code_device == "unavailable":
            self._device_hidden = any_of([self._device_hidden, in_device_code_flow(sign_in)])

    def in_location(self, key: str) -> Truth:
        """Tell whether the sign-in comes from what a policy's list of locations calls `key`.

        https://learn.microsoft.com/entra/identity/conditional-access/concept-assignment-network
        """
        if key not in self._inside:
            self._inside[key] = self._in_location(key)
        return self._inside[key]

    def _in_location(self, key: str) -> Truth:
        if key == "All":
            return True
        if key == "AllTrusted":
            # Countries can never be trusted.
            trusted = (
                each.key
                for each in self._named.values()
                if not isinstance(each, CountryNamedLocation) and each.is_trusted
            )
            return any_of(map(self.in_location, (MFA_TRUSTED_IPS, *trusted)))
        if key == MFA_TRUSTED_IPS:
            return among(self.sign_in.in_mfa_trusted_ips, [True], "in_mfa_trusted_ips")
        if key in self._named:
            return _in_location(self._named[key], self.sign_in)
        return members(self.sign_in.other_locations, [key], "other_locations")

    def device_matches(self, rule: str) -> Truth:
        """Tell whether a device filter's rule is true of the device that Entra sees.

        https://learn.microsoft.com/entra/identity/conditional-access/concept-condition-filters-for-devices
        """
        expression = device_rule(rule)
        as_given = _matches(expression, self._device)
        if self._device_hidden is False:
            return as_given
        as_unregistered = _matches(expression, _NULL)
        if self._device_hidden is True or as_given is as_unregistered:
            return as_unregistered
        undecided = self._device_hidden
        return undecided if isinstance(as_given, bool) else undecided | as_given


def in_device_code_flow(sign_in: SignIn) -> Truth:
    """Tell whether this very sign-in, not only its session, is one by device code."""
    return among(sign_in.authentication_flow, ["deviceCodeFlow"], "authentication_flow")


def applies(policy: Policy, at: Circumstances) -> bool | None:
    """Tell whether the policy applies, None when an unknown signal may decide it.

    The first condition that is not met ends it: `reasons` gives them all.
    """
    undecided = False
    for _, met in _conditions(policy, at):
        if met is False:
            return False
        undecided = undecided or met is not True
    return None if undecided else True


def reasons(policy: Policy, at: Circumstances) -> Iterator[Reason]:
    """Give every condition of the policy that is not met or undecided; none means it applies.

    Undecided is sound but not sharp: when an include and an exclude, or two conditions, hang on one
    unknown signal, they may be undecided though every value of the signal gives the same answer.
    Raises FilterSyntaxError for a filter rule that cannot be read.
    """
    for word, met in _conditions(policy, at):
        if met is False:
            yield Reason(word)
        elif met is not True:
            yield Reason(word, None, met)


def _conditions(policy: Policy, at: Circumstances) -> Iterator[tuple[ReasonWord, Truth]]:
    """Decide the conditions of a policy one by one, if it is not switched off."""
    if policy.state == "disabled":
        yield "policyNotEnabled", False
        return
    yield from _assignments(policy.conditions, at)
    yield from _signals(policy.conditions, at)


def _assignments(of: Conditions, at: Circumstances) -> Iterator[tuple[ReasonWord, Truth]]:
    """Decide who signs in, and to what: every policy says something of that."""
    identity, target = at.sign_in.identity, at.sign_in.target
    if of.client_applications is None:
        yield "users", _users(of.users, identity)
    else:
        yield "workloadIdentities", _workloads(of.client_applications, identity)
    if isinstance(target, UserAction):
        yield "userActions", _user_action(of.applications, target)
    else:
        yield "application", _application(of.applications, target)


def _signals(of: Conditions, at: Circumstances) -> Iterator[tuple[ReasonWord, Truth]]:
    """Decide the conditions that are set; risks have no order: `high` does not match `medium`."""
    sign_in = at.sign_in
    yield "clientApps", _client_apps(of.client_app_types, sign_in)
    if of.platforms:
        yield "devicePlatform", _platforms(of.platforms, sign_in)
    if of.locations:
        yield "location", _locations(of.locations, at)
    if of.device_filter:
        yield "devices", _devices(of.device_filter, at)
    if levels := of.sign_in_risk_levels:
        yield "signInRisk", among(sign_in.sign_in_risk, levels, "sign_in_risk")
    if levels := of.user_risk_levels:
        yield "userRisk", among(sign_in.user_risk, levels, "user_risk")
    if levels := of.service_principal_risk_levels:
        yield "servicePrincipalRisk", _service_principal_risk(levels, sign_in.identity)
    if level := of.insider_risk_levels:
        yield "insiderRisk", among(sign_in.insider_risk, [level], "insider_risk")
    if flows := of.authentication_flows:
        yield "authenticationFlow", _authentication_flow(flows, sign_in)


def _included(include: Truth, exclude: Truth) -> Truth:
    if exclude is False:
        return include
    return all_of([include, denied(exclude)])


def _users(users: Users, user: User | ServicePrincipal) -> Truth:
    if not isinstance(user, User):
        # Calls by service principals are not touched by policies on users, groups included:
        # https://learn.microsoft.com/entra/identity/conditional-access/workload-identity
        return False
    included = _one_of_users(
        user,
        users.include_users,
        users.include_groups,
        users.include_roles,
        users.include_guests_or_external_users,
    )
    if included is False:
        return False
    excluded = _one_of_users(
        user,
        users.exclude_users,
        users.exclude_groups,
        users.exclude_roles,
        users.exclude_guests_or_external_users,
    )
    return _included(included, excluded)


def _one_of_users(
    user: User,
    users: Sequence[str],
    groups: Sequence[str],
    roles: Sequence[str],
    guests: GuestsOrExternalUsers | None,
) -> Truth:
    if "All" in users:
        return True
    ways: list[Truth] = []
    if users:
        named = [each for each in users if each not in _USER_WORDS]
        ways.append(among(user.id, named, "user.id"))
    if groups:
        ways.append(members(user.groups, groups, "user.groups"))
    if roles:
        ways.append(members(user.roles, roles, "user.roles"))
    if guests:
        ways.append(is_guest(user, guests))
    if "GuestsOrExternalUsers" in users:
        ways.append(is_guest(user, ANY_GUEST))
    return any_of(ways)


_USER_WORDS = ("None", "GuestsOrExternalUsers")
# What the legacy word has become, without a change of effect:
# https://learn.microsoft.com/entra/external-id/authentication-conditional-access
ANY_GUEST = GuestsOrExternalUsers(get_args(catalog.GuestOrExternalUserType))


def is_guest(user: User, guests: GuestsOrExternalUsers) -> Truth:
    """Tell whether a user is a guest of these types, from these tenants."""
    tenants = guests.external_tenants
    if tenants is None or tenants.members is None:
        return among(user.guest_type, guests.types, "user.guest_type")
    # Tenants are those of external users, and an internal guest is none: assumed of
    # https://learn.microsoft.com/graph/api/resources/conditionalaccessguestsorexternalusers
    external = [each for each in guests.types if each != "internalGuest"]
    internal = [each for each in guests.types if each == "internalGuest"]
    return any_of(
        [
            among(user.guest_type, internal, "user.guest_type"),
            all_of(
                [
                    among(user.guest_type, external, "user.guest_type"),
                    among(user.external_tenant, tenants.members, "user.external_tenant"),
                ]
            ),
        ]
    )


def _workloads(of: ClientApplications, who: User | ServicePrincipal) -> Truth:
    # https://learn.microsoft.com/entra/identity/conditional-access/workload-identity
    if not isinstance(who, ServicePrincipal):
        return False
    covered = among(who.single_tenant, [True], "service_principal.single_tenant")
    included = "ServicePrincipalsInMyTenant" in of.include_service_principals or among(
        who.id, set(of.include_service_principals) - {"None"}, "service_principal.id"
    )
    excluded = among(who.id, of.exclude_service_principals, "service_principal.id")
    listed = _with_filter(included, excluded, of.service_principal_filter, who.attributes)
    return all_of([covered, listed])


def _user_action(of: Applications, action: UserAction) -> Truth:
    # What If counts policies on all resources in; that it does so for those which exclude some, and
    # that filters for applications say nothing of user actions, is assumed:
    # https://learn.microsoft.com/graph/api/conditionalaccessroot-evaluate (example 3)
    return "All" in of.include_applications or action.urn in of.include_user_actions


def _application(of: Applications, application: Application) -> Truth:
    return _with_filter(
        "All" in of.include_applications or is_named(application, of.include_applications),
        is_named(application, of.exclude_applications),
        of.application_filter,
        application.attributes,
    )


def _with_filter(
    included: Truth, excluded: Truth, rule: Filter | None, attributes: Attributes | Unknown
) -> Truth:
    """Join the lists of a condition with its filter over custom security attributes.

    The filter adds to the list of its mode, as the other lists add to each other: `All` beside an
    including filter has been seen to reach every application
    (https://github.com/hashicorp/terraform-provider-azuread/issues/1882).  For an excluding filter,
    and for service principals, it is assumed.
    """
    if rule is None:
        return _included(included, excluded)
    matches = has_attributes(attributes, rule.rule)
    if rule.mode == "include":
        return _included(any_of([included, matches]), excluded)
    return _included(included, any_of([excluded, matches]))


def has_attributes(attributes: Attributes | Unknown, rule: str) -> Truth:
    """Tell whether custom security attributes are what a filter's rule says."""
    subject = {} if isinstance(attributes, Unknown) else attributes
    return _matches(attribute_rule(rule), subject)


def is_named(application: Application, names: Sequence[str]) -> Truth:
    """Tell whether an application is one of those named, or of what stands for several."""
    if not names:
        return False
    ids = [each for each in names if each not in catalog.APPLICATION_KEYWORDS]
    suites = [each for each in names if each in SUITES]
    return any_of(
        [
            among(application.id, ids, "application.id"),
            members(application.suites, suites, "application.suites"),
        ]
    )


def _matches(expression: Expression, subject: Attributes) -> Truth:
    decided = truth(expression, subject)
    if decided is not None:
        return decided
    return frozenset(
        each.attribute for each in comparisons(expression) if each.attribute not in subject
    )


# A rule's text is parsed once: it means the same in every sign-in.
device_rule = lru_cache(maxsize=1024)(device_filter.parse)
attribute_rule = lru_cache(maxsize=1024)(attribute_filter.parse)


def rules(of: Conditions) -> Iterator[tuple[FilterKind, str, Expression]]:
    """Read the filters of a policy's conditions: what they are over, their text, what it says.

    Raises FilterSyntaxError for one that cannot be read.
    """
    if device := of.device_filter:
        yield "device", device.rule, device_rule(device.rule)
    if application := of.applications.application_filter:
        yield "application", application.rule, attribute_rule(application.rule)
    if of.client_applications and (workload := of.client_applications.service_principal_filter):
        yield "servicePrincipal", workload.rule, attribute_rule(workload.rule)


def _in_location(location: NamedLocation, sign_in: SignIn) -> Truth:
    if isinstance(location, CountryNamedLocation):
        by_address = location.country_lookup_method == "clientIpAddress"
        country = sign_in.country if by_address else sign_in.gps_country
        if isinstance(country, Unknown):
            return frozenset({"country" if by_address else "gps_country"})
        # That a position which Authenticator does not give counts as unknown is assumed: the page
        # speaks of addresses that have no country.
        if country is None:
            return location.include_unknown_countries_and_regions
        return country in location.countries_and_regions
    address = sign_in.ip_address
    if isinstance(address, Unknown):
        return frozenset({"ip_address"})
    version, value = address.version, int(address)
    # A block that it is in differs from it only in the bits that the prefix leaves free.
    width = address.max_prefixlen
    return any(
        not (block >> 8 ^ value) >> width - (block & 0xFF)
        for block in blocks(location.ip_ranges, version)
    )


def _client_apps(types: tuple[ClientAppType, ...], sign_in: SignIn) -> Truth:
    # That none listed means all, as in the portal, is assumed for policies of before 2020-08.
    if not types or "all" in types:
        return True
    # `exchangeActiveSync` is every use of that protocol, on supported platforms too:
    # https://learn.microsoft.com/graph/api/resources/conditionalaccessconditionset
    more = ["easSupported"] if "exchangeActiveSync" in types else []
    return among(sign_in.client_app_type, [*types, *more], "client_app_type")


def _platforms(of: Platforms, sign_in: SignIn) -> Truth:
    # `all` takes in what Entra cannot tell or does not support:
    # https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-conditions
    return _included(
        *(
            "all" in platforms or among(sign_in.platform, platforms, "platform")
            for platforms in (of.include_platforms, of.exclude_platforms)
        )
    )


def _locations(of: Locations, at: Circumstances) -> Truth:
    return _included(
        any_of(map(at.in_location, of.include_locations)),
        any_of(map(at.in_location, of.exclude_locations)),
    )


def _devices(of: Filter, at: Circumstances) -> Truth:
    matches = at.device_matches(of.rule)
    return matches if of.mode == "include" else denied(matches)


def _service_principal_risk(levels: Iterable[str], who: User | ServicePrincipal) -> Truth:
    risk = who.risk if isinstance(who, ServicePrincipal) else None
    return among(risk, levels, "service_principal.risk")


def _authentication_flow(flows: tuple[AuthenticationFlow, ...], sign_in: SignIn) -> Truth:
    # A session stays marked by the flow in which it began:
    # https://learn.microsoft.com/entra/identity/conditional-access/concept-authentication-flows
    return any_of(
        [
            among(sign_in.authentication_flow, flows, "authentication_flow"),
            among(sign_in.session_flow, flows, "session_flow"),
        ]
    )
