"""A folder of specs → one Workspace: policies, locations, goals, environments, by file name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from ostiary.errors import Diagnostic, Location, Severity
from ostiary.spec import goals, rules
from ostiary.spec.environment import EnvironmentSpec
from ostiary.spec.goals import GoalSpec
from ostiary.spec.models import (
    CountryNamedLocationSpec,
    IpNamedLocationSpec,
    NamedLocationSpec,
    PolicySpec,
)
from ostiary.spec.source import Source, Step, read
from ostiary.spec.validate import did_you_mean, validate

Spec = TypeVar("Spec", bound=BaseModel)
Spec_co = TypeVar("Spec_co", bound=BaseModel, covariant=True)

# The environment of the sandbox tenant, which exists on the user's own machine only.
SANDBOX = "sandbox"

KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_LOCATION_MODELS: dict[str, type[NamedLocationSpec]] = {
    "ipNamedLocation": IpNamedLocationSpec,
    "countryNamedLocation": CountryNamedLocationSpec,
}


@dataclass(frozen=True, slots=True)
class Sourced(Generic[Spec_co]):
    """A validated spec with the file it came from; `key` is the file's name without its ending."""

    key: str
    spec: Spec_co
    source: Source

    def at(self, *route: Step) -> Location:
        """Give the place of the value at `route` in the file."""
        return self.source.at(*route)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything a platform engineer wrote.

    `found` is what is wrong with it, and `broken` names the files that are missing here for that.
    """

    root: Path
    policies: Mapping[str, Sourced[PolicySpec]]
    named_locations: Mapping[str, Sourced[NamedLocationSpec]]
    goals: Mapping[str, Sourced[GoalSpec]]
    environments: Mapping[str, Sourced[EnvironmentSpec]]
    found: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()


def environment_names(root: Path) -> list[str]:
    """List the environments of a workspace without reading them."""
    return sorted(file.stem for file in (root / "environments").glob("*.yaml"))


def goal_names(root: Path) -> list[str]:
    """List the goals of a workspace without reading them."""
    return sorted(file.stem for file in (root / "policies" / "goals").glob("*.yaml"))


def load(root: Path, environments: Iterable[str] | None = None) -> Workspace:
    """Read and validate a workspace; `environments` limits which environment files are read.

    What is wrong is found, not raised: `resolve` tells it together with what it finds itself.
    """
    loader = _Loader(root)
    policies = loader.folder("policies", loader.policy, inside={"named-locations", "goals"})
    locations: dict[str, Sourced[NamedLocationSpec]] = loader.folder(
        "policies/named-locations", loader.named_location
    )
    aims = loader.folder("policies/goals", loader.goal)
    named = None if environments is None else set(environments)
    specs = loader.folder("environments", loader.environment, only=named)
    loader.whole_workspace(policies, locations)
    if named is None:
        loader.unused_goals(aims, specs)
    for name in sorted((named or set()) - specs.keys()):
        if not (root / "environments" / f"{name}.yaml").exists():
            loader.unknown_environment(name)
    return Workspace(
        root, policies, locations, aims, specs, tuple(loader.found), frozenset(loader.broken)
    )


class _Loader:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.found: list[Diagnostic] = []
        self.broken: set[str] = set()

    def folder(
        self,
        folder: str,
        make: Callable[[Source], Spec | None],
        *,
        inside: Iterable[str] = (),
        only: set[str] | None = None,
    ) -> dict[str, Sourced[Spec]]:
        specs: dict[str, Sourced[Spec]] = {}
        base = self.root / folder
        if not base.is_dir():
            if not folder.startswith("policies/"):
                self._report(
                    "no-folder",
                    f"there is no folder `{folder}`",
                    folder,
                    "run this in the folder that holds Pulumi.yaml",
                )
            return specs
        for file in sorted(base.iterdir()):
            path = f"{folder}/{file.name}"
            if file.name in inside or file.name.startswith("."):
                continue
            if only is not None and file.stem not in only:
                continue
            if not (file.is_file() and file.suffix == ".yaml" and KEY.match(file.stem)):
                self._stray(path, file)
                continue
            source, found = read(file, path)
            self.found += found
            spec = make(source) if source else None
            if spec is None or source is None:
                self.broken.add(path)
            else:
                specs[file.stem] = Sourced(file.stem, spec, source)
        return specs

    def policy(self, source: Source) -> PolicySpec | None:
        spec = self._validated(PolicySpec, source)
        if spec:
            self.found += rules.check(spec, source)
        return spec

    def named_location(self, source: Source) -> NamedLocationSpec | None:
        kind = source.data.get("type") if isinstance(source.data, dict) else None
        # A missing or wrong type is reported by the model that is tried in its place.
        model = _LOCATION_MODELS.get(str(kind))
        if model is None and kind is not None:
            self.found.append(
                Diagnostic(
                    "unknown-value",
                    f"unknown value `{kind}`",
                    source.at("type"),
                    did_you_mean(str(kind), _LOCATION_MODELS)
                    or f"known values: {', '.join(_LOCATION_MODELS)}",
                )
            )
            return None
        return self._validated(model or IpNamedLocationSpec, source)

    def goal(self, source: Source) -> GoalSpec | None:
        spec = self._validated(GoalSpec, source)
        if spec:
            self.found += goals.check(spec, source)
        return spec

    def environment(self, source: Source) -> EnvironmentSpec | None:
        return self._validated(EnvironmentSpec, source)

    def whole_workspace(
        self,
        policies: Mapping[str, Sourced[PolicySpec]],
        locations: Mapping[str, Sourced[NamedLocationSpec]],
    ) -> None:
        """Check what only all files together can tell: names and former names stand once."""
        for kind in (policies, locations):
            shown: dict[str, Sourced[PolicySpec] | Sourced[NamedLocationSpec]] = {}
            former: dict[str, str] = {}
            for each in kind.values():
                first = shown.setdefault(each.spec.display_name, each)
                if first is not each:
                    self.found.append(
                        Diagnostic(
                            "display-name-twice",
                            f"display name `{each.spec.display_name}` is that of "
                            f"{first.source.path}",
                            each.at("displayName"),
                            "Graph tells objects of one name apart only by id; choose another",
                        )
                    )
                for index, name in enumerate(each.spec.renamed_from):
                    other = former.setdefault(name, each.key)
                    if name in kind or other != each.key:
                        self.found.append(
                            Diagnostic(
                                "former-name-in-use",
                                f"former name `{name}` belongs to another file",
                                each.at("renamedFrom", index),
                                "a former name may stand for one file only",
                            )
                        )

    def unused_goals(
        self,
        aims: Mapping[str, Sourced[GoalSpec]],
        environments: Mapping[str, Sourced[EnvironmentSpec]],
    ) -> None:
        """Tell each goal that no environment enforces, once all environments are known."""
        if any(path.startswith("environments/") for path in self.broken):
            return
        enforced = {key for each in environments.values() for key in each.spec.goals}
        self.found += (
            Diagnostic(
                "unused-goal",
                f"no environment enforces `{key}`",
                goal.at(),
                "list it under `goals` of an environment, or remove it",
                Severity.WARNING,
            )
            for key, goal in aims.items()
            if key not in enforced
        )

    def unknown_environment(self, name: str) -> None:
        known = environment_names(self.root)
        hint = did_you_mean(name, known) or f"known environments: {', '.join(known) or 'none'}"
        self._report(
            "unknown-environment",
            f"there is no environment `{name}`",
            f"environments/{name}.yaml",
            hint,
        )

    def _validated(self, model: type[Spec], source: Source) -> Spec | None:
        spec, found = validate(model, source)
        self.found += found
        self.found += rules.lists_and_values(source)
        return spec

    def _stray(self, path: str, file: Path) -> None:
        hint = None
        if file.suffix in {".yml", ".YAML", ".YML"}:
            hint = f"rename it to `{file.stem}.yaml`"
        elif file.suffix == ".yaml":
            hint = "a file name is lower-case words joined by `-`"
        self._report("stray-file", "this file would not be read", path, hint or "move it elsewhere")

    def _report(self, code: str, message: str, path: str, hint: str | None) -> None:
        self.found.append(Diagnostic(code, message, Location(path), hint))
