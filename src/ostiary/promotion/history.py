"""Since when a policy is what it is in an environment, by the commits of its files.

A commit's day stands for the day of the deployment, which pipelines make at the merge: what counts
is the branch itself, so of what was merged the day of the merge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ostiary.errors import OstiaryError
from ostiary.git import git
from ostiary.spec.source import parse

# What a policy's file says of itself, and not of sign-ins.
_ASIDE = {"state", "exceptions", "renamedFrom"}


@dataclass(frozen=True, slots=True)
class Since:
    """When a policy came to its present state, and to its present content, in an environment.

    None where the history does not tell, for the reason in `unknown`.
    """

    state: datetime | None
    content: datetime | None
    unknown: str | None = None

    @property
    def both(self) -> datetime | None:
        """Since when neither changed."""
        return max(self.state, self.content) if self.state and self.content else None


def since(root: Path, environment: str, policy: str) -> Since:
    """Read since when the working tree's policy stands in git, committed and unchanged.

    A policy that was renamed counts from then.  In a shallow clone the oldest commit seems to have
    made everything, so that the days are fewer than they are, never more.
    """
    files = f"environments/{environment}.yaml", f"policies/{policy}.yaml"
    try:
        return _since(root, files, policy)
    except OstiaryError as error:
        return Since(None, None, str(error))


def _since(root: Path, files: tuple[str, str], policy: str) -> Since:
    log = git(root, "log", "--first-parent", "--format=%H %cI", "HEAD", "--", *files)
    if log.returncode:
        return Since(None, None, "there is no git history here")
    now = _Snapshot.of([_read(root / file) for file in files], policy)
    state: datetime | None = None
    content: datetime | None = None
    same_state = same_content = True
    for line in log.stdout.splitlines():
        commit, _, day = line.partition(" ")
        then = _Snapshot.of([_shown(root, commit, file) for file in files], policy)
        same_state = same_state and then.state == now.state
        same_content = same_content and then.content == now.content
        if same_state:
            state = datetime.fromisoformat(day)
        if same_content:
            content = datetime.fromisoformat(day)
        if not (same_state or same_content):
            break
    if state is None or content is None:
        return Since(state, content, "it is not committed as it is now")
    return Since(state, content)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    state: Any
    content: Any

    @staticmethod
    def of(files: list[bytes], policy: str) -> _Snapshot:
        environment, written = (_mapping(file) for file in files)
        states = environment.get("states")
        own = states.get(policy) if isinstance(states, dict) else None
        excluded = environment.get("exclusions")
        exclusions = [
            {key: each[key] for key in each if key.startswith("exclude")}
            for each in (excluded if isinstance(excluded, list) else ())
            if isinstance(each, dict) and each.get("policy") == policy
        ]
        content = {key: written[key] for key in written if key not in _ASIDE}
        return _Snapshot(own or written.get("state"), (content, exclusions))


def _mapping(file: bytes) -> dict[str, Any]:
    source, _ = parse(file, "")
    return source.data if source and isinstance(source.data, dict) else {}


def _read(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _shown(root: Path, commit: str, file: str) -> bytes:
    shown = git(root, "show", f"{commit}:./{file}")
    return b"" if shown.returncode else shown.stdout.encode()
