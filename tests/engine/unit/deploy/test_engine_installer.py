"""The official installer of the SDK, against a server on this machine that answers in its name."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from ostiary.deploy.engine import Engine, find_or_install
from ostiary.errors import EngineError

INSTALLER = """#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in --install-root) root=$2; shift;; --version) version=$2; shift;; esac
  shift
done
mkdir -p "$root/bin"
printf '#!/bin/sh\\necho v%s\\n' "$version" >"$root/bin/pulumi"
printf '#!/bin/sh\\n' >"$root/bin/pulumi-language-python"
chmod +x "$root/bin/"*
"""


@contextlib.contextmanager
def answering(script: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Stand at the end of every https request, and give the environment that makes it so."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("get.pulumi.com").configure_cert(tls)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with plain:
                plain.recv(65536)  # CONNECT get.pulumi.com:443
                plain.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                with tls.wrap_socket(plain, server_side=True) as secure:
                    secure.recv(65536)
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(script)}\r\n\r\n"
                    secure.sendall((head + script).encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield {
            "PATH": "/usr/bin:/bin",
            "https_proxy": f"http://127.0.0.1:{listening.getsockname()[1]}",
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        }
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_the_official_installer_fills_the_cache_once(tmp_path: Path) -> None:
    said: list[str] = []
    with answering(INSTALLER, tmp_path) as environ:
        first = find_or_install(said.append, cache=tmp_path / "cache", environ=environ)
        again = find_or_install(said.append, cache=tmp_path / "cache", environ=environ)

    assert first == Engine(first.command, "3.250.0", "installer", language_host_included=True)
    assert again == Engine(first.command, "3.250.0", "cache", language_host_included=True)
    assert first.command.is_relative_to(tmp_path / "cache" / "engine")
    assert "trying the official installer" in said[0]
    assert said[1].endswith("the official installer brought this one")


def failing_go(directory: Path) -> Path:
    """Put a `go` there that fits and then fails, to see that the build was begun."""
    go = directory / "go"
    go.write_text(
        '#!/bin/sh\nenv >"$0.environ"\n'
        'case "$*" in *-deps*) echo as far as this goes; exit 1;; env*) echo os; echo arch;; esac\n'
    )
    go.chmod(0o755)
    return directory


@pytest.mark.parametrize("reachable", [True, False])
def test_where_the_installer_fails_the_build_is_next(tmp_path: Path, reachable: bool) -> None:  # noqa: FBT001 - a parameter of the table
    said: list[str] = []
    with answering("#!/bin/sh\nexit 3\n", tmp_path) as environ:
        if not reachable:
            environ["https_proxy"] = "http://127.0.0.1:9"
        environ |= {"ARM_CLIENT_SECRET": "hidden", "PULUMI_CONFIG_PASSPHRASE": "hidden"}
        environ["PATH"] = f"{failing_go(tmp_path)}:/usr/bin:/bin"
        with pytest.raises(EngineError, match="could not be built: as far as this goes"):
            find_or_install(said.append, cache=tmp_path / "cache", environ=environ)

    reason = "returned non-zero exit status 3" if reachable else "Connection refused"
    assert reason in said[1]
    assert "building pulumi 3.250.0 from its Go module instead: 2 to 15 minutes" in said[2]
    assert "hidden" not in (tmp_path / "go.environ").read_text()
    assert [each.suffix for each in (tmp_path / "cache" / "engine").iterdir()] == [".lock"]
