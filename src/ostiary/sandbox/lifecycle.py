"""Start, find, stop and reset the sandbox of a folder.

A process number proves nothing after a crash or a reboot.  What proves that a server is ours is
its certificate, which only this home's own authority can have signed, and the instance it names.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ostiary.sandbox import SandboxError
from ostiary.sandbox.graph_types import is_guid
from ostiary.sandbox.home import HOST, Home, LockedError

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 20.0  # seconds for a server to come up or go down on a busy machine


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that answers."""

    home: Path
    port: int
    pid: int

    @property
    def authority(self) -> str:
        """`host:port`: the azuread provider's metadata host, and azure-identity's authority."""
        return f"{HOST}:{self.port}"

    @property
    def origin(self) -> str:
        """`https://host:port`: Graph is at `{origin}/v1.0`, its scope is `{origin}/.default`."""
        return f"https://{self.authority}"

    @property
    def ca(self) -> Path:
        """The certificate to trust, alone."""
        return Home(self.home).ca

    @property
    def bundle(self) -> Path:
        """The certificate to trust and the system's roots."""
        return Home(self.home).bundle

    def environment(self, tenant_id: str) -> dict[str, str]:
        """Give the variables that point the azuread provider at a tenant of this sandbox.

        NO_PROXY keeps Python's HTTP clients from asking a proxy for this machine; what it already
        holds is kept.  The client's secret is among them.  Raises SandboxError when `tenant_id` is
        not a GUID.
        """
        if not is_guid(tenant_id):
            raise SandboxError(f"`{tenant_id}` is not a tenant id")
        secrets = Home(self.home).secrets()
        named = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or "", HOST, "localhost"]
        no_proxy = ",".join(dict.fromkeys(each for each in ",".join(named).split(",") if each))
        return {
            "ARM_METADATA_HOSTNAME": self.authority,
            "ARM_ENVIRONMENT": "public",
            "ARM_TENANT_ID": tenant_id,
            "ARM_CLIENT_ID": secrets.client_id,
            "ARM_CLIENT_SECRET": secrets.client_secret,
            "ARM_USE_CLI": "false",
            "SSL_CERT_FILE": str(self.bundle),
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the sandbox itself: JSON in, JSON out; SandboxError when it refuses."""
        return _ask(Home(self.home), self.port, method, f"/_sandbox/{path}", body)

    def requests(self, tenant_id: str | None = None) -> list[dict[str, Any]]:
        """Give the requests so far, oldest first: at, tenant, method, path, query, status, body.

        Status 0 is a connection that was cut.  Bodies are those of Graph; no secret is among them.
        """
        query = f"?tenant={tenant_id}" if tenant_id else ""
        found: list[dict[str, Any]] = self.admin("GET", f"requests{query}")
        return found

    def set_roles(self, tenant_id: str, *roles: str) -> None:
        """Set the roles that the next tokens of a tenant carry."""
        self.admin("PATCH", f"tenants/{tenant_id}", {"roles": roles})

    def set_security_defaults(self, tenant_id: str, *, enabled: bool) -> None:
        """Switch a tenant's security defaults."""
        self.admin("PATCH", f"tenants/{tenant_id}", {"securityDefaults": enabled})

    def furnish(self, tenant_id: str, directory: dict[str, Any]) -> None:
        """Put users, groups and what else a directory holds into a tenant, merged by id.

        `directory` is the document of `ostiary.sandbox.furnishing`; SandboxError when something in
        it makes no sense, and then nothing of it is there.
        """
        self.admin("PUT", f"tenants/{tenant_id}/directory", directory)

    def directory(self, tenant_id: str) -> dict[str, Any]:
        """Give the directory of a tenant, as `furnish` takes it."""
        found: dict[str, Any] = self.admin("GET", f"tenants/{tenant_id}/directory")
        return found

    def token(
        self, tenant_id: str, *, app: str | None = None, user: dict[str, str] | None = None
    ) -> str:
        """Give a Graph token of somebody else, so that the audit log shows who changed what.

        `app` is the name of another application, `user` a person's `id` and `userPrincipalName`.
        They may do what the tenant's roles let the sandbox's own client do.
        """
        body = {"app": app} if user is None else {"user": user}
        made: dict[str, str] = self.admin("POST", f"tenants/{tenant_id}/tokens", body)
        return made["access_token"]

    def put(
        self, tenant_id: str, kind: str, body: dict[str, Any], *, beta_only: bool = False
    ) -> dict[str, Any]:
        """Store a policy (`policies`) or a location (`namedLocations`) past all of Graph's rules.

        For what a tenant may hold although Graph takes it no longer, or the sandbox does not know
        it: properties of a policy without a shape are kept.  A policy for `beta_only` has features
        that v1.0 refuses to show.  Gives the object as stored; the audit log has nothing of it.
        """
        query = "?betaOnly=true" if beta_only else ""
        made: dict[str, Any] = self.admin("POST", f"tenants/{tenant_id}/{kind}{query}", body)
        return made


def start(home: Path, *, port: int = 0) -> Running:
    """Give the sandbox of `home`, started if it does not run.

    Port 0 means the port of last time if it is free, else any.  Raises SandboxError when the port
    is taken, or the server does not come up.
    """
    place = Home(home.resolve())
    try:
        with place.lock("start", PATIENCE):
            running = status(home) or _spawn(place, port)
    except LockedError:
        raise SandboxError(f"another start of {place.path} does not come to an end") from None
    except OSError as error:
        raise SandboxError(f"the sandbox cannot write to {place.path}: {error.strerror}") from None
    if port not in (0, running.port):
        raise SandboxError(
            f"the sandbox already runs on port {running.port}; stop it to move it to {port}"
        )
    return running


def _spawn(home: Home, port: int) -> Running:
    # -P: a file in the current directory must not pass for a module of the server.
    command = [sys.executable, "-P", "-m", "ostiary.sandbox.server", "--detach"]
    command += ["--home", str(home.path), "--port", str(port)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SandboxError(f"the sandbox did not start within {PATIENCE:.0f} seconds") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SandboxError(f"the sandbox did not start: {reason}")
    running = status(home.path)
    if running is None:
        raise SandboxError(f"the sandbox does not answer; its log is {home.log}")
    return running


def status(home: Path) -> Running | None:
    """Give the sandbox of `home` if it answers."""
    place = Home(home.resolve())
    try:
        expected = place.secrets().instance
        answer = _ask(place, place.port(), "GET", "/_sandbox/health")
    except (FileNotFoundError, SandboxError):
        return None
    if answer["instance"] != expected:
        return None
    return Running(place.path, place.port(), answer["pid"])


def stop(home: Path) -> bool:
    """Stop the sandbox of `home`; tells whether there was one.

    Raises SandboxError when it does not go away.
    """
    place = Home(home.resolve())
    if not place.path.exists() or _unlocked(place, 0):
        return False
    # The lock is held, so the process that wrote its number after taking it is alive.
    running, pid = status(home), place.pid()
    target = running.pid if running else pid
    if target is None:
        raise SandboxError(f"the sandbox of {place.path} is just starting")
    for each in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(target, each)
        except ProcessLookupError:
            return True
        if _unlocked(place, PATIENCE / 2):
            return True
    raise SandboxError(f"process {target} does not stop")


def _unlocked(home: Home, seconds: float) -> bool:
    try:
        with home.lock("server", seconds):
            return True
    except LockedError:
        return False


def reset(home: Path, tenant_id: str | None = None) -> None:
    """Forget one tenant, or all of them and the faults; SandboxError if no sandbox runs."""
    running = status(home)
    if running is None:
        raise SandboxError(f"no sandbox runs in `{home}`; start it first")
    running.admin("POST", "reset", {"tenant": tenant_id})


def _ask(home: Home, port: int, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"https://{HOST}:{port}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {home.secrets().admin_token}"},
    )
    try:
        context = ssl.create_default_context(cafile=str(home.ca))
        # No proxy, whatever the environment says: this is our own machine.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(request, timeout=PATIENCE) as response:
            return json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            reason = error.read().decode("utf-8", "replace")
        raise SandboxError(f"the sandbox refuses {method} {path}: {error.code} {reason}") from None
    except OSError as error:
        raise SandboxError(f"the sandbox does not answer on port {port}: {error}") from None
