"""What Graph or the provider refuses, mangles or ignores in combination: one function a rule.

A rule looks at one policy file alone and yields its findings; it knows no environment.  Where a
claim rests on a page, the diagnostic carries it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pydantic.alias_generators import to_camel

from ostiary.errors import Diagnostic, Severity
from ostiary.spec.models import FilterSpec, PolicySpec, SpecModel
from ostiary.spec.source import Data, Route, Source, Step

CA = "https://learn.microsoft.com/entra/identity/conditional-access/"

Findings = Iterator[Diagnostic]
Rule = Callable[[PolicySpec, Source], Findings]


def check(policy: PolicySpec, source: Source) -> list[Diagnostic]:
    """Give everything that is wrong with one policy, whatever the environment."""
    return [found for rule in RULES for found in rule(policy, source)]


def lists_and_values(source: Source) -> Findings:
    """Refuse a key without a value, and a value that stands twice in one list."""
    stack: list[tuple[Route, Data]] = [((), source.data)]
    while stack:
        route, value = stack.pop()
        if value is None:
            yield Diagnostic(
                "no-value", f"`{route[-1]}` has no value", source.at_key(*route), "remove it"
            )
        elif isinstance(value, dict):
            stack.extend(((*route, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            seen: set[str] = set()
            for index, inner in enumerate(value):
                if not isinstance(inner, str):
                    stack.append(((*route, index), inner))
                elif inner in seen:
                    yield _error(
                        source,
                        "repeated-value",
                        f"`{inner}` stands twice in this list",
                        *route,
                        index,
                        hint="remove one",
                    )
                else:
                    seen.add(inner)


def _error(
    source: Source,
    code: str,
    message: str,
    *route: Step,
    hint: str | None = None,
    page: str | None = None,
) -> Diagnostic:
    return Diagnostic(code, message, source.at(*route), hint, page=page and CA + page)


def _warning(
    source: Source,
    code: str,
    message: str,
    *route: Step,
    hint: str | None = None,
    page: str | None = None,
) -> Diagnostic:
    return Diagnostic(
        code, message, source.at(*route), hint, severity=Severity.WARNING, page=page and CA + page
    )


def _users(policy: PolicySpec, source: Source) -> Findings:
    users = policy.conditions.users
    route = ("conditions", "users")
    included = [*users.include_users, *users.include_groups, *users.include_roles]
    if not included and users.include_guests_or_external_users is None:
        yield _error(
            source,
            "no-users",
            "the policy includes nobody",
            *route,
            hint="write `includeUsers: [All]`, or name users, groups, roles or guests",
        )
    for word in ("All", "None"):
        if word in users.include_users and len(included) > 1:
            yield _error(
                source,
                "keyword-not-alone",
                f"`{word}` stands beside others",
                *route,
                "includeUsers",
                users.include_users.index(word),
                hint=f"`{word}` leaves nothing for the others to add; keep one or the other",
            )
        if word in users.exclude_users:
            yield _error(
                source,
                "excludes-everything",
                f"`{word}` cannot be excluded",
                *route,
                "excludeUsers",
                users.exclude_users.index(word),
            )
    if "None" in users.include_users and policy.conditions.client_applications is None:
        yield _warning(
            source,
            "no-users",
            "`None` includes nobody, so the policy never applies",
            *route,
            "includeUsers",
        )
    if "GuestsOrExternalUsers" in (*users.include_users, *users.exclude_users):
        yield _error(
            source,
            "not-supported",
            "`GuestsOrExternalUsers` is not supported",
            *route,
            hint="Graph rewrites the legacy word; list the types in "
            "includeGuestsOrExternalUsers or excludeGuestsOrExternalUsers",
        )


def _guests(policy: PolicySpec, source: Source) -> Findings:
    users = policy.conditions.users
    for key, guests in (
        ("includeGuestsOrExternalUsers", users.include_guests_or_external_users),
        ("excludeGuestsOrExternalUsers", users.exclude_guests_or_external_users),
    ):
        route = ("conditions", "users", key)
        if guests is None:
            continue
        if not guests.guest_or_external_user_types:
            yield _error(
                source,
                "empty-list",
                "no guest type is listed",
                *route,
                "guestOrExternalUserTypes",
                hint="remove the key, or list the types",
            )
        tenants = guests.external_tenants
        if tenants and (tenants.membership_kind == "enumerated") != bool(tenants.members):
            yield _error(
                source,
                "external-tenants",
                "`members` goes with `enumerated`, and only so",
                *route,
                "externalTenants",
                hint="`{membershipKind: all}`, or `enumerated` with the members",
            )


def _applications(policy: PolicySpec, source: Source) -> Findings:
    applications = policy.conditions.applications
    route = ("conditions", "applications")
    included = applications.include_applications
    if bool(included) == bool(applications.include_user_actions):
        yield _error(
            source,
            "no-applications" if not included else "two-kinds-of-target",
            "a policy targets either applications or user actions",
            *route,
            hint="write includeApplications or includeUserActions, with something in it",
        )
    for word in ("All", "None"):
        if word in included and len(included) > 1:
            yield _error(
                source,
                "keyword-not-alone",
                f"`{word}` stands beside others",
                *route,
                "includeApplications",
                included.index(word),
                hint="keep one or the other",
            )
        if word in applications.exclude_applications:
            yield _error(
                source,
                "excludes-everything",
                f"`{word}` cannot be excluded",
                *route,
                "excludeApplications",
                applications.exclude_applications.index(word),
            )
    if applications.include_user_actions and applications.exclude_applications:
        yield _error(
            source,
            "two-kinds-of-target",
            "user actions have no applications to exclude",
            *route,
            "excludeApplications",
        )


def _user_actions(policy: PolicySpec, source: Source) -> Findings:
    conditions = policy.conditions
    actions = conditions.applications.include_user_actions
    if not actions:
        return
    if policy.state == "enabledForReportingButNotEnforced":
        yield _warning(
            source,
            "user-action-report-only",
            "a policy on user actions is not evaluated in report-only mode",
            "state",
            page="concept-conditional-access-report-only",
        )
    if "urn:user:registerdevice" not in actions:
        return
    page = "concept-conditional-access-cloud-apps"
    grant = policy.grant_controls
    if grant and (set(grant.built_in_controls) - {"mfa"} or grant.terms_of_use):
        yield _error(
            source,
            "user-action-control",
            "registering a device takes only `mfa` or an authentication strength",
            "grantControls",
            page=page,
        )
    if conditions.devices or set(conditions.client_app_types) != {"all"}:
        yield _error(
            source,
            "user-action-condition",
            "registering a device takes no device filter and no client app types but `all`",
            "conditions",
            page=page,
        )


def _closed_lists(policy: PolicySpec, source: Source) -> Findings:
    conditions = policy.conditions
    lists: list[tuple[Route, Sequence[str], Sequence[str]]] = [
        (("clientAppTypes",), conditions.client_app_types, ())
    ]
    if conditions.platforms:
        lists.append(
            (
                ("platforms", "includePlatforms"),
                conditions.platforms.include_platforms,
                conditions.platforms.exclude_platforms,
            )
        )
    if conditions.locations:
        lists.append(
            (
                ("locations", "includeLocations"),
                conditions.locations.include_locations,
                conditions.locations.exclude_locations,
            )
        )
    if conditions.authentication_flows:
        lists.append(
            (
                ("authenticationFlows", "transferMethods"),
                conditions.authentication_flows.transfer_methods,
                (),
            )
        )
    for route, included, excluded in lists:
        if not included:
            yield _error(
                source,
                "empty-list",
                f"`{route[-1]}` lists nothing",
                "conditions",
                *route,
                hint="Graph refuses an empty list; remove the condition or list something",
            )
        word = next((each for each in included if each in {"all", "All"}), None)
        if word and len(included) > 1:
            yield _error(
                source,
                "keyword-not-alone",
                f"`{word}` stands beside others",
                "conditions",
                *route,
                included.index(word),
                hint="keep one or the other",
            )
        for each in excluded:
            if each in {"all", "All"}:
                yield _error(
                    source,
                    "excludes-everything",
                    f"`{each}` cannot be excluded",
                    "conditions",
                    route[0],
                )


def _included_and_excluded(policy: PolicySpec, source: Source) -> Findings:
    for condition, part in policy.conditions:
        lists = part.model_dump(by_alias=True) if isinstance(part, SpecModel) else {}
        for key, names in lists.items():
            included = lists.get("include" + key.removeprefix("exclude"))
            if not (key.startswith("exclude") and isinstance(names, list) and included):
                continue
            for index, name in enumerate(names):
                if name in included:
                    yield _error(
                        source,
                        "included-and-excluded",
                        f"`{name}` is both included and excluded",
                        "conditions",
                        to_camel(condition),
                        key,
                        index,
                        hint="exclusion wins; remove one of the two",
                        page="concept-conditional-access-users-groups",
                    )


def _grant_controls(policy: PolicySpec, source: Source) -> Findings:
    grant, session = policy.grant_controls, policy.session_controls
    if grant is None and session is None:
        yield _error(
            source,
            "no-controls",
            "the policy asks for nothing",
            hint="add grantControls or sessionControls",
        )
    if grant is None:
        return
    route = ("grantControls",)
    controls = grant.built_in_controls
    others = [*grant.terms_of_use, *grant.custom_authentication_factors]
    if grant.authentication_strength:
        others.append(grant.authentication_strength)
    # Custom factors alone are not enough for the provider.
    if not (controls or grant.authentication_strength or grant.terms_of_use):
        yield _error(
            source,
            "no-controls",
            "the grant controls ask for nothing",
            *route,
            hint="add builtInControls or authenticationStrength, or remove grantControls",
        )
    if "block" in controls and len(controls) + len(others) > 1:
        yield _error(
            source,
            "block-not-alone",
            "`block` stands beside other controls",
            *route,
            hint="a blocked sign-in has nothing left to satisfy; split the policy",
            page="concept-conditional-access-grant",
        )
    if "mfa" in controls and grant.authentication_strength:
        yield _error(
            source,
            "mfa-and-strength",
            "`mfa` and an authentication strength exclude each other",
            *route,
            hint="keep the authentication strength",
            page="concept-conditional-access-grant",
        )


def _password_change(policy: PolicySpec, source: Source) -> Findings:
    grant = policy.grant_controls
    if grant is None or "passwordChange" not in grant.built_in_controls:
        return
    conditions = policy.conditions
    fits = (
        set(grant.built_in_controls) == {"mfa", "passwordChange"}
        and grant.operator == "AND"
        and conditions.applications.include_applications == ["All"]
        and not conditions.applications.exclude_applications
        and conditions.user_risk_levels
        and not conditions.sign_in_risk_levels
    )
    if not fits:
        yield _error(
            source,
            "password-change",
            "`passwordChange` goes with `mfa` and AND, for all applications, at user risk",
            "grantControls",
            page="concept-conditional-access-grant",
        )


def _session_controls(policy: PolicySpec, source: Source) -> Findings:
    session = policy.session_controls
    if session is None:
        return
    if not any(value for _, value in session):
        yield _error(
            source,
            "no-controls",
            "the session controls ask for nothing",
            "sessionControls",
            hint="remove sessionControls; the provider never settles on it",
        )
    frequency = session.sign_in_frequency
    beside = session.application_enforced_restrictions or session.disable_resilience_defaults
    if frequency and frequency.frequency_interval == "everyTime" and beside:
        # Graph refuses them together, so the provider leaves the others out and says nothing:
        # https://github.com/hashicorp/terraform-provider-azuread/issues/1225
        yield _error(
            source,
            "every-time-not-alone",
            "`everyTime` stands beside application restrictions or resilience defaults, "
            "which the provider would leave out",
            "sessionControls",
            hint="write two policies, one for each",
        )
    if session.persistent_browser and policy.conditions.applications.include_applications != [
        "All"
    ]:
        yield _error(
            source,
            "persistent-browser",
            "a persistent browser session is set for all applications or not at all",
            "sessionControls",
            "persistentBrowser",
            hint="write `includeApplications: [All]`, or remove the session control",
            page="concept-conditional-access-session",
        )


def _workload_identities(policy: PolicySpec, source: Source) -> Findings:
    conditions = policy.conditions
    workloads = conditions.client_applications
    page = "workload-identity"
    if workloads is None:
        if conditions.service_principal_risk_levels:
            yield _error(
                source,
                "workload-identities",
                "service principal risk goes with clientApplications",
                "conditions",
                "servicePrincipalRiskLevels",
                page=page,
            )
        return
    route = ("conditions", "clientApplications")
    included = workloads.include_service_principals
    if not included and workloads.service_principal_filter is None:
        yield _error(
            source, "workload-identities", "no service principal is included", *route, page=page
        )
    if "ServicePrincipalsInMyTenant" in included and len(included) > 1:
        yield _error(
            source,
            "keyword-not-alone",
            "`ServicePrincipalsInMyTenant` stands beside others",
            *route,
            page=page,
        )
    if conditions.users.include_users != ["None"]:
        yield _error(
            source,
            "workload-identities",
            "a policy on workload identities includes no users",
            "conditions",
            "users",
            hint="write `users: {includeUsers: [None]}`",
            page=page,
        )
    grant = policy.grant_controls
    if grant is None or grant.built_in_controls != ["block"]:
        yield _error(
            source,
            "workload-identities",
            "workload identities can only be blocked",
            "grantControls",
            page=page,
        )


def _risk(policy: PolicySpec, source: Source) -> Findings:
    if policy.conditions.sign_in_risk_levels and policy.conditions.user_risk_levels:
        yield _warning(
            source,
            "risk-levels-combined",
            "sign-in risk and user risk in one policy must both be met",
            "conditions",
            "userRiskLevels",
            hint="to act on either, write two policies",
            page="policy-risk-based-user",
        )


def _device_code_flow(policy: PolicySpec, source: Source) -> Findings:
    conditions = policy.conditions
    flows = conditions.authentication_flows
    if flows is None or "deviceCodeFlow" not in flows.transfer_methods:
        return
    grant = policy.grant_controls
    if grant and {"compliantDevice", "domainJoinedDevice"} & set(grant.built_in_controls):
        yield _warning(
            source,
            "device-state-in-device-code-flow",
            "device code flow cannot satisfy a device control, so it acts as a block",
            "grantControls",
            "builtInControls",
            hint="require an authentication strength instead",
            page="concept-conditional-access-grant",
        )


def exclusions(policy: PolicySpec) -> dict[str, bool]:
    """Say for each condition but the users' whether it excludes something."""
    conditions = policy.conditions
    return {
        "applications": bool(conditions.applications.exclude_applications)
        or _excludes(conditions.applications.application_filter),
        "platforms": bool(conditions.platforms and conditions.platforms.exclude_platforms),
        "locations": bool(conditions.locations and conditions.locations.exclude_locations),
        "devices": _excludes(conditions.devices.device_filter if conditions.devices else None),
    }


