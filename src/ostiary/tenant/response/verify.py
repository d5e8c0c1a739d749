"""What is so after a response: devices, membership, sessions, and what the sign-in log shows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from ostiary.tenant.response.facts import Account, Device, Logged, TrustedPlaces, User
from ostiary.tenant.response.plan import registered_since

# Holds, does not hold, not known yet.
Answer = Literal["yes", "no", "unknown"]
Verdict = Literal["contained", "pending", "not contained"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a response was to reach for a user, and what this very run changed.

    What Graph shows of a change made just now may be what was before it, so that it is not known
    yet; `valid_from` is what sessions were valid from before.
    """

    since: datetime
    valid_from: datetime | None
    disabled: frozenset[str] = frozenset()
    joined: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The sign-ins since the revocation.

    `carried_on` succeeded in sessions that began before, `outside` in new ones from outside the
    trusted locations; of `unclear`, the session's beginning or the address is not known; `inside`
    are new ones from trusted locations.  `refused` are those of old sessions and of tokens that did
    not get in, `failed` those of people, who may be anybody without a token.
    """

    carried_on: tuple[Logged, ...] = ()
    outside: tuple[Logged, ...] = ()
    unclear: tuple[Logged, ...] = ()
    inside: tuple[Logged, ...] = ()
    refused: tuple[Logged, ...] = ()
    failed: tuple[Logged, ...] = ()

    @property
    def answer(self) -> Answer:
        """Tell whether old sessions are over: not known while nothing was tried."""
        if self.carried_on or self.outside:
            return "no"
        return "yes" if not self.unclear and (self.inside or self.refused) else "unknown"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found of one user; `aftermath` is None while sessions are not revoked, or no log."""

    user: User
    since: datetime
    enabled: tuple[Device, ...]
    undated: tuple[Device, ...]
    devices: Answer
    membership: Answer
    sessions: Answer
    aftermath: Aftermath | None
    no_log: str | None

    @property
    def verdict(self) -> Verdict:
        """Sum it up; whatever is not known leaves it pending."""
        after = self.aftermath.answer if self.aftermath else "unknown"
        answers = {self.devices, self.membership, self.sessions, after}
        if "no" in answers:
            return "not contained"
        return "contained" if answers == {"yes"} else "pending"


def verify(
    account: Account, expected: Expected, trusted: TrustedPlaces, *, confined: bool
) -> Verification:
    """Judge one user by what is read after the response.

    Membership of a group that is not proven to confine its members (`confined`) settles nothing.
    """
    enabled = tuple(
        each for each in registered_since(account.devices, expected.since) if each.enabled
    )
    undated = tuple(each for each in account.devices if each.registered is None)
    valid_from, before = account.user.sessions_valid_from, expected.valid_from
    moved = valid_from is not None and (
        valid_from > before if before else valid_from > expected.since
    )
    return Verification(
        user=account.user,
        since=expected.since,
        enabled=enabled,
        undated=undated,
        devices=_devices(enabled, undated, expected),
        membership="unknown"
        if account.member and not confined
        else _read(account.member, just_now=expected.joined),
        sessions=_read(moved, just_now=expected.revoked),
        aftermath=aftermath(account.sign_ins, valid_from, trusted)
        if moved and valid_from and account.sign_ins is not None
        else None,
        no_log=account.no_log,
    )


def _devices(
    enabled: tuple[Device, ...], undated: tuple[Device, ...], expected: Expected
) -> Answer:
    if any(each.id not in expected.disabled for each in enabled):
        return "no"
    return "unknown" if enabled or undated else "yes"


def _read(holds: bool, *, just_now: bool) -> Answer:  # noqa: FBT001 (what is read)
    if holds:
        return "yes"
    return "unknown" if just_now else "no"


def aftermath(
    sign_ins: tuple[Logged, ...], valid_from: datetime, trusted: TrustedPlaces
) -> Aftermath:
    """Sort the sign-ins after a revocation by what they say about it."""
    later = [each for each in sign_ins if each.at > valid_from]
    old = {each.session for each in sign_ins if each.session and each.at <= valid_from}
    # A session begins where somebody signs in; what goes on without that began somewhere else.
    begun = {each.session for each in later if each.interactive and each.session}

    def kind(each: Logged) -> str:
        known = each.session in old
        if each.error_code:
            return "refused" if known or not each.interactive else "failed"
        if known:
            return "carried_on"
        place = trusted.hold(each.address)
        if place is None or not (each.interactive or each.session in begun):
            return "unclear"
        return "inside" if place else "outside"

    return Aftermath(
        **{
            each.name: tuple(one for one in later if kind(one) == each.name)
            for each in fields(Aftermath)
        }
    )
