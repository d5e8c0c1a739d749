from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.errors import OstiaryError
from ostiary.tenant.response.suspects import Suspect, read
from tests.engine.unit.tenant.response.people import START

FINDINGS = """[
  {"userId": "u1", "since": "2026-11-20T08:14:00Z", "evidence": ["s1", "s2"], "severity": "high"},
  {"userPrincipalName": "bob@contoso.com", "since": "2026-11-20T09:14:00+01:00"},
  {"userId": "u3"}
]"""


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    file = folder / "users"
    file.write_text(text, encoding=encoding)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_findings_are_read(tmp_path: Path, encoding: str) -> None:
    assert read(written(tmp_path, FINDINGS, encoding)) == [
        Suspect("u1", START, ("s1", "s2")),
        Suspect("bob@contoso.com", START),
        Suspect("u3"),
    ]


def test_names_are_read_one_a_line(tmp_path: Path) -> None:
    text = "# reported by phone\nada@contoso.com\n\n  bob@contoso.com # twice\r\neve#EXT#@x.com\n"
    assert [each.name for each in read(written(tmp_path, text))] == [
        "ada@contoso.com",
        "bob@contoso.com",
        "eve#EXT#@x.com",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names nobody"),
        ("[]", "names nobody"),
        ("[{", "is no list of findings"),
        ('{"userId": "u1"}', "is no list of findings"),
        ('[{"since": "2026-11-20"}]', "is no list of findings: 0"),
        ('[{"userId": "u1", "since": "yesterday"}]', "`yesterday` is no time"),
    ],
)
def test_a_file_that_says_nothing(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(OstiaryError, match=said):
        read(written(tmp_path, text))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(OstiaryError, match="No such file"):
        read(tmp_path / "absent")
    with pytest.raises(OstiaryError, match="it is not UTF-8"):
        read(written(tmp_path, "ada@contoso.com", "utf-16"))
