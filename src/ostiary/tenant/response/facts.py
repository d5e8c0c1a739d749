"""What a response rests on: users, their devices and sign-ins, as values, and who can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

from ostiary.model.policy import IpNamedLocation
from ostiary.model.resolve import Resolved


@dataclass(frozen=True, slots=True)
class User:
    """A user of the tenant; `guest`: the account comes from another tenant.

    Sessions that began before `sessions_valid_from` are revoked.
    """

    id: str
    name: str
    guest: bool = False
    sessions_valid_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device that a user owns or has registered; None is what Graph does not say."""

    id: str
    name: str
    operating_system: str | None
    registered: datetime | None
    enabled: bool | None


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the sign-in log; `error_code` 0 is a success."""

    id: str
    at: datetime
    interactive: bool
    error_code: int
    device_code: bool = False
    session: str | None = None
    address: str | None = None
    application: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """All that is known of one suspected user.

    `sign_ins`, of both the interactive and the other kind, oldest first, are None where the log
    cannot be read, for the reason in `no_log`.
    """

    user: User
    devices: tuple[Device, ...]
    member: bool
    sign_ins: tuple[Logged, ...] | None
    no_log: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The group of suspected users; `closed` says why nobody can be added to it."""

    id: str
    name: str
    closed: str | None = None


class Directory(Protocol):
    """A tenant that can be asked and changed; every method raises TenantError."""

    def user(self, user_id: str) -> User:
        """Read a user by id."""

    def devices(self, user_id: str) -> Sequence[Device]:
        """Read the devices that a user owns or has registered, each once."""

    def is_member(self, group_id: str, user_id: str) -> bool:
        """Tell whether a user is in a group, directly or through another."""

    def sign_ins(self, user_id: str, since: datetime) -> Sequence[Logged]:
        """Read a user's sign-ins since then, oldest first."""

    def disable_device(self, device_id: str) -> None:
        """Disable a device."""

    def add_member(self, group_id: str, user_id: str) -> None:
        """Add a user to a group."""

    def revoke_sessions(self, user_id: str) -> None:
        """Revoke all sessions of a user."""


class TrustedPlaces:
    """The addresses of an environment's trusted named locations."""

    def __init__(self, resolved: Resolved) -> None:
        trusted = [
            each
            for each in resolved.known_locations
            if isinstance(each, IpNamedLocation) and each.is_trusted
        ]
        self.names = tuple(each.key for each in trusted)
        self._ranges: list[IPv4Network | IPv6Network] = [
            ip_network(text) for each in trusted for text in each.ip_ranges
        ]

    def hold(self, address: str | None) -> bool | None:
        """Tell whether an address is in one of them; None where it is none that can be read."""
        try:
            read = ip_address(address or "")
        except ValueError:
            return None
        if isinstance(read, IPv6Address) and read.ipv4_mapped:
            read = read.ipv4_mapped
        return any(read in each for each in self._ranges)
