"""Grant controls as a sign-in meets them: what is demanded, and what satisfies what.

All policies that apply must be satisfied
(https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-policies).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ostiary.catalog import AUTHENTICATION_STRENGTHS
from ostiary.model.policy import GrantControls, Policy

ControlKind = Literal[
    "mfa",
    "authenticationStrength",
    "compliantDevice",
    "domainJoinedDevice",
    "compliantApplication",
    "passwordChange",
    "termsOfUse",
    "customAuthenticationFactor",
]
# The order in which Microsoft asks for them; where strengths stand in it is assumed.
_ASKED: dict[str, int] = {
    kind: place
    for place, kind in enumerate(
        (
            "mfa", "authenticationStrength", "compliantDevice", "domainJoinedDevice",
            "compliantApplication", "passwordChange", "termsOfUse", "customAuthenticationFactor",
        )
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Control:
    """One thing to satisfy; `id` is a strength's, terms of use's or custom factor's."""

    kind: ControlKind
    id: str | None = None

    @property
    def words(self) -> str:
        """The control in Graph's words."""
        return f"{self.kind} {self.id}" if self.id else self.kind


# One of these controls must be satisfied; in the order in which they are asked for.
Requirement = tuple[Control, ...]


def blocks(policy: Policy) -> bool:
    """Tell whether the policy blocks whom it applies to."""
    grant = policy.grant_controls
    return grant is not None and "block" in grant.built_in_controls


def requirements(grant: GrantControls | None) -> tuple[Requirement, ...]:
    """Give what must be satisfied: every one, by one of its controls.

    `AND` over controls makes each a requirement of its own, `OR` makes one of them all.
    """
    if grant is None:
        return ()
    controls = [Control(kind) for kind in grant.built_in_controls if kind != "block"]
    if grant.authentication_strength:
        controls.append(Control("authenticationStrength", grant.authentication_strength))
    controls += [Control("termsOfUse", each) for each in grant.terms_of_use]
    controls += [
        Control("customAuthenticationFactor", each) for each in grant.custom_authentication_factors
    ]
    if grant.operator == "AND":
        return tuple((each,) for each in one_of(controls))
    return (one_of(controls),) if controls else ()


def one_of(controls: Iterable[Control]) -> Requirement:
    """Give the requirement that one of these controls be satisfied."""
    return tuple(sorted(controls, key=_place))


def combined(demanded: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Give requirements once each, in order, without those that another one implies."""
    every = set(demanded)
    least = [each for each in every if not any(set(other) < set(each) for other in every)]
    return tuple(sorted(least, key=lambda each: [_place(control) for control in each]))


def ensures(requirement: Requirement, wanted: Requirement) -> bool:
    """Tell whether whoever satisfies `requirement` has surely satisfied one control of `wanted`."""
    return all(any(_implies(each, other) for other in wanted) for each in requirement)


def satisfied_by(requirement: Requirement, controls: Iterable[Control]) -> bool:
    """Tell whether somebody who can satisfy these controls can satisfy the requirement."""
    having = tuple(controls)
    return any(_implies(one, each) for each in requirement for one in having)


# From the strongest to the weakest: each built-in strength allows a part of the next one's methods,
# and all of them are multifactor.  What a strength of the tenant's own allows is not known here.
# https://learn.microsoft.com/entra/identity/authentication/concept-authentication-strengths
_WEAKENING = (
    *(
        Control("authenticationStrength", AUTHENTICATION_STRENGTHS[name])
        for name in ("Phishing-resistant MFA", "Passwordless MFA", "Multifactor authentication")
    ),
    Control("mfa"),
)


def _implies(control: Control, other: Control) -> bool:
    if control in _WEAKENING and other in _WEAKENING:
        return _WEAKENING.index(control) <= _WEAKENING.index(other)
    return control == other


def _place(control: Control) -> tuple[int, str]:
    return _ASKED[control.kind], control.id or ""
