"""Suspects and facts → what is to be done for each user, or why nothing is done for anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ostiary.errors import PreflightError
from ostiary.tenant.response.facts import (
    Account,
    Device,
    Group,
    Logged,
    TrustedPlaces,
    User,
)
from ostiary.tenant.response.suspects import Suspect

# Whom a name turned out to be; None: nobody has it.
Found = User | Literal["servicePrincipal"] | None


@dataclass(frozen=True, slots=True)
class Guarded:
    """Whom a response must not touch: object ids."""

    emergency_access: frozenset[str]
    running: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier runs recorded of a user.

    `revoked`: sessions were revoked, and neither devices nor membership changed after that.
    `valid_from` is what `sessions_valid_from` was before.
    """

    since: datetime
    valid_from: datetime | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class UserPlan:
    """What is to be done for one user, suspected `since`.

    `first` is the sign-in that this was read from, where nobody said it.  Of the devices, those in
    `disable` were registered since and are not disabled yet; when those in `undated` were, is not
    known, so they are left alone.  `before` is what sessions were valid from before anything was
    done.
    """

    user: User
    since: datetime
    first: Logged | None
    evidence: tuple[str, ...]
    disable: tuple[Device, ...]
    disabled: tuple[Device, ...]
    undated: tuple[Device, ...]
    join: bool
    revoke: bool
    before: datetime | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, user by user, in this order: devices, membership, sessions.

    Whoever holds a token can register a device and get a primary refresh token with it, which
    would outlive what is revoked before the device is disabled.
    """

    environment: str
    group: Group
    users: tuple[UserPlan, ...]


@dataclass(slots=True)
class _Refusals:
    reasons: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def add(self, reason: str, hint: str) -> None:
        self.reasons.append(reason)
        if hint not in self.hints:
            self.hints.append(hint)

    def stop(self) -> None:
        """Raise PreflightError if there are any."""
        if self.reasons:
            told = "".join(f"\n  {each}" for each in self.reasons)
            raise PreflightError(f"nothing was changed:{told}", hint="; ".join(self.hints))


def within(suspects: Sequence[Suspect], most: int) -> None:
    """Raise PreflightError for more users than `most`."""
    if len(suspects) > most:
        raise PreflightError(
            f"nothing was changed: {len(suspects)} users are named, and at most {most} are taken",
            hint=f"if all of them are meant, pass --at-most {len(suspects)}",
        )


def admit(
    suspects: Sequence[Suspect], found: Mapping[str, Found], guarded: Guarded
) -> tuple[tuple[Suspect, User], ...]:
    """Give the user behind each suspect; raises PreflightError with every one that is refused."""
    refused = _Refusals()
    admitted: dict[str, tuple[Suspect, User]] = {}
    for each in suspects:
        who = found[each.name]
        if who is None:
            refused.add(f"`{each.name}`: there is no such user", "check the spelling")
        elif who == "servicePrincipal":
            refused.add(
                f"`{each.name}` is a service principal, which has no sessions",
                "replace a service principal's secrets and certificates",
            )
        elif who.id in admitted:
            other = admitted[who.id][0].name
            refused.add(f"`{each.name}` is named twice, as `{other}` before", "name each once")
        else:
            _check(each, who, guarded, refused)
            admitted[who.id] = (each, who)
    refused.stop()
    return tuple(admitted.values())


def _check(suspect: Suspect, who: User, guarded: Guarded, refused: _Refusals) -> None:
    if who.id in guarded.emergency_access:
        refused.add(
            f"`{suspect.name}` is an emergency access account",
            "an emergency access account that is suspected is a case for people: see to it that "
            "another one works first",
        )
    if who.id == guarded.running:
        refused.add(
            f"`{suspect.name}` is who runs this",
            "have somebody else run it, or a pipeline",
        )
    if who.guest:
        # https://learn.microsoft.com/graph/api/user-revokesigninsessions
        refused.add(
            f"`{suspect.name}` is a guest",
            "a guest signs in at home: the home tenant revokes sessions; here, disable the account",
        )


def plan(  # noqa: PLR0913 (each by its name)
    environment: str,
    group: Group,
    admitted: Iterable[tuple[Suspect, User]],
    accounts: Mapping[str, Account],
    *,
    trusted: TrustedPlaces,
    earlier: Mapping[str, Earlier],
    now: datetime,
) -> Plan:
    """Plan the response; raises PreflightError where it is not known since when, or not possible.

    Since when somebody is suspected says the suspect, else the sign-in log.
    """
    refused = _Refusals()
    if group.closed:
        refused.add(
            f"nobody can be added to `{group.name}`: {group.closed}", "choose another group"
        )
    users = []
    for suspect, user in admitted:
        account, known = accounts[user.id], earlier.get(user.id)
        first: Logged | None = None
        since = suspect.since
        if since is None and (first := first_device_code(account.sign_ins or (), trusted)):
            since = first.at
        if since is None:
            refused.add(*_unknown_since(suspect, account))
        elif since > now:
            refused.add(f"`{suspect.name}` is suspected since {since}", "that is in the future")
        elif any(each.enabled is None for each in account.devices):
            refused.add(
                f"the devices of `{suspect.name}` cannot be read, only their ids",
                "it takes Device.Read.All",
            )
        else:
            users.append(_user_plan(suspect, account, since, first, known))
    refused.stop()
    return Plan(environment, group, tuple(users))


def _unknown_since(suspect: Suspect, account: Account) -> tuple[str, str]:
    reason = account.no_log or (
        "the sign-in log has no device code sign-in from outside the trusted locations that"
        " succeeded"
    )
    return (
        f"since when `{suspect.name}` is suspected is not known: {reason}",
        "pass --since with the time of the first suspicious sign-in",
    )


def _user_plan(
    suspect: Suspect,
    account: Account,
    since: datetime,
    first: Logged | None,
    known: Earlier | None,
) -> UserPlan:
    new = registered_since(account.devices, since)
    disable = tuple(each for each in new if each.enabled)
    join, valid_from = not account.member, account.user.sessions_valid_from
    revoked = (
        known is not None
        and known.revoked
        and valid_from is not None
        and valid_from > since
        and not (disable or join)
        and not carried_on(account.sign_ins or (), valid_from)
    )
    return UserPlan(
        user=account.user,
        since=since,
        first=first,
        evidence=suspect.evidence,
        disable=disable,
        disabled=tuple(each for each in new if not each.enabled),
        undated=tuple(each for each in account.devices if each.registered is None),
        join=join,
        revoke=not revoked,
        before=known.valid_from if known and revoked else valid_from,
    )


def registered_since(devices: Iterable[Device], since: datetime) -> tuple[Device, ...]:
    """Give the devices that are known to be registered at that time or later."""
    return tuple(each for each in devices if each.registered and each.registered >= since)


def first_device_code(sign_ins: Iterable[Logged], trusted: TrustedPlaces) -> Logged | None:
    """Find the first device code sign-in from outside the trusted locations that succeeded.

    One that failed gives nobody a token.  An address that is not known counts as outside.
    """
    return min(
        (
            each
            for each in sign_ins
            if each.device_code and each.error_code == 0 and not trusted.hold(each.address)
        ),
        key=lambda each: each.at,
        default=None,
    )


def carried_on(sign_ins: Iterable[Logged], valid_from: datetime) -> tuple[Logged, ...]:
    """Give the sign-ins that succeeded after the revocation in a session that began before it."""
    every = list(sign_ins)
    old = {each.session for each in every if each.session and each.at <= valid_from}
    return tuple(
        each
        for each in every
        if each.at > valid_from and each.error_code == 0 and each.session in old
    )
