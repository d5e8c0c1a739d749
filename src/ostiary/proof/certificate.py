"""Proofs that cubes cover a region, and the check of one that trusts nothing but this page.

A proof starts from some of the cubes, its premises, and joins two of what it has at a time: of
`left` and `right` along `key` follows the cube that allows, for `key`, what either allows and, for
every other key, what both allow.  Each of its points is in `left` or in `right`, whichever allows
its class of `key`; so whatever is derived lies inside the union of the premises.  The last cube
derived must contain the region.  This module imports nothing of ostiary.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class CertificateError(ValueError):
    """The certificate does not prove what it is said to prove."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A proof in numbers.

    `premises` are positions in the list of cubes.  Premises and steps are numbered in one row, the
    premises first; a step `(left, right, key)` joins two that stand before it.
    """

    premises: tuple[int, ...]
    steps: tuple[tuple[int, int, int], ...]

    def to_json(self) -> dict[str, list[int] | list[list[int]]]:
        """Return what `json.dumps` takes."""
        return {"premises": list(self.premises), "steps": [list(step) for step in self.steps]}

    @staticmethod
    def from_json(data: object) -> Certificate:
        """Read what `to_json` wrote; raise CertificateError for anything else."""
        if not isinstance(data, dict) or data.keys() != {"premises", "steps"}:
            raise CertificateError("not an object with `premises` and `steps` alone")
        steps = data["steps"]
        if not isinstance(steps, list):
            raise CertificateError("`steps` is not a list")
        for numbers in (data["premises"], *steps):
            if not isinstance(numbers, list) or any(type(each) is not int for each in numbers):
                raise CertificateError(f"not a list of whole numbers: {numbers!r}")
        if any(len(step) != 3 for step in steps):  # noqa: PLR2004 - left, right, key
            raise CertificateError("a step is not `[left, right, key]`")
        return Certificate(tuple(data["premises"]), tuple((a, b, key) for a, b, key in steps))


def check(
    sizes: Sequence[int],
    region: Mapping[int, int],
    cubes: Sequence[Mapping[int, int]],
    certificate: Certificate,
) -> None:
    """Return if `certificate` proves that `cubes` cover `region`; raise CertificateError if not.

    `sizes` is the number of classes of each key.  Cubes and region map keys to bit masks of the
    classes allowed; a key that is absent allows all.  What is derived and then not used is refused
    too, so that a certificate names nothing that the proof could do without.
    """
    known: list[dict[int, int]] = []
    for position in certificate.premises:
        if not 0 <= position < len(cubes):
            raise CertificateError(f"premise {position} is none of the {len(cubes)} cubes")
        known.append(dict(cubes[position]))
    unused = set(range(len(known)))
    for left, right, key in certificate.steps:
        step = len(known)
        if not (0 <= left < step and 0 <= right < step and left != right):
            raise CertificateError(f"step {step} does not join two that stand before it")
        if key not in known[left] or key not in known[right]:
            raise CertificateError(f"step {step} joins along key {key}, which is free already")
        known.append(_join(known[left], known[right], key, (1 << sizes[key]) - 1))
        unused -= {left, right}
        unused.add(step)
    if unused != {len(known) - 1}:
        raise CertificateError(f"not every premise and step is used: {sorted(unused)[:3]}")
    for key, mask in known[-1].items():
        if region.get(key, (1 << sizes[key]) - 1) & ~mask:
            raise CertificateError(f"the last cube leaves out part of the region at key {key}")


def _join(left: Mapping[int, int], right: Mapping[int, int], key: int, full: int) -> dict[int, int]:
    joined = dict(left)
    for other, mask in right.items():
        joined[other] = joined.get(other, mask) & mask
    joined[key] = left[key] | right[key]
    if joined[key] == full:
        del joined[key]
    return joined


def check_file(text: str) -> dict[str, int]:
    """Check what `ostiary prove --certificates` wrote for one environment; raise CertificateError.

    Gives the number of questions that were checked for each goal.
    """
    try:
        data = json.loads(text)
        sizes = [each["size"] for each in data["dimensions"]]
        owners = [each["owner"] for each in data["cubes"]]
        cubes = [_masks(each["masks"]) for each in data["cubes"]]
        checked = {}
        for goal, questions in data["goals"].items():
            for each in questions:
                certificate, among = Certificate.from_json(each["certificate"]), int(each["among"])
                check(sizes, _masks(each["region"]), cubes, certificate)
                if not all(among >> owners[number] & 1 for number in certificate.premises):
                    raise CertificateError(f"`{goal}` rests on what does not count")
            checked[goal] = len(questions)
    except (KeyError, TypeError, IndexError, ValueError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError(f"not a file of certificates: {error}") from None
    return checked


def _masks(of: Mapping[str, str]) -> dict[int, int]:
    return {int(key): int(mask) for key, mask in of.items()}


def main() -> None:
    """Check the files that are named: `python -m ostiary.proof.certificate FILE ...`."""
    for name in sys.argv[1:]:
        try:
            checked = check_file(Path(name).read_text(encoding="utf-8"))
        except (CertificateError, OSError) as error:
            raise SystemExit(f"{name}: {error}") from None
        print(f"{name}: {len(checked)} goals, {sum(checked.values())} questions, all proven")  # noqa: T201


if __name__ == "__main__":
    main()
