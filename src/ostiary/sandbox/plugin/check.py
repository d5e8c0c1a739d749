"""What is wrong with the inputs of a resource: their shape, and the provider's own rules.

The rules are those of https://github.com/hashicorp/terraform-provider-azuread,
internal/services/conditionalaccess; an empty list counts as given, as it does there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostiary.sandbox.plugin.schema import (
    LOCATION,
    RESOURCES,
    STRENGTH_PREFIX,
    Block,
    Count,
    Flag,
    Kind,
    Many,
    Range,
    StrengthId,
    Text,
)
from ostiary.sandbox.plugin.values import UNKNOWN, reveal

_WIDEST_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with the property at a path such as `conditions.users.includedUsers[0]`."""

    path: str
    reason: str


def failures(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """Give everything that is wrong with the inputs of a resource; unknown values pass."""
    bare = reveal(dict(inputs))
    found = list(_shape(RESOURCES[token], bare, ""))
    if not found:
        found += _location_rules(bare) if token == LOCATION else _policy_rules(bare)
    return found


def _shape(kind: Kind, value: Any, path: str) -> Iterator[Failure]:
    match kind:
        case _ if value is UNKNOWN:
            return
        case Block():
            yield from _block_shape(kind, value, path)
        case Many() if isinstance(value, list):
            for index, each in enumerate(value):
                yield from _shape(kind.of, each, f"{path}[{index}]")
        case _:
            reason = _scalar_reason(kind, value)
            if reason:
                yield Failure(path, reason)


def _block_shape(block: Block, value: Any, path: str) -> Iterator[Failure]:
    if not isinstance(value, dict):
        yield Failure(path, "expected an object")
        return
    for name in sorted(block.required - value.keys()):
        yield Failure(_under(path, name), f'Missing required argument "{name}"')
    for name, each in value.items():
        if name in block.fields:
            yield from _shape(block.fields[name], each, _under(path, name))
        else:
            yield Failure(_under(path, name), f'An argument named "{name}" is not expected here')


def _scalar_reason(kind: Kind, value: Any) -> str | None:
    match kind:
        case Many():
            return "expected a list"
        case Flag():
            return None if isinstance(value, bool) else "expected a boolean"
        case Count():
            whole = isinstance(value, int) and not isinstance(value, bool)
            return None if whole and value >= 0 else "expected an integer of at least 0"
        case _ if not isinstance(value, str):
            return "expected a string"
        case _ if not value:
            return "expected not to be an empty string"
        case _:
            return _text_reason(kind, value)


def _text_reason(kind: Kind, value: str) -> str | None:
    match kind:
        case Text(values=values) if values and value not in values:
            return f"expected to be one of {list(values)}, got {value}"
        case StrengthId():
            identifier = value.removeprefix(STRENGTH_PREFIX)
            if identifier in {value, ""} or "/" in identifier:
                return f"parsing {value!r}: expected {STRENGTH_PREFIX}<id>"
        case Range():
            return _range_reason(value)
        case _:
            pass
    return None


def _range_reason(value: str) -> str | None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in value:
        return f"expected a CIDR range, got {value}"
    if network.prefixlen < _WIDEST_PREFIX:
        return f"expected a prefix of /{_WIDEST_PREFIX} or longer, got {value}"
    return None


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _given(value: Mapping[str, Any], *names: str) -> list[str]:
    """Give those of `names` that are set, if only to an empty list, as Terraform counts them."""
    return [name for name in names if name in value]


def _location_rules(inputs: Mapping[str, Any]) -> Iterator[Failure]:
    if len(_given(inputs, "ip", "country")) != 1:
        yield Failure("ip", "exactly one of `ip`, `country` must be specified")


def _policy_rules(inputs: Mapping[str, Any]) -> Iterator[Failure]:
    if not _given(inputs, "grantControls", "sessionControls"):
        reason = "one of `grant_controls`, `session_controls` must be specified"
        yield Failure("grantControls", reason)
    if isinstance(conditions := inputs["conditions"], dict):
        yield from _condition_rules(conditions)
    grant, session = inputs.get("grantControls"), inputs.get("sessionControls")
    grants = ("builtInControls", "authenticationStrengthPolicyId", "termsOfUses")
    if isinstance(grant, dict) and not _given(grant, *grants):
        yield Failure("grantControls", f"one of {', '.join(grants)} must be specified")
    if isinstance(session, dict):
        yield from _session_rules(session, alone=grant is None)


def _condition_rules(conditions: Mapping[str, Any]) -> Iterator[Failure]:
    applications, users = conditions["applications"], conditions["users"]
    targets = ("includedApplications", "includedUserActions")
    if isinstance(applications, dict) and len(_given(applications, *targets)) != 1:
        reason = f"exactly one of {', '.join(targets)} must be specified"
        yield Failure("conditions.applications", reason)
    if not isinstance(users, dict):
        return
    subjects = (
        "includedGroups",
        "includedGuestsOrExternalUsers",
        "includedRoles",
        "includedUsers",
    )
    if not _given(users, *subjects):
        reason = f"one of {', '.join(subjects)} must be specified"
        yield Failure("conditions.users", reason)
    for side in ("excludedGuestsOrExternalUsers", "includedGuestsOrExternalUsers"):
        for index, guests in _objects(users.get(side)):
            for place, tenants in _objects(guests.get("externalTenants")):
                path = f"conditions.users.{side}[{index}].externalTenants[{place}].members"
                if tenants.get("membershipKind") == "all" and tenants.get("members"):
                    # https://github.com/hashicorp/terraform-provider-azuread/pull/1601
                    yield Failure(path, "`members` needs `membership_kind` `enumerated`")


def _objects(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    if isinstance(value, list):
        yield from ((place, each) for place, each in enumerate(value) if isinstance(each, dict))


def _session_rules(session: Mapping[str, Any], *, alone: bool) -> Iterator[Failure]:
    frequency = _given(session, "signInFrequency", "signInFrequencyPeriod")
    if len(frequency) == 1:
        reason = "`sign_in_frequency` and `sign_in_frequency_period` go together"
        yield Failure(f"sessionControls.{frequency[0]}", reason)
    if session.get("signInFrequencyInterval") == "everyTime" and any(
        session.get(name) for name in frequency
    ):
        # https://github.com/hashicorp/terraform-provider-azuread/issues/1225
        reason = (
            "when `session_controls.sign_in_frequency_interval` is set to `everyTime`,"
            " `sign_in_frequency` and `sign_in_frequency_period` are not valid"
        )
        yield Failure("sessionControls.signInFrequencyInterval", reason)
    defaults = {"primaryAndSecondaryAuthentication", "timeBased"}
    if alone and not any(each and each not in defaults for each in session.values()):
        # https://github.com/hashicorp/terraform-provider-azuread/issues/1347
        reason = (
            "when specifying `session_controls` but not `grant_controls`, one of the properties"
            " in the `session_controls` block must be set to an effective value"
        )
        yield Failure("sessionControls", reason)
