from pathlib import Path

import pytest

from ostiary.deploy.engine import Engine, find_or_install, quiet_environment, version_of
from ostiary.deploy.engine_build import PULUMI
from ostiary.deploy.engine_cache import Entry, Origin
from ostiary.errors import EngineError


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def on_path(*directories: Path) -> dict[str, str]:
    return {"PATH": ":".join([*map(str, directories), "/usr/bin", "/bin"])}


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("v3.250.0", "3.250.0"),
        ("3.301.12", "3.301.12"),
        ("v3.260.0-alpha.17+deadbeef", "3.260.0-alpha.17+deadbeef"),
        ("warning: this and that\nv3.274.1", "3.274.1"),
    ],
)
def test_a_pulumi_on_path_that_fits_is_taken(tmp_path: Path, output: str, version: str) -> None:
    pulumi = executable(tmp_path / "bin" / "pulumi", f"printf '%s\\n' '{output}'")
    before = pulumi.read_bytes()
    said: list[str] = []

    engine = find_or_install(said.append, cache=tmp_path / "cache", environ=on_path(pulumi.parent))

    assert engine == Engine(pulumi, version, "path", language_host_included=False)
    assert said == [f"engine: pulumi {version} at {pulumi}, because it is on PATH"]
    assert pulumi.read_bytes() == before
    assert not (tmp_path / "cache").exists()


def test_the_engine_that_the_user_names_comes_before_path(tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "pulumi", "echo v3.250.0")
    named = executable(tmp_path / "named", "echo v3.251.0")
    said: list[str] = []
    environ = on_path(tmp_path / "bin") | {"OSTIARY_ENGINE": str(named)}

    assert find_or_install(said.append, environ=environ).command == named
    assert said[0].endswith("because OSTIARY_ENGINE names it")


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        ("echo v3.249.9", "is pulumi 3.249.9, and ostiary needs 3.250.0 or newer", "upgrade it"),
        ("echo v2.25.2", "is pulumi 2.25.2, and ostiary needs 3.250.0 or newer", "upgrade it"),
        ("echo v4.0.0", "is pulumi 4.0.0, and ostiary knows pulumi 3 only", "from 3.250.0"),
        ("echo hello", "ended with 0 and said: hello", "repair it"),
        ("true", "ended with 0 and said: nothing", "repair it"),
        ("echo v3.300.0; exit 1", "ended with 1 and said: v3.300.0", "repair it"),
        ("echo no version is set >&2; exit 126", "said: no version is set", "repair it"),
    ],
)
def test_a_pulumi_that_does_not_fit_is_an_error_with_the_fix_in_it(
    tmp_path: Path, script: str, message: str, hint: str
) -> None:
    pulumi = executable(tmp_path / "bin" / "pulumi", script)

    with pytest.raises(EngineError) as raised:
        find_or_install(lambda _line: None, cache=tmp_path, environ=on_path(pulumi.parent))

    assert message in str(raised.value)
    assert str(pulumi) in str(raised.value)
    assert hint in (raised.value.hint or "")
    assert "https://www.pulumi.com/docs/install/" in (raised.value.hint or "")


def test_a_pulumi_that_hangs_is_an_error(tmp_path: Path) -> None:
    pulumi = executable(tmp_path / "pulumi", "sleep 60")

    with pytest.raises(EngineError, match=r"gave no answer in 0\.2 seconds") as raised:
        version_of(pulumi, on_path(), limit=0.2)

    assert "repair it" in (raised.value.hint or "")


def test_a_pulumi_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text("not a program")
    for named in ("pulumi", "missing"):
        environ = on_path() | {"OSTIARY_ENGINE": str(tmp_path / named)}
        with pytest.raises(EngineError, match="cannot be run") as raised:
            find_or_install(lambda _line: None, environ=environ)
        assert "repair it" in (raised.value.hint or "")


def test_a_language_host_is_found_beside_the_engine_and_on_path(tmp_path: Path) -> None:
    real = executable(tmp_path / "cellar" / "pulumi", "echo v3.250.0")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(real)
    environ = on_path(tmp_path / "bin")

    def included(environ: dict[str, str]) -> bool:
        return find_or_install(lambda _line: None, environ=environ).language_host_included

    assert not included(environ)
    host = executable(tmp_path / "elsewhere" / "pulumi-language-python", "true")
    assert included(on_path(tmp_path / "bin", host.parent))
    host.rename(real.with_name(host.name))
    assert included(environ)


def test_an_engine_in_the_cache_is_taken_where_path_has_none(tmp_path: Path) -> None:
    entry = Entry.of(PULUMI.version, tmp_path)

    def make(scratch: Path) -> Origin:
        executable(scratch / "entry" / "bin" / "pulumi", "echo v3.250.0")
        return "built"

    entry.provide(make, lambda _line: None)
    for lock in entry.directory.parent.glob("*.lock"):
        lock.unlink()
    said: list[str] = []

    engine = find_or_install(said.append, cache=tmp_path, environ=on_path())

    assert engine == Engine(entry.command, "3.250.0", "cache", language_host_included=False)
    assert len(said) == 1
    assert "an earlier run got this one" in said[0]
    # also where the cache may only be read
    assert list(entry.directory.parent.iterdir()) == [entry.directory]


def test_the_environment_becomes_quiet_and_local_and_keeps_what_the_user_set() -> None:
    assert quiet_environment(
        {"A": "b"}, backend_url="file:///state", home=Path("/home/of/pulumi"), passphrase="p"
    ) == {
        "A": "b",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_SUPPRESS_NEO_LINK": "true",
        "PULUMI_BACKEND_URL": "file:///state",
        "PULUMI_HOME": "/home/of/pulumi",
        "PULUMI_CONFIG_PASSPHRASE": "p",
    }
    quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_SUPPRESS_NEO_LINK": "true"}
    assert quiet_environment({}) == quiet
    users = {
        "PULUMI_SKIP_UPDATE_CHECK": "false",
        "PULUMI_SUPPRESS_NEO_LINK": "false",
        "PULUMI_BACKEND_URL": "s3://state",
        "PULUMI_HOME": "/theirs",
        "PULUMI_CONFIG_PASSPHRASE": "",
    }
    assert quiet_environment(users, backend_url="x", home=Path("y"), passphrase="z") == users


def test_a_passphrase_file_is_enough() -> None:
    environ = quiet_environment({"PULUMI_CONFIG_PASSPHRASE_FILE": "f"}, passphrase="p")
    assert "PULUMI_CONFIG_PASSPHRASE" not in environ
