from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import numpy as np
import pytest

from ostiary.model.policy import Filter, Locations, PolicySet
from ostiary.model.sign_in import UNKNOWN, SignIn
from ostiary.proof import batch as module
from ostiary.proof.batch import Batch
from ostiary.proof.columns import Columns, address_classes, address_classes_ipv6, fused, numbered
from ostiary.proof.tables import Tables
from tests.engine.unit.proof.test_evaluate import LOCATIONS, MFA, PLAIN, policy

TABLES = Tables(
    PolicySet(
        (
            policy("inside", locations=Locations(("office",))),
            policy("mfa", grant=MFA, platforms=None),
        ),
        LOCATIONS,
    )
)
INSIDE = replace(PLAIN, ip_address=ip_address("203.0.113.7"))
OUTSIDE = replace(PLAIN, ip_address=ip_address("192.0.2.1"))


def batch_of(sign_ins: list[SignIn]) -> tuple[Batch, Columns]:
    values, columns = numbered(TABLES, sign_ins)
    return Batch(TABLES, values), columns


def test_more_sign_ins_than_one_chunk_has() -> None:
    count = module._CHUNK + 3  # noqa: SLF001 (the edge)
    batch, columns = batch_of([INSIDE, *[OUTSIDE] * (count - 2), INSIDE])
    surely, possibly = batch.blocked(columns)
    assert surely is possibly
    assert np.flatnonzero(surely).tolist() == [0, count - 1]
    numbers, enforced = batch.decide(columns)
    assert [enforced[each].outcome for each in numbers[[0, 1, -2, -1]]] == [
        "blocked", "granted", "granted", "blocked",
    ]  # fmt: skip
    assert len(enforced) == 2


def test_unknown_signals_give_two_bounds() -> None:
    batch, columns = batch_of([INSIDE, OUTSIDE, replace(INSIDE, ip_address=UNKNOWN)])
    surely, possibly = batch.blocked(columns)
    assert (surely.tolist(), possibly.tolist()) == ([True, False, False], [True, False, True])
    numbers, enforced = batch.decide(columns)
    assert [enforced[each].outcome for each in numbers] == ["blocked", "granted", "unknown"]


def test_no_sign_ins() -> None:
    batch, columns = batch_of([])
    assert batch.applying(columns).surely.shape == (0, 1)
    assert batch.blocked(columns)[0].tolist() == []
    assert batch.decide(columns)[1] == []


@pytest.mark.parametrize("number", [-1, 1])
@pytest.mark.parametrize("name", ["identities", "places", "requests", "devices"])
def test_a_number_without_a_value_is_refused(name: str, number: int) -> None:
    batch, columns = batch_of([INSIDE])
    wrong = columns._replace(**{name: np.array([number])})
    for way in (batch.applying, batch.blocked, batch.decide):
        with pytest.raises(IndexError, match=name):
            way(wrong)


def test_addresses_have_the_class_that_they_have_one_by_one() -> None:
    addresses = TABLES.places.addresses
    ipv4 = [0, *(int(IPv4Address("203.0.113.0")) + each for each in (-1, 0, 255, 256)), 2**32 - 1]
    found = address_classes(addresses, np.array(ipv4, dtype=np.uint32))
    assert found.tolist() == [addresses.number(IPv4Address(each)) for each in ipv4]
    first = int(IPv6Address("2001:db8:10::"))
    ipv6 = [0, first - 1, first, first + 1, first + 2**80 - 1, first + 2**80, 2**128 - 1]
    packed = np.array([each.to_bytes(16, "big") for each in ipv6], dtype="S16")
    expected = [addresses.number(IPv6Address(each)) for each in ipv6]
    assert address_classes_ipv6(addresses, packed).tolist() == expected
    assert len(set(expected)) == 2


def test_fused_columns_number_the_combinations_that_occur() -> None:
    numbers, combinations = fused([np.array([2, 0, 2, 1]), np.array([1, 0, 1, 1])], [3, 2])
    assert [combinations[each] for each in numbers] == [(2, 1), (0, 0), (2, 1), (1, 1)]
    assert len(combinations) == 3


def test_rows_are_told_apart_whatever_their_hashes_are() -> None:
    random = np.random.default_rng(1)
    keys = random.integers(0, 5, (3000, 3), dtype=np.uint64) << np.uint64(61)
    first, numbers = module._distinct(keys)  # noqa: SLF001 (no other caller has so many rows)
    assert (keys[first][numbers] == keys).all()
    assert len(first) == len(np.unique(keys, axis=0))


def test_a_device_that_may_be_hidden_has_a_row_of_its_own() -> None:
    unless_compliant = Filter("exclude", "device.isCompliant -eq True")
    tables = Tables(PolicySet((policy("block", device_filter=unless_compliant),)))
    compliant, other = {"device.isCompliant": True}, {"device.isCompliant": False}
    sign_ins = [
        replace(PLAIN, client_app_type=client, device=device)
        for client in ("browser", "other", UNKNOWN)
        for device in (compliant, other)
    ]
    for some in (sign_ins[:4], sign_ins):
        values, columns = numbered(tables, some)
        surely, possibly = Batch(tables, values).blocked(columns)
        assert surely.tolist() == [False, True, True, True, False, True][: len(some)]
        assert possibly.tolist() == [False, True, True, True, True, True][: len(some)]
        assert (surely is possibly) == (UNKNOWN not in [each.client_app_type for each in some])
