"""What is asked about a sign-in, in the words of `signals` → the sign-in.

A word that is not given leaves its signal unknown, or plain where that is asked for: nothing is
assumed that nobody said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any, get_args

from ostiary import catalog
from ostiary.errors import Diagnostic, Location
from ostiary.model.device_filter import ATTRIBUTES
from ostiary.model.names import Names
from ostiary.model.policy import IpNamedLocation, NamedLocation
from ostiary.model.sign_in import (
    NOBODY,
    UNKNOWN,
    UNREGISTERED,
    Application,
    Partly,
    ServicePrincipal,
    SignIn,
    Unknown,
    User,
    UserAction,
)
from ostiary.model.signals import (
    ACTIONS,
    ENUMERATIONS,
    FUTURE,
    GUESTS,
    MFA_TRUSTED_IPS,
    NONE,
    OTHER,
    SUITES,
    VALUES,
)
from ostiary.spec.environment import GUID
from ostiary.spec.validate import did_you_mean


class Nulls(Mapping[str, object]):
    """Attributes of which those that are not given are null."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = dict(given)

    def __getitem__(self, name: str) -> object:
        return self._given.get(name)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is said of a sign-in: values by word, and the words that are open beyond that.

    `plain`: what is neither given nor open is plain, else unknown.
    """

    values: Mapping[str, tuple[str, ...]]
    open: frozenset[str] = frozenset()
    plain: bool = False


def sign_in(
    asked: Asked,
    names: Names,
    at: Callable[[str], Location],
    locations: Iterable[NamedLocation] = (),
) -> SignIn:
    """Make the sign-in; what is wrong is added to `names.found`, with the place `at` each word.

    One of `locations` is a way to say that it comes from an address, or a country, in there.
    """
    keys = {each.key: each for each in locations}
    return _Reader(_from_within(keys, asked, names, at), names, at, keys).sign_in()


def _from_within(
    locations: Mapping[str, NamedLocation],
    asked: Asked,
    names: Names,
    at: Callable[[str], Location],
) -> Asked:
    """Say an address or a country where a location was named that is made of these."""
    values = dict(asked.values)
    said = values.pop("location", ())
    for name in said:
        if name not in locations:
            values["location"] = (*values.get("location", ()), name)
            continue
        word, example = _example(locations[name])
        if word in values:
            names.found.append(
                Diagnostic(
                    "unknown-value",
                    f"`{name}` and `{values[word][0]}` both say where it comes from",
                    at("location"),
                    "say it once",
                )
            )
        values[word] = (example,)
    return replace(asked, values=values)


def _example(location: NamedLocation) -> tuple[str, str]:
    if isinstance(location, IpNamedLocation):
        return "ip", str(next(iter(ip_network(location.ip_ranges[0]).hosts())))
    by_gps = location.country_lookup_method == "authenticatorAppGps"
    return "gpsCountry" if by_gps else "country", location.countries_and_regions[0]


class _Reader:
    def __init__(
        self,
        asked: Asked,
        names: Names,
        at: Callable[[str], Location],
        locations: Collection[str],
    ) -> None:
        self._asked = asked
        self._names = names
        self._at = at
        self._locations = locations

    def sign_in(self) -> SignIn:
        signals: dict[str, Any] = {
            attribute: self._one_of(word, plain)
            for word, (attribute, _, plain) in ENUMERATIONS.items()
        }
        if not self._given("sessionFlow") and "sessionFlow" not in self._asked.open:
            signals["session_flow"] = NONE  # the session begins here
        if signals["platform"] == NONE:
            signals["platform"] = None
        locations = self._set("location", self._location)
        return SignIn(
            identity=self._identity(),
            target=self._target(),
            ip_address=self._read("ip", "192.0.2.1", self._address),
            country=self._read("country", NONE, self._country),
            gps_country=self._read("gpsCountry", NONE, self._country),
            in_mfa_trusted_ips=_holds(locations, MFA_TRUSTED_IPS),
            other_locations=locations,
            device=self._device(),
            **signals,
        )

    def _identity(self) -> User | ServicePrincipal:
        names = self._names
        if "servicePrincipal" in self._asked.values or "servicePrincipalRisk" in self._asked.values:
            return ServicePrincipal(
                self._read("servicePrincipal", OTHER, self._id(names.service_principal)),
                self._one_of("servicePrincipalRisk", NONE, get_args(catalog.RiskLevel)),
                Nulls({}) if self._asked.plain else UNKNOWN,
            )
        guest = self._one_of("guest", NONE, GUESTS)
        member = guest in (NONE, "internalGuest")
        return User(
            self._read("user", OTHER, self._id(names.user)),
            self._set("group", self._id(names.group)),
            self._set("role", names.role),
            None if guest == NONE else guest,
            None
            if member
            else self._read("externalTenant", OTHER, self._id(names.external_tenant)),
        )

    def _target(self) -> Application | UserAction:
        if action := self._given("userAction"):
            word = self._known("userAction", action[0], ACTIONS)
            return UserAction(ACTIONS[word] if word else get_args(catalog.ApplicationUserAction)[0])
        names = self._given("app")
        suites = frozenset(SUITES[each] for each in names if each in SUITES)
        apps = [
            each for each in names if each not in SUITES or each not in catalog.APPLICATION_KEYWORDS
        ]
        if len(apps) > 1:
            self._report("app", "a sign-in is to one application", "give one, and what it is in")
        plain = self._asked.plain and "app" not in self._asked.open
        identity: Any = None if plain or suites else UNKNOWN
        for name in apps[:1]:
            identity = None if name == OTHER else self._application(name)
        return Application(
            identity,
            suites if plain else Partly(of=suites) if suites else UNKNOWN,
            Nulls({}) if plain else UNKNOWN,
        )

    def _application(self, name: str) -> str | None:
        if name in catalog.APPLICATION_KEYWORDS:
            self._report("app", f"`{name}` is not an application", "name one, or write `other`")
            return None
        return self._names.application(name, self._at("app"))

    def _device(self) -> Any:
        given = self._given("deviceAttribute")
        known: dict[str, object] = {}
        for each in given:
            name, equals, value = each.partition("=")
            if each == NONE:
                return UNREGISTERED
            full = self._known(
                "deviceAttribute", f"device.{name.removeprefix('device.')}", ATTRIBUTES
            )
            if not equals:
                self._report(
                    "deviceAttribute", f"`{each}` has no value", "write `isCompliant=true`"
                )
            elif full:
                known[full] = _value(full, value)
        if not given:
            return UNREGISTERED if self._is_plain("deviceAttribute") else UNKNOWN
        return Nulls(known) if self._is_plain("deviceAttribute") else known

    def _given(self, word: str) -> tuple[str, ...]:
        return self._asked.values.get(word, ())

    def _is_plain(self, word: str) -> bool:
        return self._asked.plain and word not in self._asked.open

    def _read(self, word: str, plain: str, read: Callable[[str, Location], Any]) -> Any:
        """Read a word's only value; UNKNOWN where none is given and the word is not plain."""
        given = self._given(word)
        if len(given) > 1:
            self._report(word, f"`{word}` is given twice", "a sign-in has one")
        if not given and not self._is_plain(word):
            return UNKNOWN
        return read(given[0] if given else plain, self._at(word))

    def _one_of(self, word: str, plain: str, known: Iterable[str] = ()) -> Any:
        values = (*known, FUTURE) if known else VALUES[word]
        return self._read(word, plain, lambda value, _: self._known(word, value, values))

    def _set(self, word: str, read: Callable[[str, Location], str | None]) -> Any:
        """Read a word that holds several ids: all there are, unless the word is open."""
        given = self._given(word)
        if not given and not self._is_plain(word):
            return UNKNOWN
        ids = [read(each, self._at(word)) for each in given if each != NONE]
        known = frozenset(each for each in ids if each is not None)
        return Partly(of=known) if word in self._asked.open else known

    def _id(
        self, lookup: Callable[[str, Location], str | None]
    ) -> Callable[[str, Location], str | None]:
        """Accept an id, which policies may not write, and `other`."""

        def read(name: str, place: Location) -> str | None:
            if name == OTHER:
                return NOBODY
            return name.lower() if GUID.match(name.lower()) else lookup(name, place)

        return read

    def _location(self, name: str, _: Location) -> str | None:
        """Read a location that has no addresses of its own; others follow from `ip` or country."""
        if name in catalog.WELL_KNOWN_LOCATIONS:
            return catalog.WELL_KNOWN_LOCATIONS[name]
        if GUID.match(name.lower()):
            return name.lower()
        known = [*self._locations, *catalog.WELL_KNOWN_LOCATIONS]
        self._report(
            "location",
            f"no location `{name}`",
            did_you_mean(name, known) or f"known locations: {', '.join(known)}",
        )
        return None

    def _address(self, text: str, _: Location) -> object:
        try:
            return ip_address(text)
        except ValueError:
            self._report("ip", f"`{text}` is not an address", "for example 192.0.2.1")
            return UNKNOWN

    def _country(self, text: str, _: Location) -> str | None:
        if text == NONE:
            return None
        if len(text) != 2 or not text.isalpha():  # noqa: PLR2004 (ISO 3166-1 alpha-2)
            self._report("country", f"`{text}` is not a country", "two letters, as NO, or `none`")
        return text.upper()

    def _known(self, word: str, value: str, known: Iterable[str]) -> str | None:
        values = list(known)
        if value in values:
            return value
        shown = ", ".join(each for each in values if each != FUTURE)
        hint = did_you_mean(value, values) or f"known values: {shown}"
        self._report(word, f"unknown value `{value}`", hint)
        return None

    def _report(self, word: str, message: str, hint: str) -> None:
        self._names.found.append(Diagnostic("unknown-value", message, self._at(word), hint))


def _holds(ids: object, wanted: str) -> bool | Unknown:
    if isinstance(ids, frozenset):
        return wanted in ids
    return True if isinstance(ids, Partly) and wanted in ids.of else UNKNOWN


def _value(attribute: str, text: str) -> object:
    """Give the text, or the list, of an attribute; null for nothing."""
    if text == "":
        return None
    return tuple(text.split(",")) if attribute.endswith(("physicalIds", "systemLabels")) else text
