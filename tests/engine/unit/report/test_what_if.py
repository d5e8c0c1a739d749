"""What `what-if` says, whole."""

from __future__ import annotations

from pathlib import Path

from ostiary.errors import Location
from ostiary.model.asked import Asked, sign_in
from ostiary.model.names import Names
from ostiary.model.places import Places
from ostiary.proof.what_if import what_if
from ostiary.report.what_if import text
from tests.engine.unit.report.test_goals import GOLDEN, examined_of, workspace_of

CASE = GOLDEN / "blocked-but-for-an-excluded-group.yaml"


def told(folder: Path, *open_: str, plain: bool = False, **said: str) -> str:
    workspace = workspace_of(CASE, folder)
    examined = examined_of(workspace)
    names = Names(workspace.environments["here"], [])
    asked = Asked({word: (each,) for word, each in said.items()}, frozenset(open_), plain=plain)
    answer = what_if(examined.policy_set, sign_in(asked, names, Location))
    return "\n".join(text(answer, examined.resolved, Places(workspace, "here")))


def test_a_sign_in_that_is_blocked(tmp_path: Path) -> None:
    assert (
        told(tmp_path, plain=True, flow="deviceCodeFlow", ip="198.51.100.7")
        == """\
an ordinary member, in no group that a policy names, signs in to an application that no policy names
  by device code flow, with a browser, on windows, from 198.51.100.7 (in no named location)
→ blocked by `block`
decided by
  policies/block.yaml:9:1: `block` applies, by includeUsers `All`, includeApplications `All` and transferMethods `deviceCodeFlow`
applies too
  policies/mfa.yaml:7:1: `mfa` applies, by includeUsers `All` and includeApplications `All`"""
    )  # noqa: E501 (as it is told)


def test_a_sign_in_of_which_too_little_is_known(tmp_path: Path) -> None:
    assert (
        told(tmp_path, flow="deviceCodeFlow", group="teams-rooms")
        == """\
a user, in `teams-rooms`, signs in by device code flow
→ granted once mfa is satisfied
decided by
  policies/mfa.yaml:7:1: `mfa` applies, by includeUsers `All` and includeApplications `All`
does not apply
  environments/here.yaml:7:37: `block` excludes the group `teams-rooms`"""
    )


def test_a_sign_in_that_hangs_on_what_is_not_known(tmp_path: Path) -> None:
    assert (
        told(tmp_path, "ip", plain=True, flow="deviceCodeFlow")
        == """\
an ordinary member, in no group that a policy names, signs in to an application that no policy names
  by device code flow, with a browser, on windows
→ it depends on `ip`
  asked for mfa in any case
decided by
  policies/block.yaml:4:1: `block` may apply, it depends on location (`ip`)
applies too
  policies/mfa.yaml:7:1: `mfa` applies, by includeUsers `All` and includeApplications `All`"""
    )
