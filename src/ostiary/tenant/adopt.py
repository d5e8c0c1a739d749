"""What a tenant holds → the files of a workspace that say the same, as valid as any others.

What the files may not say stays in the tenant as it is, and stands in the environment's file with
the reason.  The files are read back before they are given: a policy that would come to mean
something else is left alone too.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ostiary.errors import DiagnosticsError, PreflightError, errors_in
from ostiary.model.policy import NamedLocation, Policy, canonical
from ostiary.model.resolve import Resolved, resolve
from ostiary.model.written import Table, Tables, ids
from ostiary.proof.examine import Examined, examine
from ostiary.proof.results import Proof
from ostiary.spec.amend import amended
from ostiary.spec.environment import GUID
from ostiary.spec.workspace import Workspace, load
from ostiary.tenant.candidates import Candidate, Candidates, LeftAlone, candidates, left_alone
from ostiary.tenant.draft import Draft, files, unused
from ostiary.tenant.emergency import EmergencyAccess, find
from ostiary.tenant.existing import Existing, Wishes
from ostiary.tenant.exports import Exported
from ostiary.tenant.naming import name_all

Directory = Callable[[Mapping[Table, Iterable[str]]], Tables]


@dataclass(frozen=True, slots=True)
class Adoption:
    """The outcome: `files` to write, by path, and the `draft` behind them.

    `goals` are enforced because they are proven; `open_goals` are not, each with the reason.
    """

    environment: str
    draft: Draft
    files: Mapping[str, str]
    resolved: Resolved
    goals: tuple[str, ...]
    open_goals: Mapping[str, str]

    @property
    def besides(self) -> tuple[str, ...]:
        """Policies of the workspace that the tenant does not have, by display name."""
        adopted = {each.value.key for each in self.draft.policies}
        return tuple(
            each.display_name for each in self.resolved.policies if each.key not in adopted
        )

    @property
    def rewritten(self) -> tuple[Candidate[Policy | NamedLocation], ...]:
        """What our form spells in another way than the tenant."""
        return tuple(each for each in self.draft.every if each.rewritten)


def adopt(
    root: Path, objects: Iterable[Exported], wishes: Wishes, directory: Directory
) -> Adoption:
    """Make the files; `directory` gives display names of ids.

    Raises DiagnosticsError if the workspace is not valid as it is, PreflightError where a file
    would have to be another one, and OstiaryError if no emergency access account can be found.
    """
    existing = Existing(root, wishes)
    found = candidates(objects, existing.ids, existing.policy_set)
    if found.differing:
        names = ", ".join(f"`{each}`" for each in found.differing)
        raise PreflightError(
            f"the workspace has policies or named locations of the same names that differ: {names}",
            hint="nothing was written; see what differs with `ostiary diff --tenant`",
        )
    asked: dict[Table, set[str]] = {"groups": set(), "users": set()}
    for each in found.policies:
        for table, identity in ids(each.value):
            asked.setdefault(table, set()).add(identity)
    # Whether an emergency access account is a group or a user, only the directory knows.
    given = {each.lower() for each in wishes.emergency_access if GUID.match(each.lower())}
    told = directory({**asked, "groups": asked["groups"] | given})
    return _Adopting(existing, wishes, told, asked).adoption(found)


class _Adopting:
    def __init__(
        self,
        existing: Existing,
        wishes: Wishes,
        directory: Tables,
        used: Mapping[Table, Collection[str]],
    ) -> None:
        self.existing = existing
        self.wishes = wishes
        self.directory = directory
        self.used = used

    def adoption(self, found: Candidates) -> Adoption:
        """Leave alone what the files may not say, until they are valid; then enforce goals."""
        accounts = self.existing.emergency_access() or find(
            [each.value for each in found.policies], self.wishes.emergency_access, self._called
        )
        policies, left = found.policies, found.left_alone
        refused: list[LeftAlone] | None = []
        while refused is not None:
            left = (*left, *refused)
            gone = {each.place for each in refused}
            policies = tuple(each for each in policies if each.place not in gone)
            draft = self._draft(policies, found.named_locations, left, accounts)
            made = files(self.existing, self.wishes, draft)
            refused = self._refused(made, draft)
        if self.existing.others() and any(not each.known for each in draft.every):
            others = ", ".join(f"`{each}`" for each in self.existing.others())
            raise PreflightError(
                f"policies are of every environment of a workspace, and there are {others}",
                hint="adopt into a folder of its own",
            )
        proven, open_goals = self._goals(made)
        made = _enforcing(made, self.existing.path, proven)
        return Adoption(
            self.wishes.environment, draft, made, self._resolved(made), proven, open_goals
        )

    def _draft(
        self,
        policies: tuple[Candidate[Policy], ...],
        locations: tuple[Candidate[NamedLocation], ...],
        left: tuple[LeftAlone, ...],
        accounts: EmergencyAccess,
    ) -> Draft:
        idle = [each for each in locations if not each.known and unused(policies, each.value)]
        asked = [
            *(one for each in policies for one in ids(each.value)),
            *(("groups", each) for each in accounts.groups),
            *(("users", each) for each in accounts.users),
        ]
        return Draft(
            policies,
            tuple(each for each in locations if each not in idle),
            (*left, *(left_alone(each, "no adopted policy names it") for each in idle)),
            accounts,
            name_all(asked, self.existing.names, self.directory),
        )

    def _called(self, table: Table, name: str) -> set[str]:
        """Give the ids of whatever has a name, or the id itself if it is known."""
        own = self.existing.tables.get(table, {})
        told = self.directory.get(table, {})
        if name in own:
            return {own[name]}
        folded = name.lower()
        return {each for each in told if told[each] == name or each == folded} | (
            {folded} & {*self.used[table]}
        )

    def _refused(self, made: Mapping[str, str], draft: Draft) -> list[LeftAlone] | None:
        """Read files back; gives the policies that must be left alone, None if all is well."""
        try:
            resolved = self._resolved(made)
        except DiagnosticsError as error:
            reasons: dict[str, dict[str, None]] = {}
            for each in errors_in(error.diagnostics):
                reasons.setdefault(each.location.path, {})[each.message] = None
            new = {f"policies/{each.value.key}.yaml": each for each in draft.policies}
            refused = [
                left_alone(each, "; ".join(reasons[path]))
                for path, each in new.items()
                if path in made and path in reasons
            ]
            if not refused:
                raise
            return refused
        back = {each.key: each for each in resolved.policies}
        return [
            left_alone(each, "the environment would make another policy of it")
            for each in draft.policies
            if back.get(each.value.key) != canonical(each.value)
        ] or None

    def _resolved(self, files: Mapping[str, str]) -> Resolved:
        return resolve(*self._loaded(files), self.wishes.today)

    def _loaded(self, files: Mapping[str, str]) -> tuple[Workspace, str]:
        with tempfile.TemporaryDirectory(prefix="ostiary-") as folder:
            for name in ("policies", "environments"):
                if (self.existing.root / name).is_dir():
                    shutil.copytree(self.existing.root / name, Path(folder) / name)
                (Path(folder) / name).mkdir(exist_ok=True)
            write(Path(folder), files)
            return load(Path(folder), [self.wishes.environment]), self.wishes.environment

    def _goals(self, made: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
        """Find the goals of the workspace that are proven, and why the others are not."""
        enforced = self.existing.spec.goals if self.existing.spec else []
        wanted = [each for each in self.existing.goals if each not in enforced]
        reasons: dict[str, str] = {}
        examined: Examined | None = None
        while wanted and examined is None:
            try:
                examined = examine(self._resolved(_enforcing(made, self.existing.path, wanted)))
            except DiagnosticsError as error:
                for each in errors_in(error.diagnostics):
                    key = Path(each.location.path).stem
                    reasons.setdefault(key if key in wanted else wanted[0], each.message)
                wanted = [each for each in wanted if each not in reasons]
        for result in examined.results if examined else ():
            if not isinstance(result, Proof) and result.goal.key in wanted:
                reasons[result.goal.key] = "the policies do not prove it"
        return tuple(each for each in wanted if each not in reasons), reasons


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, encoding="utf-8")


def _enforcing(files: Mapping[str, str], path: str, goals: Iterable[str]) -> dict[str, str]:
    return {**files, path: amended(files[path], {"goals": list(goals)})}
