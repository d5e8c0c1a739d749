from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ostiary.model.policy import CountryNamedLocation
from ostiary.tenant.preflight.values import Listed, Severity, Unread
from tests.engine.unit.tenant.preflight.healthy import (
    MANAGED,
    OBSERVED,
    RECORDED,
    RESOLVED,
    block,
    findings,
    ip_location,
    only,
    with_locations,
    with_policies,
)

REFUSE, WARN = Severity.REFUSE, Severity.WARN
OURS = OBSERVED.listed.policies[0]
LOCATION = OBSERVED.listed.named_locations[0]


def test_a_healthy_tenant_is_fine() -> None:
    assert findings() == ()


def test_security_defaults_and_enabled_policies_exclude_each_other() -> None:
    on = replace(OBSERVED, security_defaults=True)
    finding = only(findings(on))
    assert (finding.code, finding.severity) == ("security-defaults", REFUSE)
    report_only = replace(
        RESOLVED,
        policies=tuple(
            replace(each, state="enabledForReportingButNotEnforced") for each in RESOLVED.policies
        ),
    )
    assert findings(on, resolved=report_only) == ()


def test_a_name_of_ours_on_what_is_not_ours_is_refused() -> None:
    strange = {**block("x"), "displayName": OURS["displayName"]}
    finding = only(findings(with_policies(strange)))
    assert (finding.code, finding.severity) == ("name-taken", REFUSE)
    assert "foreign-x" in finding.message
    other = {**ip_location("y", "192.0.2.0/24"), "displayName": LOCATION["displayName"]}
    assert only(findings(with_locations(other))).code == "name-taken"


def test_two_foreign_objects_of_one_name_are_told() -> None:
    twice = {**block("x"), "id": "another"}
    finding = only(findings(with_policies(block("x"), twice)))
    assert (finding.code, finding.severity) == ("name-twice", WARN)
    here, there = ip_location("y", "192.0.2.0/24"), ip_location("y", "198.51.100.0/24")
    finding = only(findings(with_locations(here, {**there, "id": "another"})))
    assert "2 named locations" in finding.message


@pytest.mark.parametrize(
    ("total", "code", "severity"),
    [
        (179, None, None),
        (180, "many-policies", WARN),
        (240, "many-policies", WARN),
        (241, "too-many-policies", REFUSE),
    ],
)
def test_policies_in_any_state_count(
    total: int, code: str | None, severity: Severity | None
) -> None:
    others = total - len(RESOLVED.policies)
    many = (block(f"number {n}") | {"state": "disabled"} for n in range(others))
    found = [(each.code, each.severity) for each in findings(with_policies(*many))]
    assert found == ([(code, severity)] if code else [])


def test_named_locations_by_address_count() -> None:
    fit = [ip_location(f"number {n}", f"192.0.2.{n}/32") for n in range(194)]
    assert findings(with_locations(*fit)) == ()
    finding = only(findings(with_locations(*fit, ip_location("one more", "192.0.2.200/32"))))
    assert (finding.code, finding.severity) == ("too-many-named-locations", REFUSE)


def test_a_location_that_others_use_is_not_deleted() -> None:
    gone = replace(RESOLVED, named_locations=())
    locations = {"includeLocations": ["All"], "excludeLocations": [LOCATION["id"]]}
    used = with_policies(block("theirs", locations=locations))
    finding = only(findings(used, resolved=gone))
    assert (finding.code, finding.severity) == ("location-in-use", REFUSE)
    assert "`theirs`" in finding.message
    assert findings(used) == ()
    assert findings(resolved=gone) == ()


def test_a_location_of_another_kind_is_a_new_one_so_others_lose_the_old() -> None:
    country = CountryNamedLocation("head-office", LOCATION["displayName"], ("CH",))
    replaced = replace(RESOLVED, named_locations=(country,))
    used = with_policies(block("theirs", locations={"includeLocations": [LOCATION["id"]]}))
    assert "location-in-use" in {each.code for each in findings(used, resolved=replaced)}


