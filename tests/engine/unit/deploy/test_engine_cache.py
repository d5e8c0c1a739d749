from collections.abc import Callable
from pathlib import Path

import pytest

from ostiary.deploy.engine_cache import Entry, Origin, cache_root
from ostiary.errors import EngineError


def test_the_cache_is_where_the_user_says_or_where_the_platform_has_it(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert cache_root(home).is_relative_to(tmp_path)
    assert cache_root(home).name == "ostiary"
    assert cache_root(home | {"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/ostiary")
    assert cache_root(home | {"XDG_CACHE_HOME": "/xdg", "OSTIARY_CACHE": "/ours"}) == Path("/ours")


def making(content: str, made: list[str]) -> Callable[[Path], Origin]:
    def make(scratch: Path) -> Origin:
        made.append(content)
        command = scratch / "entry" / "bin" / "pulumi"
        command.parent.mkdir(parents=True)
        command.write_text(content)
        return "built"

    return make


def provide(entry: Entry, content: str, said: list[str], made: list[str]) -> Origin:
    return entry.provide(making(content, made), said.append)


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    entry = Entry.of("1.2.3", tmp_path)
    said: list[str] = []
    made: list[str] = []

    assert not entry.intact()
    assert provide(entry, "one", said, made) == "built"
    assert provide(entry, "two", said, made) == "cache"
    assert entry.intact()
    assert entry.command.read_text() == "one"
    assert made == ["one"]
    assert said == []
    assert "v1.2.3-" in str(entry.command)
    assert Entry.of("1.2.4", tmp_path).directory != entry.directory


@pytest.mark.parametrize("damage", ["truncated", "missing", "unsealed"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: str) -> None:
    entry = Entry.of("1.2.3", tmp_path)
    said: list[str] = []
    made: list[str] = []
    provide(entry, "one", said, made)
    if damage == "truncated":
        entry.command.write_text("on")
    elif damage == "missing":
        entry.command.unlink()
    else:
        (entry.directory / "sha256").unlink()

    assert not entry.intact()
    assert provide(entry, "two", said, made) == "built"
    assert entry.command.read_text() == "two"
    assert said == [f"the engine in {entry.directory} is damaged and will be made again"]


def test_a_maker_that_fails_leaves_nothing_and_what_a_killed_one_left_goes(tmp_path: Path) -> None:
    entry = Entry.of("1.2.3", tmp_path)
    left = entry.directory.with_name(entry.directory.name + ".scratch-1")
    left.mkdir(parents=True)
    (left / "half").touch()

    def fail(scratch: Path) -> Origin:
        (scratch / "half").touch()
        raise EngineError("no")

    with pytest.raises(EngineError, match="no"):
        entry.provide(fail, lambda _line: None)

    assert [each.suffix for each in entry.directory.parent.iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    entry = Entry.of("1.2.3", tmp_path / "file")

    with pytest.raises(EngineError, match="cannot be used") as raised:
        provide(entry, "one", [], [])

    assert "OSTIARY_CACHE" in (raised.value.hint or "")


def test_a_full_disk_is_an_error_that_says_how_much_is_needed(tmp_path: Path) -> None:
    def fill(_scratch: Path) -> Origin:
        with Path("/dev/full").open("w") as full:
            full.write("x")
        return "built"

    with pytest.raises(EngineError, match="no space left") as raised:
        Entry.of("1.2.3", tmp_path).provide(fill, lambda _line: None)

    assert "free 4 GB" in (raised.value.hint or "")
