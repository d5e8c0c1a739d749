"""What Microsoft Graph tells of a directory, in its own words, as far as it is read here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from ostiary.errors import TenantError


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


Shape = TypeVar("Shape", bound=_Shape)


def read(shape: type[Shape], answer: dict[str, Any]) -> Shape:
    """Read one object; raises TenantError where it has another shape than Microsoft describes."""
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(each) for each in first["loc"])
    raise TenantError(f"Graph told of a {shape.__name__} whose `{place}` is wrong: {first['msg']}")


class SecurityDefaults(_Shape):
    """https://learn.microsoft.com/graph/api/resources/identitysecuritydefaultsenforcementpolicy."""

    is_enabled: bool


class Named(_Shape):
    """Whatever has a name: a role, a strength, terms of use."""

    id: str
    display_name: str | None


class Role(_Shape):
    """https://learn.microsoft.com/graph/api/resources/unifiedroledefinition."""

    template_id: str | None
    display_name: str


class DirectoryObject(_Shape):
    """A user, group or service principal; without a name where the token may not read it.

    https://learn.microsoft.com/graph/permissions-overview#limited-information-returned-for-inaccessible-member-objects
    """

    id: str
    kind: Annotated[str, AfterValidator(lambda text: text.removeprefix("#microsoft.graph."))] = (
        Field(alias="@odata.type")
    )
    display_name: str | None = None
    user_principal_name: str | None = None
    # Only of a user, and only where it is asked for.
    account_enabled: bool | None = None
    # Only of a directory role.
    role_template_id: str | None = None


class User(_Shape):
    """https://learn.microsoft.com/graph/api/resources/user."""

    id: str
    display_name: str | None
    user_principal_name: str
    account_enabled: bool
    user_type: str | None
    sign_in_sessions_valid_from_date_time: datetime | None = None


class ServicePrincipal(_Shape):
    """https://learn.microsoft.com/graph/api/resources/serviceprincipal."""

    id: str
    app_id: str
    display_name: str | None


class Device(_Shape):
    """A device of a user's; of one that the token may not read there is the id alone.

    https://learn.microsoft.com/graph/api/resources/device
    """

    id: str
    display_name: str | None = None
    account_enabled: bool | None = None
    operating_system: str | None = None
    registration_date_time: datetime | None = None


class ServicePlan(_Shape):
    """One service in a licence."""

    service_plan_name: str
    provisioning_status: str


class SubscribedSku(_Shape):
    """https://learn.microsoft.com/graph/api/resources/subscribedsku."""

    capability_status: str
    service_plans: tuple[ServicePlan, ...]


class Person(_Shape):
    """Who did something."""

    id: str | None
    user_principal_name: str | None = None


class App(_Shape):
    """What did something."""

    app_id: str | None
    display_name: str | None


class InitiatedBy(_Shape):
    """Who or what did something."""

    user: Person | None = None
    app: App | None = None

    def __str__(self) -> str:
        if self.user:
            return self.user.user_principal_name or self.user.id or "somebody"
        return (self.app and (self.app.display_name or self.app.app_id)) or "something"


class ModifiedProperty(_Shape):
    """What was changed, as JSON text."""

    display_name: str | None
    old_value: str | None
    new_value: str | None


class TargetResource(_Shape):
    """What was acted upon."""

    id: str | None
    display_name: str | None
    modified_properties: tuple[ModifiedProperty, ...] = ()


class DirectoryAudit(_Shape):
    """https://learn.microsoft.com/graph/api/resources/directoryaudit."""

    activity_date_time: datetime
    activity_display_name: str
    initiated_by: InitiatedBy
    result: str | None
    target_resources: tuple[TargetResource, ...]
