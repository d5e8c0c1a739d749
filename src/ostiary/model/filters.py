"""What is wrong with a filter rule, told at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ostiary.catalog import FilterMode
from ostiary.errors import Diagnostic, Location, Severity
from ostiary.model import attribute_filter, device_filter
from ostiary.model.device_filter import FilterSyntaxError
from ostiary.spec.models import FilterSpec

_PAGE = (
    "https://learn.microsoft.com/entra/identity/conditional-access/"
    "concept-condition-filters-for-devices"
)


def checked_filter(
    spec: FilterSpec, place: Location, *, device: bool, blocks: bool
) -> Iterator[Diagnostic]:
    """Parse a rule; `device` tells a device filter from one over custom security attributes.

    A device that is not registered has no attributes, so a negative comparison is true of it: a
    rule that excludes by one exempts every such device.
    """
    try:
        unregistered = _true_of_unregistered(spec.rule) if device else None
        if not device:
            attribute_filter.parse(spec.rule)
    except FilterSyntaxError as error:
        yield Diagnostic(
            "filter-syntax",
            f"{error} at character {error.offset + 1} of the rule",
            place,
            error.hint,
        )
        return
    mode: FilterMode = spec.mode
    if mode == "exclude" and unregistered:
        yield Diagnostic(
            "filter-exempts-unregistered",
            "the rule is true of a device that is not registered, so it exempts all of them",
            place,
            "exclude by what a device is, as `device.isCompliant -eq True`",
            page=_PAGE,
        )
    if mode == "include" and blocks and unregistered is False:
        yield Diagnostic(
            "filter-misses-unregistered",
            "the rule is false of a device that is not registered, so the block misses all of them",
            place,
            "exclude the devices that may pass instead",
            Severity.WARNING,
            _PAGE,
        )


@lru_cache(maxsize=1024)
def _true_of_unregistered(rule: str) -> bool:
    return device_filter.opens_for_unregistered(device_filter.parse(rule))