def _excludes(rule: FilterSpec | None) -> bool:
    return rule is not None and rule.mode == "exclude"


def _excluded_by(policy: PolicySpec, source: Source) -> Findings:
    page = "concept-conditional-access-policies"
    excluding = [name for name, excludes in exclusions(policy).items() if excludes]
    if policy.excluded_by == "all":
        yield _error(
            source,
            "exclusions-cannot-be-combined",
            "no single policy can exempt only what meets several exclusions at once",
            "excludedBy",
            hint="write one policy for each exclusion: a sign-in must then be "
            "excluded from all of them",
            page=page,
        )
    elif len(excluding) > 1 and policy.excluded_by is None:
        names = " and ".join(f"`{name}`" for name in excluding)
        yield _error(
            source,
            "exclusions-each-exempt",
            f"{names} both exclude, and meeting either one exempts a sign-in",
            "conditions",
            hint="if either is meant to suffice, say so with `excludedBy: any`;"
            " if both are meant, write one policy for each",
            page=page,
        )
    elif len(excluding) <= 1 and policy.excluded_by is not None:
        yield _error(
            source,
            "exclusions-each-exempt",
            "`excludedBy` goes with exclusions in several conditions",
            "excludedBy",
            hint="remove it",
        )


RULES: tuple[Rule, ...] = (
    _users,
    _guests,
    _applications,
    _user_actions,
    _closed_lists,
    _included_and_excluded,
    _grant_controls,
    _password_change,
    _session_controls,
    _workload_identities,
    _risk,
    _device_code_flow,
    _excluded_by,
)
