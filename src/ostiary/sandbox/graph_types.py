"""The shapes of Graph's policies and named locations, and what follows from a shape alone.

`check` refuses what does not fit a shape, `complete` writes every unset property the way Graph
returns it, and `merge` is PATCH: nested objects merge, lists are replaced.
Shapes: https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy and
https://learn.microsoft.com/graph/api/resources/namedlocation (v1.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostiary.sandbox.answers import Json


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `longest` characters."""

    longest: int | None = None


@dataclass(frozen=True, slots=True)
class Id:
    """A GUID, or one of the keywords that stand for themselves."""

    keywords: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration, or if `joined` several in one comma-separated string."""

    values: frozenset[str]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean; `unset` is what Graph returns when it was never sent."""

    unset: bool | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """An integer."""


@dataclass(frozen=True, slots=True)
class Many:
    """A list; Graph returns `[]` for one that was never set."""

    of: Text | Id | Choice | Shape


@dataclass(frozen=True, slots=True)
class Shape:
    """An object: its properties, the `@odata.type` values it may carry, and whether it may be null.

    `whole` objects are replaced by a PATCH as a list is, because they are references.
    """

    properties: Mapping[str, Kind]
    types: tuple[str, ...] = ()
    nullable: bool = True
    whole: bool = False


Kind = Text | Id | Choice | Flag | Number | Many | Shape


class MismatchError(Exception):
    """A value does not fit its shape; the message names the place."""


def _choice(*values: str, joined: bool = False) -> Choice:
    return Choice(frozenset(values), joined=joined)


def _ids(*keywords: str) -> Many:
    return Many(Id(frozenset(keywords)))


_FILTER = Shape({"mode": _choice("include", "exclude"), "rule": Text(3072)})
_GUESTS = Shape(
    {
        "guestOrExternalUserTypes": _choice(
            "none",
            "internalGuest",
            "b2bCollaborationGuest",
            "b2bCollaborationMember",
            "b2bDirectConnectUser",
            "otherExternalUser",
            "serviceProvider",
            joined=True,
        ),
        "externalTenants": Shape(
            {"membershipKind": _choice("all", "enumerated"), "members": _ids()},
            types=(
                "#microsoft.graph.conditionalAccessAllExternalTenants",
                "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
            ),
            whole=True,
        ),
    }
)
_PLATFORMS = Many(_choice("all", "android", "iOS", "windows", "windowsPhone", "macOS", "linux"))
_LOCATIONS = Many(Text())
_RISK_LEVELS = Many(_choice("low", "medium", "high", "hidden", "none"))

CONDITIONS = Shape(
    {
        "applications": Shape(
            {
                "includeApplications": _ids("All", "None", "Office365", "MicrosoftAdminPortals"),
                "excludeApplications": _ids("Office365", "MicrosoftAdminPortals"),
                "includeUserActions": Many(
                    _choice("urn:user:registersecurityinfo", "urn:user:registerdevice")
                ),
                "includeAuthenticationContextClassReferences": Many(Text()),
                "applicationFilter": _FILTER,
            },
            nullable=False,
        ),
        "authenticationFlows": Shape(
            {"transferMethods": _choice("deviceCodeFlow", "authenticationTransfer", joined=True)}
        ),
        "clientAppTypes": Many(
            _choice(
                "all",
                "browser",
                "mobileAppsAndDesktopClients",
                "exchangeActiveSync",
                "easSupported",
                "other",
            )
        ),
        "clientApplications": Shape(
            {
                "includeServicePrincipals": _ids("ServicePrincipalsInMyTenant"),
                "excludeServicePrincipals": _ids(),
                "servicePrincipalFilter": _FILTER,
            }
        ),
        "devices": Shape({"deviceFilter": _FILTER}),
        "insiderRiskLevels": _choice("minor", "moderate", "elevated", joined=True),
        "locations": Shape({"includeLocations": _LOCATIONS, "excludeLocations": _LOCATIONS}),
        "platforms": Shape({"includePlatforms": _PLATFORMS, "excludePlatforms": _PLATFORMS}),
        "servicePrincipalRiskLevels": _RISK_LEVELS,
        "signInRiskLevels": _RISK_LEVELS,
        "userRiskLevels": _RISK_LEVELS,
        "users": Shape(
            {
                "includeUsers": _ids("All", "None", "GuestsOrExternalUsers"),
                "excludeUsers": _ids("GuestsOrExternalUsers"),
                "includeGroups": _ids(),
                "excludeGroups": _ids(),
                "includeRoles": _ids(),
                "excludeRoles": _ids(),
                "includeGuestsOrExternalUsers": _GUESTS,
                "excludeGuestsOrExternalUsers": _GUESTS,
            },
            nullable=False,
        ),
    },
    nullable=False,
)

GRANT_CONTROLS = Shape(
    {
        "operator": _choice("AND", "OR"),
        "builtInControls": Many(
            _choice(
                "block",
                "mfa",
                "compliantDevice",
                "domainJoinedDevice",
                "approvedApplication",
                "compliantApplication",
                "passwordChange",
            )
        ),
        "customAuthenticationFactors": Many(Text()),
        "termsOfUse": _ids(),
        "authenticationStrength": Shape({"id": Id()}, whole=True),
    }
)

SESSION_CONTROLS = Shape(
    {
        "applicationEnforcedRestrictions": Shape({"isEnabled": Flag()}),
        "cloudAppSecurity": Shape(
            {
                "cloudAppSecurityType": _choice("mcasConfigured", "monitorOnly", "blockDownloads"),
                "isEnabled": Flag(),
            }
        ),
        "disableResilienceDefaults": Flag(),
        "persistentBrowser": Shape({"mode": _choice("always", "never"), "isEnabled": Flag()}),
        "signInFrequency": Shape(
            {
                "value": Number(),
                "type": _choice("days", "hours"),
                "authenticationType": _choice(
                    "primaryAndSecondaryAuthentication", "secondaryAuthentication"
                ),
                "frequencyInterval": _choice("timeBased", "everyTime"),
                "isEnabled": Flag(),
            }
        ),
    }
)

