"""Names → ids of one environment; a name that finds nothing, or two things, is an error.

Never an empty list: an exclusion that silently vanishes is how administrators get locked out
(https://github.com/microsoft/Microsoft365DSC/issues/4342).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ostiary.catalog import (
    APPLICATION_KEYWORDS,
    AUTHENTICATION_STRENGTHS,
    WELL_KNOWN_APPLICATIONS,
    WELL_KNOWN_LOCATIONS,
)
from ostiary.errors import Diagnostic, Location, Severity
from ostiary.roles import FORMER_NAMES, ROLE_TEMPLATE_IDS
from ostiary.spec import unsupported
from ostiary.spec.environment import GUID, EnvironmentSpec
from ostiary.spec.validate import did_you_mean
from ostiary.spec.workspace import Sourced

_ROLE_IDS = frozenset(ROLE_TEMPLATE_IDS.values())


class Names:
    """The tables of one environment, and which of their names were used."""

    def __init__(self, environment: Sourced[EnvironmentSpec], found: list[Diagnostic]) -> None:
        self.environment = environment
        self.found = found
        self.used: set[tuple[str, str]] = set()

    def ids(
        self,
        lookup: Callable[[str, Location], str | None],
        names: Sequence[str],
        at: Callable[[int], Location],
    ) -> tuple[str, ...]:
        """Look up a whole list, in its order; reports each name that finds nothing."""
        ids: dict[str, str] = {}
        for index, name in enumerate(names):
            place = at(index)
            identity = lookup(name, place)
            if identity is None:
                continue
            if ids.get(identity, name) != name:
                self._report(
                    "same-id",
                    f"`{name}` and `{ids[identity]}` are the same object",
                    place,
                    "remove one",
                )
            ids[identity] = name
        return tuple(ids)

    def user(self, name: str, place: Location) -> str | None:
        """Find a user's object id; `All` and `None` stand for themselves."""
        if name in {"All", "None"}:
            return name
        return self._in_table("users", "user", self.environment.spec.users, name, place)

    def group(self, name: str, place: Location) -> str | None:
        """Find a group's object id."""
        return self._in_table("groups", "group", self.environment.spec.groups, name, place)

    def role(self, name: str, place: Location) -> str | None:
        """Find a built-in role's template id, by display name or by the id itself.

        Only directory-wide built-in roles count in Conditional Access
        (https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-users-groups).
        """
        if name in ROLE_TEMPLATE_IDS:
            return ROLE_TEMPLATE_IDS[name]
        if GUID.match(name.lower()):
            if name.lower() not in _ROLE_IDS:
                self._warn(
                    "unknown-role",
                    f"no built-in role is known with the id `{name}`",
                    place,
                    "a custom role has no effect in Conditional Access; use a group instead",
                )
            return name.lower()
        now = FORMER_NAMES.get(name)
        self._report(
            "unknown-role",
            f"no built-in role `{name}`",
            place,
            f"it is now called `{now}`"
            if now
            else did_you_mean(name, ROLE_TEMPLATE_IDS)
            or "custom roles cannot be named in Conditional Access; use a group",
        )
        return None

    def application(self, name: str, place: Location) -> str | None:
        """Find an application's client id, by well-known name, by the environment, or the id."""
        if name in APPLICATION_KEYWORDS:
            return name
        if GUID.match(name.lower()):
            return name.lower()
        known = {**WELL_KNOWN_APPLICATIONS, **self.environment.spec.applications}
        return self._in_table("applications", "application", known, name, place)

    def service_principal(self, name: str, place: Location) -> str | None:
        """Find a service principal's object id."""
        if name == "ServicePrincipalsInMyTenant":
            return name
        table = self.environment.spec.service_principals
        return self._in_table("servicePrincipals", "service principal", table, name, place)

    def external_tenant(self, name: str, place: Location) -> str | None:
        """Find an external tenant's id, by the environment's table or by the id itself."""
        if GUID.match(name.lower()):
            return name.lower()
        table = self.environment.spec.external_tenants
        return self._in_table("externalTenants", "external tenant", table, name, place)

    def terms_of_use(self, name: str, place: Location) -> str | None:
        """Find the id of terms of use."""
        table = self.environment.spec.terms_of_use
        return self._in_table("termsOfUse", "terms of use", table, name, place)

    def authentication_strength(self, name: str, place: Location) -> str | None:
        """Find an authentication strength: Microsoft's by display name, or the environment's."""
        known = {**AUTHENTICATION_STRENGTHS, **self.environment.spec.authentication_strengths}
        return self._in_table(
            "authenticationStrengths", "authentication strength", known, name, place
        )

    def known(self) -> dict[str, str]:
        """Give the name that people know for every id that has one, the environment's own first."""
        spec = self.environment.spec
        tables: tuple[Mapping[str, str], ...] = (
            ROLE_TEMPLATE_IDS, WELL_KNOWN_APPLICATIONS, AUTHENTICATION_STRENGTHS,
            WELL_KNOWN_LOCATIONS, spec.groups, spec.users, spec.applications,
            spec.service_principals, spec.external_tenants, spec.terms_of_use,
            spec.authentication_strengths,
        )  # fmt: skip
        return {identity: name for table in tables for name, identity in table.items()}

    def unused(self) -> None:
        """Report every name of the environment that no policy asked for."""
        spec = self.environment.spec
        tables: dict[str, Mapping[str, str]] = {
            "groups": spec.groups, "users": spec.users, "applications": spec.applications,
            "servicePrincipals": spec.service_principals, "externalTenants": spec.external_tenants,
            "termsOfUse": spec.terms_of_use,
            "authenticationStrengths": spec.authentication_strengths,
        }  # fmt: skip
        well_known = {
            "applications": WELL_KNOWN_APPLICATIONS,
            "authenticationStrengths": AUTHENTICATION_STRENGTHS,
        }
        for key, table in tables.items():
            for name in table:
                place = self.environment.source.at_key(key, name)
                if name in well_known.get(key, {}):
                    self._report(
                        "name-in-two-tables",
                        f"`{name}` is a well-known name already",
                        place,
                        "choose another name",
                    )
                elif (key, name) not in self.used:
                    self._report(
                        "unused-name",
                        f"no policy names `{name}`",
                        place,
                        "remove it, or check the spelling where it was meant to be used",
                    )

    def _in_table(
        self, key: str, kind: str, table: Mapping[str, str], name: str, place: Location
    ) -> str | None:
        if name in table:
            self.used.add((key, name))
            return table[name]
        environment = self.environment.key
        if name in unsupported.VALUES:
            self._report(
                "not-supported", f"`{name}` is not supported", place, unsupported.VALUES[name]
            )
        elif GUID.match(name.lower()):
            self._report(
                "id-in-policy",
                f"`{name}` is an id, and differs from tenant to tenant",
                place,
                f"name it in `{key}` of {self.environment.source.path}",
            )
        else:
            self._report(
                f"unknown-{kind.replace(' ', '-')}",
                f"no {kind} `{name}` in environment `{environment}`",
                place,
                did_you_mean(name, table) or f"add it to `{key}` of {self.environment.source.path}",
            )
        return None

    def _warn(self, code: str, message: str, place: Location, hint: str) -> None:
        self.found.append(Diagnostic(code, message, place, hint, Severity.WARNING))

    def _report(self, code: str, message: str, place: Location, hint: str | None) -> None:
        self.found.append(Diagnostic(code, message, place, hint))
