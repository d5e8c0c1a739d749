"""Every way to sign in, for real: against the sandbox, a web server of a platform's, an az."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    NoEncryption,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from ostiary.errors import TenantError
from ostiary.sandbox.lifecycle import Running
from ostiary.tenant.credentials import describe, hidden, require
from ostiary.tenant.graph import Graph
from ostiary.tenant.permissions import Identity
from tests.engine.unit.tenant.elsewhere import Answer, Elsewhere, Time, token, variables

ID = {"ARM_CLIENT_ID": "5f1d", "PATH": ""}
OIDC = {**ID, "ARM_USE_OIDC": "true"}
SECRET = {"ARM_CLIENT_SECRET": "s3cret"}
STATIC = {"ARM_OIDC_TOKEN": "s3cret"}
GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s3cret",
}
AZURE_DEVOPS = {
    "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "connection",
    "SYSTEM_OIDCREQUESTURI": "https://token",
    "SYSTEM_ACCESSTOKEN": "s3cret",
}


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({**ID, **SECRET}, "a client secret ($ARM_CLIENT_SECRET)"),
        (
            {**ID, "ARM_CLIENT_SECRET_FILE_PATH": "/s"},
            "a client secret ($ARM_CLIENT_SECRET_FILE_PATH)",
        ),
        (
            {**ID, **SECRET, "ARM_CLIENT_CERTIFICATE_PATH": "/c.pfx"},
            "a client certificate ($ARM_CLIENT_CERTIFICATE_PATH)",
        ),
        (
            {**ID, "ARM_CLIENT_CERTIFICATE": "s3cret", "ARM_CLIENT_CERTIFICATE_PATH": "/c.pfx"},
            "a client certificate ($ARM_CLIENT_CERTIFICATE)",
        ),
        ({**OIDC, **SECRET, **STATIC}, "a client secret ($ARM_CLIENT_SECRET)"),
        ({**OIDC, **STATIC, **GITHUB}, "an OpenID Connect token ($ARM_OIDC_TOKEN)"),
        (
            {**OIDC, "ARM_OIDC_TOKEN_FILE_PATH": "/t"},
            "an OpenID Connect token ($ARM_OIDC_TOKEN_FILE_PATH)",
        ),
        (
            {**OIDC, **GITHUB},
            "an OpenID Connect token of GitHub ($ACTIONS_ID_TOKEN_REQUEST_URL)",
        ),
        (
            {**OIDC, **GITHUB, **AZURE_DEVOPS},
            "an OpenID Connect token of Azure DevOps ($ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID)",
        ),
        ({**ID, **STATIC}, None),
        ({**ID, **GITHUB}, None),
        ({**OIDC, "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token"}, None),
        ({**ID, "ARM_CLIENT_CERTIFICATE_PASSWORD": "s3cret"}, None),
        ({**ID}, None),
        ({"PATH": "", **SECRET}, None),
        ({"PATH": "", "ARM_USE_MSI": "true"}, "the managed identity ($ARM_USE_MSI)"),
        ({**ID, "ARM_USE_MSI": "1"}, "the managed identity ($ARM_USE_MSI)"),
        ({"PATH": "", "ARM_USE_MSI": "false"}, None),
        ({"PATH": ""}, None),
    ],
)
def test_the_credential_that_the_provider_would_take(
    environ: dict[str, str], words: str | None
) -> None:
    assert describe(environ) == words
    assert "s3cret" not in (words or "")


@pytest.fixture
def az(tmp_path: Path) -> Path:
    """An az that prints what az prints, and notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "az"
    printed = {
        "accessToken": token(scp="Policy.Read.All Directory.AccessAsUser.All", appid="az"),
        "expiresOn": "2099-12-31 23:59:59.000000",
        "expires_on": 4102444799,
        "tokenType": "Bearer",
    }
    (folder / "printed").write_text(json.dumps(printed, indent=2), encoding="utf-8")
    script.write_text(
        f"""#!/bin/sh
cd {folder}
echo "$@" >> called
if [ -e said ]; then cat said >&2; exit 1; fi
cat printed
""",
        encoding="utf-8",
    )
    script.chmod(0o755)
    return folder


