"""Each tenant's own variables, and nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.errors import TenantError
from ostiary.tenant.apart import suffix, variables_of

EVERY = ["contoso-dev", "contoso-prod", "prod"]
SHARED = {"PATH": "/bin", "ARM_USE_OIDC": "true", "ARM_OIDC_TOKEN": "of the job"}


def test_a_tenant_has_its_own_identity_and_what_all_share() -> None:
    environ = SHARED | {
        "PULUMI_BACKEND_URL": "file://all",
        "PULUMI_BACKEND_URL__PROD": "file://prod",
        "ARM_CLIENT_ID__CONTOSO_PROD": "of contoso-prod",
        "ARM_CLIENT_ID__PROD": "of prod",
        "ARM_CLIENT_ID": "of whoever is signed in",
        "ARM_CLIENT_SECRET": "likewise",
    }
    shared = SHARED | {"ARM_USE_CLI": "false"}
    assert variables_of("contoso-prod", EVERY, environ) == shared | {
        "PULUMI_BACKEND_URL": "file://all",
        "ARM_CLIENT_ID": "of contoso-prod",
    }
    assert variables_of("prod", EVERY, environ) == shared | {
        "PULUMI_BACKEND_URL": "file://prod",
        "ARM_CLIENT_ID": "of prod",
    }


def test_without_one_of_its_own_a_tenant_has_none() -> None:
    environ = SHARED | {"ARM_CLIENT_ID": "a", "ARM_CLIENT_SECRET": "b", "ARM_USE_CLI": "true"}
    with pytest.raises(TenantError, match="no credentials for `contoso-dev`") as raised:
        variables_of("contoso-dev", EVERY, environ)
    assert "ARM_CLIENT_SECRET__CONTOSO_DEV" in str(raised.value.hint)


NAMES = st.from_regex(r"[a-z0-9]{1,3}(-[a-z0-9]{1,3}){0,2}", fullmatch=True)


@given(st.lists(NAMES, min_size=2, max_size=6, unique=True))
def test_no_two_tenants_meet(environments: list[str]) -> None:
    environ = {
        f"{name}{suffix(each)}": f"of {each}"
        for each in environments
        for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "AWS_PROFILE")
    }
    for each in environments:
        found = variables_of(each, environments, environ)
        assert set(found.values()) == {f"of {each}", "false"}
