"""The goals that one environment enforces, its facts and waivers: every name looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic.alias_generators import to_camel

from ostiary.errors import Diagnostic, Location, Severity
from ostiary.model import exclusions
from ostiary.model.goal import Fact, Goal, GoalException, SignIns, Waiver
from ostiary.model.named_locations import LocationNames
from ostiary.model.names import Names
from ostiary.model.resolve_demands import Demands
from ostiary.spec.environment import EnvironmentSpec
from ostiary.spec.goals import ExceptSpec, GoalSpec, SignInsSpec
from ostiary.spec.source import Step
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Sourced, Workspace

Relation = Literal["within", "apartFrom"]
Lookup = Callable[[str, Location], str | None]
# The place of each entry of a word's list.
Place = Callable[[str], Callable[[int], Location]]

# The word of a goal for each list of exclusions that an environment may add to.
_WORDS = {
    "excludeUsers": "user",
    "excludeGroups": "group",
    "excludeRoles": "role",
    "excludeApplications": "application",
    "excludeLocations": "location",
}


def goals(workspace: Workspace, names: Names, locations: LocationNames) -> tuple[Goal, ...]:
    """Resolve each goal that the environment enforces, in its own order."""
    environment, resolved = names.environment, []
    enforced = environment.spec.goals
    if workspace.goals and not enforced:
        names.found.append(
            Diagnostic(
                "no-goals",
                f"`{environment.key}` enforces no goal",
                environment.at(),
                "list under `goals` what must be true of every sign-in there",
                Severity.WARNING,
            )
        )
    for index, key in enumerate(enforced):
        if key in workspace.goals:
            resolver = _OneGoal(workspace, names, locations, workspace.goals[key])
            resolved.append(resolver.goal())
        elif f"policies/goals/{key}.yaml" not in workspace.broken:
            names.found.append(
                Diagnostic(
                    "unknown-goal",
                    f"no goal `{key}`",
                    environment.at("goals", index),
                    did_you_mean(key, workspace.goals) or f"there is no policies/goals/{key}.yaml",
                )
            )
    return tuple(resolved)


def facts(names: Names) -> Iterator[Fact]:
    """Resolve what the environment tells of its directory."""
    lookups: dict[str, Lookup] = {"user": names.user, "group": names.group, "role": names.role}
    for index, spec in enumerate(names.environment.spec.facts):
        at = names.environment.at
        relation: Relation = "within" if spec.within is not None else "apartFrom"
        group = names.group(spec.within or spec.apart_from or "", at("facts", index, relation))
        for kind in ("user", "group", "role"):
            name = getattr(spec, kind)
            if name is not None:
                subject = lookups[kind](name, at("facts", index, kind))
                if subject is not None and group is not None:
                    yield Fact(kind, subject, relation, group)


def waivers(
    environment: Sourced[EnvironmentSpec], today: date, found: list[Diagnostic]
) -> tuple[Waiver, ...]:
    """Give the environment's waivers; one that is over, or waives nothing, is an error."""
    given: list[Waiver] = []
    for index, each in enumerate(environment.spec.waivers):
        place = environment.at("waivers", index)
        if each.expires < today:
            found.append(
                Diagnostic(
                    "waiver-expired",
                    f"the waiver of `{each.goal}` ended on {each.expires}",
                    environment.at("waivers", index, "expires"),
                    "remove it, or have its owner renew it",
                )
            )
        if each.goal not in environment.spec.goals:
            found.append(
                Diagnostic(
                    "waiver-without-goal",
                    f"`{environment.key}` does not enforce `{each.goal}`",
                    environment.at("waivers", index, "goal"),
                    did_you_mean(each.goal, environment.spec.goals) or "remove the waiver",
                )
            )
        if any(each.goal == other.goal for other in given):
            found.append(
                Diagnostic("repeated-value", f"`{each.goal}` is waived twice", place, "remove one")
            )
        given.append(Waiver(each.goal, each.owner, each.reason, each.expires, place))
    return tuple(given)


