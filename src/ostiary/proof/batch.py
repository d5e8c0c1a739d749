"""Columns of sign-ins → the policies that apply to each, with numpy.

A sign-in is a number for each dimension, and its policies are the intersection of the five rows
that the numbers stand for: the same tables as for one sign-in, so the same answers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from ostiary.proof.columns import Columns, Numbers, Values
from ostiary.proof.dimensions import HIDDEN, UNDECIDED
from ostiary.proof.enforce import Enforced, Provable, provable_by
from ostiary.proof.tables import Tables

Words = npt.NDArray[np.uint64]

_PROVABLE: tuple[Provable, ...] = get_args(Provable)
_WORD = 64
# So many sign-ins at a time that what is worked on stays in the processor's cache.
_CHUNK = 4096


class Applying(NamedTuple):
    """For each sign-in a row of words: bit `b` of word `w` is policy `64 * w + b` of the tables.

    `possible` is the same array as `surely` where no signal of the batch is unknown.
    """

    surely: Words
    possible: Words


class Batch:
    """The values that sign-ins have in each dimension, and which policies let each through."""

    def __init__(self, tables: Tables, values: Values) -> None:
        """Look up every value."""
        self._tables = tables
        hidden = [tables.devices.hidden(each) for each in values.requests]
        self._hidden = np.array(hidden, dtype=np.intp)
        # A row for each state that devices are in; the last would make known values look unknown.
        self._device_rows = 1 + (UNDECIDED if UNDECIDED in hidden else HIDDEN)
        provable = [
            provable_by(of.client_app_type, of.authentication_flow) for of in values.requests
        ]
        found = [
            [tables.identities.reached(each) for each in values.identities],
            [tables.targets.reached(each) for each in values.targets],
            [tables.requests.reached(each) for each in values.requests],
            [tables.places.reached(each) for each in values.places],
            [
                found
                for each in values.devices
                for found in tables.devices.reached(each)[: self._device_rows]
            ],
        ]
        self._sizes = [*map(len, found[:4]), len(values.devices)]
        self._provable = np.array([_PROVABLE.index(each) for each in provable], dtype=np.uint64)
        bounds = tables.bounds
        self._surely = [_rows((each & bounds.all for each in part), bounds.size) for part in found]
        self._possible = [
            _rows((each >> bounds.size for each in part), bounds.size) for part in found
        ]
        if all(map(np.array_equal, self._surely, self._possible)):
            self._possible = self._surely
        blocking = _rows([tables.blocking], tables.blocking.bit_length())
        words = blocking.shape[1]
        self._surely_blocking, self._possibly_blocking = (
            [np.ascontiguousarray(each[:, :words] & blocking) for each in part]
            for part in (self._surely, self._possible)
        )

    def applying(self, columns: Columns) -> Applying:
        """Give the policies that surely apply, and those that may, report-only ones among them.

        Raises IndexError for a number that no value of its dimension has.
        """
        at = self._rows_of(columns)
        surely = _intersection(self._surely, at)
        if self._possible is self._surely:
            return Applying(surely, surely)
        return Applying(surely, _intersection(self._possible, at))

    def blocked(self, columns: Columns) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Tell for each sign-in whether it is surely blocked, and whether it may be.

        Raises IndexError as `applying` does.
        """
        at = self._rows_of(columns)
        surely = _meets(self._surely_blocking, at)
        if self._possible is self._surely:
            return surely, surely
        return surely, _meets(self._possibly_blocking, at)

    def decide(self, columns: Columns) -> tuple[npt.NDArray[np.intp], list[Enforced]]:
        """Give for each sign-in the number of what is enforced, and these.

        Raises IndexError as `applying` does.
        """
        at = self._rows_of(columns)
        kinds = _Bits(len(at[0]), 2 * len(self._tables.kinds) + 2)
        kinds.add(0, self._provable[columns.requests])
        self._add_kinds(kinds, 2, self._surely, at)
        both = self._possible is not self._surely
        if both:
            self._add_kinds(kinds, 2 + len(self._tables.kinds), self._possible, at)
        first, numbers = _distinct(kinds.words)
        different: dict[Enforced, int] = {}
        found = []
        for key in map(_int, kinds.words[first]):
            surely = key >> 2 & (1 << len(self._tables.kinds)) - 1
            possibly = key >> 2 + len(self._tables.kinds) if both else surely
            enforced = self._tables.enforced(surely, possibly, _PROVABLE[key & 3])
            found.append(different.setdefault(enforced, len(different)))
        return np.array(found, dtype=np.intp)[numbers], list(different)

    def _add_kinds(
        self, kinds: _Bits, first: int, parts: Sequence[Words], at: Sequence[Numbers]
    ) -> None:
        """Add a bit for each kind of which the rows have a policy in common."""
        masks = _rows(self._tables.kinds, self._tables.bounds.size)
        for here, met in _chunks(parts, at):
            for bit, mask in enumerate(masks, first):
                # Policies of one kind stand side by side, in few words.
                words = np.flatnonzero(mask)
                if len(words):
                    found = _each(np.bitwise_or, met[:, words] & mask[words]) != 0
                    kinds.add(bit, found, here)

    def _rows_of(self, columns: Columns) -> list[Numbers]:
        for name, numbers, size in zip(Columns._fields, columns, self._sizes, strict=True):
            if numbers.size and not 0 <= numbers.min() <= numbers.max() < size:
                raise IndexError(f"a number in `{name}` is not one of its {size} values")
        return [*columns[:4], columns.devices * self._device_rows + self._hidden[columns.requests]]


