"""A tenant's directory as one document: what a test or `ostiary sandbox` puts into an empty tenant.

    {"organization": {…}, "licences": ["AAD_PREMIUM_P2"],
     "users": [{"id": …, "displayName": …, "userPrincipalName": …}],
     "groups": [{"id": …, "displayName": …, "members": [ids]}],
     "devices": [{"id": …, "registeredUsers": [ids], "registeredOwners": [ids]}],
     "servicePrincipals": [{"id": …, "appId": …, "displayName": …}],
     "roleDefinitions": […], "authenticationStrengths": […], "agreements": […],
     "subscribedSkus": […], "signIns": […]}

Every part may be left out.  An object is merged with the one of its id; lists of ids, and the
licences, are replaced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ostiary.sandbox.answers import Json
from ostiary.sandbox.catalogs import LICENCES, own_organization
from ostiary.sandbox.directory import SORTS
from ostiary.sandbox.membership import MEMBERS
from ostiary.sandbox.store import Store, Tenant

_LINKS = {"groups": (MEMBERS,), "devices": ("registeredUsers", "registeredOwners")}
_NEW: dict[str, Json] = {kind: sort.unset for kind, sort in SORTS.items()} | {
    "roleDefinitions": {"displayName": None, "isBuiltIn": False, "isEnabled": True},
    "authenticationStrengths": {
        "displayName": None,
        "policyType": "custom",
        "requirementsSatisfied": "mfa",
        "allowedCombinations": [],
        "combinationConfigurations": [],
    },
    "agreements": {"displayName": None},
    "subscribedSkus": {"capabilityStatus": "Enabled", "servicePlans": []},
    "signIns": {"signInEventTypes": ["interactiveUser"], "isInteractive": True},
}


def furnish(store: Store, tenant: Tenant, document: Json) -> None:
    """Merge a document into a tenant; ValueError when something in it makes no sense."""
    unknown = document.keys() - _NEW.keys() - {"organization", "licences"}
    if unknown:
        raise ValueError(f"a directory has no `{min(unknown)}`")
    licences = tuple(document.get("licences", tenant.licences))
    for each in licences:
        if each not in LICENCES:
            raise ValueError(f"`{each}` is none of the licences {', '.join(LICENCES)}")
    store.put_tenant(replace(tenant, licences=licences))
    if "organization" in document:
        known = own_organization(store, tenant.id)
        store.put(tenant.id, "organization", known | document["organization"] | {"id": tenant.id})
    for kind in _NEW:
        for given in document.get(kind, ()):
            _put(store, tenant.id, kind, given)
    _check_links(store, tenant.id)


def _put(store: Store, tenant_id: str, kind: str, given: Json) -> None:
    for name in ("id", "createdDateTime") if kind == "signIns" else ("id",):
        if not given.get(name):
            raise ValueError(f"one of the {kind} has no {name}")
    key = str(given["id"]).lower()
    links = _LINKS.get(kind, ())
    old = store.object(tenant_id, kind, key) or _NEW[kind]
    sent = {name: value for name, value in given.items() if name not in links}
    store.put(tenant_id, kind, {"id": key} | old | sent | {"id": key})
    for relation in links:
        if relation in given:
            store.links.replace(tenant_id, relation, key, map(str.lower, given[relation]))


def _check_links(store: Store, tenant_id: str) -> None:
    """Raise ValueError when a list names an object that is not in the directory."""
    known = {each["id"] for kind in SORTS for each in store.objects(tenant_id, kind)}
    for kind, relations in _LINKS.items():
        for source in store.objects(tenant_id, kind):
            for relation in relations:
                for each in store.links.targets(tenant_id, relation, source["id"]):
                    if each not in known:
                        raise ValueError(f"`{each}` in {relation} is not in the directory")


def furnished(store: Store, tenant: Tenant) -> Json:
    """Give the document of a tenant, as `furnish` takes it."""
    document: dict[str, Any] = {
        "organization": own_organization(store, tenant.id),
        "licences": list(tenant.licences),
    }
    for kind in _NEW:
        document[kind] = [
            each
            | {
                relation: store.links.targets(tenant.id, relation, each["id"])
                for relation in _LINKS.get(kind, ())
            }
            for each in store.objects(tenant.id, kind)
        ]
    return document