@dataclass(frozen=True, slots=True)
class _OneGoal:
    workspace: Workspace
    names: Names
    locations: LocationNames
    written: Sourced[GoalSpec]

    def goal(self) -> Goal:
        spec = self.written.spec
        given = [
            self._sign_ins(each, self._at("given", nth)) for nth, each in enumerate(spec.given)
        ]
        return Goal(
            self.written.key,
            spec.says,
            tuple(given) or (SignIns(),),
            tuple(self._exceptions(spec.except_)),
            Demands(self.names, self._at("then")).then(spec.then),
            self.written.at(),
        )

    def _sign_ins(self, of: SignInsSpec, at: Place) -> SignIns:
        names, ids = self.names, self._ids
        return SignIns(
            users=ids(names.user, of.user, at("user")),
            groups=ids(names.group, of.group, at("group")),
            roles=ids(names.role, of.role, at("role")),
            guests=tuple(of.guest or ()),
            service_principals=ids(
                self._service_principal, of.service_principal, at("servicePrincipal")
            ),
            applications=ids(names.application, of.application, at("application")),
            user_actions=tuple(of.user_action or ()),
            authentication_flows=tuple(of.authentication_flow or ()),
            client_app_types=tuple(of.client_app_type or ()),
            platforms=tuple(of.platform or ()),
            locations=ids(self.locations.key, of.location, at("location")),
            outside=ids(self.locations.key, of.outside, at("outside")),
            device=of.device,
            sign_in_risk_levels=tuple(of.sign_in_risk_level or ()),
            user_risk_levels=tuple(of.user_risk_level or ()),
        )

    def _ids(
        self, lookup: Lookup, names: Sequence[str] | None, at: Callable[[int], Location]
    ) -> tuple[str, ...]:
        return tuple(sorted(self.names.ids(lookup, names or (), at)))

    def _at(self, *route: Step) -> Place:
        return lambda word: lambda index: self.written.at(*route, word, index)

    def _service_principal(self, name: str, place: Location) -> str | None:
        if name == "ServicePrincipalsInMyTenant":
            self._report(
                "unknown-service-principal", f"`{name}` is a word of policies", place, "write `All`"
            )
        return name if name == "All" else self.names.service_principal(name, place)

    def _exceptions(self, written: Iterable[ExceptSpec]) -> Iterator[GoalException]:
        for index, spec in enumerate(written):
            place = self.written.at("except", index)
            if spec.excluded_from is not None:
                at = self.written.at("except", index, "excludedFrom")
                yield from self._excluded_from(spec.excluded_from, at)
            else:
                yield self._exception(_words(spec), spec, place, self._at("except", index))

    def _exception(self, name: str, spec: SignInsSpec, place: Location, at: Place) -> GoalException:
        """Make an exception; whoever may choose where to sign in from is not excepted by it."""
        for word, locations in (("location", spec.location), ("outside", spec.outside)):
            for nth, location in enumerate(locations or ()):
                untrusted = self.locations.untrusted(location, at(word)(nth))
                self.names.found += filter(None, (untrusted,))
        return GoalException(name, self._sign_ins(spec, at), place)

    def _excluded_from(self, policy: str, at: Location) -> Iterator[GoalException]:
        """Give each exclusion that the environment itself adds to a policy, where they hold."""
        environment = self.names.environment
        if policy not in self.workspace.policies:
            if f"policies/{policy}.yaml" not in self.workspace.broken:
                self._report(
                    "unknown-policy",
                    f"no policy `{policy}`",
                    at,
                    did_you_mean(policy, self.workspace.policies)
                    or f"there is no policies/{policy}.yaml",
                )
            return
        if exclusions.without_exceptions(self.workspace.policies[policy].spec, environment):
            return
        for key, name, route in exclusions.added(policy, environment):
            place, spec = environment.at(*route), SignInsSpec.model_validate({_WORDS[key]: [name]})
            yield self._exception(_words(spec), spec, place, _everywhere(place))

    def _report(self, code: str, message: str, place: Location, hint: str) -> None:
        self.names.found.append(Diagnostic(code, message, place, hint))


def _everywhere(place: Location) -> Place:
    return lambda _: lambda _: place


def _words(spec: SignInsSpec) -> str:
    """Tell a set of sign-ins as its file does."""
    said = ((to_camel(name), value) for name, value in spec if value is not None)
    return ", ".join(
        f"{word}: {value if isinstance(value, str) else ', '.join(value)}" for word, value in said
    )
