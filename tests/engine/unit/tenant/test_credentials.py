from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.errors import TenantError
from ostiary.tenant.credentials import describe, require

ID = {"ARM_CLIENT_ID": "5f1d", "PATH": ""}


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({**ID, "ARM_CLIENT_SECRET": "s3cret"}, "a client secret ($ARM_CLIENT_SECRET)"),
        (
            {**ID, "ARM_CLIENT_SECRET": "s3cret", "ARM_CLIENT_CERTIFICATE_PATH": "/c.pfx"},
            "a client certificate ($ARM_CLIENT_CERTIFICATE_PATH)",
        ),
        (
            {**ID, "ARM_USE_OIDC": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token"},
            "an OpenID Connect token ($ACTIONS_ID_TOKEN_REQUEST_URL)",
        ),
        ({**ID, "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token"}, None),
        ({**ID}, None),
        ({"PATH": "", "ARM_USE_MSI": "true"}, "the managed identity"),
        ({"PATH": ""}, None),
    ],
)
def test_the_credential_that_the_provider_would_take(
    environ: dict[str, str], words: str | None
) -> None:
    assert describe(environ) == words
    assert "s3cret" not in (words or "")


def test_the_account_of_az_is_the_last_resort(tmp_path: Path) -> None:
    az = tmp_path / "az"
    az.write_text("#!/bin/sh\n", encoding="utf-8")
    az.chmod(0o755)
    assert describe({"PATH": str(tmp_path)}) == "the account that az is logged in with"
    assert describe({"PATH": str(tmp_path), "ARM_USE_CLI": "false"}) is None


def test_without_credentials_the_error_says_what_to_set() -> None:
    with pytest.raises(TenantError, match="contoso-dev") as caught:
        require({"PATH": ""}, "contoso-dev")
    assert "ARM_CLIENT_ID" in str(caught.value.hint)
