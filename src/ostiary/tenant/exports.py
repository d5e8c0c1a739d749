"""Exports of policies and named locations as people have them → Graph's JSON, object by object.

Whatever a file holds is given or named with the reason, by file and JSON pointer (RFC 6901):
nothing is left out silently.  Time and memory are bounded, whatever the files hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

MAX_BYTES = 8 * 1024 * 1024  # of one file
MAX_TOTAL = 64 * 1024 * 1024
MAX_FILES = 2_000
MAX_OBJECTS = 5_000

Json = dict[str, Any]
Kind = Literal["policy", "namedLocation"]
# What is only told; what somebody must look after; what could not be understood at all.
Weight = Literal["told", "left", "broken"]

_POLICY = "#microsoft.graph.conditionalAccessPolicy"
_LOCATIONS = {
    "ipRanges": "#microsoft.graph.ipNamedLocation",
    "countriesAndRegions": "#microsoft.graph.countryNamedLocation",
}
# Lists that some tools write as one text, and texts that others write as a list.
_LISTS = frozenset(
    {
        *(
            f"{verb}{what}"
            for verb in ("include", "exclude")
            for what in (
                *("Users", "Groups", "Roles", "Applications", "ServicePrincipals"),
                *("Platforms", "Locations"),
            )
        ),
        *("includeUserActions", "clientAppTypes", "members", "countriesAndRegions"),
        *("signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels"),
        *("builtInControls", "termsOfUse", "customAuthenticationFactors"),
    }
)
_JOINED = frozenset({"transferMethods", "guestOrExternalUserTypes", "insiderRiskLevels"})
# What tools put where a tenant's own value is to stand: %OrganizationId%, ##group##, {{group}}.
_PLACEHOLDER = re.compile(r"%[A-Za-z]\w*%|##[^#]+##|\{\{[^{}]+\}\}|\$[({][^(){}]+[)}]")


@dataclass(frozen=True, slots=True)
class Exported:
    """One object in Graph's shape; `place` is its file and JSON pointer.

    `refused` says why it cannot be adopted, whatever it holds.
    """

    place: str
    kind: Kind
    json: Json
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class NotRead:
    """What is no object to adopt, and why."""

    place: str
    reason: str
    weight: Weight = "left"


@dataclass(frozen=True, slots=True)
class Export:
    """All that a file or a folder of files holds."""

    objects: tuple[Exported, ...]
    not_read: tuple[NotRead, ...]


def read(path: Path) -> Export:
    """Read one file, or every file of a folder and of those inside it; hidden ones are left out."""
    reader = _Reader()
    files = _files(path) if path.is_dir() else [path]
    for file in files[:MAX_FILES]:
        name = str(file.relative_to(path)) if path.is_dir() else file.name
        reader.file(file, name)
    for file in files[MAX_FILES:]:
        reader.refuse(str(file.relative_to(path)), f"there are more than {MAX_FILES} files")
    if not files:
        reader.refuse(str(path), "the folder holds no file", "broken")
    return Export(tuple(reader.objects), tuple(reader.not_read))


def from_tenant(kind: Kind, listed: list[Json], beta: Iterable[Json] = ()) -> Iterator[Exported]:
    """Give what Graph itself listed, each with its id for a place.

    What only `beta` has uses features in preview, and the provider reads v1.0
    (https://github.com/hashicorp/terraform-provider-azuread/issues/589).
    """
    for each in listed:
        yield Exported(str(each.get("id")), kind, each)
    known = {each.get("id") for each in listed}
    for each in beta:
        if each.get("id") not in known:
            why = "only Graph's beta version shows it: it uses features in preview"
            yield Exported(str(each.get("id")), kind, each, why)


def _files(folder: Path) -> list[Path]:
    return sorted(
        each
        for each in folder.rglob("*")
        if not each.is_dir()
        and not any(part.startswith(".") for part in each.relative_to(folder).parts)
    )


class _Reader:
    def __init__(self) -> None:
        self.objects: list[Exported] = []
        self.not_read: list[NotRead] = []
        self._left = MAX_TOTAL
        self._known: dict[tuple[str, str], Exported] = {}
        self._refused: set[tuple[str, str]] = set()

    def refuse(self, place: str, reason: str, weight: Weight = "left") -> None:
        self.not_read.append(NotRead(place, reason, weight))

    def file(self, file: Path, name: str) -> None:
        if file.suffix.lower() != ".json":
            self.refuse(name, "it is no .json file", "told")
            return
        try:
            data = _bytes(file, self._left)
            self._left -= len(data)
            value = _parsed(data)
        except _BrokenError as error:
            self.refuse(name, str(error), "broken")
        except RecursionError:
            self.refuse(name, "it is nested too deeply", "broken")
        else:
            self._value(value, name, "")

    def _value(self, value: Any, name: str, pointer: str) -> None:
        """Take what stands at the top of a file, in a list there, or in the `value` of a page."""
        if isinstance(value, list) and pointer in {"", "/value"}:
            for index, each in enumerate(value[:MAX_OBJECTS]):
                self._value(each, name, f"{pointer}/{index}")
            if len(value) > MAX_OBJECTS:
                self.refuse(f"{name}#{pointer}", f"it has more than {MAX_OBJECTS} entries")
            elif not value:
                self.refuse(f"{name}#{pointer}", "the list is empty", "told")
            return
        place = f"{name}#{pointer}" if pointer else name
        if not isinstance(value, dict):
            self.refuse(place, "it is no JSON object")
        elif not pointer and isinstance(value.get("value"), list) and "conditions" not in value:
            if value.get("@odata.nextLink"):
                self.refuse(
                    f"{name}#/@odata.nextLink",
                    "there is a page after this one: see that it is among the files",
                )
            self._value(value["value"], name, "/value")
        else:
            try:
                self._object(value, place)
            except RecursionError:
                self.refuse(place, "it is nested too deeply", "broken")

    def _object(self, value: Json, place: str) -> None:
        of = _camel(value)
        kind = _kind(of)
        if kind is None:
            return self.refuse(place, "it is neither a policy nor a named location of Graph's")
        if len(self.objects) >= MAX_OBJECTS:
            return self.refuse(place, f"there are more than {MAX_OBJECTS} objects")
        if when := of.get("deletedDateTime"):
            return self.refuse(place, f"it was deleted from the tenant on {when}", "told")
        if found := next(_placeholders(of), None):
            return self.refuse(
                place, f"it holds the placeholder `{found}`, which only its author's tool fills in"
            )
        exported = Exported(place, kind, _regular(of))
        return self._once(exported)

    def _once(self, exported: Exported) -> None:
        """Keep an object that stands in several places once; what differs is kept nowhere."""
        # Tools that move objects between tenants leave the id out.
        identity = str(exported.json.get("id") or exported.json.get("displayName"))
        known_as = (exported.kind, identity.lower())
        first = self._known.get(known_as)
        if known_as in self._refused:
            self.refuse(exported.place, f"`{identity}` stands in several places and differs")
        elif first is None:
            self._known[known_as] = exported
            self.objects.append(exported)
        elif _bare(first.json) == _bare(exported.json):
            self.refuse(exported.place, f"it is the same object as in {first.place}", "told")
        else:
            self._refused.add(known_as)
            self.objects.remove(first)
            self.refuse(first.place, f"it differs from the same object in {exported.place}")
            self.refuse(exported.place, f"it differs from the same object in {first.place}")


class _BrokenError(Exception):
    """A file that cannot be understood; the message is the reason."""


def _bytes(file: Path, left: int) -> bytes:
    if not file.is_file():  # a pipe would be waited for
        raise _BrokenError("it is no regular file" if file.exists() else "there is no such file")
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _BrokenError((error.strerror or "it cannot be read").lower()) from None
    if len(data) > MAX_BYTES:
        raise _BrokenError(f"it is larger than {MAX_BYTES // 1024 // 1024} MiB")
    if len(data) > left:
        raise _BrokenError(f"the files are larger than {MAX_TOTAL // 1024 // 1024} MiB together")
    if not data.strip():
        raise _BrokenError("it is empty")
    return data


def _parsed(data: bytes) -> Any:
    """Parse JSON in any encoding of Unicode, with a byte order mark or without."""
    try:
        text = data.decode(json.detect_encoding(data)).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise _BrokenError("its text is in no encoding of Unicode") from None
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise _BrokenError(f"it is not JSON: {error.msg.lower()} at {at}") from None
    except ValueError as error:  # a number with more digits than Python reads
        raise _BrokenError(f"it is not JSON: {error}") from None


def _once_each(pairs: list[tuple[str, Any]]) -> Json:
    made: Json = {}
    for key, value in pairs:
        if key in made:
            raise _BrokenError(f"`{key}` stands twice in one object")
        made[key] = value
    return made


def _no_number(word: str) -> None:
    raise _BrokenError(f"it is not JSON: `{word}` is no number")


def _camel(of: Mapping[str, Any]) -> Json:
    """Give Graph's keys for those of PowerShell's objects, such as `DisplayName`."""
    if "conditions" in of or "displayName" in of or "DisplayName" not in of:
        return dict(of)
    made: Json = _lowered(of)
    # The Graph SDK for PowerShell keeps there what its type does not know.
    more = made.pop("additionalProperties", None)
    return {**more, **made} if isinstance(more, dict) else made


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lowered(each) for key, each in value.items()}
    return [_lowered(each) for each in value] if isinstance(value, list) else value


def _kind(of: Json) -> Kind | None:
    named = of.get("@odata.type")
    if named == _POLICY or (named is None and "conditions" in of):
        return "policy"
    if (isinstance(named, str) and named.endswith("NamedLocation")) or any(
        key in of for key in _LOCATIONS
    ):
        return "namedLocation"
    return None


def _placeholders(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if found := _PLACEHOLDER.search(value):
            yield found[0]
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _placeholders(each)


def _regular(of: Json) -> Json:
    """Give an object as Graph v1.0 would: lists as lists, and nothing where nothing is said."""
    made: Json = _pruned(of) or {}
    for key, kind in _LOCATIONS.items():
        if key in made:
            made.setdefault("@odata.type", kind)
    return made


def _pruned(value: Any, key: str = "") -> Any:
    """Leave out annotations, and objects in which nothing is said; both are noise of tools."""
    if isinstance(value, str) and key in _LISTS:
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list):
        if key in _JOINED and all(isinstance(each, str) for each in value):
            return ",".join(value)
        return [_pruned(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {
        name: _pruned(each, name)
        for name, each in value.items()
        if not name.startswith("#") and ("@odata." not in name or name == "@odata.type")
    }
    says = (each for name, each in made.items() if name != "@odata.type")
    return made if any(each not in (None, [], "") for each in says) else None


def _bare(of: Json) -> Json:
    """Give what counts when two copies of an object are compared."""
    noise = {"@odata.type", "createdDateTime", "modifiedDateTime"}
    return {key: each for key, each in of.items() if key not in noise and each not in (None, [])}
