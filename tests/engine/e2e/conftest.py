from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.e2e.checkout import Checkout, add_subjects, copy_program, copy_specs


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout that was never deployed."""
    root = tmp_path / "checkout"
    root.mkdir()
    copy_program(root)
    copy_specs(root)
    checkout = Checkout(root)
    yield checkout
    checkout.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose environment `sandbox` was deployed, at rest."""
    root = tmp_path_factory.mktemp("deployed") / "checkout"
    root.mkdir()
    copy_program(root)
    copy_specs(root)
    checkout = Checkout(root)
    add_subjects(checkout)
    try:
        checkout.up()
    finally:
        checkout.close()
    return root


@pytest.fixture
def deployed(template: Path, tmp_path: Path) -> Iterator[Checkout]:
    """A checkout whose environment `sandbox` was deployed; what happens to it stays its own."""
    root = tmp_path / "checkout"
    # Without the secrets and the port, the copy's sandbox is another one with the same tenants.
    shutil.copytree(
        template,
        root,
        symlinks=True,
        ignore=shutil.ignore_patterns("secrets.json", "port", "*.pem"),
    )
    checkout = Checkout(root)
    checkout.mark()
    yield checkout
    checkout.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the histories were made of."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, happened in getattr(report, "user_properties", ()):
            if name == "histories":
                told = ", ".join(f"{count} {what}" for what, count in happened.items())
                terminalreporter.write_line(f"every history ended as specified: {told}")
