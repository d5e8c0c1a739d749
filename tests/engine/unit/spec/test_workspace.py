from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.errors import DiagnosticsError
from ostiary.model.resolve import resolve
from ostiary.spec.workspace import environment_names, load
from tests.engine.shipped import TODAY, edit

# The shipped policies' own warning, and the only one.
WARNING = "device-state-in-device-code-flow"


def codes(workspace: Path, environment: str = "sandbox") -> list[str]:
    try:
        return [each.code for each in resolve(load(workspace), environment, TODAY).warnings]
    except DiagnosticsError as error:
        return [each.code for each in error.diagnostics]


def test_shipped_workspace_resolves_in_every_environment(workspace: Path) -> None:
    loaded = load(workspace)
    assert environment_names(workspace) == sorted(loaded.environments)
    for name in loaded.environments:
        assert len(resolve(loaded, name, TODAY).policies) == len(loaded.policies)


def test_only_the_environments_asked_for_are_read(workspace: Path) -> None:
    (workspace / "environments" / "broken.yaml").write_text("tenantId: [", encoding="utf-8")
    assert load(workspace, ["sandbox"]).found == ()
    assert [each.code for each in load(workspace).found] == ["yaml-syntax"]


def test_unknown_environment_is_told_with_the_nearest(workspace: Path) -> None:
    (found,) = load(workspace, ["contoso-prd"]).found
    assert found.code == "unknown-environment"
    assert found.hint == "did you mean `contoso-prod`?"


@pytest.mark.parametrize("name", ["policies/a.yml", "policies/Upper.yaml", "environments/note.txt"])
def test_a_file_that_would_not_be_read_is_an_error(workspace: Path, name: str) -> None:
    (workspace / name).write_text("displayName: lost\n", encoding="utf-8")
    (found,) = load(workspace).found
    assert (found.code, found.location.path) == ("stray-file", name)


def test_a_folder_among_the_policies_is_an_error(workspace: Path) -> None:
    (workspace / "policies" / "more").mkdir()
    assert [each.code for each in load(workspace).found] == ["stray-file"]


def test_an_unreadable_file_is_an_error(workspace: Path) -> None:
    (workspace / "policies" / "link.yaml").symlink_to("nowhere.yaml")
    (workspace / "policies" / "folder.yaml").mkdir()
    assert {each.code for each in load(workspace).found} == {"stray-file"}


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    assert [each.code for each in load(tmp_path).found] == ["no-folder", "no-folder"]


def test_errors_of_several_files_and_of_the_environment_are_told_at_once(workspace: Path) -> None:
    edit(workspace / "policies/require-mfa.yaml", "state: enabled", "stat: enabled")
    edit(workspace / "policies/block-device-code-flow.yaml", "[All]", "[anybody]")
    edit(workspace / "environments/sandbox.yaml", "203.0.113.0/24", "203.0.113.1/24")
    found = codes(workspace)
    assert {"unknown-key", "missing-key", "unknown-user", "host-bits-set"} <= set(found)


def test_a_broken_file_does_not_make_what_it_names_unused(workspace: Path) -> None:
    edit(workspace / "policies/verify-suspected-users.yaml", "state: enabled", "state: on")
    edit(workspace / "policies/confine-suspected-users.yaml", "state: enabled", "state: on")
    assert set(codes(workspace)) == {WARNING, "unknown-value"}


def test_a_broken_location_is_not_unknown_as_well(workspace: Path) -> None:
    edit(
        workspace / "policies/named-locations/head-office.yaml", "isTrusted: true", "isTrusted: on"
    )
    assert set(codes(workspace)) == {WARNING, "wrong-type"}


def test_a_location_that_no_policy_names_is_not_deployed_and_told(workspace: Path) -> None:
    (workspace / "policies/named-locations/abroad.yaml").write_text(
        "type: countryNamedLocation\ndisplayName: Abroad\ncountriesAndRegions: [NO]\n",
        encoding="utf-8",
    )
    resolved = resolve(load(workspace), "sandbox", TODAY)
    assert [each.key for each in resolved.named_locations] == ["head-office"]
    assert "unused-location" in {each.code for each in resolved.warnings}


def test_a_location_of_an_environment_that_no_policy_names_is_an_error(workspace: Path) -> None:
    (workspace / "policies/named-locations/abroad.yaml").write_text(
        "type: countryNamedLocation\ndisplayName: Abroad\n", encoding="utf-8"
    )
    edit(
        workspace / "environments/sandbox.yaml",
        "namedLocations:\n",
        "namedLocations:\n  abroad: {countriesAndRegions: [NO]}\n",
    )
    assert "unused-name" in codes(workspace)


def test_too_many_ranges_are_an_error(workspace: Path) -> None:
    ranges = ", ".join(f"8.{number // 256}.{number % 256}.0/24" for number in range(2001))
    edit(workspace / "environments/sandbox.yaml", "203.0.113.0/24", ranges)
    assert "too-many-ranges" in codes(workspace)
