"""`ostiary affected`, on paths and on real git repositories."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ostiary.affected import affected_environments
from ostiary.cli.affected import Format, affected, changed_paths
from ostiary.errors import OstiaryError

NAMES = ["contoso-dev", "contoso-staging", "contoso-prod"]
ALL = sorted(NAMES)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("policies/block-device-code-flow.yaml", ALL),
        ("policies/goals/nobody-is-locked-out.yaml", ALL),
        ("policies/README.md", []),
        ("requirements.txt", ALL),
        ("Pulumi.yaml", ALL),
        ("Pulumi.contoso-dev.yaml", ["contoso-dev"]),
        ("__main__.py", ALL),
        ("environments/contoso-prod.yaml", ["contoso-prod"]),
        ("environments/contoso-gone.yaml", []),
        ("environments/shared/groups.yaml", ALL),
        ("tests/policies/test_goals.py", []),
        ("docs/why.html", []),
        ("README.md", []),
        ("helpers.py", ALL),
        ("docs.py", ALL),
        ("rollout.yaml", []),
        ("policies/rollout.yaml", ALL),
    ],
)
def test_a_path_touches(path: str, expected: list[str]) -> None:
    assert affected_environments([path], NAMES) == expected


def test_paths_add_up_and_come_sorted() -> None:
    paths = ["environments/contoso-prod.yaml", "README.md", "environments/contoso-dev.yaml"]
    assert affected_environments(paths, NAMES) == ["contoso-dev", "contoso-prod"]
    assert affected_environments([], NAMES) == []


def git(repository: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{role}_{part}": "someone@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=repository,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
    )
    return done.stdout.strip()


def write(repository: Path, path: str, text: str = "x\n") -> None:
    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_text(text)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", path)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tenant repository with a branch `change` that parted from `main`, which went on."""
    here = tmp_path / "repository"
    here.mkdir()
    git(here, "init", "--quiet", "--initial-branch", "main")
    for name in NAMES:
        write(here, f"environments/{name}.yaml")
    git(here, "checkout", "--quiet", "-b", "change")
    git(here, "checkout", "--quiet", "main")
    write(here, "policies/on-main.yaml")
    git(here, "checkout", "--quiet", "change")
    monkeypatch.chdir(here)
    return here


def printed(capsys: pytest.CaptureFixture[str], base: str, output: Format = Format.JSON) -> str:
    affected(base=base, output=output)
    return capsys.readouterr().out


def test_only_what_the_branch_itself_changed_counts(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(capsys, "main") == "[]\n"
    write(repository, "environments/contoso-dev.yaml", "changed\n")
    assert json.loads(printed(capsys, "main")) == ["contoso-dev"]
    write(repository, "policies/größer als.yaml")
    assert json.loads(printed(capsys, "main")) == ALL


def test_a_renamed_policy_counts_under_its_old_name(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(repository, "policies/old.yaml", "the same text in both\n" * 9)
    base = git(repository, "rev-parse", "HEAD")
    (repository / "docs").mkdir()
    git(repository, "mv", "policies/old.yaml", "docs/new.yaml")
    git(repository, "commit", "--quiet", "--message", "move")
    assert json.loads(printed(capsys, base)) == ALL


def test_a_workspace_may_be_a_directory_of_the_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(repository, "entra/environments/contoso-dev.yaml")
    base = git(repository, "rev-parse", "HEAD")
    write(repository, "entra/environments/contoso-dev.yaml", "changed\n")
    write(repository, "policies/elsewhere.yaml")
    monkeypatch.chdir(repository / "entra")
    assert changed_paths(Path(), base) == ["environments/contoso-dev.yaml"]
    assert json.loads(printed(capsys, base)) == ["contoso-dev"]


def test_formats(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(repository, "environments/contoso-dev.yaml", "changed\n")
    assert printed(capsys, "main", Format.LINES) == "contoso-dev\n"
    assert json.loads(printed(capsys, "main", Format.GITHUB)) == {
        "include": [{"environment": "contoso-dev"}]
    }
    assert json.loads(printed(capsys, "")) == ALL


def test_an_unknown_revision_is_named(repository: Path) -> None:
    for base in ("nowhere", "--output=stolen"):
        with pytest.raises(OstiaryError, match=f"no commit `{base}`") as raised:
            affected(base=base)
        assert raised.value.hint is None
    assert not (repository / "stolen").exists()


def test_a_shallow_clone_is_told_to_fetch_more(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository, "policies/new.yaml")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), str(shallow))
    monkeypatch.chdir(shallow)
    parted = git(repository, "merge-base", "main", "change")
    with pytest.raises(OstiaryError, match="no commit") as raised:
        affected(base=parted)
    assert "fetch-depth: 0" in str(raised.value.hint)

    git(shallow, "fetch", "--quiet", "--depth=1", "origin", "main:main")
    with pytest.raises(OstiaryError, match="no common commit") as raised:
        affected(base="main")
    assert "fetch-depth: 0" in str(raised.value.hint)


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OstiaryError, match="no environments"):
        affected(base="")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "contoso-dev.yaml").touch()
    with pytest.raises(OstiaryError, match="not a git repository"):
        affected(base="main")


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(OstiaryError, match="git was not found"):
        affected(base="main")


def test_the_sandbox_is_no_pipelines_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "environments").mkdir()
    for name in ("sandbox", "contoso-dev"):
        (tmp_path / "environments" / f"{name}.yaml").touch()
    monkeypatch.chdir(tmp_path)
    affected(base="", output=Format.LINES)
    assert capsys.readouterr().out == "contoso-dev\n"
