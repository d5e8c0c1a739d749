"""`ostiary adopt --from`, as a user sees it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.engine.shipped import ROOT
from tests.engine.unit.cli.test_workspace import ostiary
from tests.engine.unit.tenant.export_files import EMERGENCY, office, policy, save

pytestmark = pytest.mark.e2e

TENANT = "11111111-0000-4000-8000-000000000000"
ADOPT = ("adopt", "contoso", "--from", "exports", "--tenant-id", TENANT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tenant repository without a policy, with an export of two objects."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    located = policy("Away", number=2, locations={"includeLocations": [office()["id"]]})
    save(tmp_path / "exports", "all policies.json", {"value": [policy(), located]}, "utf-16")
    save(tmp_path / "exports", "office.json", office())
    return tmp_path


def test_an_export_becomes_a_workspace_that_is_valid(folder: Path) -> None:
    done = ostiary(folder, *ADOPT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"contoso (tenant {TENANT}): 2 policies and 1 named location adopted\n"
    )
    assert "next: `ostiary adopt contoso`" in done.stdout
    assert ostiary(folder, "check").returncode == 0
    imports = json.loads((folder / ".ostiary/contoso.import.json").read_text())
    provider = "urn:pulumi:contoso::ostiary::pulumi:providers:azuread::entra"
    assert imports["nameTable"] == {"entra": provider}
    assert imports["resources"][0] == {
        "type": "azuread:index/namedLocation:NamedLocation",
        "name": "head-office",
        "id": f"/identity/conditionalAccess/namedLocations/{office()['id']}",
        "provider": "entra",
    }
    assert [each["id"] for each in imports["resources"][1:]] == [
        f"/identity/conditionalAccess/policies/{policy(number=number)['id']}" for number in (2, 1)
    ]


def test_what_is_left_alone_ends_with_2_and_what_is_broken_with_3(folder: Path) -> None:
    save(folder / "exports", "left.json", policy("%Tenant% MFA", number=3))
    assert ostiary(folder, *ADOPT).returncode == 2
    (folder / "exports/broken.json").write_text("{")
    done = ostiary(folder, *ADOPT, "--format", "json")
    assert done.returncode == 3
    told = json.loads(done.stdout)
    assert {each["place"]: each["weight"] for each in told["notRead"]} == {
        "broken.json": "broken",
        "left.json": "left",
    }
    assert [each["key"] for each in told["adopted"]] == ["away", "require-mfa", "head-office"]
    assert told["emergencyAccess"]["groups"] == [f"group-{EMERGENCY[:8]}"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("adopt", "contoso", "--from", "exports"), "the tenant's id is not known"),
        ((*ADOPT[:-1], "contoso.onmicrosoft.com"), "`contoso.onmicrosoft.com` is not an id"),
        (("adopt", "../contoso", *ADOPT[2:]), "lower-case words joined by `-`"),
        (("adopt", "contoso", "--from", "nowhere"), "does not exist"),
    ],
)
def test_what_cannot_be_understood_ends_with_64(
    folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = ostiary(folder, *arguments)
    assert done.returncode == 64
    assert told in " ".join(done.stderr.replace("│", "").split())
    assert not (folder / "policies").exists()


def test_without_credentials_a_tenant_is_not_adopted(folder: Path) -> None:
    done = ostiary(folder, "adopt", "contoso", "--tenant-id", TENANT, ARM_USE_CLI="false")
    assert done.returncode == 1
    assert "there are no credentials for `contoso`" in done.stderr


def test_a_workspace_with_other_policies_is_refused_and_untouched(workspace: Path) -> None:
    save(workspace / "exports", "one.json", policy())
    before = sorted(workspace.rglob("*.yaml"))
    done = ostiary(workspace, *ADOPT)
    assert done.returncode == 5
    assert "no environments/contoso.yaml" in done.stderr
    assert sorted(workspace.rglob("*.yaml")) == before
