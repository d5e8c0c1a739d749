"""The variables of one environment, among those of many that are rolled out at once.

`ARM_CLIENT_ID__CONTOSO_PROD` is `ARM_CLIENT_ID` for `contoso-prod` and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ostiary.errors import TenantError
from ostiary.tenant.credentials import describe

# Who signs in: never taken from what is set for all, or one tenant's identity would go to another.
# A pipeline's token is not among them: it is nobody's until an ARM_CLIENT_ID goes with it.
_IDENTITY = ("ARM_CLIENT_", "ARM_TENANT_ID", "ARM_USE_MSI", "ARM_USE_CLI")


def suffix(environment: str) -> str:
    """Give what ends the names of an environment's own variables."""
    return "__" + environment.upper().replace("-", "_")


def variables_of(
    environment: str, environments: Iterable[str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Give the variables that lead to one environment's state and tenant, and to no other's.

    Raises TenantError where there is no credential of its own.
    """
    own = suffix(environment)
    others = tuple(suffix(each) for each in environments)
    shared = {
        name: value
        for name, value in environ.items()
        if not (name.startswith(_IDENTITY) or name.endswith((own, *others)))
    }
    mine = {name.removesuffix(own): value for name, value in environ.items() if name.endswith(own)}
    found = {**shared, "ARM_USE_CLI": "false", **mine}
    if describe(found) is None:
        raise TenantError(
            f"there are no credentials for `{environment}`",
            hint=f"set ARM_CLIENT_ID{own} and one of ARM_CLIENT_SECRET{own}, "
            f"ARM_CLIENT_CERTIFICATE_PATH{own} or ARM_USE_OIDC=true with a token (docs/rollout.md)",
        )
    return found
