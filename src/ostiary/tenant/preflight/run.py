"""Preflight of one environment: its tenant and its state, held against what is to come."""

from __future__ import annotations

from collections.abc import Mapping

from ostiary.model.resolve import Resolved
from ostiary.tenant.client import GraphClient
from ostiary.tenant.preflight.checks import checks, others_of
from ostiary.tenant.preflight.credentials import check_credentials
from ostiary.tenant.preflight.gather import observe
from ostiary.tenant.preflight.together import together
from ostiary.tenant.preflight.values import Credentials, Preflight, Recorded, Severity


def preflight(
    resolved: Resolved,
    client: GraphClient,
    environ: Mapping[str, str],
    recorded: Recorded,
    *,
    writing: bool = True,
) -> Preflight:
    """Look at an environment's tenant, reading each list once; nothing is changed.

    `environ` are the variables that the engine will have.  Raises TenantError where Graph cannot be
    read.
    """
    identity = client.graph.identity()
    credentials = Credentials(identity, environ.get("ARM_TENANT_ID"))
    findings = tuple(check_credentials(resolved, credentials, recorded, writing=writing))
    if any(each.severity is Severity.REFUSE for each in findings):
        return Preflight(resolved, findings)
    observed = observe(client, resolved, recorded, identity.permissions)
    others = others_of(resolved, observed, recorded)
    return Preflight(
        resolved,
        (*findings, *checks(resolved, observed, recorded, others)),
        together(resolved, observed.directory, others),
        observed.listed,
    )
