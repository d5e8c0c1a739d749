"""Drift in words, and what can be done about it."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from ostiary.model.resolve import Resolved, resolve
from ostiary.report import drift as report
from ostiary.spec.workspace import load
from ostiary.tenant.deviations import Listing
from ostiary.tenant.drift import drift
from tests.engine.shipped import ROOT, TODAY
from tests.engine.unit.tenant.test_orphans import managed, tenant

Json = dict[str, Any]


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return resolve(load(ROOT, ["sandbox"]), "sandbox", TODAY)


def told(resolved: Resolved, listing: Listing, *, audited: bool = True) -> str:
    of = drift(resolved, managed(resolved), listing)
    json.dumps(report.drift_json(of, "sandbox", audited=audited))
    return "\n".join(report.drift(of, "sandbox", audited=audited))


def test_in_line(resolved: Resolved) -> None:
    assert told(resolved, Listing(*tenant(resolved))) == "sandbox: the tenant is as specified"


def test_a_deviation_with_its_property_effect_and_ways_out(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    flow = next(each for each in policies if "device code" in each["displayName"])
    flow["conditions"]["users"]["excludeGroups"].append(
        resolved.emergency_access[0].groups[0][::-1]
    )
    flow["conditions"]["users"]["excludeGroups"][0] = flow["conditions"]["users"]["excludeGroups"][
        0
    ].upper()
    office = copy.deepcopy(locations[0])
    office["ipRanges"][0]["cidrAddress"] = "203.0.113.9/24"
    text = told(resolved, Listing(policies, [office]), audited=False)
    assert text.startswith("sandbox: 1 deviation, the worst first\nnot proven in the tenant as it")
    assert "1. changed: policy `Block device code flow` (`block-device-code-flow`, enabled," in text
    assert "conditions.users.excludeGroups: also `" in text
    assert "changed by: unknown: needs AuditLog.Read.All" in text
    assert "no longer blocked (by `block-device-code-flow`)" in text
    assert "revert: `ostiary up sandbox`" in text
    assert "accept: `ostiary drift sandbox --accept block-device-code-flow`" in text
    assert "spelled otherwise, and the same: named location `head-office` (ipRanges)" in text


def test_each_kind_has_its_ways_out(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    missing = policies.pop()
    kept = [missing | {"deletedDateTime": "2026-11-20T08:00:00Z"}]
    policies += [
        policies[0] | {"id": "twin"},
        policies[0] | {"id": "theirs", "displayName": "Theirs"},
        policies[1] | {"id": "same name", "state": "disabled"},
    ]
    text = told(resolved, Listing(policies, locations, kept))
    assert (
        "`ostiary restore sandbox --deleted` brings it back under its id until 2026-12-20" in text
    )
    assert "left by an interrupted run: policy" in text
    assert "accept: `ostiary adopt sandbox`, or an entry in `unmanaged`" in text
    assert "refuses as long as it bears the name of a specified one" in text
    assert "changed by: unknown: the audit log has nothing of it" in text


def test_what_opens_only_together_is_told_of_them_all(resolved: Resolved) -> None:
    """Each of two blocks suffices, so that neither opens anything alone."""
    flow = next(each for each in resolved.policies if each.key == "block-device-code-flow")
    both = (*resolved.policies, replace(flow, key="again", display_name="Again"))
    twice = replace(resolved, policies=both, as_written=both)
    policies, locations = tenant(twice)
    left = [each for each in policies if "code flow" not in each["displayName"]]
    one = [each for each in policies if each["displayName"] != "Again"]
    neither = [each for each in left if each["displayName"] != "Again"]
    assert "all of them together" not in told(twice, Listing(one, locations))
    text = told(twice, Listing(neither, locations))
    assert text.count("no sign-in is decided differently") == 2
    together = text.partition("all of them together")[2]
    assert "no longer blocked (by `block-device-code-flow` and `again`)" in together


def test_what_is_unsettled_is_told(resolved: Resolved) -> None:
    policies, locations = tenant(resolved)
    policies[0]["state"] = "disabled"
    unsettled = frozenset({policies[0]["id"]})
    text = told(resolved, Listing(policies, locations, unsettled=unsettled))
    assert f"unsettled: Graph gives two answers for `{policies[0]['displayName']}`" in text