def test_the_account_of_az_is_the_last_resort(az: Path) -> None:
    assert describe({"PATH": str(az)}) == "the account that az is logged in with"
    assert describe({**ID, "PATH": str(az)}) == "the account that az is logged in with"
    assert describe({"PATH": str(az), "ARM_USE_CLI": "false"}) is None
    assert (
        describe({"PATH": str(az), "ARM_USE_MSI": "true"}) == "the managed identity ($ARM_USE_MSI)"
    )


def test_without_credentials_the_error_says_what_to_set() -> None:
    with pytest.raises(TenantError, match="contoso-dev") as caught:
        require({"PATH": ""}, "contoso-dev")
    assert "ARM_CLIENT_ID" in str(caught.value.hint)
    with pytest.raises(TenantError, match="no credentials for tenant 7b1c6b0e") as caught:
        Graph("7b1c6b0e", {"PATH": ""})
    assert "ARM_CLIENT_ID" in str(caught.value.hint)


def sign_in(tenant: str, environ: dict[str, str]) -> Identity:
    with closing(Graph(tenant, environ, clock=Time().clock)) as graph:
        return graph.identity()


@pytest.fixture
def tenant() -> str:
    return str(uuid4())


@pytest.fixture
def environ(running: Running, tenant: str) -> dict[str, str]:
    """What leads to the sandbox, without a credential."""
    kept = variables(running, tenant)
    del kept["ARM_CLIENT_SECRET"]
    return {**kept, "PATH": ""}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Elsewhere]:
    """The token endpoint of a platform, on this machine and so without TLS."""
    with Elsewhere(tmp_path, tls=False) as server:
        yield server


def test_a_secret_may_lie_in_a_file(
    running: Running, tenant: str, environ: dict[str, str], tmp_path: Path
) -> None:
    given = variables(running, tenant)
    (tmp_path / "secret").write_text(given["ARM_CLIENT_SECRET"] + "\n", encoding="utf-8")
    (tmp_path / "id").write_text(environ.pop("ARM_CLIENT_ID") + "\n", encoding="utf-8")
    environ["ARM_CLIENT_SECRET_FILE_PATH"] = str(tmp_path / "secret")
    environ["ARM_CLIENT_ID_FILE_PATH"] = str(tmp_path / "id")
    assert sign_in(tenant, environ).tenant_id == tenant


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pfx(
    password: str = "", key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None
) -> bytes:
    key = key or rsa_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ostiary")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"ostiary", key, certificate, None, how)


@pytest.mark.parametrize("password", ["", "p4ssword"])
def test_a_certificate_signs_in_from_a_file_and_from_a_variable(
    tenant: str, environ: dict[str, str], tmp_path: Path, password: str
) -> None:
    data = pfx(password)
    (tmp_path / "c.pfx").write_bytes(data)
    environ["ARM_CLIENT_CERTIFICATE_PASSWORD"] = password
    for way in (
        {"ARM_CLIENT_CERTIFICATE_PATH": str(tmp_path / "c.pfx")},
        {"ARM_CLIENT_CERTIFICATE": base64.b64encode(data).decode()},
        {"ARM_CLIENT_CERTIFICATE": base64.encodebytes(data).decode()},
    ):
        assert sign_in(tenant, {**environ, **way}).tenant_id == tenant


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ({"ARM_CLIENT_CERTIFICATE_PATH": "/nowhere/c.pfx"}, "No such file"),
        ({"ARM_CLIENT_CERTIFICATE": "no base64!"}, "base64"),
        ({"ARM_CLIENT_CERTIFICATE": base64.b64encode(b"no archive").decode()}, "PKCS12"),
        (
            {
                "ARM_CLIENT_CERTIFICATE": base64.b64encode(pfx("p4ssword")).decode(),
                "ARM_CLIENT_CERTIFICATE_PASSWORD": "wr0ng",
            },
            "PKCS12",
        ),
        (
            {
                "ARM_CLIENT_CERTIFICATE": base64.b64encode(
                    pfx(key=ec.generate_private_key(ec.SECP256R1()))
                ).decode()
            },
            "RSA",
        ),
        ({"ARM_CLIENT_SECRET_FILE_PATH": "/nowhere/secret"}, "No such file"),
    ],
)
def test_a_credential_that_is_none_is_told(
    tenant: str, environ: dict[str, str], way: dict[str, str], reason: str
) -> None:
    with pytest.raises(TenantError, match=rf"\(\${next(iter(way))}\) cannot be used: .*{reason}"):
        sign_in(tenant, {**environ, **way})


