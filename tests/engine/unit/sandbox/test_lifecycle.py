from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import trustme
from cryptography import x509
from typer.testing import CliRunner

from ostiary.cli.sandbox import app
from ostiary.errors import OstiaryError
from ostiary.sandbox import lifecycle
from ostiary.sandbox.faults import Fault, Faults
from ostiary.sandbox.home import Home
from ostiary.sandbox.lifecycle import Running, SandboxError
from tests.engine.unit.sandbox.wire import LOCATIONS, POLICIES, Graph, block, connect, office

pytestmark = pytest.mark.e2e

TENANT = "7b1c6b0e-0000-4000-8000-2f7f9f0c1d55"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_sandbox_starts_once_and_stops_once(home: Path) -> None:
    assert lifecycle.status(home) is None
    assert lifecycle.stop(home) is False
    running = lifecycle.start(home)
    assert lifecycle.start(home) == running
    assert lifecycle.status(home) == running
    assert lifecycle.stop(home) is True
    assert lifecycle.status(home) is None
    assert lifecycle.stop(home) is False


def test_two_starts_at_once_give_one_sandbox(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ostiary.sandbox.lifecycle import start;"
        " print(start(Path(sys.argv[1])))"
    )

    def start() -> str:
        return subprocess.run(
            [sys.executable, "-c", code, home], capture_output=True, text=True, check=True
        ).stdout

    with ThreadPoolExecutor() as pool:
        first, second = (pool.submit(start) for _ in range(2))
    assert first.result() == second.result()
    assert first.result().strip() == str(lifecycle.status(home))


def test_nothing_that_was_answered_is_lost_when_the_server_is_killed(home: Path) -> None:
    running = lifecycle.start(home)
    with connect(running) as client:
        graph = Graph(running, client, TENANT).sign_in()
        location = graph.create(LOCATIONS, office())
        policy = graph.create(POLICIES, block())
        Faults(running).add(Fault(kind="status", path="nothing"))
        os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: lifecycle.status(home) is None)
    again = lifecycle.start(home)
    assert again.pid != running.pid
    assert again.port == running.port
    with connect(again) as client:
        # The token of before the crash is still good: the key is the home's, not the process's.
        after = Graph(again, client, TENANT, graph.token)
        assert after.get(f"{POLICIES}/{policy}")["displayName"] == "Block device code flow"
        assert after.get(f"{LOCATIONS}/{location}")["ipRanges"][0]["cidrAddress"]
        assert [each["path"] for each in again.admin("GET", "faults")] == ["nothing"]
        posted = [each["path"] for each in again.requests(TENANT) if each["method"] == "POST"]
        assert posted[1:] == [LOCATIONS, POLICIES]


def test_a_process_number_used_by_somebody_else_is_left_alone(home: Path) -> None:
    lifecycle.start(home)
    lifecycle.stop(home)
    Home(home).set_pid(os.getpid())
    assert lifecycle.status(home) is None
    assert lifecycle.stop(home) is False
    assert lifecycle.start(home).pid != os.getpid()


def test_the_server_of_another_home_is_not_taken_for_ours(home: Path, running: Running) -> None:
    Home(home).prepare()
    Home(home).set_port(running.port)
    assert lifecycle.status(home) is None
    started = lifecycle.start(home)
    assert started.port != running.port


def test_a_server_that_names_another_instance_is_not_taken_for_ours(home: Path) -> None:
    lifecycle.start(home)
    secrets = home / "secrets.json"
    held = json.loads(secrets.read_text())
    secrets.write_text(json.dumps(held | {"instance": str(uuid4())}))
    assert lifecycle.status(home) is None


def test_a_server_that_does_not_answer_is_stopped_all_the_same(home: Path) -> None:
    running = lifecycle.start(home)
    Home(home).set_port(1)
    assert lifecycle.status(home) is None
    with pytest.raises(SandboxError, match="another server already serves"):
        lifecycle.start(home)
    assert lifecycle.stop(home) is True
    wait_until(lambda: not _alive(running.pid))


def test_a_server_in_the_foreground_is_found_and_stopped_too(home: Path) -> None:
    command = [sys.executable, "-m", "ostiary.sandbox.server", "--home", str(home)]
    with subprocess.Popen(command) as server:
        try:
            wait_until(lambda: lifecycle.status(home) is not None)
            Home(home).set_port(1)
            assert lifecycle.stop(home) is True
            assert server.wait(20) in {0, -signal.SIGTERM}
        finally:
            server.kill()


