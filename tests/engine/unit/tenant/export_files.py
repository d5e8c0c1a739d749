"""Objects and files of exports, as people and tools leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

EMERGENCY = "e0e0e0e0-1111-4222-8333-e0e0e0e0e0e0"
STAFF = "aaaaaaaa-1111-4222-8333-aaaaaaaaaaaa"
OFFICE = "bbbbbbbb-1111-4222-8333-bbbbbbbbbbbb"


def policy(name: str = "Require MFA", *, number: int = 1, **conditions: Any) -> Json:
    return {
        "id": f"cccccccc-1111-4222-8333-{number:012}",
        "displayName": name,
        "state": "enabled",
        "createdDateTime": "2024-01-01T00:00:00Z",
        "conditions": {
            "users": {"includeUsers": ["All"], "excludeGroups": [EMERGENCY]},
            "applications": {"includeApplications": ["All"]},
            "clientAppTypes": ["all"],
            **conditions,
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        "sessionControls": None,
    }


def office(**more: Any) -> Json:
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "id": OFFICE,
        "displayName": "Head office",
        "isTrusted": True,
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": "203.0.113.0/24"}
        ],
        **more,
    }


def save(folder: Path, name: str, value: object, encoding: str = "utf-8") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(json.dumps(value, ensure_ascii=False).encode(encoding))
    return file
