"""The shape of an environment file: one tenant, and everything that differs between tenants."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ostiary.catalog import State
from ostiary.spec.models import Day, Names, SpecModel, Text

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def _guid(text: str) -> str:
    folded = text.lower()
    if not GUID.match(folded):
        raise PydanticCustomError(
            "not-an-id",
            "`{text}` is not an id",
            {"text": text, "hint": "an id looks like 8f14e45f-0000-4000-8000-ceea167a5a36"},
        )
    return folded


Id = Annotated[str, AfterValidator(_guid)]
Table = dict[Text, Id]


class LocationValues(SpecModel):
    """A named location's values in this tenant; they replace those of the location's own file."""

    ip_ranges: Names | None = None
    countries_and_regions: Names | None = None


class EmergencyAccess(SpecModel):
    """The emergency access accounts, by names of the `groups` and `users` tables."""

    groups: Names = []
    users: Names = []


class ExclusionSpec(SpecModel):
    """One more exclusion from one policy in this tenant: who wants it, why, and until when."""

    policy: Text
    owner: Text
    reason: Text
    expires: Day
    exclude_users: Names = []
    exclude_groups: Names = []
    exclude_roles: Names = []
    exclude_applications: Names = []
    exclude_locations: Names = []


class FactSpec(SpecModel):
    """Something known of the directory: a user, or the members of a group or role, and a group."""

    user: Text | None = None
    group: Text | None = None
    role: Text | None = None
    within: Text | None = None
    apart_from: Text | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        subjects = [each for each in (self.user, self.group, self.role) if each is not None]
        others = [each for each in (self.within, self.apart_from) if each is not None]
        if len(subjects) != 1 or len(others) != 1:
            raise PydanticCustomError(
                "not-a-fact",
                "a fact relates one user, group or role to one group",
                {"hint": "for example `{group: suspected-users, apartFrom: emergency-access}`"},
            )
        if self.group in others or self.user in {"All", "None"}:
            raise PydanticCustomError(
                "not-a-fact",
                "the fact says nothing that is known",
                {"hint": "relate two groups, or one user or role and a group"},
            )
        return self


class WaiverSpec(SpecModel):
    """A goal that may fail in this tenant for a while: who wants it, why, and until when."""

    goal: Text
    owner: Text
    reason: Text
    expires: Day


class UnmanagedSpec(SpecModel):
    """A policy or named location that stands in this tenant and is left alone, and why.

    Its name may be one that no file of its own could have.
    """

    display_name: str
    id: Id | None = None
    reason: str


class EnvironmentSpec(SpecModel):
    """One tenant; the file's name is the environment's and the Pulumi stack's."""

    tenant_id: Id
    groups: Table = {}
    users: Table = {}
    applications: Table = {}
    service_principals: Table = {}
    external_tenants: Table = {}
    terms_of_use: Table = {}
    authentication_strengths: Table = {}
    named_locations: dict[Text, LocationValues] = {}
    emergency_access: EmergencyAccess = EmergencyAccess(groups=["emergency-access"])
    suspected_users: Text | None = None
    states: dict[Text, State] = {}
    exclusions: list[ExclusionSpec] = []
    goals: Annotated[Names, Field(min_length=1)] = []
    facts: list[FactSpec] = []
    waivers: list[WaiverSpec] = []
    device_code_flow_exceptions: Literal["on", "off"] = "on"
    protect: bool = False
    unprotected: Names = []
    unmanaged: list[UnmanagedSpec] = []
