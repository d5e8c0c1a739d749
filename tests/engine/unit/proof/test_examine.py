"""What decides the sign-ins of an environment."""

from __future__ import annotations

from ostiary.model.policy import CountryNamedLocation, IpNamedLocation
from ostiary.model.resolve import Resolved
from ostiary.proof.examine import policy_set_of


def test_a_location_that_is_not_deployed_is_none_of_all_trusted() -> None:
    here = IpNamedLocation("here", "Here", ("203.0.113.0/24",), is_trusted=True)
    there = IpNamedLocation("there", "There", ("198.51.100.0/24",), is_trusted=True)
    north = CountryNamedLocation("north", "North", ("NO",))
    resolved = Resolved(
        "prod", "tenant", (), named_locations=(here,), known_locations=(here, north, there)
    )
    assert policy_set_of(resolved).named_locations == (
        here,
        north,
        IpNamedLocation("there", "There", ("198.51.100.0/24",), is_trusted=False),
    )
