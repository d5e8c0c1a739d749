"""What proofs rest on, as JSON that `proof.certificate.check` can be run on without ostiary."""

from __future__ import annotations

from typing import Any

from ostiary.proof.cubes import Cube
from ostiary.proof.examine import Examined
from ostiary.proof.results import Proof


def certificates(examined: Examined) -> dict[str, Any]:
    """Give the cubes of an environment with their owners, and for each proof its certificates.

    Masks are decimal text: they may have more bits than a number of JSON keeps.
    """
    prover = examined.prover
    if prover is None:
        return {}
    owners = [each.key for each in prover.policies]
    return {
        "environment": examined.resolved.environment,
        "dimensions": [
            {"kind": each.kind, "name": each.name, "size": len(each.classes)}
            for each in prover.partition.dimensions
        ],
        "owners": owners,
        "cubes": [
            {"owner": owner, "masks": _masks(cube)}
            for owner, cube in zip(prover.index.owners, prover.index.cubes, strict=True)
        ],
        "goals": {
            each.goal.key: [
                {
                    "region": _masks(one.question.region),
                    "among": str(one.question.among),
                    "certificate": one.certificate.to_json(),
                }
                for one in each.evidence
            ]
            for each in examined.results
            if isinstance(each, Proof)
        },
    }


def _masks(cube: Cube) -> dict[str, str]:
    return {str(key): str(mask) for key, mask in sorted(cube.items())}
