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
    (tmp_path / "secret").write_text(f"{MARK}-secret/file", encoding="utf-8")
    (tmp_path / "assertion").write_text(ASSERTION, encoding="utf-8")
    (tmp_path / "c.pfx").write_bytes(f"{MARK}-certificate".encode())
    of_oidc = {"ARM_USE_OIDC": "true"}
    return {
        "secret": {"ARM_CLIENT_SECRET": f"{MARK}-secret/1+"},
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


def echo(asked: Asked) -> Answer:
    """What a careless server answers: all that it was sent, as Graph's own error."""
    said = f"{asked.body.decode()} {asked.headers}"
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
        words += [repr(each), repr(each.args), repr(vars(each))]
        # By itself httpx shows no Authorization, but what holds a request can show it.
        request = getattr(each, "_request", None)
        words += [str(dict(request.headers))] if request else []
        chain += [other for other in (each.__cause__, each.__context__) if other]
    return "\n".join(words)


FAILURES = (echo, page, forbidden, cut, malformed)
OF_ENTRA = ("secret", "secret in a file", "static", "static in a file", "GitHub")
OF_A_PLATFORM = ("GitHub", "Azure DevOps", "managed identity")
ON_THIS_MACHINE = ("certificate", "no certificate", "certificate in a file", "az")


@pytest.mark.parametrize(
    ("place", "way"),
    [
        *(("Entra", way) for way in OF_ENTRA),
        *(("a platform", way) for way in OF_A_PLATFORM),
        *(("this machine", way) for way in ON_THIS_MACHINE),
        *(("Graph", way) for way in ("secret", "managed identity", "az")),
    ],
)
def test_no_secret_is_told(  # noqa: PLR0913, PLR0917 (fixtures and a table)
    place: str,
    way: str,
    elsewhere: Elsewhere,
    platform: Elsewhere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    az = tmp_path / "az"
    rest = "" if place == "this machine" else ', "expires_on": 4102444799}'
    az.write_text(f'#!/bin/sh\necho \'{{"accessToken":"{ACCESS_TOKEN}"{rest}\'\n', "utf-8")
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    environ = {**elsewhere.environ, "ARM_CLIENT_SECRET": "", "PATH": str(tmp_path)}
    environ |= ways(tmp_path, platform)[way]
    given = {"access_token": ACCESS_TOKEN, "expires_in": 3599, "token_type": "Bearer"}
    for failure in FAILURES:
        for name in ("", "azure", "azure.identity", "msal", "httpx", "httpcore", "urllib3"):
            caplog.set_level(logging.DEBUG, logger=name)
        elsewhere.token = failure if place == "Entra" else Answer(body=given)
        elsewhere.answers = [failure]
        good = Answer(body={**given, "value": ASSERTION, "oidcToken": ASSERTION})
        platform.answers = [failure if place == "a platform" else good]
        with pytest.raises(OstiaryError) as caught:
            ask(environ)
        assert_unmarked(told(caught.value), caplog.text, *capfd.readouterr())
        assert place == "this machine" or caplog.text


def ask(environ: dict[str, str]) -> None:
    with closing(Graph(TENANT, environ, clock=Time().clock)) as graph:
        list(graph.pages(POLICIES))


def assert_unmarked(*texts: str) -> None:
    for text in texts:
        assert MARK not in text


@pytest.mark.parametrize("way", OF_A_PLATFORM)
def test_what_nobody_answers_is_told_without_secrets(
    way: str,
    elsewhere: Elsewhere,
    platform: Elsewhere,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    environ = {**elsewhere.environ, "ARM_CLIENT_SECRET": "", **ways(tmp_path, platform)[way]}
    platform.stop()
    with pytest.raises(OstiaryError, match=r"`127.0.0.1` gave no token: ConnectError") as caught:
        ask(environ)
    assert_unmarked(told(caught.value), caplog.text)


def test_a_lost_write_is_told_without_secrets(elsewhere: Elsewhere) -> None:
    elsewhere.token = Answer(body={"access_token": ACCESS_TOKEN, "expires_in": 3599})
    elsewhere.answers = [cut]
    with (
        closing(Graph(TENANT, elsewhere.environ, clock=Time().clock)) as graph,
        pytest.raises(OstiaryError, match="got no answer") as caught,
    ):
        graph.post(POLICIES, {})
    assert_unmarked(told(caught.value))
