from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from ostiary.proof.networks import address_classes

CIDRS = st.one_of(
    st.builds(
        lambda address, prefix: str(ip_network((address, prefix), strict=False)),
        st.integers(0, 2**32 - 1),
        st.integers(8, 32),
    ),
    st.builds(
        lambda address, prefix: str(
            ip_network((address.to_bytes(16, "big"), prefix), strict=False)
        ),
        st.integers(0, 2**128 - 1),
        st.integers(8, 128),
    ),
)
LOCATIONS = st.dictionaries(st.sampled_from("abcd"), st.lists(CIDRS, max_size=5), max_size=4)


def test_without_locations_all_addresses_are_one_class() -> None:
    (everything,) = address_classes({}).classes
    assert everything.locations == frozenset()
    assert (everything.ipv4, everything.ipv6) == (2**32, 2**128)
    assert everything.example == ip_address("192.0.2.1")


def test_overlapping_locations_make_three_classes() -> None:
    classes = address_classes({"wide": ["203.0.113.0/24"], "narrow": ["203.0.113.0/25"]}).classes
    assert {tuple(sorted(each.locations)): each.ipv4 for each in classes} == {
        (): 2**32 - 256,
        ("wide",): 128,
        ("narrow", "wide"): 128,
    }


def test_parts_of_one_location_are_one_class() -> None:
    classes = address_classes(
        {"a": ["203.0.113.0/25", "203.0.113.128/25", "2001:db8::/32"]}
    ).classes
    inside = next(each for each in classes if each.locations)
    assert (inside.ipv4, inside.ipv6) == (256, 2**96)


@given(LOCATIONS, st.lists(st.one_of(st.integers(0, 2**32 - 1).map(ip_address),
                                     st.integers(2**32, 2**128 - 1).map(ip_address))))  # fmt: skip
def test_every_address_lies_in_the_class_of_its_locations(
    locations: dict[str, list[str]], addresses: list[object]
) -> None:
    classes = {each.locations: each for each in address_classes(locations).classes}
    assert sum(each.ipv4 for each in classes.values()) == 2**32
    assert sum(each.ipv6 for each in classes.values()) == 2**128

    def members(address: object) -> frozenset[str]:
        return frozenset(
            key
            for key, ranges in locations.items()
            if any(address in ip_network(cidr) for cidr in ranges)
        )

    for address in [*addresses, *(ip_address(each.example) for each in classes.values())]:
        assert members(address) in classes
    for inside, each in classes.items():
        assert members(ip_address(each.example)) == inside
