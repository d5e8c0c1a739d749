"""A response as text: the plan, what was done, and what is so afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ostiary.proof.results import Gap, NotDecided, Proof, Result
from ostiary.report.goals import filled, number, verdict
from ostiary.report.openings import extent
from ostiary.report.words import Names, decision, joined
from ostiary.tenant.response.done import Contained, Failure
from ostiary.tenant.response.facts import Device, Logged, User
from ostiary.tenant.response.meaning import Meaning
from ostiary.tenant.response.plan import Plan, UserPlan
from ostiary.tenant.response.verify import Answer, Verification

_LEARN = "https://learn.microsoft.com"
_CAE = f"{_LEARN}/entra/identity/conditional-access/concept-continuous-access-evaluation"
_REVOKE = f"{_LEARN}/graph/api/user-revokesigninsessions"
_TOKENS = f"{_LEARN}/entra/identity-platform/access-tokens#token-lifetime"
_ACCESS = f"{_LEARN}/entra/identity/users/users-revoke-access"
_GRANTS = f"{_LEARN}/entra/identity/enterprise-apps/manage-application-permissions"
_MAIL = f"{_LEARN}/defender-office-365/responding-to-a-compromised-email-account"
_METHODS = f"{_LEARN}/entra/identity/authentication/howto-mfa-userdevicesettings"
# What a revocation leaves, and the page that says so.
REMAINS = (
    (
        "access tokens that are out work until they expire, 60 to 90 minutes after their issue",
        _TOKENS,
    ),
    (
        (
            "those for continuous access evaluation live up to 28 hours, and are refused within 15"
            " minutes of the revocation, where client and resource take part in it"
        ),
        _CAE,
    ),
    ("it may take a few minutes until the revocation takes effect", _REVOKE),
    ("sessions that applications keep in cookies of their own", _ACCESS),
    ("the password: have it changed", _ACCESS),
    ("sign-in methods that were added: look through the authentication methods", _METHODS),
    ("consents to applications (OAuth grants): review those given since", _GRANTS),
    ("inbox rules, forwarding and delegates of the mailbox: look through them", _MAIL),
)
_DEVICE = f"{_LEARN}/graph/api/device-update"
_PRT = f"{_LEARN}/entra/identity/devices/concept-primary-refresh-token"
# Sign-ins of one sort beyond these are told by their number; JSON has all.
_MOST_SIGN_INS = 5
_ANSWERS: dict[Answer, str] = {"yes": "yes", "no": "NO", "unknown": "not known yet"}


def plan(
    of: Plan, meaning: Meaning, trusted: Sequence[str], names: Names, *, application: bool
) -> Iterator[str]:
    """Tell what is to be done, and what it will and will not do."""
    for each in of.users:
        yield from _user(each, of, trusted, application=application)
        yield ""
    yield f"what membership of `{of.group.name}` means, by the policies that the tenant holds now"
    yield from _meaning(meaning, names)
    yield ""
    yield "what revoking sessions does not end"
    for words, page in REMAINS:
        yield from filled(f"- {words}", 2)
        yield f"    {page}"


def _user(of: UserPlan, plan: Plan, trusted: Sequence[str], *, application: bool) -> Iterator[str]:
    yield f"{_named(of.user)}: suspected since {_time(of.since)}"
    if of.first:
        places = joined([f"`{each}`" for each in trusted], "or") or "any trusted location"
        yield from filled(
            f"that is the first device code sign-in that succeeded from outside {places}: "
            f"{_logged(of.first)}. The log may show the address of either side of such a sign-in, "
            "so an earlier one from inside would not be found: pass --since if you know better",
            2,
        )
    if of.evidence:
        yield f"  evidence: {', '.join(of.evidence)}"
    yield f"  1. devices registered since: {number(len(of.disable), 'device')} to disable"
    for each in of.disable:
        yield f"       {_device(each)}"
        if application and (each.operating_system or "").casefold() != "windows":
            yield from filled(
                "an application may disable Windows devices only, so Graph will refuse this: "
                f"a person must do it ({_DEVICE})",
                9,
            )
    for each in of.disabled:
        yield f"       {_device(each)}: disabled already"
    for each in of.undated:
        yield f"       {_device(each)}: left alone, check by hand when it was registered"
    yield f"  2. membership of `{plan.group.name}`: " + ("to add" if of.join else "there already")
    yield "  3. sessions: " + (
        f"to revoke, valid from {_time(of.before)} now"
        if of.revoke and of.before
        else "to revoke"
        if of.revoke
        else "revoked by an earlier run, after devices and membership; not again"
    )
    yield "  4. then verify, from what Graph and the sign-in log show"


def _meaning(of: Meaning, names: Names) -> Iterator[str]:
    yield from _possible(of.blocked, names)
    for each in of.goals:
        yield f"  {each.goal.key}: {verdict(each)}"
    if not of.goals:
        yield "  no goal of this environment says what it must mean"
    if not of.confined:
        yield from filled("warning: it is not proven that the group confines its members", 2)
    for name in of.unreadable:
        yield f"  `{name}` holds what cannot be read here; no protection by it is counted on"


def _possible(of: Result, names: Names) -> Iterator[str]:
    match of:
        case Gap(openings=openings, complete=complete):
            yield "  still possible:"
            for each in openings:
                yield from filled(extent(each, names), 4)
                yield f"      → {decision(each.decision, names)}"
            if not complete:
                yield "    and more, of which some were not looked for"
        case Proof():
            yield "  nothing: every sign-in is blocked"
        case NotDecided(reason=reason):
            yield f"  not decided: {reason}"
        case _:
            yield "  nobody can be in that group"


def done(of: Iterable[Contained]) -> Iterator[str]:
    """Tell what was done, and what failed."""
    for each in of:
        yield ""
        yield _named(each.plan.user)
        for device in each.disabled:
            yield f"  disabled {_device(device)}"
        if each.joined:
            yield "  added to the group"
        if each.revoked:
            yield "  revoked the sessions"
        for failure in each.failures:
            yield from filled(f"FAILED: {_failure(failure)}", 2)
            if failure.hint:
                yield from filled(f"hint: {failure.hint}", 4)


def _failure(of: Failure) -> str:
    what = {
        "devices": f"disable {_device(of.device)}" if of.device else "disable devices",
        "membership": "add to the group",
        "sessions": "revoke the sessions",
    }
    return f"{what[of.step]}: {of.reason}"


def summary(result: str, users: int) -> str:
    """Sum a run up in one line."""
    words = {
        "planned": "nothing was changed; --apply carries the plan out",
        "pending": "not verified yet; --verify looks again, in some minutes and in some hours",
        "not contained": "NOT CONTAINED; run it with --apply again when what failed is mended",
        "contained": "contained and verified",
    }
    return f"\n{number(users, 'user')}: {words[result]}"


def verified(of: Iterable[Verification], names_of_group: str) -> Iterator[str]:
    """Tell what is so now, user by user."""
    for each in of:
        yield ""
        yield f"{_named(each.user)}: {each.verdict.upper()}"
        since = f"devices registered since {_time(each.since)}"
        yield f"  {since} are disabled: {_ANSWERS[each.devices]}"
        for device in each.enabled:
            yield f"    {_device(device)}: enabled"
        for device in each.undated:
            yield f"    {_device(device)}: check by hand when it was registered"
        yield f"  member of `{names_of_group}`: {_ANSWERS[each.membership]}"
        valid_from = each.user.sessions_valid_from
        told = f", valid from {_time(valid_from)}" if valid_from else ""
        yield f"  sessions are revoked: {_ANSWERS[each.sessions]}{told}"
        yield from _aftermath(each)


def _aftermath(of: Verification) -> Iterator[str]:
    after = of.aftermath
    if after is None:
        reason = of.no_log or "until the sessions are revoked, later sign-ins show nothing"
        yield from filled(f"sign-ins since: not verified: {reason}", 2)
        return
    words = {
        "no": "NOT VERIFIED: somebody still gets in",
        "yes": "none of them goes on in an old session",
        "unknown": "no sign-in since that shows whether old sessions are over: not known yet",
    }
    yield f"  sign-ins since: {words[after.answer]}"
    for title, some in (
        ("succeeded in a session from before", after.carried_on),
        ("succeeded from outside the trusted locations", after.outside),
        ("succeeded, and is not known to be new or where from", after.unclear),
        ("a new session from a trusted location", after.inside),
        ("an old session or token, refused", after.refused),
        ("failed, by whoever", after.failed),
    ):
        for each in some[:_MOST_SIGN_INS]:
            yield f"    {title}: {_logged(each)}"
        if len(some) > _MOST_SIGN_INS:
            yield f"    and {len(some) - _MOST_SIGN_INS} more of these"


def _named(of: User) -> str:
    return f"{of.name} ({of.id})"


def _device(of: Device) -> str:
    registered = (
        f"registered {_time(of.registered)}" if of.registered else "registered nobody knows when"
    )
    return f"`{of.name}` ({of.id}), {of.operating_system or 'no operating system'}, {registered}"


def _logged(of: Logged) -> str:
    said = [
        _time(of.at),
        f"to {of.application}" if of.application else "",
        f"from {of.address}" if of.address else "from an unknown address",
        f"by error {of.error_code}" if of.error_code else "",
    ]
    return f"{' '.join(filter(None, said))} ({of.id})"


def _time(of: datetime) -> str:
    return of.isoformat(timespec="seconds").replace("+00:00", "Z")