class _Bits:
    """A row of so many bits for each sign-in."""

    def __init__(self, count: int, bits: int) -> None:
        self.words: Words = np.zeros((count, -(-bits // _WORD)), dtype=np.uint64)

    def add(self, bit: int, values: npt.NDArray[Any], here: slice = slice(None)) -> None:
        """Put the value of each sign-in at this bit."""
        word, bit = divmod(bit, _WORD)
        self.words[here, word] |= values.astype(np.uint64) << bit


def _rows(found: Iterable[int], size: int) -> Words:
    """Give a row of words for each set; at least one word, so that there is a row."""
    words = max(1, -(-size // _WORD))
    data = b"".join(each.to_bytes(words * 8, "little") for each in found)
    return np.frombuffer(data, dtype="<u8").astype(np.uint64).reshape(-1, words)


def _int(row: Words) -> int:
    return int.from_bytes(row.astype("<u8").tobytes(), "little")


def _chunks(parts: Sequence[Words], at: Sequence[Numbers]) -> Iterator[tuple[slice, Words]]:
    """Intersect rows, for some sign-ins at a time; what is given is overwritten by the next."""
    words = parts[0].shape[1]
    both = np.empty((2, _CHUNK, words), dtype=np.uint64)
    for start in range(0, len(at[0]), _CHUNK):
        here = slice(start, min(start + _CHUNK, len(at[0])))
        met, other = both[:, : here.stop - start]
        # The numbers were checked; to check again, numpy would copy the rows once more.
        parts[0].take(at[0][here], axis=0, out=met, mode="clip")
        for part, numbers in zip(parts[1:], at[1:], strict=True):
            part.take(numbers[here], axis=0, out=other, mode="clip")
            np.bitwise_and(met, other, out=met)
        yield here, met


def _intersection(parts: Sequence[Words], at: Sequence[Numbers]) -> Words:
    rows = np.empty((len(at[0]), parts[0].shape[1]), dtype=np.uint64)
    for here, met in _chunks(parts, at):
        rows[here] = met
    return rows


def _meets(parts: Sequence[Words], at: Sequence[Numbers]) -> npt.NDArray[np.bool_]:
    """Tell for each sign-in whether its rows have a bit in common."""
    meets = np.empty(len(at[0]), dtype=np.bool_)
    for here, met in _chunks(parts, at):
        meets[here] = _each(np.bitwise_or, met) != 0
    return meets


def _each(join: np.ufunc, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Join the few columns; numpy's own reduction takes several times as long for short rows."""
    return functools.reduce(join, rows.T)


def _distinct(keys: Words) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give which rows are the distinct ones, and for each row the number of its equal among them.

    Rows are thrown into slots by a hash, and one of each slot speaks for those that equal it; the
    others are thrown again.  That is exact, and takes a fraction of what sorting does.
    """
    random = np.random.default_rng(len(keys))
    speaker = np.arange(len(keys))
    left = speaker.copy()
    while len(left):
        bits = len(left).bit_length() + 2
        odd = random.integers(1 << 63, size=keys.shape[1], dtype=np.uint64) << 1 | 1
        rows = keys[left]
        slots = rows @ odd >> (_WORD - bits)
        chosen = np.empty(1 << bits, dtype=np.intp)
        chosen[slots] = left
        found = chosen[slots]
        same = _each(np.logical_and, keys[found] == rows)
        speaker[left[same]] = found[same]
        left = left[~same]
    speaks = speaker == np.arange(len(keys))
    return np.flatnonzero(speaks), (np.cumsum(speaks) - 1)[speaker]
