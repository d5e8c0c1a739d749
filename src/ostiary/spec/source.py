"""YAML text → plain data that remembers the place of every key and value.

Built on PyYAML's events, not its loader: the loader reads country `NO` as False, `010` as 8 and
keeps the last of two equal keys.  Here a plain scalar is `true`, `false`, `null`, a decimal
integer, or else the text as written; anchors, aliases, tags, merge keys and repeated keys are
errors, and a file is refused before it can cost more than a bounded amount of time and memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from ostiary.errors import Diagnostic, Location

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 500_000
# Of one list or mapping.  Graph's longest list has 2000, and each may come to be a finding.
MAX_ENTRIES = 2_500
_SHOWN = 60

Step = str | int
Route = tuple[Step, ...]
Scalar = str | int | bool | None
Data = Scalar | list["Data"] | dict[str, "Data"]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
# Line breaks that only YAML 1.1 knows, and marks that show text in another order than it is read
# (CVE-2021-42574): what a reviewer cannot see.
_INVISIBLE = re.compile("[\x85\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
# libyaml's parser is some ten times faster; the pure one gives the same events.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Source:
    """One file's data; routes lead from its top to a value: keys of mappings, indices of lists.

    An index into what is written without the brackets of a list leads to the value itself.
    """

    path: str
    data: Data
    values: dict[Route, tuple[int, int]] = field(repr=False)
    keys: dict[Route, tuple[int, int]] = field(repr=False)

    def at(self, *route: Step) -> Location:
        """Give the place of the value at `route`, or of its nearest ancestor that exists."""
        return self._nearest(self.values, self._written(route))

    def at_key(self, *route: Step) -> Location:
        """Give the place of the last key of `route`; where it ends in a list, of the value."""
        written = self._written(route)
        return self._nearest(self.keys if written in self.keys else self.values, written)

    def _written(self, route: Route) -> Route:
        written: Route = ()
        for step in route:
            if isinstance(step, str) or (*written, step) in self.values:
                written = (*written, step)
        return written

    def _nearest(self, places: dict[Route, tuple[int, int]], route: Route) -> Location:
        while route and route not in places:
            route = route[:-1]
        return Location(self.path, *places.get(route, (1, 1)))


class _Refused(Exception):  # noqa: N818 (carries a finding; never leaves this module)
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def read(file: Path, path: str) -> tuple[Source | None, list[Diagnostic]]:
    """Read one YAML file; `path` is how messages name it.

    Gives the data, or None when the text cannot be understood, and what is wrong with it.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        return None, [Diagnostic("file-unreadable", reason, Location(path))]
    return parse(data, path)


def parse(data: bytes, path: str) -> tuple[Source | None, list[Diagnostic]]:
    """Parse the bytes of one YAML document; see `read`."""
    try:
        return _Builder(path).build(_decode(data, path))
    except _Refused as refused:
        return None, [refused.diagnostic]


def _decode(data: bytes, path: str) -> str:
    if len(data) > MAX_BYTES:
        raise _Refused(
            Diagnostic(
                "file-too-large",
                f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB",
                Location(path),
                "no policy or environment needs that much; split what it lists into groups",
            )
        )
    if b"\0" in data[:2]:  # two bytes a letter, and no mark that says so
        raise _Refused(_not_utf_8(Location(path, 1, 1)))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise _Refused(_not_utf_8(Location(path, line, column))) from None
    if match := _INVISIBLE.search(text):
        raise _Refused(
            Diagnostic(
                "invisible-character",
                f"character U+{ord(match.group()):04X} cannot be seen",
                _place_in(text, match.start(), path),
                "remove it",
            )
        )
    return text


def _not_utf_8(place: Location) -> Diagnostic:
    return Diagnostic("not-utf-8", "the file is not UTF-8 text", place, "save it as UTF-8")


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    route: Route
    value: list[Data] | dict[str, Data]
    key: str | None = None
    dropped: bool = False
    entries: int = 0

    def next_route(self) -> Route:
        if isinstance(self.value, list):
            return (*self.route, len(self.value))
        assert self.key is not None  # noqa: S101 (a value follows its key)
        return (*self.route, self.key)

    def put(self, value: Data) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
            return
        assert self.key is not None  # noqa: S101 (a value follows its key)
        if not self.dropped:
            self.value[self.key] = value
        self.key, self.dropped = None, False