def test_a_location_under_a_new_key_stays() -> None:
    moved = replace(RECORDED, managed=replace(MANAGED, named_locations={"old": LOCATION["id"]}))
    renamed = replace(RESOLVED, renamed_from={"head-office": ("old",)})
    used = with_policies(block("theirs", locations={"includeLocations": [LOCATION["id"]]}))
    assert "location-in-use" not in {each.code for each in findings(used, moved, renamed)}


AT_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_who_else_writes_our_policies_is_told() -> None:
    applied = replace(RECORDED, applied=AT_NOON)
    touched = {**OURS, "modifiedDateTime": "2026-11-23T12:30:00Z"}
    listed = replace(OBSERVED.listed, policies=(touched, *OBSERVED.listed.policies[1:]))
    observed = replace(OBSERVED, listed=listed, authors={OURS["id"]: "CIPP"})
    finding = only(findings(observed, applied))
    assert (finding.code, finding.severity) == ("changed-elsewhere", WARN)
    assert "2026-11-23T12:30:00Z by CIPP" in finding.message
    unknown = only(findings(replace(observed, authors=Unread("AuditLog.Read.All")), applied))
    assert unknown.permission == "AuditLog.Read.All"
    before = {**OURS, "modifiedDateTime": "2026-11-23T11:30:00Z"}
    listed = replace(OBSERVED.listed, policies=(before, *OBSERVED.listed.policies[1:]))
    assert findings(replace(OBSERVED, listed=listed), applied) == ()


def test_a_policy_that_the_provider_can_read_no_more_is_refused() -> None:
    rest = replace(OBSERVED.listed, policies=OBSERVED.listed.policies[1:])
    finding = only(findings(replace(OBSERVED, listed=rest, beta_only=(OURS,))))
    assert (finding.code, finding.severity) == ("preview-features", REFUSE)


def test_a_state_that_is_locked_is_refused() -> None:
    finding = only(findings(recorded=replace(RECORDED, lock="process 1 on build-7")))
    assert (finding.code, finding.severity) == ("state-locked", REFUSE)
    assert "process 1 on build-7" in finding.message


def test_what_the_tenant_has_lost_is_told() -> None:
    lost = replace(OBSERVED, listed=replace(OBSERVED.listed, policies=OBSERVED.listed.policies[1:]))
    finding = only(findings(lost))
    assert (finding.code, finding.severity) == ("gone-from-tenant", WARN)
    assert RESOLVED.policies[0].key in finding.message


def test_what_an_interrupted_run_left_is_told() -> None:
    rest = dict(list(MANAGED.policies.items())[1:])
    forgotten = replace(RECORDED, managed=replace(MANAGED, policies=rest))
    finding = only(findings(recorded=forgotten))
    assert (finding.code, finding.severity) == ("left-behind", WARN)
    copy = only(findings(with_policies({**OURS, "id": "copy"})))
    assert (copy.code, copy.severity) == ("made-twice", WARN)


def test_a_location_that_may_be_trusted_and_cannot_be_read_is_refused_where_it_matters() -> None:
    opaque = {"@odata.type": "#microsoft.graph.newNamedLocation", "id": "new", "displayName": "New"}
    trusting = replace(
        RESOLVED.policies[0],
        conditions=replace(
            RESOLVED.policies[0].conditions,
            locations=replace(
                next(
                    each for each in RESOLVED.policies if each.conditions.locations
                ).conditions.locations,  # type: ignore[arg-type]
                exclude_locations=("AllTrusted",),
            ),
        ),
    )
    resolved = replace(RESOLVED, policies=(trusting, *RESOLVED.policies[1:]))
    finding = only(findings(with_locations(opaque), resolved=resolved))
    assert (finding.code, finding.severity) == ("trusted-location-unreadable", REFUSE)
    assert findings(with_locations(opaque)) == ()
    assert findings(with_locations({**opaque, "isTrusted": False}), resolved=resolved) == ()


def test_an_empty_tenant_before_the_first_run_is_fine() -> None:
    nothing = replace(RECORDED, managed=type(MANAGED)({}, {}))
    assert findings(replace(OBSERVED, listed=Listed()), nothing) == ()
