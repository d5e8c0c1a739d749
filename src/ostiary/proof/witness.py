"""One sign-in for each point of a partition: of every class, a value that is easy to picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ostiary.model import device_filter
from ostiary.model.sign_in import (
    NOBODY,
    UNREGISTERED,
    Application,
    Attributes,
    ServicePrincipal,
    SignIn,
    Unregistered,
    User,
    UserAction,
)
from ostiary.proof.conditions import MFA_TRUSTED_IPS, DeviceCodeDevice
from ostiary.proof.partition import Country, Partition


def sign_in(partition: Partition, point: Sequence[int]) -> tuple[SignIn, DeviceCodeDevice]:
    """Give a sign-in of the classes that `point` has, one per dimension, wholly known.

    Also which device Entra sees in it, should it be by device code (see `evaluate`).
    """
    at: dict[tuple[str, str], Any] = {
        (each.kind, each.name): each.classes[place]
        for each, place in zip(partition.dimensions, point, strict=True)
    }
    inside = dict(_named(at, "location"))
    flow = at["flow", ""]
    made = SignIn(
        identity=_user(at) if at["principal", ""] == "user" else _service_principal(at),
        target=_target(at),
        authentication_flow=flow.authentication,
        session_flow=flow.session,
        client_app_type=at["clientAppType", ""],
        platform=at["platform", ""],
        ip_address=at["address", ""].example,
        in_mfa_trusted_ips=inside.pop(MFA_TRUSTED_IPS, False),
        country=_country(at, "clientIpAddress"),
        gps_country=_country(at, "authenticatorAppGps"),
        other_locations=frozenset(key for key, member in inside.items() if member),
        device=_device(dict(_named(at, "device")), at.get(("deviceRegistered", ""))),
        sign_in_risk=at["signInRisk", ""],
        user_risk=at["userRisk", ""],
        insider_risk=at["insiderRisk", ""],
    )
    return made, at.get(("deviceCodeDevice", ""), "unavailable")


def _named(at: Mapping[tuple[str, str], Any], kind: str) -> Iterator[tuple[str, Any]]:
    return ((name, value) for (of, name), value in at.items() if of == kind)


def _country(at: Mapping[tuple[str, str], Any], method: str) -> str | None:
    country: Country | None = at.get(("country", method))
    return country.example if country else None


def _user(at: Mapping[tuple[str, str], Any]) -> User:
    guest = at["guest", ""]
    return User(
        at["user", ""] or NOBODY,
        frozenset(name for name, member in _named(at, "group") if member),
        frozenset(name for name, member in _named(at, "role") if member),
        guest.type,
        guest.tenant,
    )


def _service_principal(at: Mapping[tuple[str, str], Any]) -> ServicePrincipal:
    return ServicePrincipal(
        at.get(("servicePrincipal", "")) or NOBODY,
        at.get(("servicePrincipalRisk", ""), "none"),
        dict(_named(at, "servicePrincipal")),
        at.get(("singleTenant", ""), True),
    )


def _target(at: Mapping[tuple[str, str], Any]) -> Application | UserAction:
    target = at["target", ""]
    if target.user_action:
        return UserAction(target.user_action)
    return Application(target.application, target.suites, dict(_named(at, "application")))


def _device(attributes: Mapping[str, Any], registered: bool | None) -> Attributes | Unregistered:  # noqa: FBT001 (a class)
    if registered is None:
        registered = any(value is not None for value in attributes.values())
    if not registered:
        return UNREGISTERED
    # A device that is registered has an id.
    identified = {**dict.fromkeys(device_filter.ATTRIBUTES), "device.deviceId": NOBODY}
    return identified | {name: each for name, each in attributes.items() if each is not None}
