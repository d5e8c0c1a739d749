"""One sign-in and what becomes of it, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostiary.model.places import Places
from ostiary.model.resolve import Resolved
from ostiary.model.signals import WORD_OF_SIGNAL, words
from ostiary.proof.what_if import Ruling, WhatIf
from ostiary.report.goals import filled
from ostiary.report.goals_json import Json, clue, decision
from ostiary.report.reasons import clue as told_clue
from ostiary.report.reasons import place_of, taken_in
from ostiary.report.words import Names, joined, sign_in
from ostiary.report.words import decision as told_decision
from ostiary.report.words import requirements as told_requirements

_REPORT_ONLY = "enabledForReportingButNotEnforced"


def text(of: WhatIf, resolved: Resolved, places: Places) -> Iterator[str]:
    """Tell the outcome, the policies and the conditions that decided, and which unknown matters."""
    names, decided = resolved.names, of.decision
    yield from filled(sign_in(of.sign_in, names, of.locations), 0)
    if decided.outcome == "unknown":
        hangs = joined([f"`{each}`" for each in mattering(decided.mattering)], "and")
        yield f"→ it depends on {hangs}"
        if decided.requirements:
            yield f"  asked for {told_requirements(decided.requirements, names)} in any case"
    else:
        yield f"→ {told_decision(decided, names)}"
    if decided.device_code_device is not None:
        yield "  assumed: Entra sees no device in device code flow; if it did, this would change"
    for title, rulings in _grouped(of):
        if rulings:
            yield title
        for each in rulings:
            yield from _ruling(each, of, names, places)


def json(of: WhatIf, resolved: Resolved, places: Places) -> Json:
    """Give the same for machines; docs/json.md tells every key."""
    names, decided = resolved.names, of.decision
    return {
        "environment": resolved.environment,
        "signIn": words(of.sign_in, names),
        "locations": None if of.locations is None else list(of.locations),
        "decision": {
            **decision(decided),
            "mattering": mattering(decided.mattering),
            "sessionControls": _session_controls(of),
        },
        "policies": [
            {
                "policy": each.policy.key,
                "state": each.policy.state,
                "applies": each.applies,
                "conditions": [
                    {
                        "condition": reason.condition,
                        "met": reason.met,
                        "unknown": mattering(reason.unknown),
                    }
                    for reason in each.reasons
                ],
                "clues": [clue(one, each.policy, names, places) for one in each.clues],
            }
            for each in of.rulings
        ],
    }


def mattering(signals: Iterable[str]) -> list[str]:
    """Give the words of signals; attributes of filters by their own names."""
    return sorted({WORD_OF_SIGNAL.get(each, each) for each in signals})


def _grouped(of: WhatIf) -> Iterator[tuple[str, list[Ruling]]]:
    """Sort the policies: first those that the outcome rests on."""
    deciding = set(of.decision.deciding)
    enforced = [each for each in of.rulings if each.policy.state != _REPORT_ONLY]
    first = [each for each in enforced if each.policy.key in deciding]
    rest = [each for each in enforced if each.policy.key not in deciding]
    watched = [each for each in of.rulings if each.policy.state == _REPORT_ONLY and each.applies]
    yield "decided by", first
    yield "applies too", [each for each in rest if each.applies is True]
    yield "may apply, and would not change it", [each for each in rest if each.applies is None]
    yield "would apply if it were not report-only", watched
    yield "does not apply", [each for each in rest if each.applies is False]


def _ruling(of: Ruling, what_if: WhatIf, names: Names, places: Places) -> Iterator[str]:
    key = of.policy.key
    if of.applies is True:
        place = places.condition(key, "grantControls")
        yield f"  {place}: `{key}` applies, by {taken_in(of.clues, names)}"
        return
    if of.applies is None:
        place = places.condition(key, "conditions")
        hangs = [
            f"{reason.condition} (`{'`, `'.join(mattering(reason.unknown))}`)"
            for reason in of.reasons
        ]
        yield f"  {place}: `{key}` may apply, it depends on {joined(hangs)}"
        return
    for each in of.clues:
        place = place_of(of.policy, each, places)
        yield f"  {place}: `{key}` {told_clue(each, of.policy, what_if.sign_in, names)}"


def _session_controls(of: WhatIf) -> Json:
    controls = of.decision.session_controls
    return {
        "applicationEnforcedRestrictions": controls.application_enforced_restrictions,
        "cloudAppSecurity": list(controls.cloud_app_security),
        "disableResilienceDefaults": controls.disable_resilience_defaults,
        "persistentBrowser": list(controls.persistent_browser),
        "signInFrequency": [
            {"value": each.value, "type": each.type, "authenticationType": each.authentication_type}
            for each in controls.sign_in_frequency
        ],
    }
