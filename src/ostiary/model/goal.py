"""What must be true of every sign-in of one environment, names resolved to ids.

A goal is about all sign-ins that are `given` and none of its exceptions.  Its words are those of
policies' conditions and mean the same, so that a goal can be held against policies exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ostiary.catalog import (
    ApplicationUserAction,
    AuthenticationFlow,
    ClientAppType,
    DevicePlatform,
    GuestOrExternalUserType,
    RiskLevel,
)
from ostiary.errors import Location
from ostiary.model.controls import Requirement

DeviceState = Literal["compliant", "hybridJoined", "unregistered"]


@dataclass(frozen=True, slots=True)
class SignIns:
    """A set of sign-ins: every property that is set must be met, by any one of its entries.

    None and the empty tuple set nothing; all empty is every sign-in by a user.  `users`, `groups`
    and `roles` are ids, `applications` client ids or Graph's keywords, `locations` and `outside`
    keys of named locations, in one of which and in none of which the sign-in comes from.
    `service_principals` are object ids or `All`; setting them makes it sign-ins by workloads.  A
    flow is that of the sign-in or that in which its session began, as policies have it.
    """

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    guests: tuple[GuestOrExternalUserType, ...] = ()
    service_principals: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    user_actions: tuple[ApplicationUserAction, ...] = ()
    authentication_flows: tuple[AuthenticationFlow, ...] = ()
    client_app_types: tuple[ClientAppType, ...] = ()
    platforms: tuple[DevicePlatform, ...] = ()
    locations: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    device: DeviceState | None = None
    sign_in_risk_levels: tuple[RiskLevel, ...] = ()
    user_risk_levels: tuple[RiskLevel, ...] = ()


@dataclass(frozen=True, slots=True)
class GoalException:
    """Sign-ins that a goal says nothing about; `name` is how its file writes them."""

    name: str
    sign_ins: SignIns
    place: Location


@dataclass(frozen=True, slots=True)
class Blocked:
    """Every sign-in is blocked, by policies that block: a control nobody can satisfy is not one."""


@dataclass(frozen=True, slots=True)
class NeverBlocked:
    """No sign-in is blocked, nor asked for what nobody can satisfy in it."""


@dataclass(frozen=True, slots=True)
class Requires:
    """Every sign-in is blocked, or satisfies each requirement (by one of its controls)."""

    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class AsksAtMost:
    """No sign-in is blocked, nor asked for what none of these controls satisfies.

    Without controls: nothing is asked at all.
    """

    controls: Requirement = ()


Then = Blocked | NeverBlocked | Requires | AsksAtMost


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of one environment; `key` is its file's name, `says` the sentence for people.

    Of all sign-ins in one of `given` and in none of the exceptions, `then` is true.
    """

    key: str
    says: str
    given: tuple[SignIns, ...]
    exceptions: tuple[GoalException, ...]
    then: Then
    place: Location


@dataclass(frozen=True, slots=True)
class Waiver:
    """The goal with the key `goal` may fail until the end of the day `expires`, and why."""

    goal: str
    owner: str
    reason: str
    expires: date
    place: Location


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known of a tenant's directory: members of `subject` are, or are not, in `group`.

    `within` says that whoever is the user, or in the group or role, `subject`, is in `group`;
    `apartFrom` that nobody is both.  Nested membership counts.
    """

    kind: Literal["user", "group", "role"]
    subject: str
    relation: Literal["within", "apartFrom"]
    group: str
