"""The folder of one sandbox: its certificates, its secrets, its state, and who serves it.

Private keys and secrets are readable by their owner only.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")
CERTIFICATE_LIFETIME = timedelta(days=365)
# Where Go looks on Linux and the BSDs, for a Python that was built without a default.
_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class LockedError(Exception):
    """Somebody else holds a lock of this home."""


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What this sandbox and its clients share; never printed, except by `ostiary sandbox env`."""

    instance: str
    admin_token: str
    client_id: str
    client_secret: str
    signing_key: str


@dataclass(frozen=True, slots=True)
class Home:
    """The paths inside one sandbox's folder."""

    path: Path

    @property
    def ca(self) -> Path:
        """The certificate that signs the server's own."""
        return self.path / "ca.pem"

    @property
    def leaf(self) -> Path:
        """The server's certificate and its private key."""
        return self.path / "leaf.pem"

    @property
    def bundle(self) -> Path:
        """The system's roots and our own, for SSL_CERT_FILE."""
        return self.path / "bundle.pem"

    @property
    def database(self) -> Path:
        """The state of all tenants."""
        return self.path / "state.sqlite3"

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.path / "server.log"

    def port(self) -> int:
        """Give the port last listened on, or 0."""
        try:
            return int((self.path / "port").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def set_port(self, port: int) -> None:
        """Remember the port."""
        _write(self.path / "port", str(port))

    def pid(self) -> int | None:
        """Give the process that took the server's lock last; only while it is held is that it."""
        try:
            return int((self.path / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def set_pid(self, pid: int) -> None:
        """Remember the serving process."""
        _write(self.path / "pid", str(pid))

    def secrets(self) -> Secrets:
        """Read the secrets; FileNotFoundError when the home was never prepared."""
        return Secrets(**json.loads((self.path / "secrets.json").read_text()))

    def prepare(self) -> None:
        """Make the folder, the secrets and the certificates where they are missing or expired."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.path / "secrets.json").exists():
            made = {
                "instance": str(uuid4()),
                "admin_token": secrets.token_urlsafe(32),
                "client_id": str(uuid4()),
                "client_secret": secrets.token_urlsafe(32),
                "signing_key": secrets.token_urlsafe(32),
            }
            _write(self.path / "secrets.json", json.dumps(made))
        self._certify()
        roots = _system_roots(self.bundle)
        _write(self.bundle, roots + self.ca.read_text())

    def _certify(self) -> None:
        key = self.path / "ca.key"
        if _valid(self.ca) and _valid(self.leaf) and key.exists():
            return
        import trustme  # noqa: PLC0415 - 0.1 s that only the first start needs

        end = datetime.now(UTC) + CERTIFICATE_LIFETIME
        if _valid(self.ca) and key.exists():
            authority = trustme.CA.from_pem(self.ca.read_bytes(), key.read_bytes())
        else:
            authority = trustme.CA(organization_name="ostiary sandbox")
            _write(key, authority.private_key_pem.bytes().decode())
            _write(self.ca, authority.cert_pem.bytes().decode())
        leaf = authority.issue_cert(*NAMES, not_after=end)
        _write(self.leaf, leaf.private_key_and_cert_chain_pem.bytes().decode())

    @contextmanager
    def lock(self, name: str, seconds: float) -> Iterator[int]:
        """Hold the lock `name`; LockedError when it is not free within `seconds`.

        The kernel lets go of it when its holder dies, so a lock never outlives a crash.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + seconds
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise LockedError(name) from None
                    time.sleep(0.01)
            yield handle
        finally:
            os.close(handle)


def _write(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    temporary.replace(path)


def _valid(certificate: Path) -> bool:
    """Tell whether the first certificate in a file is still good for a day."""
    from cryptography import x509  # noqa: PLC0415 - 0.05 s, and only the server needs it

    try:
        read = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (FileNotFoundError, ValueError):
        return False
    return read.not_valid_after_utc > datetime.now(UTC) + timedelta(days=1)


def _system_roots(ours: Path) -> str:
    found = ssl.get_default_verify_paths().cafile
    for each in (found, *_ROOTS):
        # SSL_CERT_FILE may name our own bundle already, in a shell that evaluated `env`.
        if each and Path(each).is_file() and Path(each).resolve() != ours.resolve():
            return Path(each).read_text(encoding="utf-8", errors="replace")
    return ""
