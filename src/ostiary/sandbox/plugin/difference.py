"""What differs between the recorded properties of a resource and its new inputs.

Empty lists and blocks, false, and the one default of the schema count as absent, because the real
provider cannot tell them apart either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ostiary.sandbox.plugin.values import Secret, reveal
from ostiary.sandbox.plugin.wire import DEFAULT_LOOKUP

Change = Literal["ADD", "DELETE", "UPDATE"]
Json = dict[str, Any]

# Optional and computed: what the inputs leave out keeps its recorded value.
# https://github.com/hashicorp/terraform-provider-azuread/pull/1597
_COMPUTED = {
    "conditions": ("insiderRiskLevels",),
    "sessionControls": ("signInFrequencyAuthenticationType", "signInFrequencyInterval"),
}
_SETS = frozenset({"authenticationFlowTransferMethods"})
# Blocks that can only come and go with the whole resource; inside them all changes are in place.
_IDENTITY = ("ip", "country")


def canonical(properties: Mapping[str, Any]) -> Json:
    """Give properties without secret marks and without what counts as absent."""
    found: Json = _canonical(reveal(dict(properties))) or {}
    found.pop("objectId", None)
    return found


def _canonical(value: Any) -> Any:
    if isinstance(value, list):
        return [_canonical(each) or {} if isinstance(each, dict) else each for each in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, each in value.items():
        kept = _canonical(each)
        if name in _SETS and isinstance(kept, list):
            kept = sorted(kept, key=str)
        if kept:
            found[name] = kept
    if found.get("countryLookupMethod") == DEFAULT_LOOKUP:
        del found["countryLookupMethod"]
    return found


def planned(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Json:
    """Give new inputs with the recorded values of computed properties that they leave out."""
    found: Json = dict(news)
    for block, names in _COMPUTED.items():
        old, new = olds.get(block), news.get(block)
        if isinstance(old, dict) and isinstance(new, dict):
            found[block] = {name: old[name] for name in names if old.get(name)} | new
    return found


def changes(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Change]:
    """Give what changes by path, such as `conditions.users.includedUsers[0]`."""
    before, after = reveal(dict(olds)), reveal(dict(news))
    return dict(_changes(canonical(before), canonical(planned(before, after)), ""))


def _changes(old: Any, new: Any, path: str) -> Iterator[tuple[str, Change]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old.keys() | new.keys():
            yield from _step(old, new, name, f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list):
        before, after = dict(enumerate(old)), dict(enumerate(new))
        for index in range(max(len(old), len(new))):
            yield from _step(before, after, index, f"{path}[{index}]")
    elif old != new:
        yield path, "UPDATE"


def _step(
    old: Mapping[Any, Any],
    new: Mapping[Any, Any],
    key: str | int,
    path: str,
) -> Iterator[tuple[str, Change]]:
    if key not in new:
        yield path, "DELETE"
    elif key not in old:
        yield path, "ADD"
    else:
        yield from _changes(old[key], new[key], path)


def replaces(found: Mapping[str, Change]) -> list[str]:
    """Give the properties whose change needs a new resource: an IP location made a country one."""
    return [name for name in _IDENTITY if found.get(name) in {"ADD", "DELETE"}]


def refreshed(inputs: Mapping[str, Any], properties: Mapping[str, Any]) -> Json:
    """Give the inputs a resource now has: what did not drift keeps the spelling of `inputs`."""
    now = {name: each for name, each in properties.items() if name != "objectId"}
    found: Json = _refreshed(dict(inputs), now)
    for block, names in _COMPUTED.items():
        was = reveal(inputs.get(block))
        for name in names:
            if isinstance(was, dict) and name not in was and isinstance(found.get(block), dict):
                found[block].pop(name, None)
    return found


def _refreshed(was: Any, now: Any) -> Any:
    if isinstance(was, Secret):
        return None if now is None else Secret(_refreshed(was.value, now))
    wrapped = {"": was}, {"": now}
    if _canonical(reveal(wrapped[0])) == _canonical(wrapped[1]):
        return was
    if not isinstance(was, dict) or not isinstance(now, dict):
        return _canonical(now)
    found = {name: _refreshed(was.get(name), now.get(name)) for name in {**was, **now}}
    return {name: each for name, each in found.items() if each is not None and each != []}
