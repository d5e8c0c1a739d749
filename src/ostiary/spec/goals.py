"""The shape of a goal file: what must be true of every sign-in, in each environment that asks.

A goal reads as a sentence: of the sign-ins `given`, `except` for some, each is what `then` says.
Which sign-ins are meant is said with the words of Graph's conditions: all that one mapping says
must be met, by any entry of a list.  Names are looked up in `model.resolve_goals`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic.alias_generators import to_camel

from ostiary.catalog import (
    ApplicationUserAction,
    AuthenticationFlow,
    ClientAppType,
    DevicePlatform,
    GuestOrExternalUserType,
    RiskLevel,
)
from ostiary.errors import Diagnostic
from ostiary.spec.models import SpecModel, Text
from ostiary.spec.source import Route, Source

Value = TypeVar("Value")
# A list of one may be written without its brackets: it reads better, and means the same.
OneOrMore = Annotated[
    list[Value],
    Field(min_length=1),
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
]

DeviceState = Literal["compliant", "hybridJoined", "unregistered"]
Words = Literal["blocked", "never blocked", "allowed"]


class SignInsSpec(SpecModel):
    """A set of sign-ins, by users unless it names service principals."""

    user: OneOrMore[Text] | None = None
    group: OneOrMore[Text] | None = None
    role: OneOrMore[Text] | None = None
    guest: OneOrMore[GuestOrExternalUserType] | None = None
    service_principal: OneOrMore[Text] | None = None
    application: OneOrMore[Text] | None = None
    user_action: OneOrMore[ApplicationUserAction] | None = None
    authentication_flow: OneOrMore[AuthenticationFlow] | None = None
    client_app_type: OneOrMore[ClientAppType] | None = None
    platform: OneOrMore[DevicePlatform] | None = None
    location: OneOrMore[Text] | None = None
    outside: OneOrMore[Text] | None = None
    device: DeviceState | None = None
    sign_in_risk_level: OneOrMore[RiskLevel] | None = None
    user_risk_level: OneOrMore[RiskLevel] | None = None


class ExceptSpec(SignInsSpec):
    """An exception; `excludedFrom` is what the environment itself excludes from that policy."""

    excluded_from: Text | None = None


class DemandsSpec(SpecModel):
    """What is asked of each sign-in: one of the three.

    Built-in controls by Graph's word, authentication strengths and terms of use by name.
    """

    requires: Annotated[list[Text], Field(min_length=1)] | None = None
    requires_one_of: Annotated[list[Text], Field(min_length=1)] | None = None
    asks_at_most: Annotated[list[Text], Field(min_length=1)] | None = None


def _kind(value: object) -> str:
    return "[mapping]" if isinstance(value, (dict, DemandsSpec)) else "[word]"


class GoalSpec(SpecModel):
    """A goal; `says` is the sentence that people read.  Without `given`: all sign-ins by users."""

    says: Text
    given: OneOrMore[SignInsSpec] = []
    except_: Annotated[list[ExceptSpec], Field(alias="except", min_length=1)] = []
    then: Annotated[
        Annotated[Words, Tag("[word]")] | Annotated[DemandsSpec, Tag("[mapping]")],
        Discriminator(_kind),
    ]


# What a condition of a policy has for everything or nothing, a goal says by leaving the word out.
_KEYWORDS: dict[str, tuple[str, ...]] = {
    "user": ("All", "None"),
    "application": ("None",),
    "client_app_type": ("all",),
    "platform": ("all",),
    "location": ("All",),
    "outside": ("All",),
}
# The words that fit sign-ins by workloads; all others are about people.
_OF_WORKLOADS = {"service_principal", "application", "location", "outside"}


def check(goal: GoalSpec, source: Source) -> Iterator[Diagnostic]:
    """Give everything that is wrong with one goal, whatever the environment."""
    for index, given in enumerate(goal.given):
        yield from _sign_ins(given, source, ("given", index))
    for index, excepted in enumerate(goal.except_):
        yield from _sign_ins(excepted, source, ("except", index))
    if isinstance(goal.then, DemandsSpec):
        demands = _said(goal.then)
        if not demands:
            yield Diagnostic(
                "says-nothing",
                "`then` asks for nothing",
                source.at("then"),
                "write `allowed`, or `{requires: [mfa]}`",
            )
        yield from _alone(sorted(demands), source, ("then",), "write a goal for each")


def _sign_ins(spec: SignInsSpec, source: Source, route: Route) -> Iterator[Diagnostic]:
    said = _said(spec)
    if not said:
        yield Diagnostic(
            "says-nothing",
            "the mapping says nothing of the sign-ins",
            source.at(*route),
            "`given` is left out where all sign-ins by users are meant",
        )
    for name, values in said.items():
        for value in _KEYWORDS.get(name, ()):
            if value in values:
                word = to_camel(name)
                yield Diagnostic(
                    "says-nothing",
                    f"`{value}` tells no sign-ins apart",
                    source.at(*route, word, values.index(value)),
                    f"leave `{word}` out where all are meant",
                )
    if "excluded_from" in said:
        words = ["excluded_from", *sorted(said.keys() - {"excluded_from"})]
        yield from _alone(words, source, route, "write an exception for each")
    if {"application", "user_action"} <= said.keys():
        yield Diagnostic(
            "two-kinds-of-target",
            "no sign-in is to an application and for a user action",
            source.at(*route, "userAction"),
            "write a mapping for each",
        )
    for name in sorted(said.keys() - _OF_WORKLOADS) if "service_principal" in said else ():
        yield Diagnostic(
            "two-kinds-of-sign-in",
            f"`{to_camel(name)}` is about users, and `servicePrincipal` about workloads",
            source.at_key(*route, to_camel(name)),
            "write a mapping for each",
        )


def _alone(words: list[str], source: Source, route: Route, hint: str) -> Iterator[Diagnostic]:
    for other in words[1:]:
        yield Diagnostic(
            "word-not-alone",
            f"`{to_camel(other)}` stands beside `{to_camel(words[0])}`",
            source.at_key(*route, to_camel(other)),
            hint,
        )


def _said(spec: SpecModel) -> dict[str, Any]:
    return {name: value for name, value in spec if value is not None}
