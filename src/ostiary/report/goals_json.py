"""Results of goals as JSON; docs/json.md tells every key, which stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ostiary.errors import Diagnostic, Location
from ostiary.model.controls import Requirement
from ostiary.model.places import Places
from ostiary.model.policy import Policy
from ostiary.model.signals import words
from ostiary.proof.blame import Blame
from ostiary.proof.clues import Clue
from ostiary.proof.cubes import bits
from ostiary.proof.decision import Decision
from ostiary.proof.examine import Examined
from ostiary.proof.explain import Explained
from ostiary.proof.networks import AddressClass
from ostiary.proof.partition import Country, Flow, Guest, Target
from ostiary.proof.repairs import Repair
from ostiary.proof.results import Gap, NotDecided, Opening, Proof, Restriction, Result, Vacuous
from ostiary.report.openings import extent
from ostiary.report.reasons import place_of
from ostiary.report.words import Names, sign_in

_RESULTS = {Proof: "proven", Gap: "notProven", Vacuous: "vacuous", NotDecided: "notDecided"}
Json = dict[str, Any]


def result(of: Result, explained: Explained | None, examined: Examined, places: Places) -> Json:
    """Give one result; `explained` belongs to it where it is a gap."""
    waiver = examined.waivers.get(of.goal.key)
    made: Json = {
        "environment": examined.resolved.environment,
        "goal": of.goal.key,
        "says": of.goal.says,
        "place": place(of.goal.place),
        "result": result_word(of),
        "waiver": waiver
        and {
            "owner": waiver.owner,
            "reason": waiver.reason,
            "expires": waiver.expires.isoformat(),
            "place": place(waiver.place),
        },
    }
    match of:
        case Proof(policies=policies, idle=idle):
            made["policies"] = list(policies)
            made["idleExceptions"] = [
                {
                    "name": each.name,
                    "place": place(each.place),
                    "unlessDeviceIsSeen": each.unless_device_is_seen,
                }
                for each in idle
            ]
        case Gap() if explained is not None:
            made |= _gap(of, explained, examined, places)
        case NotDecided(reason=reason, policies=policies):
            made |= {"reason": reason, "policies": list(policies)}
    return made


def result_word(of: Result) -> str:
    """Give the word for a kind of result."""
    return _RESULTS[type(of)]


def place(of: Location) -> Json:
    """Give a place in a file; line and column count from 1, 0 is the file as a whole."""
    return {"path": of.path, "line": of.line, "column": of.column}


def diagnostic(of: Diagnostic) -> Json:
    """Give one diagnostic."""
    return {
        "code": of.code,
        "message": of.message,
        "place": place(of.location),
        "hint": of.hint,
        "severity": of.severity.value,
        "page": of.page,
    }


def decision(of: Decision) -> Json:
    """Give what becomes of a sign-in."""
    return {
        "outcome": of.outcome,
        "requirements": requirements(of.requirements),
        "unsatisfiable": requirements(of.unsatisfiable),
        "deciding": list(of.deciding),
        "deviceCodeDevice": of.device_code_device,
    }


def requirements(of: tuple[Requirement, ...]) -> list[list[Json]]:
    """Give what must be satisfied: every list, by one of its controls."""
    return [[{"control": each.kind, "id": each.id} for each in one] for one in of]


def clue(of: Clue, policy: Policy, names: Names, places: Places) -> Json:
    """Give what decides a condition, and where it stands."""
    return {
        "condition": of.condition,
        "list": of.of,
        "entry": of.entry,
        "name": names.get(of.entry, of.entry) if of.entry else None,
        "place": place(place_of(policy, of, places)),
    }


def _gap(of: Gap, explained: Explained, examined: Examined, places: Places) -> Json:
    policies = {each.key: each for each in examined.policy_set.policies}
    return {
        "complete": of.complete,
        "openings": [
            _opening(opening, said, examined, places)
            for opening, said in zip(of.openings, explained.blames, strict=True)
        ],
        "repairs": [_repair(each, policies, places) for each in explained.repairs or ()],
    }


def _opening(of: Opening, said: Blame, examined: Examined, places: Places) -> Json:
    about = of.question.about
    names = examined.resolved.names
    return {
        "signIn": words(of.sign_in, names),
        "words": sign_in(of.sign_in, names, said.locations),
        "locations": list(said.locations),
        "decision": decision(of.decision),
        "lacking": requirements((about,))[0] if isinstance(about, tuple) else None,
        "extent": extent(of, names),
        "restrictions": [_restriction(each, names) for each in of.restrictions],
        "ipv4": str(of.ipv4),
        "ipv6": str(of.ipv6),
        "nearMisses": [
            {
                "policy": each.policy.key,
                "conditions": list(each.conditions),
                "clues": [clue(one, each.policy, names, places) for one in each.clues],
            }
            for each in said.near_misses
        ],
        "culprits": [
            {
                "policy": each.policy.key,
                "demanded": requirements(each.demanded),
                "by": [clue(one, each.policy, names, places) for one in each.by],
            }
            for each in said.culprits
        ],
    }


def _restriction(of: Restriction, names: Names) -> Json:
    classes = [of.dimension.classes[each] for each in bits(of.mask)]
    return {
        "dimension": of.dimension.kind,
        "name": names.get(of.dimension.name, of.dimension.name) or None,
        "given": of.given,
        "values": [_class(each) for each in classes],
    }


def _class(of: object) -> object:
    """Give a class of a dimension; null stands for what nobody names."""
    made: object = of
    match of:
        case AddressClass(locations=locations, ipv4=ipv4, ipv6=ipv6):
            made = {"locations": sorted(locations), "ipv4": str(ipv4), "ipv6": str(ipv6)}
        case Country(locations=locations, example=example):
            made = {"locations": sorted(locations), "example": example}
        case Flow(authentication=flow, session=session):
            made = {"flow": flow, "sessionFlow": session}
        case Guest(type=kind, tenant=tenant):
            made = {"guest": kind, "externalTenant": tenant}
        case Target(application=app, suites=suites, user_action=action):
            made = {"app": app, "suites": sorted(suites), "userAction": action}
        case tuple():
            made = list(of)
    return made


def _repair(of: Repair, policies: Mapping[str, Policy], places: Places) -> Json:
    return {
        "edits": [
            {
                "policy": each.policy,
                "edit": each.kind,
                "list": each.of,
                "entry": each.entry or None,
                "place": place(place_of(policies[each.policy], each, places)),
            }
            for each in of.edits
        ],
        "proves": of.proves,
        "breaks": list(of.breaks),
        "reachesFurther": of.reaches_further,
    }
