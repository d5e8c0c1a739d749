"""No secret is in what is raised, logged or printed, whatever goes wrong on the way."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ostiary.errors import OstiaryError
from ostiary.tenant.graph import Graph
from tests.engine.unit.tenant.elsewhere import TENANT, Answer, Asked, Elsewhere, Time, token

MARK = "M4RKED"
# A token is marked in its signature, an assertion likewise.
ACCESS_TOKEN = f"{token(roles=['Policy.Read.All'])}{MARK}-token"
ASSERTION = f"{token()}{MARK}-assertion"
POLICIES = "identity/conditionalAccess/policies"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Elsewhere]:
    with Elsewhere(tmp_path, tls=False) as server:
        yield server


def ways(tmp_path: Path, platform: Elsewhere) -> dict[str, dict[str, str]]:
    """Variables of each way to sign in, every secret in them marked."""
    (tmp_path / "secret").write_text(f"{MARK}-secret-file", encoding="utf-8")
    (tmp_path / "assertion").write_text(ASSERTION, encoding="utf-8")
    (tmp_path / "c.pfx").write_bytes(f"{MARK}-certificate".encode())
    of_oidc = {"ARM_USE_OIDC": "true"}
    return {
        "secret": {"ARM_CLIENT_SECRET": f"{MARK}-secret"},
        "secret in a file": {"ARM_CLIENT_SECRET_FILE_PATH": str(tmp_path / "secret")},
        "certificate": {
            "ARM_CLIENT_CERTIFICATE": base64.b64encode(f"{MARK}-certificate".encode()).decode(),
            "ARM_CLIENT_CERTIFICATE_PASSWORD": f"{MARK}-password",
        },
        "no certificate": {
            "ARM_CLIENT_CERTIFICATE": f"{MARK}!certificate",
            "ARM_CLIENT_CERTIFICATE_PASSWORD": f"{MARK}-password",
        },
        "certificate in a file": {
            "ARM_CLIENT_CERTIFICATE_PATH": str(tmp_path / "c.pfx"),
            "ARM_CLIENT_CERTIFICATE_PASSWORD": f"{MARK}-password",
        },
        "static": {**of_oidc, "ARM_OIDC_TOKEN": ASSERTION},
        "static in a file": {**of_oidc, "ARM_OIDC_TOKEN_FILE_PATH": str(tmp_path / "assertion")},
        "GitHub": {
            **of_oidc,
            "ACTIONS_ID_TOKEN_REQUEST_URL": platform.origin,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": f"{MARK}-bearer",
        },
        "Azure DevOps": {
            **of_oidc,
            "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "connection",
            "SYSTEM_OIDCREQUESTURI": platform.origin,
            "SYSTEM_ACCESSTOKEN": f"{MARK}-bearer",
        },
        "managed identity": {"ARM_USE_MSI": "true", "ARM_MSI_ENDPOINT": platform.origin},
        "az": {"ARM_USE_CLI": "true"},
    }


WAYS = (
    "secret",
    "secret in a file",
    "certificate",
    "no certificate",
    "certificate in a file",
    "static",
    "static in a file",
    "GitHub",
    "Azure DevOps",
    "managed identity",
    "az",
)


def echo(asked: Asked) -> Answer:
    """What a careless server answers: all that it was sent, as Graph's own error."""
    said = f"{asked.headers} {asked.body!r}"
    return Answer(
        400, {"error": {"code": "BadRequest", "message": said}, "error_description": said}
    )


def page(asked: Asked) -> Answer:
    """The same by a proxy, as a page."""
    body = f"<html>{asked.headers} {asked.body!r}</html>".encode()
    return Answer(502, body, {"Content-Type": "text/html"})


def forbidden(_: Asked) -> Answer:
    return Answer(403, {"error": {"code": "AccessDenied", "message": "missing scopes"}})


def cut(_: Asked) -> Answer:
    return Answer(body=b'{"value": [', length=999)


def malformed(asked: Asked) -> Answer:
    return Answer(body=f"{{{asked.headers}".encode())


def told(error: BaseException) -> str:
    """Everything that an exception holds, and those that it came from."""
    chain, seen = [error], set[int]()
    words = ["".join(traceback.format_exception(error))]
    while chain:
        each = chain.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        words += [repr(each), str(each), repr(each.args), repr(vars(each))]
        request = getattr(each, "request", None)
        words += [repr(getattr(request, "headers", "")), repr(getattr(request, "content", ""))]
        chain += [other for other in (each.__cause__, each.__context__) if other]
    return "\n".join(words)


@pytest.mark.parametrize("failure", [echo, page, forbidden, cut, malformed])
@pytest.mark.parametrize("place", ["Entra", "the platform", "Graph"])
@pytest.mark.parametrize("way", WAYS)
def test_no_secret_is_told(  # noqa: PLR0913, PLR0917 (fixtures and a table)
    way: str,
    place: str,
    failure: object,
    elsewhere: Elsewhere,
    platform: Elsewhere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("azure", "azure.identity", "msal", "httpx", "httpcore", "urllib3"):
        caplog.set_level(logging.DEBUG, logger=name)
    az = tmp_path / "az"
    printed = f'{{"accessToken":"{ACCESS_TOKEN}"' + (
        ', "expires_on": 4102444799}' if place == "Graph" else ""
    )
    az.write_text(f"#!/bin/sh\necho '{printed}'\n", encoding="utf-8")
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    good = Answer(body={"access_token": ACCESS_TOKEN, "expires_in": 3599, "token_type": "Bearer"})
    elsewhere.token = failure if place == "Entra" else good  # type: ignore[assignment]
    elsewhere.answers = [failure]  # type: ignore[list-item]
    assertion = Answer(
        body={
            "value": ASSERTION,
            "oidcToken": ASSERTION,
            "access_token": ACCESS_TOKEN,
            "expires_in": 3599,
        }
    )
    platform.answers = [failure if place == "the platform" else assertion]  # type: ignore[list-item]
    environ = {**elsewhere.environ, **ways(tmp_path, platform)[way], "PATH": str(tmp_path)}
    if way != "secret":
        del environ["ARM_CLIENT_SECRET"]
    with (
        pytest.raises(OstiaryError) as caught,
        closing(Graph(TENANT, environ, clock=Time().clock)) as graph,
    ):
        list(graph.pages(POLICIES))
    out, err = capfd.readouterr()
    for where, text in {
        "exception": told(caught.value),
        "hint": str(caught.value.hint),
        "log": caplog.text,
        "output": out + err,
    }.items():
        assert MARK not in text, where
