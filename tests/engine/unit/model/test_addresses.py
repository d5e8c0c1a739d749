from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ostiary.model.addresses import canonical_countries, canonical_ranges

NETWORKS = st.one_of(
    st.ip_addresses(v=4).map(lambda address: f"{address}/32"),
    st.ip_addresses(v=6).map(lambda address: f"{address.exploded.upper()}/128"),
)


@given(st.lists(NETWORKS, unique=True, max_size=8), st.randoms(use_true_random=False))
def test_ranges_have_one_form(ranges: list[str], random: object) -> None:
    once, _ = canonical_ranges(ranges)
    again, _ = canonical_ranges(once)
    shuffled = sorted(ranges, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert once == again == canonical_ranges(shuffled)[0]
    assert all(each == each.lower() for each in once)
    versions = [":" in each for each in once]
    assert versions == sorted(versions)


def test_countries_have_one_form() -> None:
    assert canonical_countries(["SE", "CH"])[0] == ("CH", "SE")
