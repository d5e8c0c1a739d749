"""Sign-ins, decisions and controls in plain English, with names for ids.

Names and Graph's words stand in backticks, so that a reader can look for them in the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ostiary.model.controls import Control, Requirement
from ostiary.model.sign_in import (
    NOBODY,
    UNREGISTERED,
    Application,
    ServicePrincipal,
    SignIn,
    User,
    UserAction,
)
from ostiary.model.signals import FUTURE, NONE
from ostiary.proof.decision import Decision

Names = Mapping[str, str]

GUESTS = {
    None: "an ordinary member",
    "internalGuest": "an internal guest",
    "b2bCollaborationGuest": "a B2B collaboration guest",
    "b2bCollaborationMember": "a B2B collaboration member",
    "b2bDirectConnectUser": "a B2B direct connect user",
    "otherExternalUser": "another external user",
    "serviceProvider": "a user of a service provider",
    FUTURE: "a guest of a type that Microsoft may add",
}
ACTIONS = {
    "urn:user:registersecurityinfo": "registers security information",
    "urn:user:registerdevice": "registers or joins a device",
}
FLOWS = {
    "deviceCodeFlow": "device code flow",
    "authenticationTransfer": "authentication transfer",
    FUTURE: "a flow that Microsoft may add",
}
CLIENTS = {
    "browser": "a browser",
    "mobileAppsAndDesktopClients": "a mobile app or desktop client",
    "exchangeActiveSync": "Exchange ActiveSync on an unsupported platform",
    "easSupported": "Exchange ActiveSync",
    "other": "another legacy client",
    FUTURE: "a client that Microsoft may add",
}
PLATFORMS = {
    None: "a platform that Entra cannot tell",
    FUTURE: "a platform that Microsoft may add",
}
_RISKS = (
    ("sign_in_risk", "sign-in risk"),
    ("user_risk", "user risk"),
    ("insider_risk", "insider risk"),
)


def named(identity: str, names: Names) -> str:
    """Give the name that people know for an id, in backticks."""
    return f"`{names.get(identity, identity)}`"


def joined(words: Sequence[str], last: str = "and") -> str:
    """Join words as a sentence does: `a, b and c`."""
    if len(words) < 2:  # noqa: PLR2004 (nothing to join)
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def sign_in(
    of: SignIn, names: Names, locations: Iterable[str] | None = (), *, any_target: bool = False
) -> str:
    """Tell a sign-in in one sentence; what is plain and goes without saying is left out.

    `locations` are the named ones it comes from, None where that is not known; `any_target` says
    that the application does not matter.
    """
    does = [_who(of, names), _what(of, names, any_target=any_target)]
    how = [*_how(of), *_where(of, names, locations), *_device(of), *_risks(of)]
    return " ".join([*does, ", ".join(how)]).rstrip()


def _who(of: SignIn, names: Names) -> str:
    who = of.identity
    if isinstance(who, ServicePrincipal):
        if who.id == NOBODY:
            return "a service principal that no policy names"
        return (
            f"the service principal {named(who.id, names)}"
            if isinstance(who.id, str)
            else "a service principal"
        )
    return _user(who, names)


def _user(who: User, names: Names) -> str:
    kind = GUESTS.get(who.guest_type) if isinstance(who.guest_type, str | None) else None
    said = [kind or "a user"]
    if isinstance(who.id, str) and who.id != NOBODY:
        said.insert(0, named(who.id, names))
    if isinstance(who.external_tenant, str) and who.external_tenant != NOBODY:
        said[-1] += f" from the tenant {named(who.external_tenant, names)}"
    for ids, memberships, without in (
        (who.groups, "in", "in no group that a policy names"),
        (who.roles, "with the role", ""),
    ):
        if isinstance(ids, frozenset) and not ids:
            said += [without] if without else []
        elif known := _known(ids):
            said.append(f"{memberships} {joined([named(each, names) for each in known])}")
    return ", ".join(said) + ("," if len(said) > 1 else "")


def _known(ids: object) -> list[str]:
    of = getattr(ids, "of", ids)
    return sorted(of) if isinstance(of, frozenset) else []


def _what(of: SignIn, names: Names, *, any_target: bool) -> str:
    target = of.target
    if isinstance(target, UserAction):
        return ACTIONS[target.urn]
    if any_target:
        return "signs in to any application"
    return f"signs in {_to(target, names)}".rstrip()


def _to(target: Application, names: Names) -> str:
    suites = [named(each, names) for each in _known(target.suites) if each != target.id]
    within = f" that belongs to {joined(suites)}" if suites else ""
    if target.id is None:
        return f"to an application{within}" if within else "to an application that no policy names"
    if isinstance(target.id, str):
        belonging = f", which belongs to {joined(suites)}" if suites else ""
        return f"to {named(target.id, names)}{belonging}"
    return f"to an application{within}" if within else ""


def _how(of: SignIn) -> Iterable[str]:
    if of.authentication_flow in FLOWS:
        yield f"by {FLOWS[str(of.authentication_flow)]}"
    if of.session_flow in FLOWS and of.session_flow != of.authentication_flow:
        yield f"in a session that began by {FLOWS[str(of.session_flow)]}"
    if of.client_app_type in CLIENTS:
        yield f"with {CLIENTS[str(of.client_app_type)]}"
    if isinstance(of.platform, str | None):
        yield f"on {PLATFORMS.get(of.platform, of.platform)}"


def _where(of: SignIn, names: Names, locations: Iterable[str] | None) -> Iterable[str]:
    inside = [f"`{each}`" for each in locations or ()]
    if of.in_mfa_trusted_ips is True:
        inside.append("the MFA trusted IPs")
    inside += [named(each, names) for each in _known(of.other_locations)]
    place = f"in {joined(inside)}" if inside else "in no named location"
    if not isinstance(of.ip_address, str) and hasattr(of.ip_address, "version"):
        yield f"from {of.ip_address}" + (f" ({place})" if locations is not None else "")
    elif inside:
        yield place
    for country, how in ((of.country, ""), (of.gps_country, " by GPS")):
        if isinstance(country, str):
            yield f"in the country {country}{how}"


def _device(of: SignIn) -> Iterable[str]:
    if of.device is UNREGISTERED or not isinstance(of.device, Mapping):
        return
    known = {name: value for name, value in of.device.items() if value is not None}
    if known.pop("device.isCompliant", None) in (True, "true", "True"):
        yield "on a compliant device"
    elif "device.isCompliant" in of.device and of.device["device.isCompliant"] is not None:
        yield "on a device that is not compliant"
    for name, value in known.items():
        yield f"whose {name} is `{value}`"


def _risks(of: SignIn) -> Iterable[str]:
    for attribute, words in _RISKS:
        value = getattr(of, attribute)
        if isinstance(value, str) and value != NONE:
            yield f"at {words} `{value}`"
    who = of.identity
    if isinstance(who, ServicePrincipal) and isinstance(who.risk, str) and who.risk != NONE:
        yield f"at service principal risk `{who.risk}`"


def decision(of: Decision, names: Names) -> str:
    """Tell what becomes of a sign-in."""
    demanded = requirements(of.requirements, names)
    match of.outcome:
        case "blocked":
            return f"blocked by {joined([f'`{each}`' for each in of.deciding])}"
        case "granted" if of.unsatisfiable:
            hopeless = requirements(of.unsatisfiable, names)
            return f"kept out: asked for {hopeless}, which nobody can satisfy in it"
        case "granted":
            return f"granted once {demanded} is satisfied"
        case "unknown":
            return "not decided: it depends on what is not known"
        case _:
            return "allowed: nothing is asked"


def requirements(of: Iterable[Requirement], names: Names) -> str:
    """Tell what must be satisfied: everything, each by one of its controls."""
    return joined([joined([control(each, names) for each in one], "or") for one in of])


def control(of: Control, names: Names) -> str:
    """Tell one control, by the name of its strength or terms of use."""
    if of.id is None:
        return of.kind
    kinds = {"authenticationStrength": "the strength", "termsOfUse": "the terms of use"}
    return f"{kinds.get(of.kind, 'the factor')} {named(of.id, names)}"
