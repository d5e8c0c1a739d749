"""Filter rules → classes of attribute values that the rules can tell apart, and cubes over them.

The classes are exact: every value an attribute can have lies in one, and no two of them decide
every comparison alike.  How a value decides a comparison is asked of `filter_expression.truth`, so
there is one meaning of a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, product

from ostiary.model.device_filter import ATTRIBUTES
from ostiary.model.filter_expression import (
    POSITIVE_OF,
    And,
    Comparison,
    Expression,
    Not,
    Or,
    comparisons,
    truth,
)

# A value that no rule names: text with a character that stands in no constant.
_OTHER = "\N{MIDDLE DOT}"
_LISTS = {"device.physicalIds", "device.systemLabels"}
# Past these a rule is too hard to decide exactly; the caller says so instead of guessing.
MOST_PARTS = 10
MOST_VALUES = 20_000
MOST_CUBES = 4096

Value = str | bool | tuple[str, ...] | None
Cube = dict[str, int]


class TooHardError(Exception):
    """A rule tells too many classes apart; the message says which."""


class Attributes:
    """The classes of each attribute that the given rules compare, the plainest value first."""

    def __init__(self, rules: Iterable[Expression]) -> None:
        self.atoms: dict[str, list[Comparison]] = {}
        for each in dict.fromkeys(chain.from_iterable(map(comparisons, rules))):
            self.atoms.setdefault(each.attribute, []).append(each)
        self.values: dict[str, tuple[Value, ...]] = {}
        self._masks: dict[Comparison, int] = {}
        for name in sorted(self.atoms):
            classes = _classes(name, self.atoms[name])
            self.values[name] = tuple(classes.values())
            for atom, decided in zip(self.atoms[name], zip(*classes, strict=True), strict=True):
                self._masks[atom] = sum(1 << number for number, true in enumerate(decided) if true)

    def cubes(self, rule: Expression, *, denied: bool = False) -> list[Cube]:
        """Give the cubes in whose union the rule is true, or false where `denied`.

        A cube maps attributes to masks of their classes.  Raises TooHardError.
        """
        match rule:
            case Comparison(attribute):
                mask = self._masks[rule] ^ (self._full(attribute) if denied else 0)
                return [{attribute: mask}] if mask else []
            case Not(operand):
                return self.cubes(operand, denied=not denied)
            case And(operands) | Or(operands):
                parts = [self.cubes(each, denied=denied) for each in operands]
                both = isinstance(rule, And) is not denied
                return self._product(parts) if both else self._union(parts)

    def _full(self, attribute: str) -> int:
        return (1 << len(self.values[attribute])) - 1

    def _union(self, parts: Iterable[Sequence[Cube]]) -> list[Cube]:
        """Put cubes side by side; those over one and the same attribute become one."""
        single: Cube = {}
        wider: list[Cube] = []
        for cube in chain.from_iterable(parts):
            if len(cube) == 1:
                ((name, mask),) = cube.items()
                single[name] = single.get(name, 0) | mask
            else:
                wider.append(cube)
        if any(mask == self._full(name) for name, mask in single.items()):
            return [{}]
        return self._bounded([{name: mask} for name, mask in single.items()] + wider)

    def _product(self, parts: Sequence[Sequence[Cube]]) -> list[Cube]:
        made: list[Cube] = [{}]
        for part in parts:
            met = (self._meet(left, right) for left, right in product(made, part))
            made = self._bounded([cube for cube in met if cube is not None])
        return made

    def _meet(self, left: Mapping[str, int], right: Mapping[str, int]) -> Cube | None:
        met = dict(left)
        for name, mask in right.items():
            met[name] = met.get(name, self._full(name)) & mask
            if not met[name]:
                return None
        return met

    def _bounded(self, cubes: list[Cube]) -> list[Cube]:
        if len(cubes) > MOST_CUBES:
            raise TooHardError(f"a filter rule needs more than {MOST_CUBES} cubes")
        return cubes


def _classes(name: str, atoms: Sequence[Comparison]) -> dict[tuple[bool | None, ...], Value]:
    """Give a value of each class by how it decides the atoms; null first."""
    classes: dict[tuple[bool | None, ...], Value] = {}
    for value in chain([None], _candidates(name, atoms)):
        classes.setdefault(tuple([truth(each, {name: value}) for each in atoms]), value)
    return classes


def _candidates(name: str, atoms: Sequence[Comparison]) -> Iterator[Value]:
    """Give values among which every class has one.

    A text that equals no constant is told apart by the longest prefix, the longest suffix and the
    parts that comparisons find in it.  Putting just these together, with a character between them
    that no constant has, finds exactly them again.
    """
    attribute = ATTRIBUTES.get(name)
    if attribute is not None and attribute.kind == "boolean":
        yield from (True, False)
        return
    if attribute is not None and attribute.values:
        yield from attribute.values
        yield _OTHER  # a value that Microsoft may add
        return
    constants = _constants(atoms, "-eq", "-in")
    parts = _constants(atoms, "-contains")
    if len(parts) > MOST_PARTS:
        raise TooHardError(f"rules look for {len(parts)} parts in `{name}`")
    if name in _LISTS:
        yield from _subsets(parts)
        return
    yield from constants
    prefixes, suffixes = _constants(atoms, "-startsWith"), _constants(atoms, "-endsWith")
    if (len(prefixes) + 1) * (len(suffixes) + 1) << len(parts) > MOST_VALUES:
        raise TooHardError(f"rules compare `{name}` in too many ways")
    for prefix, suffix, inner in product(["", *prefixes], ["", *suffixes], _subsets(parts)):
        yield _OTHER.join([prefix, *inner, suffix]) if inner else prefix + _OTHER + suffix


def _constants(atoms: Iterable[Comparison], *operators: str) -> list[str]:
    found: dict[str, None] = {}
    for atom in atoms:
        if POSITIVE_OF.get(atom.operator, atom.operator) in operators:
            values = atom.value if isinstance(atom.value, tuple) else (atom.value,)
            found |= dict.fromkeys(str(value) for value in values)
    return list(found)


def _subsets(parts: Sequence[str]) -> list[tuple[str, ...]]:
    return [each for size in range(len(parts) + 1) for each in combinations(parts, size)]
