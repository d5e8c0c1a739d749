"""Every file is read or named with the reason, whatever is in it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.tenant import exports
from ostiary.tenant.exports import MAX_BYTES, MAX_OBJECTS, read
from tests.engine.unit.tenant.export_files import EMERGENCY, OFFICE, Json, office, policy, save


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize(
    "wrap", [lambda each: each, lambda each: [each], lambda each: {"value": [each]}]
)
def test_every_encoding_and_wrapping_is_read(tmp_path: Path, encoding: str, wrap: Any) -> None:
    file = save(tmp_path, "export.json", wrap(policy("Böse Anmeldungen")), encoding)
    export = read(file)
    assert [each.json["displayName"] for each in export.objects] == ["Böse Anmeldungen"]
    assert export.not_read == ()


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_with_its_mark_is_read(tmp_path: Path, mark: bytes) -> None:
    text = json.dumps(policy("Böse"), ensure_ascii=False)
    encoding = "utf-16-le" if mark[:1] == b"\xff" else "utf-16-be"
    (tmp_path / "a.json").write_bytes(mark + text.encode(encoding))
    assert read(tmp_path / "a.json").objects[0].json["displayName"] == "Böse"


def test_a_folder_is_read_with_those_inside(tmp_path: Path) -> None:
    save(tmp_path, "policies/page 1.json", {"value": [policy("a", number=1)]})
    save(tmp_path, "policies/page 2.JSON", {"value": [policy("b", number=2)]})
    save(tmp_path, "named locations/office.json", office())
    save(tmp_path, ".git/hidden.json", policy("c", number=3))
    (tmp_path / "README.md").write_text("what this is")
    export = read(tmp_path)
    assert [each.place for each in export.objects] == [
        "named locations/office.json",
        "policies/page 1.json#/value/0",
        "policies/page 2.JSON#/value/0",
    ]
    assert [(each.place, each.weight) for each in export.not_read] == [("README.md", "told")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty"),
        (b" \n ", "it is empty"),
        (b'{"displayName": "cut', "it is not JSON: unterminated string starting at at line 1"),
        (b"not json at all", "it is not JSON: expecting value at line 1, column 1"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "its text is in no encoding of Unicode"),
        ("{'a': 'Büro'}".encode("latin-1"), "its text is in no encoding of Unicode"),
        (b'{"displayName": "a", "displayName": "b"}', "`displayName` stands twice in one object"),
        (b'{"a": NaN}', "it is not JSON: `NaN` is no number"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"conditions":' * 5_000 + b"1" + b"}" * 5_000, "it is nested too deeply"),
        (b"[" + b"9" * 10_000 + b"]", "it is not JSON: Exceeds the limit"),
        (b"[]" + b" " * MAX_BYTES, "it is larger than 8 MiB"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_the_reason(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    save(tmp_path, "good.json", policy())
    export = read(tmp_path)
    assert len(export.objects) == 1
    ((place, reason, weight),) = [(e.place, e.reason, e.weight) for e in export.not_read]
    assert (place, weight) == ("broken.json", "broken")
    assert reason.startswith(told)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")  # whoever reads it waits for ever
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    reasons = {each.place: each.reason for each in read(tmp_path).not_read}
    assert reasons == {
        "pipe.json": "it is no regular file",
        "gone.json": "there is no such file",
    }


def test_a_file_of_50_mb_costs_no_time(tmp_path: Path) -> None:
    with (tmp_path / "huge.json").open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    began = time.monotonic()
    assert read(tmp_path).not_read[0].reason == "it is larger than 8 MiB"
    assert time.monotonic() - began < 2


def test_all_files_together_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = save(tmp_path, "a.json", policy("a", number=1)).stat().st_size
    save(tmp_path, "b.json", policy("b", number=2))
    monkeypatch.setattr(exports, "MAX_TOTAL", 2 * size - 1)
    export = read(tmp_path)
    assert [each.place for each in export.objects] == ["a.json"]
    assert export.not_read[0].reason.startswith("the files are larger than")


def test_a_list_of_a_million_numbers_is_told_in_few_lines(tmp_path: Path) -> None:
    (tmp_path / "numbers.json").write_text("[" + "1," * 1_000_000 + "1]")
    export = read(tmp_path)
    assert export.objects == ()
    assert len(export.not_read) == MAX_OBJECTS + 1
    assert export.not_read[-1].reason == f"it has more than {MAX_OBJECTS} entries"


def one(folder: Path, value: Json) -> Json:
    (found,) = read(save(folder, "one.json", value)).objects
    return found.json


def test_noise_of_tools_goes_and_comma_strings_become_lists(tmp_path: Path) -> None:
    noisy = policy()
    noisy["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata"
    noisy["#microsoft.graph.restore"] = {"target": "x"}
    noisy["conditions"] |= {
        "clientAppTypes": "browser, mobileAppsAndDesktopClients",
        "users": {"includeUsers": "All", "excludeGroups": f"{EMERGENCY},", "includeGroups": None},
        "authenticationFlows": {"transferMethods": ["deviceCodeFlow", "authenticationTransfer"]},
        "devices": {"deviceFilter": {"mode": None, "rule": None}},
        "locations": {"includeLocations": [], "excludeLocations": None},
    }
    found = one(tmp_path, noisy)["conditions"]
    assert "#microsoft.graph.restore" not in one(tmp_path, noisy)
    assert found["clientAppTypes"] == ["browser", "mobileAppsAndDesktopClients"]
    assert found["users"]["includeUsers"] == ["All"]
    assert found["users"]["excludeGroups"] == [EMERGENCY]
    assert found["authenticationFlows"] == {
        "transferMethods": "deviceCodeFlow,authenticationTransfer"
    }
    assert (found["devices"], found["locations"]) == (None, None)


def test_keys_of_powershells_objects_are_graphs(tmp_path: Path) -> None:
    location = {
        "Id": OFFICE,
        "DisplayName": "Head office",
        "AdditionalProperties": {
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "isTrusted": True,
            "ipRanges": [{"cidrAddress": "203.0.113.0/24"}],
        },
    }
    assert one(tmp_path, location)["ipRanges"] == [{"cidrAddress": "203.0.113.0/24"}]
    conditions = {"Users": {"IncludeUsers": ["All"]}, "ClientAppTypes": ["all"]}
    found = one(tmp_path, {"Id": "1", "DisplayName": "a", "Conditions": conditions})
    assert found["conditions"]["users"]["includeUsers"] == ["All"]


@pytest.mark.parametrize(
    ("value", "reason", "weight"),
    [
        (policy() | {"deletedDateTime": "2026-01-01T00:00:00Z"}, "it was deleted from", "told"),
        (policy("%OrganizationId% MFA"), "it holds the placeholder `%OrganizationId%`", "left"),
        (policy(users={"includeGroups": ["##Staff##"]}), "it holds the placeholder `##S", "left"),
        (policy(users={"includeGroups": ["{{staff}}"]}), "it holds the placeholder `{{s", "left"),
        ({"displayName": "a group"}, "it is neither a policy nor a named location", "left"),
        (["text"], "it is no JSON object", "left"),
        ([], "the list is empty", "told"),
        (7, "it is no JSON object", "left"),
        ({"value": [], "@odata.nextLink": "https://x"}, "there is a page after this", "left"),
    ],
)
def test_what_is_no_object_to_adopt_is_named(
    tmp_path: Path, value: object, reason: str, weight: str
) -> None:
    export = read(save(tmp_path, "one.json", value))
    assert export.objects == ()
    assert export.not_read[0].reason.startswith(reason)
    assert export.not_read[0].weight == weight


def test_the_same_object_twice_counts_once(tmp_path: Path) -> None:
    save(tmp_path, "a.json", policy())
    save(tmp_path, "b.json", policy() | {"modifiedDateTime": "2026-01-01T00:00:00Z"})
    export = read(tmp_path)
    assert [each.place for each in export.objects] == ["a.json"]
    assert [(each.place, each.reason) for each in export.not_read] == [
        ("b.json", "it is the same object as in a.json")
    ]


def test_two_versions_of_an_object_are_both_refused(tmp_path: Path) -> None:
    save(tmp_path, "a.json", policy())
    save(tmp_path, "b.json", policy() | {"state": "disabled"})
    save(tmp_path, "c.json", policy())
    export = read(tmp_path)
    assert export.objects == ()
    assert [(each.place, each.reason) for each in export.not_read[:2]] == [
        ("a.json", "it differs from the same object in b.json"),
        ("b.json", "it differs from the same object in a.json"),
    ]
    assert export.not_read[2].place == "c.json"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["displayName", "conditions", "ipRanges", "value", "id", "@odata.type", "users"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), JSON.map(lambda each: json.dumps(each).encode())))
def test_nothing_is_dropped_and_nothing_breaks_it(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "any.json").write_bytes(content)
        export = read(Path(folder))
    assert export.objects or export.not_read