def test_a_server_whose_folder_is_deleted_ends(home: Path) -> None:
    running = lifecycle.start(home)
    shutil.rmtree(home)
    wait_until(lambda: not _alive(running.pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Nobody may have collected it: in a container without an init it stays a zombie.
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return bool(found.stdout) and not found.stdout.startswith(b"Z")


def test_a_port_can_be_chosen_if_it_is_free(home: Path, running: Running) -> None:
    with pytest.raises(SandboxError, match=f"port {running.port} is in use"):
        lifecycle.start(home, port=running.port)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert lifecycle.start(home, port=free).port == free
    with pytest.raises(SandboxError, match=f"already runs on port {free}"):
        lifecycle.start(home, port=running.port)


def test_the_environment_points_the_provider_at_a_tenant(running: Running) -> None:
    variables = running.environment(TENANT)
    secrets = Home(running.home).secrets()
    assert variables["ARM_METADATA_HOSTNAME"] == f"127.0.0.1:{running.port}"
    assert variables["ARM_ENVIRONMENT"] == "public"
    assert variables["ARM_TENANT_ID"] == TENANT
    assert variables["ARM_CLIENT_ID"] == secrets.client_id
    assert variables["ARM_CLIENT_SECRET"] == secrets.client_secret
    assert variables["ARM_USE_CLI"] == "false"
    assert secrets.client_secret not in repr(secrets) + repr(running)
    with pytest.raises(SandboxError, match="`contoso` is not a tenant id"):
        running.environment("contoso")


def test_no_proxy_keeps_what_it_holds(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org,localhost")
    assert running.environment(TENANT)["NO_PROXY"] == "example.org,localhost,127.0.0.1"


def test_the_bundle_trusts_the_sandbox_and_the_world(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trustme.CA()
    roots = tmp_path / "roots.pem"
    world.cert_pem.write_to_path(str(roots))
    monkeypatch.setenv("SSL_CERT_FILE", str(roots))
    running = lifecycle.start(home)
    bundle = Path(running.environment(TENANT)["SSL_CERT_FILE"]).read_text()
    assert roots.read_text() in bundle
    assert running.ca.read_text() in bundle
    context = ssl.create_default_context(cafile=running.environment(TENANT)["SSL_CERT_FILE"])
    assert httpx.get(f"{running.origin}/_sandbox/health", verify=context, trust_env=False)
    # A shell that evaluated `env` names our own bundle as the system's.
    lifecycle.stop(home)
    monkeypatch.setenv("SSL_CERT_FILE", str(running.bundle))
    again = lifecycle.start(home)
    assert again.bundle.read_text().count(again.ca.read_text()) == 1


def test_only_the_owner_can_read_what_is_secret(running: Running) -> None:
    assert stat.S_IMODE(running.home.stat().st_mode) == 0o700
    for name in ("ca.key", "leaf.pem", "secrets.json"):
        assert stat.S_IMODE((running.home / name).stat().st_mode) == 0o600, name


def test_certificates_outlast_a_restart_and_are_renewed_when_they_expire(home: Path) -> None:
    place = Home(home)
    place.prepare()
    ca, leaf = place.ca.read_bytes(), place.leaf.read_bytes()
    place.prepare()
    assert (place.ca.read_bytes(), place.leaf.read_bytes()) == (ca, leaf)
    authority = trustme.CA.from_pem(ca, (home / "ca.key").read_bytes())
    ended = authority.issue_cert("localhost", not_after=datetime.now(UTC) - timedelta(seconds=1))
    place.leaf.write_bytes(ended.private_key_and_cert_chain_pem.bytes())
    running = lifecycle.start(home)
    assert running.ca.read_bytes() == ca
    renewed = x509.load_pem_x509_certificates(place.leaf.read_bytes())[0]
    assert renewed.not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)


def test_reset_empties_one_tenant_or_all(home: Path) -> None:
    with pytest.raises(SandboxError, match="no sandbox runs"):
        lifecycle.reset(home)
    running = lifecycle.start(home)
    with connect(running) as client:
        one, other = (Graph(running, client, str(uuid4())).sign_in() for _ in range(2))
        one.create(POLICIES, block())
        other.create(POLICIES, block())
        lifecycle.reset(home, one.tenant)
        assert one.sign_in().get(POLICIES)["value"] == []
        assert len(other.get(POLICIES)["value"]) == 1
        Faults(running).add(Fault(kind="throttle"))
        lifecycle.reset(home)
        assert one.ask("GET", POLICIES).status_code == 401
        assert one.sign_in().get(POLICIES)["value"] == []
        assert other.sign_in().get(POLICIES)["value"] == []


def test_a_home_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SandboxError, match="cannot write to"):
        lifecycle.start(blocked / "home")


def test_the_command_starts_shows_and_stops(home: Path) -> None:
    command = CliRunner()
    option = ["--home", str(home)]
    assert command.invoke(app, ["status", *option]).exit_code == 1
    with pytest.raises(OstiaryError, match="no sandbox runs"):
        command.invoke(app, ["env", TENANT, *option], catch_exceptions=False)
    started = command.invoke(app, ["start", *option])
    running = lifecycle.status(home)
    assert running is not None
    assert started.output == f"the sandbox listens on {running.origin}, process {running.pid}\n"
    assert command.invoke(app, ["status", *option]).output == started.output
    exported = command.invoke(app, ["env", TENANT, *option]).output.splitlines()
    assert f"export ARM_TENANT_ID={TENANT}" in exported
    assert f"export ARM_METADATA_HOSTNAME=127.0.0.1:{running.port}" in exported
    assert command.invoke(app, ["reset", *option]).output == "all tenants are empty\n"
    assert command.invoke(app, ["stop", *option]).output == "the sandbox has stopped\n"
    assert command.invoke(app, ["stop", *option]).output == "no sandbox was running\n"
    with pytest.raises(OstiaryError, match="no sandbox runs"):
        command.invoke(app, ["reset", *option], catch_exceptions=False)