def test_gitlab_gives_the_token_in_a_variable_or_a_file(
    tenant: str, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(token(), encoding="utf-8")
    for way in (
        {"ARM_OIDC_TOKEN": token()},
        {"ARM_OIDC_TOKEN_FILE_PATH": str(tmp_path / "token")},
    ):
        found = sign_in(tenant, {**environ, "ARM_USE_OIDC": "true", **way})
        assert found.tenant_id == tenant


def test_a_token_that_is_past_or_not_there_is_told(
    tenant: str, environ: dict[str, str], tmp_path: Path
) -> None:
    environ["ARM_USE_OIDC"] = "true"
    with pytest.raises(TenantError, match="Client assertion is not within its valid time range"):
        sign_in(tenant, {**environ, "ARM_OIDC_TOKEN": token(exp=1)})
    with pytest.raises(TenantError, match="No such file"):
        sign_in(tenant, {**environ, "ARM_OIDC_TOKEN_FILE_PATH": str(tmp_path / "token")})


def test_github_is_asked_for_a_token(
    tenant: str, environ: dict[str, str], platform: Elsewhere
) -> None:
    platform.answers = [Answer(503, {}), Answer(body={"count": 1, "value": token()})]
    environ |= {
        "ARM_USE_OIDC": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{platform.origin}/job?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
    }
    assert sign_in(tenant, environ).tenant_id == tenant
    asked = platform.asked[-1]
    assert (asked.method, asked.path) == ("GET", "/job")
    assert asked.query == {"api-version": "2.0", "audience": "api://AzureADTokenExchange"}
    assert asked.headers["Authorization"] == "Bearer of the job"
    assert len(platform.asked) == 2


@pytest.mark.parametrize(
    ("connection", "url", "bearer"),
    [
        ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN"),
        ("ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "ARM_OIDC_REQUEST_URL", "ARM_OIDC_REQUEST_TOKEN"),
    ],
)
def test_azure_devops_is_asked_for_a_token(
    environ: dict[str, str], platform: Elsewhere, connection: str, url: str, bearer: str
) -> None:
    platform.answers = [Answer(body={"oidcToken": token()})]
    tenant = environ["ARM_TENANT_ID"]
    environ |= {
        "ARM_USE_OIDC": "true",
        url: f"{platform.origin}/oidctoken",
        bearer: "of the job",
        connection: "of contoso",
    }
    assert sign_in(tenant, environ).tenant_id == tenant
    (asked,) = platform.asked
    assert (asked.method, asked.path) == ("POST", "/oidctoken")
    assert asked.query == {"api-version": "7.1", "serviceConnectionId": "of contoso"}
    assert asked.headers["Authorization"] == "Bearer of the job"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(401, {"message": "of the job"}), "HTTP 401"),
        (Answer(302, b"", {"Location": "https://login.example/"}), "HTTP 302"),
        (Answer(body=b"<html>"), "JSONDecodeError"),
        (Answer(body={"count": 0}), "there is no `value` in its answer"),
        (Answer(body=[]), "HTTP 200"),
        (Answer(500, {}), "HTTP 500"),
        (Answer(body=b"{", length=99), "RemoteProtocolError"),
    ],
)
def test_a_platform_that_gives_no_token_is_told(
    tenant: str, environ: dict[str, str], platform: Elsewhere, answer: Answer, reason: str
) -> None:
    platform.answers = [answer]
    environ |= {
        "ARM_USE_OIDC": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": platform.origin,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
    }
    with pytest.raises(TenantError, match=f"`127.0.0.1` gave no token: {reason}") as caught:
        sign_in(tenant, environ)
    assert "of the job" not in str(caught.value)


