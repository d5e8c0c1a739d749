"""What goals and rows of tables want of a sign-in: words and names of controls → requirements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from ostiary.catalog import AUTHENTICATION_STRENGTHS
from ostiary.errors import Diagnostic, Location
from ostiary.model.controls import Control, ControlKind, Requirement, one_of
from ostiary.model.goal import AsksAtMost, Blocked, NeverBlocked, Requires, Then
from ostiary.model.names import Names
from ostiary.spec.goals import DemandsSpec
from ostiary.spec.validate import did_you_mean

# Controls that need no name of the environment's.
_BUILT_IN = tuple(
    kind
    for kind in get_args(ControlKind)
    if kind not in {"authenticationStrength", "termsOfUse", "customAuthenticationFactor"}
)


@dataclass(frozen=True, slots=True)
class Demands:
    """The demands of one goal or row; `at` gives the place of each entry of a word's list."""

    names: Names
    at: Callable[[str], Callable[[int], Location]]

    def then(self, of: str | DemandsSpec) -> Then:
        """Make what a goal says of its sign-ins."""
        match of:
            case "blocked":
                return Blocked()
            case "never blocked":
                return NeverBlocked()
            case DemandsSpec(requires=list(names)):
                controls = self.controls(names, self.at("requires"))
                return Requires(tuple((each,) for each in controls))
            case DemandsSpec(requires_one_of=list(names)):
                return Requires((self.controls(names, self.at("requiresOneOf")),))
            case DemandsSpec(asks_at_most=list(names)):
                return AsksAtMost(self.controls(names, self.at("asksAtMost")))
            case _:
                return AsksAtMost()

    def controls(self, names: Sequence[str], at: Callable[[int], Location]) -> Requirement:
        """Look up controls, of which one is to be satisfied."""
        found = (self._control(name, at(nth)) for nth, name in enumerate(names))
        return one_of(each for each in found if each is not None)

    def _control(self, name: str, place: Location) -> Control | None:
        """Find a control: a built-in one by Graph's word, a strength or terms of use by name."""
        spec = self.names.environment.spec
        strengths = {**AUTHENTICATION_STRENGTHS, **spec.authentication_strengths}
        for kind in _BUILT_IN:
            if name == kind:
                return Control(kind)
        if name in strengths:
            strength = self.names.authentication_strength(name, place)
            return Control("authenticationStrength", strength)
        if name in spec.terms_of_use:
            return Control("termsOfUse", self.names.terms_of_use(name, place))
        known = [*_BUILT_IN, *strengths, *spec.terms_of_use]
        self.names.found.append(
            Diagnostic(
                "unknown-control",
                f"no control `{name}` in environment `{self.names.environment.key}`",
                place,
                "write `blocked`"
                if name == "block"
                else did_you_mean(name, known) or f"known controls: {', '.join(known)}",
            )
        )
        return None
