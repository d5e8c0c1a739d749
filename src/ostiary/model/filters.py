"""What is wrong with a filter rule, told at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ostiary.errors import Diagnostic, Location, Severity
from ostiary.model import attribute_filter, device_filter
from ostiary.model.device_filter import FilterSyntaxError
from ostiary.spec.models import FilterSpec, PolicySpec

_CA = "https://learn.microsoft.com/entra/identity/conditional-access/"
_PAGE = _CA + "concept-condition-filters-for-devices"


def check_attribute_filter(spec: FilterSpec, place: Location) -> Iterator[Diagnostic]:
    """Check a filter over custom security attributes, of applications or service principals."""
    try:
        attribute_filter.parse(spec.rule)
    except FilterSyntaxError as error:
        yield _syntax(error, place)


def check_device_filter(policy: PolicySpec, place: Location) -> Iterator[Diagnostic]:
    """Check a policy's device filter, and what it does to devices that show no state.

    A device that is not registered has no attributes, so a negative comparison is true of it: a
    rule that excludes by one exempts every such device.
    """
    devices, flows = policy.conditions.devices, policy.conditions.authentication_flows
    if devices is None:
        return
    try:
        unregistered = _true_of_unregistered(devices.device_filter.rule)
    except FilterSyntaxError as error:
        yield _syntax(error, place)
        return
    mode, grant = devices.device_filter.mode, policy.grant_controls
    if mode == "exclude" and unregistered:
        yield Diagnostic(
            "filter-exempts-unregistered",
            "the rule is true of a device that is not registered, so it exempts all of them",
            place,
            "exclude by what a device is, as `device.isCompliant -eq True`",
            page=_PAGE,
        )
    if mode == "include" and not unregistered and grant and "block" in grant.built_in_controls:
        yield Diagnostic(
            "filter-misses-unregistered",
            "the rule is false of a device that is not registered, so the block misses all of them",
            place,
            "exclude the devices that may pass instead",
            Severity.WARNING,
            _PAGE,
        )
    if flows and "deviceCodeFlow" in flows.transfer_methods:
        yield Diagnostic(
            "device-state-in-device-code-flow",
            "the signing-in device cannot give its state to the device that shows the code, so a "
            "device filter probably never matches in device code flow",
            place,
            "an exclusion by it fails closed: expect such sign-ins to stay blocked, even where "
            "What If says otherwise",
            Severity.WARNING,
            _CA + "concept-conditional-access-grant",
        )


def _syntax(error: FilterSyntaxError, place: Location) -> Diagnostic:
    where = f"at character {error.offset + 1} of the rule"
    return Diagnostic("filter-syntax", f"{error} {where}", place, error.hint)


@lru_cache(maxsize=1024)
def _true_of_unregistered(rule: str) -> bool:
    return device_filter.opens_for_unregistered(device_filter.parse(rule))