class _Builder:
    """Builds the data of one document with a stack of its own, so depth costs no recursion."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.values: dict[Route, tuple[int, int]] = {}
        self.keys: dict[Route, tuple[int, int]] = {}
        self.found: list[Diagnostic] = []
        self.stack: list[_Open] = []
        self.top: list[Data] = []

    def build(self, text: str) -> tuple[Source | None, list[Diagnostic]]:
        documents = 0
        for event in self._events(text):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(
                        "several-documents",
                        "a second document begins here",
                        event,
                        "a file holds one document; move this one to its own file",
                    )
            elif isinstance(event, yaml.AliasEvent):
                self._refuse(
                    "yaml-alias",
                    f"alias `*{event.anchor}`",
                    event,
                    "anchors and aliases are not read here; write the value out",
                )
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._put(self.stack.pop().value)
        if not self.top or (self.top == [None]):
            raise _Refused(Diagnostic("empty-file", "the file says nothing", Location(self.path)))
        return Source(self.path, self.top[0], self.values, self.keys), self.found

    def _events(self, text: str) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = (
                Location(self.path, mark.line + 1, mark.column + 1) if mark else Location(self.path)
            )
            problem = " ".join(filter(None, (error.context, error.problem)))
            raise _Refused(
                Diagnostic("yaml-syntax", _lower(problem), place, _syntax_hint(text, place))
            ) from None
        except yaml.YAMLError as error:
            raise _Refused(
                Diagnostic("yaml-syntax", _unprintable(error), _first_unprintable(text, self.path))
            ) from None

    def _node(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._refuse(
                "yaml-alias",
                f"anchor `&{event.anchor}`",
                event,
                "anchors and aliases are not read here; write the value out",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._refuse("yaml-tag", f"tag `{tag}`", event, "tags are not read here; remove it")
        parent = self.stack[-1] if self.stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._key(parent, event)
            return
        if parent is not None:
            parent.entries += 1
            if parent.entries > MAX_ENTRIES:
                self._refuse_as_too_large(
                    event, f"a list or mapping has over {MAX_ENTRIES} entries"
                )
        if len(self.values) >= MAX_VALUES:
            self._refuse_as_too_large(event, f"the file holds more than {MAX_VALUES} values")
        route = parent.next_route() if parent else ()
        if not (parent and parent.dropped):
            self.values[route] = _place(event)
        if isinstance(event, yaml.ScalarEvent):
            self._put(_scalar(event))
            return
        if len(self.stack) >= MAX_DEPTH:
            self._refuse("yaml-too-deep", f"nested more than {MAX_DEPTH} levels deep", event, None)
        empty: list[Data] | dict[str, Data] = (
            [] if isinstance(event, yaml.SequenceStartEvent) else {}
        )
        self.stack.append(_Open(route, empty))

    def _key(self, parent: _Open, event: yaml.NodeEvent) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse("yaml-key", "a key must be plain text", event, None)
        if event.value == "<<" and not event.style:
            self._refuse(
                "yaml-merge-key",
                "merge key `<<`",
                event,
                "merge keys are not read here; write the keys out",
            )
        parent.key = event.value
        route = (*parent.route, event.value)
        assert isinstance(parent.value, dict)  # noqa: S101 (only mappings have keys)
        if event.value in parent.value:
            parent.dropped = True
            line, column = _place(event)
            first = self.keys[route][0]
            self.found.append(
                Diagnostic(
                    "duplicate-key",
                    f"key `{_short(event.value)}` was given on line {first}",
                    Location(self.path, line, column),
                    "keep one of the two",
                )
            )
            return
        self.keys[route] = _place(event)

    def _put(self, value: Data) -> None:
        if self.stack:
            self.stack[-1].put(value)
        else:
            self.top.append(value)

    def _refuse_as_too_large(self, event: yaml.Event, message: str) -> NoReturn:
        hint = "no policy or environment needs that many"
        self._refuse("file-too-large", message, event, hint)

    def _refuse(self, code: str, message: str, event: yaml.Event, hint: str | None) -> NoReturn:
        raise _Refused(Diagnostic(code, message, Location(self.path, *_place(event)), hint))


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    text: str = event.value
    if event.style:  # libyaml gives "" for a plain scalar, PyYAML None
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _INTEGER.match(text) else text


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _lower(text: str) -> str:
    return (text[:1].lower() + text[1:]).replace("\n", " ")[:200]


def _syntax_hint(text: str, place: Location) -> str | None:
    lines = text.splitlines()
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    if "\t" in line[: place.column]:
        return "YAML does not allow tabs for indentation; use spaces"
    if ": " in line and line.count(": ") > 1:
        return "quote a value that holds `: `"
    return None


def _first_unprintable(text: str, path: str) -> Location:
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return _place_in(text, match.start(), path) if match else Location(path)


def _place_in(text: str, offset: int, path: str) -> Location:
    before = text[:offset]
    return Location(path, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)


def _unprintable(error: yaml.YAMLError) -> str:
    character = getattr(error, "character", None)
    if isinstance(character, int):
        return f"character U+{character:04X} is not allowed in YAML"
    return "a character is not allowed in YAML"
