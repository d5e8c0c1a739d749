from __future__ import annotations

import re

import pytest

from ostiary.catalog import WELL_KNOWN_APPLICATIONS
from ostiary.roles import FORMER_NAMES, PRIVILEGED_ROLES, ROLE_TEMPLATE_IDS

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("table", [ROLE_TEMPLATE_IDS, WELL_KNOWN_APPLICATIONS])
def test_ids_are_guids_in_lower_case_and_each_has_one_name(table: dict[str, str]) -> None:
    assert [each for each in table.values() if not GUID.fullmatch(each)] == []
    assert len(set(table.values())) == len(table)
    assert len({name.lower() for name in table}) == len(table)
    assert list(table) == sorted(table, key=str.lower)


def test_names_are_no_ids_and_carry_no_stray_space() -> None:
    for name in (*ROLE_TEMPLATE_IDS, *WELL_KNOWN_APPLICATIONS, *FORMER_NAMES):
        assert re.fullmatch(r"\w+( \S+)*", name)
        assert not GUID.fullmatch(name)


def test_knows_the_roles_that_policies_for_administrators_begin_with() -> None:
    assert ROLE_TEMPLATE_IDS["Global Administrator"] == "62e90394-69f5-4237-9190-012177145e10"
    assert len(ROLE_TEMPLATE_IDS) > 130
    assert {"Global Administrator", "Security Reader"} <= PRIVILEGED_ROLES <= set(ROLE_TEMPLATE_IDS)


def test_a_former_name_leads_to_a_current_one_and_is_none_itself() -> None:
    assert set(FORMER_NAMES.values()) <= set(ROLE_TEMPLATE_IDS)
    assert not set(FORMER_NAMES) & set(ROLE_TEMPLATE_IDS)


def test_public_clients_are_no_resources() -> None:
    # Azure CLI, Azure PowerShell, Graph command line tools: no policy can target them.
    clients = {
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
        "1950a258-227b-4e31-a9cf-717495945fc2",
        "14d82eec-204b-4c2f-b7e8-296a70dab67e",
    }
    assert not clients & set(WELL_KNOWN_APPLICATIONS.values())