POLICY = Shape(
    {
        "displayName": Text(256),
        "state": _choice("enabled", "disabled", "enabledForReportingButNotEnforced"),
        "conditions": CONDITIONS,
        "grantControls": GRANT_CONTROLS,
        "sessionControls": SESSION_CONTROLS,
    },
    types=("#microsoft.graph.conditionalAccessPolicy",),
)

IP_LOCATION = Shape(
    {
        "displayName": Text(256),
        "isTrusted": Flag(unset=False),
        "ipRanges": Many(
            Shape(
                {"cidrAddress": Text()},
                types=("#microsoft.graph.iPv4CidrRange", "#microsoft.graph.iPv6CidrRange"),
            )
        ),
    },
    types=("#microsoft.graph.ipNamedLocation",),
)
COUNTRY_LOCATION = Shape(
    {
        "displayName": Text(256),
        "countriesAndRegions": Many(Text(2)),
        "includeUnknownCountriesAndRegions": Flag(unset=False),
        "countryLookupMethod": _choice("clientIpAddress", "authenticatorAppGps"),
    },
    types=("#microsoft.graph.countryNamedLocation",),
)
_READ_ONLY = frozenset(
    {"id", "templateId", "createdDateTime", "modifiedDateTime", "deletedDateTime"}
)


def properties_sent(body: Json) -> Json:
    """Leave out what a client may send but cannot set: read-only properties and annotations."""
    return {
        name: value
        for name, value in body.items()
        if name not in _READ_ONLY and ("@odata." not in name or name == "@odata.type")
    }


def check(kind: Kind, value: Any, place: str) -> None:
    """Raise MismatchError unless `value` fits; `place` is its path, for the message."""
    match kind:
        case Shape():
            _check_shape(kind, value, place)
        case _ if value is None:
            return
        case Many():
            _check_list(kind, value, place)
        case Flag() if not isinstance(value, bool):
            raise MismatchError(f"`{place}` is not a boolean")
        case Number() if not isinstance(value, int) or isinstance(value, bool):
            raise MismatchError(f"`{place}` is not an integer")
        case Text() | Id() | Choice():
            _check_text(kind, value, place)


def _check_list(many: Many, value: Any, place: str) -> None:
    if not isinstance(value, list):
        raise MismatchError(f"`{place}` is not a list")
    for each in value:
        if each is None:
            raise MismatchError(f"`{place}` holds null")
        check(many.of, each, place)


def _check_text(kind: Text | Id | Choice, value: Any, place: str) -> None:
    if not isinstance(value, str):
        raise MismatchError(f"`{place}` is not a string")
    match kind:
        case Text(longest=longest):
            if longest is not None and len(value) > longest:
                raise MismatchError(f"`{place}` is longer than {longest} characters")
        case Choice(values=values, joined=joined):
            for each in value.split(",") if joined else (value,):
                if (each.strip() if joined else each) not in values:
                    raise MismatchError(f"`{place}` may not be `{each}`")
        case Id(keywords=keywords):
            if value not in keywords and not is_guid(value):
                raise MismatchError(f"`{place}` holds `{value}`, which is not an id")


def _check_shape(shape: Shape, value: Any, place: str) -> None:
    if value is None:
        if not shape.nullable:
            raise MismatchError(f"`{place}` is null")
        return
    if not isinstance(value, dict):
        raise MismatchError(f"`{place}` is not an object")
    named = value.get("@odata.type")
    if named is not None and shape.types and named not in shape.types:
        raise MismatchError(f"`{place}` is of type `{named}`")
    for name, each in value.items():
        if "@odata." in name:
            continue
        inner = f"{place}.{name}" if place else name
        if name not in shape.properties:
            raise MismatchError(f"`{inner}` is not a property")
        check(shape.properties[name], each, inner)


def complete(kind: Kind, value: Any) -> Any:
    """Give `value` as Graph returns it: every list present, every other unset property null."""
    match kind:
        case Many(of=of):
            return [complete(of, each) for each in value or []]
        case Flag(unset=unset):
            return unset if value is None else value
        case Choice(joined=True) if value is not None:
            return ",".join(part.strip() for part in value.split(","))
        case Shape():
            if value is None:
                return None if kind.nullable else complete(kind, {})
            annotations = {name: each for name, each in value.items() if name == "@odata.type"}
            kept = annotations if len(kind.types) > 1 else {}
            return kept | {
                name: complete(each, value.get(name)) for name, each in kind.properties.items()
            }
        case _:
            return value


def merge(shape: Shape, old: Json, patch: Json) -> Json:
    """Apply a PATCH to a complete object: nested objects merge, lists and everything else replace.

    That a key left out of a nested object keeps its old value is reported in
    https://github.com/microsoft/Microsoft365DSC/issues/6218
    """
    merged = dict(old)
    for name, value in patch.items():
        kind = shape.properties.get(name)
        if kind is None:
            continue
        before = old.get(name)
        if (
            isinstance(kind, Shape)
            and not kind.whole
            and isinstance(before, dict)
            and value is not None
        ):
            merged[name] = merge(kind, before, value)
        else:
            merged[name] = complete(kind, value)
    return merged


def is_guid(text: str) -> bool:
    """Tell whether `text` is a GUID in its canonical form of 36 characters."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
