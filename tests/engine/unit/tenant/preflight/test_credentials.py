from __future__ import annotations

from dataclasses import replace

import pytest

from ostiary.tenant.permissions import Identity
from ostiary.tenant.preflight.credentials import check_credentials
from ostiary.tenant.preflight.values import Credentials, Finding, Recorded, Severity
from tests.engine.unit.tenant.preflight.healthy import RECORDED, RESOLVED, only

OTHER = "0d000000-0000-4000-8000-000000000000"
ENOUGH = frozenset({"Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"})
NAMING = replace(
    RESOLVED,
    policies=(
        replace(
            RESOLVED.policies[0],
            conditions=replace(
                RESOLVED.policies[0].conditions,
                applications=replace(
                    RESOLVED.policies[0].conditions.applications,
                    include_applications=("797f4846-ba00-4fd7-ba43-dac1f8f63013",),
                ),
            ),
        ),
    ),
)


def credentials(
    *,
    tenant: str = RESOLVED.tenant_id,
    held: frozenset[str] = ENOUGH,
    configured: str | None = None,
) -> Credentials:
    identity = Identity(tenant, "client", "object", held, application=True)
    return Credentials(identity, configured)


def found(
    by: Credentials, recorded: Recorded = RECORDED, *, writing: bool = True
) -> tuple[Finding, ...]:
    plain = replace(RESOLVED, policies=())
    return tuple(check_credentials(plain, by, recorded, writing=writing))


def test_the_right_tenant_with_the_right_permissions_is_fine() -> None:
    recorded = replace(RECORDED, tenants=frozenset({RESOLVED.tenant_id}))
    assert found(credentials(configured=RESOLVED.tenant_id.upper()), recorded) == ()


@pytest.mark.parametrize(
    ("by", "tenants", "what"),
    [
        (credentials(tenant=OTHER), frozenset[str](), "the token is for"),
        (credentials(configured=OTHER), frozenset[str](), "$ARM_TENANT_ID is"),
        (credentials(), frozenset({OTHER}), "the stack was deployed to"),
    ],
)
def test_another_tenant_is_refused(by: Credentials, tenants: frozenset[str], what: str) -> None:
    finding = only(found(by, replace(RECORDED, tenants=tenants)))
    assert (finding.code, finding.severity) == ("wrong-tenant", Severity.REFUSE)
    assert finding.message.startswith(f"{what} {OTHER}")


@pytest.mark.parametrize("permission", sorted(ENOUGH))
def test_a_token_that_cannot_do_the_work_is_refused(permission: str) -> None:
    finding = only(found(credentials(held=ENOUGH - {permission})))
    assert (finding.code, finding.severity) == ("permission-missing", Severity.REFUSE)
    assert finding.permission == permission


def test_who_only_reads_need_not_write() -> None:
    assert found(credentials(held=frozenset({"Policy.Read.All"})), writing=False) == ()


def test_to_name_an_application_takes_a_permission_more() -> None:
    lacking = only(tuple(check_credentials(NAMING, credentials(), RECORDED, writing=True)))
    assert lacking.permission == "Application.Read.All"
    enough = credentials(held=ENOUGH | {"Application.ReadWrite.All"})
    assert tuple(check_credentials(NAMING, enough, RECORDED, writing=True)) == ()