@pytest.mark.parametrize("client_id", ["", "5f1d"])
def test_the_managed_identity_is_asked_where_the_provider_asks(
    tenant: str, running: Running, environ: dict[str, str], platform: Elsewhere, client_id: str
) -> None:
    printed = {"access_token": token(tid=tenant, roles=["Policy.Read.All"]), "expires_in": "3599"}
    platform.answers = [Answer(body=printed)]
    del environ["ARM_CLIENT_ID"]
    environ |= {
        "ARM_USE_MSI": "true",
        "ARM_MSI_ENDPOINT": f"{platform.origin}/metadata/identity/oauth2/token",
        "ARM_CLIENT_ID": client_id,
    }
    with closing(Graph(tenant, environ, clock=Time().clock)) as graph:
        for _ in range(3):
            assert graph.identity().permissions == {"Policy.Read.All"}
    (asked,) = platform.asked
    of_client = {"client_id": client_id} if client_id else {}
    assert asked.query == {"api-version": "2018-02-01", "resource": running.origin, **of_client}
    assert asked.headers["Metadata"] == "true"


def test_a_token_without_a_lifetime_serves_once(
    tenant: str, environ: dict[str, str], platform: Elsewhere
) -> None:
    platform.answers = [Answer(body={"access_token": token()})]
    environ |= {"ARM_USE_MSI": "true", "ARM_MSI_ENDPOINT": platform.origin}
    with closing(Graph(tenant, environ, clock=Time().clock)) as graph:
        graph.identity()
        graph.identity()
    assert len(platform.asked) == 2


def test_az_is_asked_once_for_the_tenant(
    tenant: str,
    running: Running,
    environ: dict[str, str],
    az: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # azure-identity looks for az, and the script for its commands, on this process's own PATH.
    monkeypatch.setenv("PATH", f"{az}{os.pathsep}{os.environ['PATH']}")
    environ |= {"PATH": os.environ["PATH"], "ARM_USE_CLI": "true"}
    with closing(Graph(tenant, environ, clock=Time().clock)) as graph:
        for _ in range(3):
            found = graph.identity()
    assert found.permissions == {"Policy.Read.All", "Directory.AccessAsUser.All"}
    assert not found.application
    called = (az / "called").read_text(encoding="utf-8").splitlines()
    assert called == [
        f"account get-access-token --output json --resource {running.origin} --tenant {tenant}"
    ]


def test_what_az_says_is_told(
    tenant: str, environ: dict[str, str], az: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{az}{os.pathsep}{os.environ['PATH']}")
    environ |= {"PATH": os.environ["PATH"], "ARM_USE_CLI": "true"}
    (az / "said").write_text("Please run 'az login' to setup account.\n", encoding="utf-8")
    with pytest.raises(TenantError, match="Please run 'az login'"):
        sign_in(tenant, environ)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ntwo", "one"),
        ("  \n one \n", "one"),
        ("", ""),
        (f"Bearer {token()} is no token", "Bearer *** is no token"),
        ("it was s3cret", "it was ***"),
    ],
)
def test_what_others_say_is_one_line_without_secrets(text: str, shown: str) -> None:
    assert hidden(text, {"ARM_CLIENT_SECRET": " s3cret\n", "ARM_OIDC_TOKEN": ""}) == shown
