"""A response as JSON; docs/json.md tells every key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ostiary.proof.results import Gap
from ostiary.report.goals import verdict
from ostiary.report.openings import extent
from ostiary.report.response import REMAINS
from ostiary.report.words import Names, decision
from ostiary.tenant.response.done import Contained
from ostiary.tenant.response.facts import Device, Logged, User
from ostiary.tenant.response.meaning import Meaning
from ostiary.tenant.response.plan import Plan
from ostiary.tenant.response.verify import Aftermath, Verification

Json = dict[str, Any]


def plan(of: Plan, meaning: Meaning, names: Names) -> Json:
    """Give the plan for machines; docs/json.md tells every key."""
    openings = meaning.blocked.openings if isinstance(meaning.blocked, Gap) else ()
    return {
        "environment": of.environment,
        "group": {"id": of.group.id, "name": of.group.name},
        "users": [
            {
                **_user(each.user),
                "since": _time(each.since),
                "sinceFrom": _logged(each.first) if each.first else None,
                "evidence": list(each.evidence),
                "devicesToDisable": [_device(one) for one in each.disable],
                "devicesDisabled": [_device(one) for one in each.disabled],
                "devicesUndated": [_device(one) for one in each.undated],
                "addToGroup": each.join,
                "revokeSessions": each.revoke,
            }
            for each in of.users
        ],
        "membership": {
            "confined": meaning.confined,
            "stillPossible": [
                {"extent": extent(each, names), "decision": decision(each.decision, names)}
                for each in openings
            ],
            "goals": [{"goal": each.goal.key, "verdict": verdict(each)} for each in meaning.goals],
            "unreadable": list(meaning.unreadable),
        },
        "remains": [{"words": words, "page": page} for words, page in REMAINS],
    }


def done(of: Iterable[Contained]) -> list[Json]:
    """Give what was done for machines."""
    return [
        {
            **_user(each.plan.user),
            "devicesDisabled": [_device(one) for one in each.disabled],
            "addedToGroup": each.joined,
            "sessionsRevoked": each.revoked,
            "failures": [
                {
                    "step": one.step,
                    "reason": one.reason,
                    "hint": one.hint,
                    "device": _device(one.device) if one.device else None,
                }
                for one in each.failures
            ],
        }
        for each in of
    ]


def verified(of: Iterable[Verification]) -> list[Json]:
    """Give what is so now for machines."""
    return [
        {
            **_user(each.user),
            "since": _time(each.since),
            "verdict": each.verdict,
            "devicesDisabled": each.devices,
            "devicesEnabled": [_device(one) for one in each.enabled],
            "devicesUndated": [_device(one) for one in each.undated],
            "member": each.membership,
            "sessionsRevoked": each.sessions,
            "signIns": _aftermath(each.aftermath) if each.aftermath else None,
            "noLog": each.no_log,
        }
        for each in of
    ]


def _user(of: User) -> Json:
    return {
        "id": of.id,
        "userPrincipalName": of.name,
        "signInSessionsValidFromDateTime": _time(of.sessions_valid_from),
    }


def _device(of: Device) -> Json:
    return {
        "id": of.id,
        "displayName": of.name,
        "operatingSystem": of.operating_system,
        "registrationDateTime": _time(of.registered),
        "accountEnabled": of.enabled,
    }


def _logged(of: Logged) -> Json:
    return {
        "id": of.id,
        "createdDateTime": _time(of.at),
        "interactive": of.interactive,
        "errorCode": of.error_code,
        "deviceCode": of.device_code,
        "sessionId": of.session,
        "ipAddress": of.address,
        "application": of.application,
    }


def _aftermath(of: Aftermath) -> Json:
    return {
        "answer": of.answer,
        "carriedOn": [_logged(each) for each in of.carried_on],
        "outside": [_logged(each) for each in of.outside],
        "unclear": [_logged(each) for each in of.unclear],
        "inside": [_logged(each) for each in of.inside],
        "refused": [_logged(each) for each in of.refused],
        "failed": [_logged(each) for each in of.failed],
    }


def _time(of: datetime | None) -> str | None:
    return of.isoformat() if of else None
