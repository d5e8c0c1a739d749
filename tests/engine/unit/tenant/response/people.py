"""Users, devices and sign-ins at minutes from the first suspicious sign-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ostiary.model.policy import IpNamedLocation
from ostiary.model.resolve import Resolved
from ostiary.tenant.response.facts import Account, Device, Group, Logged, TrustedPlaces, User

START = datetime(2026, 11, 20, 8, 14, tzinfo=UTC)
GROUP = Group("group", "suspected-users")
OFFICE, MAPPED, ABROAD = "203.0.113.7", "::ffff:203.0.113.7", "198.51.100.7"
TRUSTED = TrustedPlaces(
    Resolved(
        "contoso-prod",
        "tenant",
        (),
        (),
        known_locations=(
            IpNamedLocation("office", "Office", ("203.0.113.0/24",), is_trusted=True),
            IpNamedLocation("guests", "Guest network", ("198.51.100.0/24",)),
        ),
    )
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def user(name: str = "ada", *, valid: float | None = None, guest: bool = False) -> User:
    return User(name, f"{name}@contoso.com", guest, None if valid is None else at(valid))


def device(name: str, minutes: float | None, *, enabled: bool | None = True) -> Device:
    return Device(name, name, "Windows", None if minutes is None else at(minutes), enabled)


def logged(minutes: float, **more: Any) -> Logged:
    """A sign-in that succeeded with a token, from abroad."""
    said = {"interactive": False, "error_code": 0, "session": "stolen", "address": ABROAD, **more}
    return Logged(f"at {minutes}", at(minutes), **said)


def account(
    of: User,
    *devices: Device,
    sign_ins: tuple[Logged, ...] | None = (),
    member: bool = False,
    no_log: str | None = None,
) -> Account:
    return Account(of, devices, member, sign_ins, no_log)
