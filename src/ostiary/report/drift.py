"""Drift as text and as JSON: each deviation with its properties, its effect, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ostiary.proof.compare import Difference
from ostiary.report.difference import difference, difference_json
from ostiary.report.words import Names, joined, named
from ostiary.tenant.deviations import Drift, Drifted, NotApplied
from ostiary.tenant.properties import Property, Value

_OPENING = {"opened", "eased"}
_KINDS = {
    "missing": "missing",
    "changed": "changed",
    "foreign": "foreign",
    "orphan": "unknown to the state",
    "twin": "left by an interrupted run",
}


def drift(of: Drift, environment: str, *, audited: bool) -> Iterator[str]:
    """Tell every deviation, worst first; `audited` says that the audit log could be read."""
    yield f"{environment}: {_headline(of)}"
    yield from (f"not proven in the tenant as it is: `{each}`" for each in of.broken)
    for number, each in enumerate(of.drifted, 1):
        yield ""
        yield f"{number}. {_title(each)}"
        lines = [
            *_properties(each, of.names),
            *([f"it cannot be read here: {each.unreadable}"] if each.unreadable else []),
            _touched(each, audited=audited),
            *difference(each.effect, of.names),
            *advice(each, environment),
        ]
        yield from (f"   {line}" for line in lines)
    if together := _only_together(of):
        yield ""
        yield "all of them together"
        yield from (f"   {line}" for line in difference(together, of.names))
    yield from _rest(of, environment)


def drift_json(of: Drift, environment: str, *, audited: bool) -> dict[str, Any]:
    """Give what `--format json` prints."""
    return {
        "environment": environment,
        "inLine": of.in_line,
        "deviations": [
            {
                "kind": each.kind,
                "object": each.object,
                "name": each.name,
                "id": each.id,
                "key": each.key,
                "state": each.state,
                "properties": [_property_json(one) for one in each.properties],
                "unreadable": each.unreadable,
                "restorableUntil": each.restorable_until and each.restorable_until.isoformat(),
                "sameName": each.same_name,
                "changedBy": each.touched and each.touched.by,
                "changedAt": each.touched and each.touched.at.isoformat(),
                "activity": each.touched and each.touched.activity,
                "effect": difference_json(each.effect, of.names),
                "advice": list(advice(each, environment)),
            }
            for each in of.drifted
        ],
        "together": difference_json(of.together, of.names) if len(of.drifted) > 1 else None,
        "brokenGoals": list(of.broken),
        "notApplied": [
            {
                "operation": each.operation,
                "object": each.object,
                "key": each.key,
                "properties": [_property_json(one) for one in each.properties],
            }
            for each in of.not_applied
        ],
        "spelledOtherwise": [
            {
                "object": each.object,
                "key": each.key,
                "id": each.id,
                "properties": [_property_json(one) for one in each.properties],
            }
            for each in of.spelled
        ],
        "unsettled": list(of.unsettled),
        "unmanaged": list(of.known),
        "auditLog": audited,
    }


def advice(of: Drifted, environment: str) -> Iterator[str]:
    """Tell what undoes a deviation, and what makes it the specification."""
    up = f"`ostiary up {environment}`"
    match of.kind:
        case "missing":
            if of.restorable_until:
                yield (
                    f"revert: `ostiary restore {environment} --deleted` brings it back under its"
                    f" id until {of.restorable_until:%Y-%m-%d}; {up} makes it anew"
                )
            else:
                yield f"revert: {up} makes it anew"
            yield f"accept: remove the file of `{of.key}`, which counts in every environment"
        case "changed":
            yield f"revert: {up}"
            if of.unreadable:
                yield "accept: a file cannot say this"
            else:
                yield f"accept: `ostiary drift {environment} --accept {of.key}`"
        case "orphan":
            yield f"an interrupted run left it: {up} takes it over"
        case "twin":
            yield f"{up} deletes it"
        case "foreign":
            if of.same_name:
                yield f"{up} refuses as long as it bears the name of a specified one"
            yield (
                f"accept: `ostiary adopt {environment}`, or an entry in `unmanaged` of"
                f" environments/{environment}.yaml; else remove it in the tenant"
            )


def _headline(of: Drift) -> str:
    if of.in_line:
        return "the tenant is as specified"
    count = len(of.drifted)
    said = [f"{count} deviation{'' if count == 1 else 's'}, the worst first"] if count else []
    if of.not_applied:
        said.append(f"{len(of.not_applied)} not applied yet")
    if of.unsettled:
        said.append(f"{len(of.unsettled)} unsettled")
    return "; ".join(said)


def _title(of: Drifted) -> str:
    known = [f"`{of.key}`"] if of.key else []
    return f"{_KINDS[of.kind]}: {of.object} `{of.name}` ({', '.join([*known, *_state(of), of.id])})"


def _state(of: Drifted) -> list[str]:
    return [of.state] if of.state else []


def _properties(of: Drifted, names: Names) -> Iterator[str]:
    for each in of.properties:
        spelling = " (the same, spelled otherwise)" if each.spelling_only else ""
        yield f"{each.path}: {_change(each, names)}{spelling}"


def _change(of: Property, names: Names) -> str:
    """Tell what came and went of a list, and both values of anything else."""
    specified, found = of.specified, of.found
    if isinstance(specified or [], list) and isinstance(found or [], list):
        before, after = _entries(specified), _entries(found)
        parts = [
            f"{word} {joined([named(each, names) for each in entries])}"
            for word, entries in (
                ("also", [each for each in after if each not in before]),
                ("without", [each for each in before if each not in after]),
            )
            if entries
        ]
        return ", ".join(parts) or "in another order"
    return f"{_value(specified, names)} is specified, {_value(found, names)} found"


def _entries(of: Value) -> list[str]:
    return of if isinstance(of, list) else []


def _value(of: Value, names: Names) -> str:
    if of is None:
        return "nothing"
    return joined([named(str(each), names) for each in (of if isinstance(of, list) else [of])])


def _touched(of: Drifted, *, audited: bool) -> str:
    if not audited:
        return "changed by: unknown: needs AuditLog.Read.All"
    if of.touched is None:
        return "changed by: unknown: the audit log has nothing of it"
    return (
        f"changed by: {of.touched.by} at {of.touched.at:%Y-%m-%d %H:%M:%S} ({of.touched.activity})"
    )


def _only_together(of: Drift) -> Difference | None:
    """Give the effect of all deviations where one of them alone does not show it."""
    alone = any(change.kind in _OPENING for each in of.drifted for change in each.effect.changes)
    opens = any(change.kind in _OPENING for change in of.together.changes)
    return of.together if of.together.undecided or (opens and not alone) else None


def _rest(of: Drift, environment: str) -> Iterator[str]:
    parts: list[Iterator[str]] = [
        (_not_applied(each, of.names) for each in of.not_applied),
        (
            f"spelled otherwise, and the same: {each.object} `{each.key}`"
            f" ({', '.join(one.path for one in each.properties)})"
            for each in of.spelled
        ),
        (f"left alone, as environments/{environment}.yaml says: `{each}`" for each in of.known),
        (f"unsettled: Graph gives two answers for `{each}`" for each in of.unsettled),
    ]
    for lines in parts:
        told = list(lines)
        if told:
            yield ""
            yield from told


def _not_applied(of: NotApplied, names: Names) -> str:
    changes = "; ".join(f"{each.path}: {_change(each, names)}" for each in of.properties)
    return (
        f"not applied yet: {of.operation} {of.object} `{of.key}`{f' ({changes})' * bool(changes)}"
    )


def _property_json(of: Property) -> dict[str, Any]:
    return {
        "path": of.path,
        "specified": of.specified,
        "found": of.found,
        "spellingOnly": of.spelling_only,
    }
