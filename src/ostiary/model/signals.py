"""The words for a sign-in: the same on the command line, in tables and in output.

Words are those of goals where they have one, and names stand for ids.  `none` is what is known not
to be there: no group, an ordinary member, an address without a country; `other` is whom or what no
policy names.  `asked` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from ostiary import catalog
from ostiary.model.sign_in import (
    NOBODY,
    UNKNOWN,
    Partly,
    ServicePrincipal,
    SignIn,
    Unknown,
    UserAction,
)
from ostiary.spec.sign_in_tables import Word

NONE, OTHER = "none", "other"
FUTURE = "unknownFutureValue"
ACTIONS = {each.rpartition(":")[2]: each for each in get_args(catalog.ApplicationUserAction)}
ACTION_WORDS = {urn: word for word, urn in ACTIONS.items()}
MFA_TRUSTED_IPS = catalog.WELL_KNOWN_LOCATIONS["Multifactor authentication trusted IPs"]
# What stands for several applications, the last of them an application too.
SUITES = {
    "Office365": "Office365",
    "MicrosoftAdminPortals": "MicrosoftAdminPortals",
    **{
        name: catalog.WELL_KNOWN_APPLICATIONS[name]
        for name in ("Windows Azure Service Management API",)
    },
}

# Words with one of a few values: the signal's attribute, its values, and the plain one.
ENUMERATIONS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "flow": ("authentication_flow", (NONE, *get_args(catalog.AuthenticationFlow)), NONE),
    "sessionFlow": ("session_flow", (NONE, *get_args(catalog.AuthenticationFlow)), NONE),
    "client": ("client_app_type", get_args(catalog.ClientAppType)[1:], "browser"),
    "platform": (
        "platform",
        (*(each for each in get_args(catalog.DevicePlatform) if each != "all"), NONE),
        "windows",
    ),
    "signInRisk": ("sign_in_risk", get_args(catalog.RiskLevel), NONE),
    "userRisk": ("user_risk", get_args(catalog.RiskLevel), NONE),
    "insiderRisk": ("insider_risk", (NONE, *get_args(catalog.InsiderRiskLevel)), NONE),
}
GUESTS = (NONE, *get_args(catalog.GuestOrExternalUserType))

VALUES: dict[str, tuple[str, ...]] = {
    **{word: (*values, FUTURE) for word, (_, values, _) in ENUMERATIONS.items()},
    "guest": (*GUESTS, FUTURE),
    "userAction": tuple(ACTIONS),
}
"""The values of each word that has but a few; `unknownFutureValue` is what Microsoft may add."""

WORDS: tuple[Word, ...] = get_args(Word)
"""Every word, in the order in which a sign-in is told."""

WORD_OF_SIGNAL = {
    "user.id": "user",
    "user.groups": "group",
    "user.roles": "role",
    "user.guest_type": "guest",
    "user.external_tenant": "externalTenant",
    "service_principal.id": "servicePrincipal",
    "service_principal.single_tenant": "servicePrincipal",
    "service_principal.risk": "servicePrincipalRisk",
    "application.id": "app",
    "application.suites": "app",
    "ip_address": "ip",
    "country": "country",
    "gps_country": "gpsCountry",
    "in_mfa_trusted_ips": "location",
    "other_locations": "location",
    **{attribute: word for word, (attribute, _, _) in ENUMERATIONS.items()},
}
"""The word for each signal that a decision may hang on; those of filters are attributes' names."""


def words(of: SignIn, names: Mapping[str, str]) -> dict[str, Any]:
    """Tell a sign-in in words, but for what is plain and what is unknown.

    Read back as plain, they make the sign-in again, for all that policies of `names` can tell.
    """
    told = {**_identity_words(of, names), **_target_words(of, names)}
    for word, (attribute, _, plain) in ENUMERATIONS.items():
        value = getattr(of, attribute)
        told[word] = None if value in (plain, UNKNOWN) else value or NONE
    told["ip"] = None if isinstance(of.ip_address, Unknown) else str(of.ip_address)
    told["country"] = None if isinstance(of.country, Unknown) else of.country
    told["gpsCountry"] = None if isinstance(of.gps_country, Unknown) else of.gps_country
    locations = set(_ids(of.other_locations))
    if of.in_mfa_trusted_ips is True:
        locations.add(MFA_TRUSTED_IPS)
    told["location"] = _named(locations, names)
    if isinstance(of.device, Mapping):
        told["deviceAttribute"] = [
            f"{name.removeprefix('device.')}={_text(value)}"
            for name, value in of.device.items()
            if value is not None
        ]
    return {word: told[word] for word in WORDS if told.get(word)}


def _identity_words(of: SignIn, names: Mapping[str, str]) -> dict[str, Any]:
    who = of.identity
    if isinstance(who, ServicePrincipal):
        risk = None if who.risk in (NONE, UNKNOWN) else who.risk
        shown = OTHER if isinstance(who.id, Unknown) else _name(who.id, names)
        return {"servicePrincipal": shown, "servicePrincipalRisk": risk}
    known = not isinstance(who.id, Unknown) and who.id != NOBODY
    return {
        "user": _name(str(who.id), names) if known else None,
        "group": _named(_ids(who.groups), names),
        "role": _named(_ids(who.roles), names),
        "guest": None if isinstance(who.guest_type, Unknown) else who.guest_type,
        "externalTenant": _name(who.external_tenant, names)
        if isinstance(who.external_tenant, str)
        else None,
    }


def _target_words(of: SignIn, names: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(of.target, UserAction):
        return {"userAction": ACTION_WORDS[of.target.urn]}
    app, suites = of.target.id, _ids(of.target.suites)
    told = [] if app is None or isinstance(app, Unknown) else [_name(app, names)]
    return {"app": [*told, *(_name(each, names) for each in sorted(suites) if each != app)]}


def _ids(ids: object) -> Iterable[str]:
    if isinstance(ids, Partly):
        return ids.of
    return ids if isinstance(ids, frozenset) else ()


def _named(ids: Iterable[str], names: Mapping[str, str]) -> list[str]:
    return sorted(_name(each, names) for each in ids)


def _name(identity: str, names: Mapping[str, str]) -> str:
    return OTHER if identity == NOBODY else names.get(identity, identity)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
