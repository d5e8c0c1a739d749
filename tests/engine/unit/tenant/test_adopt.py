"""What becomes of an export: each file of golden/exports is one, its outcome beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ostiary.errors import DiagnosticsError, OstiaryError, PreflightError
from ostiary.model.resolve import resolve
from ostiary.model.written import Tables
from ostiary.report.adoption import adoption
from ostiary.spec.workspace import load
from ostiary.tenant.adopt import Adoption, adopt, write
from ostiary.tenant.candidates import names_in
from ostiary.tenant.existing import Wishes
from ostiary.tenant.exports import Exported, from_tenant, read
from tests.engine.shipped import edit
from tests.engine.unit.tenant.export_files import EMERGENCY, OFFICE, STAFF, Json, office, policy

GOLDEN = Path(__file__).parents[2] / "golden" / "exports"
TENANT = "11111111-0000-4000-8000-000000000000"
TODAY = date(2026, 11, 23)
ENVIRONMENT = "environments/contoso.yaml"
WISHES = Wishes("contoso", TENANT, TODAY, "IT")


def adopted(
    root: Path,
    *objects: Json,
    wishes: Wishes = WISHES,
    directory: Tables | None = None,
) -> Adoption:
    """Adopt objects and write what comes of it."""
    exported = [
        Exported(each["id"], "namedLocation" if "ipRanges" in each else "policy", each)
        for each in objects
    ]
    made = adopt(root, exported, wishes, lambda _: directory or {})
    write(root, made.files)
    return made


@pytest.mark.parametrize("case", sorted(each.stem for each in GOLDEN.glob("*.json")))
def test_golden(case: str, tmp_path: Path) -> None:
    export = read(GOLDEN / f"{case}.json")
    made = adopt(tmp_path, export.objects, WISHES, lambda _: names_in(export.objects))
    assert "".join(_told(made, export.not_read)) == (GOLDEN / f"{case}.txt").read_text("utf-8")


def _told(made: Adoption, not_read: tuple[object, ...]) -> Iterator[str]:
    yield from (f"{line}\n" for line in adoption(made, not_read))
    for path, text in sorted(made.files.items()):
        yield f"\n--- {path}\n{text}"


def test_the_files_are_a_valid_workspace_that_says_the_same(tmp_path: Path) -> None:
    made = adopted(tmp_path, policy(), office())
    resolved = resolve(load(tmp_path), "contoso", TODAY)
    assert resolved == made.resolved
    assert [each.display_name for each in resolved.policies] == ["Require MFA"]
    assert resolved.tenant_id == TENANT


def test_adopting_again_changes_nothing(tmp_path: Path) -> None:
    adopted(tmp_path, policy(), office())
    before = {each: each.read_text() for each in tmp_path.rglob("*.yaml")}
    again = adopted(tmp_path, policy(), office())
    assert {each: each.read_text() for each in tmp_path.rglob("*.yaml")} == before
    assert [each.known for each in again.draft.policies] == [True]


def test_what_is_new_is_added_and_named_as_the_environment_names_it(tmp_path: Path) -> None:
    adopted(tmp_path, policy(), directory={"groups": {EMERGENCY: "Break glass"}})
    edit(tmp_path / ENVIRONMENT, "Break glass:", "break-glass: # two accounts\n  #")
    edit(tmp_path / ENVIRONMENT, "[Break glass]", "[break-glass]")
    edit(tmp_path / "policies/require-mfa.yaml", "[Break glass]", "[break-glass]")
    edit(tmp_path / ENVIRONMENT, "  # ", "    ")  # the id below its name
    new = policy(
        "Block", number=2,
        users={"includeGroups": [STAFF], "excludeGroups": [EMERGENCY]},
        locations={"includeLocations": [OFFICE]},
    )  # fmt: skip
    adopted(tmp_path, policy(), new, office())
    text = (tmp_path / ENVIRONMENT).read_text()
    assert "# two accounts" in text
    assert f"  group-aaaaaaaa: {STAFF}\n" in text
    assert "excludeGroups: [break-glass]" in (tmp_path / "policies/block.yaml").read_text()
    assert len(resolve(load(tmp_path), "contoso", TODAY).policies) == 2


def test_a_file_that_differs_is_never_overwritten(tmp_path: Path) -> None:
    adopted(tmp_path, policy())
    before = (tmp_path / "policies/require-mfa.yaml").read_text()
    changed = policy() | {"state": "disabled"}
    with pytest.raises(PreflightError, match="of the same names that differ: `Require MFA`"):
        adopted(tmp_path, changed, policy("New", number=2))
    assert (tmp_path / "policies/require-mfa.yaml").read_text() == before
    assert not (tmp_path / "policies/new.yaml").exists()


def test_another_tenant_needs_another_environment(tmp_path: Path) -> None:
    adopted(tmp_path, policy())
    other = Wishes("contoso", TENANT.replace("1", "2"), TODAY)
    with pytest.raises(PreflightError, match="is about tenant 11111111"):
        adopted(tmp_path, policy(), wishes=other)


def test_policies_are_of_every_environment_so_another_is_in_the_way(tmp_path: Path) -> None:
    adopted(tmp_path, policy())
    (tmp_path / "environments/other.yaml").write_text(
        (tmp_path / ENVIRONMENT).read_text(), encoding="utf-8"
    )
    adopted(tmp_path, policy())  # nothing new
    with pytest.raises(PreflightError, match="there are `other`"):
        adopted(tmp_path, policy(), policy("New", number=2))


def test_a_workspace_with_policies_needs_an_environment_that_names_them(workspace: Path) -> None:
    with pytest.raises(PreflightError, match=r"and no environments/contoso\.yaml"):
        adopted(workspace, policy())


def test_a_workspace_that_is_not_valid_is_told_before_anything(tmp_path: Path) -> None:
    adopted(tmp_path, policy())
    edit(tmp_path / "policies/require-mfa.yaml", "[mfa]", "[mfaa]")
    with pytest.raises(DiagnosticsError, match="unknown value `mfaa`"):
        adopted(tmp_path, policy())


def test_what_the_tenant_does_not_have_is_told(tmp_path: Path) -> None:
    adopted(tmp_path, policy(), policy("Other", number=2))
    assert adopted(tmp_path, policy()).besides == ("Other",)


def test_goals_that_hold_are_enforced_and_the_others_told(workspace: Path) -> None:
    for file in (*workspace.glob("policies/*.yaml"), *workspace.glob("environments/*.yaml")):
        file.unlink()
    named = {"groups": {EMERGENCY: "emergency-access"}}
    made = adopted(workspace, policy(), directory=named)
    assert set(made.goals) == {
        "emergency-access-is-never-locked-out",
        "everybody-needs-mfa",
        "service-principals-keep-access",
    }
    assert made.open_goals["legacy-authentication-is-blocked"] == "the policies do not prove it"
    assert made.open_goals["suspected-users-are-confined"].startswith("no group `suspected-users`")
    assert len(made.goals) + len(made.open_goals) == 12
    assert resolve(load(workspace), "contoso", TODAY).goals


def test_a_policy_of_which_the_environment_makes_another_one_is_left_alone(tmp_path: Path) -> None:
    users = {"includeUsers": ["All"], "excludeGroups": [EMERGENCY, STAFF]}
    wishes = Wishes("contoso", TENANT, TODAY, emergency_access=(EMERGENCY,))
    first = policy(users=users)
    adopted(tmp_path, first, wishes=wishes)
    with (tmp_path / ENVIRONMENT).open("a") as file:
        file.write("deviceCodeFlowExceptions: off\n")
    flows = {"transferMethods": "deviceCodeFlow"}
    block = policy("Block", number=2, users=users, authenticationFlows=flows)
    block["grantControls"]["builtInControls"] = ["block"]
    made = adopted(tmp_path, first, block)
    assert [(each.display_name, each.reason) for each in made.draft.left_alone] == [
        ("Block", "the environment would make another policy of it")
    ]
    assert "displayName: Block" in (tmp_path / ENVIRONMENT).read_text()
    assert not (tmp_path / "policies/block.yaml").exists()


def exclude(*groups: str, users: tuple[str, ...] = ()) -> Json:
    return {"includeUsers": ["All"], "excludeGroups": [*groups], "excludeUsers": [*users]}


@pytest.mark.parametrize(
    ("policies", "wanted", "found"),
    [
        ([exclude(EMERGENCY, STAFF), exclude(EMERGENCY)], (), ({EMERGENCY}, set(), False)),
        ([exclude(users=(STAFF,))], (), (set(), {STAFF}, False)),
        ([exclude(EMERGENCY), exclude(EMERGENCY), exclude()], (), ({EMERGENCY}, set(), True)),
        ([exclude(EMERGENCY, STAFF)], ("Staff",), ({STAFF}, set(), False)),
        ([exclude(EMERGENCY, STAFF)], (STAFF.upper(),), ({STAFF}, set(), False)),
        ([exclude()], (EMERGENCY,), ({EMERGENCY}, set(), False)),
    ],
)
def test_emergency_access_is_whom_policies_leave_out_or_as_told(
    policies: list[Json],
    wanted: tuple[str, ...],
    found: tuple[set[str], set[str], bool],
    tmp_path: Path,
) -> None:
    objects = [policy(f"P{n}", number=n, users=users) for n, users in enumerate(policies)]
    wishes = Wishes("contoso", TENANT, TODAY, emergency_access=wanted)
    names: Tables = {"groups": {STAFF: "Staff", EMERGENCY: "Break glass"}}
    accounts = adopted(tmp_path, *objects, wishes=wishes, directory=names).draft.emergency_access
    assert ({*accounts.groups}, {*accounts.users}, accounts.assumed) == found


@pytest.mark.parametrize(
    ("users", "wanted", "told"),
    [
        (exclude(), (), "no account is excluded from most policies"),
        (exclude(EMERGENCY), ("Nobody",), "`Nobody` is no known group or user"),
        (exclude(EMERGENCY, STAFF), ("Twins",), "`Twins` is several of those"),
    ],
)
def test_without_emergency_access_nothing_is_written(
    users: Json, wanted: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    wishes = Wishes("contoso", TENANT, TODAY, emergency_access=wanted)
    twins: Tables = {"groups": {STAFF: "Twins", EMERGENCY: "Twins"}}
    with pytest.raises(OstiaryError, match=told):
        adopted(tmp_path, policy(users=users), wishes=wishes, directory=twins)
    assert not [*tmp_path.iterdir()]


def test_names_that_mean_something_else_or_two_things_are_told_apart(tmp_path: Path) -> None:
    first, second = STAFF, STAFF.replace("a", "b")
    users = {"includeUsers": ["All"], "excludeGroups": [EMERGENCY, first, second]}
    names: Tables = {"groups": {EMERGENCY: "None", first: "Finance\n\u202e ", second: "finance"}}
    made = adopted(tmp_path, policy(users=users), directory=names)
    assert made.draft.named.tables["groups"] == {
        EMERGENCY: "None (e0e0e0e0)",
        first: "Finance (aaaaaaaa)",
        second: "finance (bbbbbbbb)",
    }


def test_what_only_beta_shows_is_left_alone(tmp_path: Path) -> None:
    shown, hidden = policy(), policy("Preview", number=2)
    objects = from_tenant("policy", [shown], [shown, hidden])
    made = adopt(tmp_path, objects, WISHES, lambda _: {})
    assert [(each.display_name, each.reason) for each in made.draft.left_alone] == [
        ("Preview", "only Graph's beta version shows it: it uses features in preview")
    ]
