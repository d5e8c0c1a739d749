"""Reads what the checks are about: every list once, and nothing that the token may not read."""

from __future__ import annotations

from collections.abc import Mapping

from ostiary.catalog import AUTHENTICATION_STRENGTHS
from ostiary.model.resolve import Resolved
from ostiary.tenant.client import GraphClient
from ostiary.tenant.directory import Directory as Reader
from ostiary.tenant.preflight import named
from ostiary.tenant.preflight.credentials import APPLICATIONS, may
from ostiary.tenant.preflight.objects import changed_since
from ostiary.tenant.preflight.values import (
    Account,
    Directory,
    Listed,
    Observed,
    Recorded,
    Unread,
)

_DIRECTORY = "Directory.Read.All"
_LICENCES = ("LicenseAssignment.Read.All", "Organization.Read.All", _DIRECTORY)
_TERMS, _AUDITS = "Agreement.Read.All", "AuditLog.Read.All"


def observe(
    client: GraphClient, resolved: Resolved, recorded: Recorded, held: frozenset[str]
) -> Observed:
    """Read a tenant with a token that holds these permissions, Policy.Read.All among them.

    Raises TenantError where Graph does not answer.
    """
    listed = Listed(tuple(client.policies()), tuple(client.named_locations()))
    known = {each["id"] for each in listed.policies}
    reader = Reader(client.graph)
    return Observed(
        listed,
        beta_only=tuple(each for each in client.beta_policies() if each["id"] not in known),
        security_defaults=client.security_defaults(),
        plans=reader.service_plans() if may(held, *_LICENCES) else Unread(_LICENCES[0]),
        directory=_directory(reader, resolved, held),
        authors=_authors(reader, listed, recorded, held),
    )


def _directory(reader: Reader, resolved: Resolved, held: frozenset[str]) -> Directory:
    applications = named.applications(resolved)
    terms = named.terms_of_use(resolved)
    return Directory(
        **_look_up(reader, resolved, held),
        applications=frozenset(reader.service_principals(sorted(applications)))
        if may(held, APPLICATIONS, _DIRECTORY)
        else Unread(APPLICATIONS),
        strengths=_strengths(reader, named.strengths(resolved)),
        terms_of_use=frozenset(reader.agreements() if terms else ())
        if may(held, _TERMS)
        else Unread(_TERMS),
        emergency_access=_emergency_access(reader, resolved)
        if may(held, _DIRECTORY)
        else Unread(_DIRECTORY),
    )


def _look_up(
    reader: Reader, resolved: Resolved, held: frozenset[str]
) -> dict[str, frozenset[str] | Unread]:
    kinds = {"groups": "group", "users": "user", "service_principals": "servicePrincipal"}
    if not may(held, _DIRECTORY):
        return dict.fromkeys(kinds, Unread(_DIRECTORY))
    ids = named.groups(resolved) | named.users(resolved) | named.service_principals(resolved)
    found = reader.look_up(sorted(ids)).found
    return {
        name: frozenset(key for key, each in found.items() if each.kind == kind)
        for name, kind in kinds.items()
    }


def _strengths(reader: Reader, wanted: frozenset[str]) -> frozenset[str]:
    """Give what there is of the wanted strengths; Microsoft's own are in every tenant."""
    built_in = frozenset(AUTHENTICATION_STRENGTHS.values())
    return built_in | (
        frozenset(reader.authentication_strengths()) if wanted - built_in else frozenset()
    )


def _emergency_access(reader: Reader, resolved: Resolved) -> Mapping[str, tuple[Account, ...]]:
    accounts: dict[str, tuple[Account, ...]] = {}
    found = reader.look_up(
        id_ for of in resolved.emergency_access for id_ in (*of.groups, *of.users)
    ).found
    for of in resolved.emergency_access:
        for group in of.groups:
            members = reader.transitive_members(group) if group in found else ()
            accounts[group] = tuple(
                _account(reader, each.id, each.display_name, each.account_enabled)
                for each in members
                if each.kind == "user"
            )
        for identity in of.users:
            user = reader.user(identity)
            accounts[identity] = (
                (_account(reader, user.id, user.display_name, user.account_enabled),)
                if user
                else ()
            )
    return accounts


def _account(reader: Reader, identity: str, name: str | None, enabled: bool | None) -> Account:
    memberships = reader.transitive_memberships(identity)
    return Account(
        identity,
        name or identity,
        enabled=enabled is True,
        groups=frozenset(each.id for each in memberships if each.kind == "group"),
        roles=frozenset(each.role_template_id for each in memberships if each.role_template_id),
    )


def _authors(
    reader: Reader, listed: Listed, recorded: Recorded, held: frozenset[str]
) -> Mapping[str, str] | Unread:
    managed = {*recorded.managed.policies.values(), *recorded.managed.named_locations.values()}
    changed = [
        each["id"]
        for each in (*listed.policies, *listed.named_locations)
        if each["id"] in managed and changed_since(each, recorded.applied)
    ]
    if not may(held, _AUDITS):
        return Unread(_AUDITS)
    authors: dict[str, str] = {}
    for identity in changed if recorded.applied else ():
        audits = reader.audits_of(identity, recorded.applied)
        if audits:
            authors[identity] = str(audits[0].initiated_by)
    return authors
