"""Reads what the checks are about: every list once, and nothing that the token may not read."""

from __future__ import annotations

from collections.abc import Iterator

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
from ostiary.tenant.shapes import DirectoryObject, User

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
        beta_only=tuple(each for each in client.policies("beta") if each["id"] not in known),
        security_defaults=client.security_defaults(),
        plans=reader.service_plans() if may(held, *_LICENCES) else Unread(_LICENCES[0]),
        directory=_directory(reader, resolved, held),
        authors=_authors(reader, listed, recorded, held),
    )


def _directory(reader: Reader, resolved: Resolved, held: frozenset[str]) -> Directory:
    """Read the directory; without the permission for it, what needs none and no more."""
    may_look = may(held, _DIRECTORY)
    ids = named.groups(resolved) | named.users(resolved) | named.service_principals(resolved)
    found = reader.look_up(sorted(ids)).found if may_look else {}

    def of_kind(kind: str) -> frozenset[str] | Unread:
        if not may_look:
            return Unread(_DIRECTORY)
        return frozenset(key for key, each in found.items() if each.kind == kind)

    return Directory(
        groups=of_kind("group"),
        users=of_kind("user"),
        service_principals=of_kind("servicePrincipal"),
        applications=frozenset(reader.service_principals(sorted(named.applications(resolved))))
        if may(held, APPLICATIONS, _DIRECTORY)
        else Unread(APPLICATIONS),
        strengths=_strengths(reader, named.strengths(resolved)),
        terms_of_use=frozenset(reader.agreements() if named.terms_of_use(resolved) else ())
        if may(held, _TERMS)
        else Unread(_TERMS),
        emergency_access=dict(_emergency_access(reader, resolved, frozenset(found)))
        if may_look
        else Unread(_DIRECTORY),
    )


def _strengths(reader: Reader, wanted: frozenset[str]) -> frozenset[str]:
    """Give what there is of the wanted strengths; Microsoft's own are in every tenant."""
    built_in = frozenset(AUTHENTICATION_STRENGTHS.values())
    return built_in | (
        frozenset(reader.authentication_strengths()) if wanted - built_in else frozenset()
    )


def _emergency_access(
    reader: Reader, resolved: Resolved, there: frozenset[str]
) -> Iterator[tuple[str, tuple[Account, ...]]]:
    for of in resolved.emergency_access:
        for group in of.groups:
            members = reader.transitive_members(group) if group in there else ()
            users = (each for each in members if each.kind == "user")
            yield group, tuple(_account(reader, each) for each in users)
        for identity in of.users:
            user = reader.user(identity)
            yield identity, (_account(reader, user),) if user else ()


def _account(reader: Reader, of: User | DirectoryObject) -> Account:
    memberships = reader.transitive_memberships(of.id)
    return Account(
        of.id,
        of.user_principal_name or of.id,
        enabled=of.account_enabled is True,
        groups=frozenset(each.id for each in memberships if each.kind == "group"),
        roles=frozenset(each.role_template_id for each in memberships if each.role_template_id),
    )


def _authors(
    reader: Reader, listed: Listed, recorded: Recorded, held: frozenset[str]
) -> dict[str, str] | Unread:
    """Tell who changed what this stack manages since it was last written."""
    if not may(held, _AUDITS):
        return Unread(_AUDITS)
    managed = {*recorded.managed.policies.values(), *recorded.managed.named_locations.values()}
    authors: dict[str, str] = {}
    for each in (*listed.policies, *listed.named_locations):
        if each["id"] in managed and recorded.applied and changed_since(each, recorded.applied):
            audits = reader.audits_of(each["id"], recorded.applied)
            if audits:
                authors[each["id"]] = str(audits[0].initiated_by)
    return authors
