"""What a user sees and scripts get: exit codes, places, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.shipped import edit

OSTIARY = Path(sys.executable).with_name("ostiary")


def ostiary(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [OSTIARY, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_check_says_what_fits(workspace: Path) -> None:
    done = ostiary(workspace, "check")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "8 policies fit 4 environments: contoso-dev, contoso-prod, contoso-staging, sandbox\n"
        "42 goals in 4 environments: 42 proven\n"
    )


def test_check_ends_with_3_and_the_place_of_every_error(workspace: Path) -> None:
    edit(workspace / "policies/require-mfa.yaml", "[mfa]", "[MFA]")
    edit(workspace / "environments/contoso-dev.yaml", "198.51.100.0/25", "198.51.100.1/25")
    done = ostiary(workspace, "check")
    assert done.returncode == 3
    assert "policies/require-mfa.yaml:12:21: unknown-value: unknown value `MFA`" in done.stderr
    assert "environments/contoso-dev.yaml:7:28: host-bits-set" in done.stderr
    assert done.stdout == ""


def test_check_works_from_a_folder_below(workspace: Path) -> None:
    assert ostiary(workspace / "policies", "check", "sandbox").returncode == 0


def test_outside_a_workspace_it_says_so(tmp_path: Path) -> None:
    done = ostiary(tmp_path, "check")
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no Pulumi.yaml here or above")


@pytest.mark.parametrize("verb", [["check", "contoso-prd"], ["up", "contoso-prd"]])
def test_an_unknown_environment_is_an_error(workspace: Path, verb: list[str]) -> None:
    done = ostiary(workspace, *verb)
    assert done.returncode == 3
    assert "did you mean `contoso-prod`?" in done.stderr


def test_a_real_tenant_needs_credentials(workspace: Path) -> None:
    done = ostiary(workspace, "up", "contoso-dev")
    assert done.returncode == 1
    assert "error: there are no credentials for `contoso-dev`" in done.stderr


def test_invalid_specs_stop_up_before_anything_is_started(workspace: Path) -> None:
    edit(workspace / "policies/require-mfa.yaml", "[mfa]", "[MFA]")
    assert ostiary(workspace, "up").returncode == 3
    assert not (workspace / ".ostiary").exists()


def test_an_unknown_option_is_a_usage_error(workspace: Path) -> None:
    assert ostiary(workspace, "check", "--colour").returncode == 64


def test_check_does_not_prove_again_what_did_not_change(workspace: Path) -> None:
    assert "as proven before" not in ostiary(workspace, "check").stdout
    assert "4 environments as proven before" in ostiary(workspace, "check").stdout
    # spelling is no change, a range of one environment is
    edit(
        workspace / "policies/require-mfa.yaml",
        "builtInControls: [mfa]",
        'builtInControls: ["mfa"]',
    )
    edit(workspace / "environments/contoso-dev.yaml", "198.51.100.0/25", "198.51.100.0/26")
    assert "3 environments as proven before" in ostiary(workspace, "check").stdout
    edit(workspace / "policies/require-mfa.yaml", "state: enabled", "state: disabled")
    done = ostiary(workspace, "check")
    assert done.returncode == 4
    assert "as proven before" not in done.stdout
    assert "contoso-prod::everybody-needs-mfa: NOT PROVEN" in done.stdout
    assert ostiary(workspace, "check").returncode == 4


def test_check_forgives_a_broken_memory(workspace: Path) -> None:
    (workspace / ".ostiary").mkdir()
    for text in ("{", "[]", '{"contoso-dev": 7}'):
        (workspace / ".ostiary/checked.json").write_text(text)
        assert ostiary(workspace, "check", "contoso-dev").returncode == 0
