import os
import subprocess
from pathlib import Path

import pytest

from ostiary.deploy.engine import find_or_install, quiet_environment

pytestmark = pytest.mark.e2e


def test_a_real_engine_is_had_and_works_quietly_on_this_machine_alone(tmp_path: Path) -> None:
    # builds one where the user's cache has none yet, and never twice
    engine = find_or_install(print)

    said: list[str] = []
    again = find_or_install(said.append)
    assert (again.command, again.version) == (engine.command, engine.version)
    assert again.origin in ("path", "cache")
    assert len(said) == 1

    state = tmp_path / "state"
    state.mkdir()
    users = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    environ = quiet_environment(
        users, backend_url=f"file://{state}", home=tmp_path / "home", passphrase="of this test"
    )
    (tmp_path / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")

    def pulumi(*arguments: str) -> str:
        done = subprocess.run(
            [engine.command, *arguments, "--non-interactive"],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "warning" not in done.stderr
        return done.stdout

    assert pulumi("version") == f"v{engine.version}\n"
    pulumi("stack", "init", "here")
    assert '"name": "here"' in pulumi("stack", "ls", "--json")
    assert list(state.rglob("here.json"))
