from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.e2e.checkout import REPOSITORY, Checkout

pytestmark = pytest.mark.e2e

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def call(*command: str | Path, cwd: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checkout]:
    """Give a tenant repository: the six things alone, to run what its own .venv will hold."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    root = tmp_path / "tenant"
    root.mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(REPOSITORY / name, root)
    for name in ("policies", "environments", "tests/policies"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, root / name, ignore=ignored)
    written = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    line = written.index("--editable .")
    written[line] = "ostiary==0.1.0"
    (root / "requirements.txt").write_text("\n".join(written), encoding="utf-8")
    checkout = Checkout(root, command=root / ".venv" / "bin" / "ostiary")
    yield checkout
    checkout.close()


def test_the_six_things_work_with_the_released_package(cut: Checkout, tmp_path: Path) -> None:
    root, environ = cut.root, cut.environ()
    wheels = tmp_path / "wheels"
    build = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", wheels)
    call(*PIP, *build, REPOSITORY, cwd=tmp_path, environ=environ)
    (wheel,) = wheels.glob("ostiary-*.whl")
    call(sys.executable, "-m", "venv", "--without-pip", root / ".venv", cwd=root, environ=environ)
    python = root / ".venv" / "bin" / "python"
    (site,) = (root / ".venv").glob("lib/python*/site-packages")
    # It brings the dependencies, and not this checkout: .pth files over there are not read again.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = (*PIP, "--python", python)
    call(*pip, "install", "--no-index", "--no-deps", wheel, cwd=root, environ=environ)
    call(*pip, "install", "--no-index", "-r", "requirements.txt", cwd=root, environ=environ)
    where = call(python, "-c", "import ostiary; print(ostiary.__file__)", cwd=root, environ=environ)
    assert Path(where.strip()).is_relative_to(site)

    checked = cut.run("check")
    assert checked.code == 0, checked.text
    assert "policies fit" in checked.stdout
    assert "the prefix" in cut.run("explain", "host-bits-set").stdout
    cut.up()
    cut.assert_as_specified()
    cut.mark()
    again = cut.run("pulumi", "sandbox", "preview", "--expect-no-changes")
    assert again.code == 0, again.text
    assert cut.writes() == []
    tested = call(python, "-m", "pytest", "-v", cwd=root, environ=environ)
    assert "contoso-prod::device-code-flow-is-blocked PASSED" in tested
    assert "sandbox::every policy is exercised PASSED" in tested
