from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ostiary.proof.certificate import Certificate, CertificateError, check, check_file

SIZES = (3, 2)
# Two classes of key 0 at either class of key 1, and the third at both.
CUBES = ({0: 0b011, 1: 0b01}, {0: 0b011, 1: 0b10}, {0: 0b100})
WHOLE = Certificate((0, 1, 2), ((0, 1, 1), (3, 2, 0)))


def refused(certificate: Certificate, message: str, region: dict[int, int] | None = None) -> None:
    with pytest.raises(CertificateError, match=message):
        check(SIZES, region or {}, CUBES, certificate)


def test_two_joins_cover_the_whole_space() -> None:
    check(SIZES, {}, CUBES, WHOLE)


def test_one_cube_covers_what_it_contains() -> None:
    check(SIZES, {0: 0b001, 1: 0b01}, CUBES, Certificate((0,), ()))


def test_a_join_keeps_what_both_sides_allow_elsewhere() -> None:
    cubes = ({0: 0b011, 1: 0b01}, {0: 0b110, 1: 0b10})
    joined = Certificate((0, 1), ((0, 1, 1),))
    check(SIZES, {0: 0b010}, cubes, joined)
    with pytest.raises(CertificateError, match="at key 0"):
        check(SIZES, {0: 0b110}, cubes, joined)


def test_the_last_cube_must_contain_the_region() -> None:
    refused(Certificate((0, 1), ((0, 1, 1),)), "leaves out part of the region at key 0")
    refused(Certificate((0,), ()), "at key 1", {0: 0b001})


def test_an_empty_proof_proves_nothing() -> None:
    refused(Certificate((), ()), "not every premise and step is used")


def test_a_premise_is_one_of_the_cubes() -> None:
    refused(Certificate((3,), ()), "premise 3 is none of the 3 cubes")
    refused(Certificate((-1,), ()), "premise -1 is none")


@pytest.mark.parametrize("step", [(0, 3, 1), (3, 0, 1), (-1, 0, 1), (0, -1, 1), (1, 1, 1)])
def test_a_step_joins_two_that_stand_before_it(step: tuple[int, int, int]) -> None:
    refused(Certificate((0, 1, 2), (step, (3, 2, 0))), "step 3 does not join two")


@pytest.mark.parametrize("key", [-1, 1, 2])
def test_a_step_joins_along_a_key_that_both_restrict(key: int) -> None:
    refused(Certificate((0, 1, 2), ((0, 1, 1), (3, 2, key))), "step 4 joins along key")


def test_what_is_not_used_is_refused() -> None:
    refused(Certificate((2, 0), ()), r"not every premise and step is used: \[0, 1\]", {0: 0b100})
    refused(Certificate((0, 1, 2, 2), ((0, 1, 1), (4, 2, 0))), r"used: \[3, 5\]")


def test_json_and_back() -> None:
    assert Certificate.from_json(json.loads(json.dumps(WHOLE.to_json()))) == WHOLE


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "not an object"),
        ({"premises": []}, "not an object"),
        ({"premises": [], "steps": [], "more": 1}, "not an object"),
        ({"premises": [], "steps": {}}, "not a list"),
        ({"premises": [True], "steps": []}, "whole numbers"),
        ({"premises": [0.0], "steps": []}, "whole numbers"),
        ({"premises": "0", "steps": []}, "whole numbers"),
        ({"premises": [], "steps": [7]}, "whole numbers"),
        ({"premises": [], "steps": [[0, 1, "1"]]}, "whole numbers"),
        ({"premises": [], "steps": [[0, 1]]}, "left, right, key"),
    ],
)
def test_json_of_anything_else_is_refused(data: object, message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        Certificate.from_json(data)


def written(**changed: Any) -> str:
    """Give a file as `ostiary prove --certificates` writes it: two cubes cover all of one key."""
    question = {
        "region": {},
        "among": "3",
        "certificate": {"premises": [0, 1], "steps": [[0, 1, 0]]},
        **changed,
    }
    return json.dumps(
        {
            "dimensions": [{"kind": "principal", "name": "", "size": 2}],
            "cubes": [{"owner": 0, "masks": {"0": "1"}}, {"owner": 1, "masks": {"0": "2"}}],
            "goals": {"goal": [question]},
        }
    )


def test_a_file_is_checked_by_itself(tmp_path: Path) -> None:
    assert check_file(written()) == {"goal": 1}
    file = tmp_path / "here.json"
    file.write_text(written())
    command = [sys.executable, "-m", "ostiary.proof.certificate", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{file}: 1 goals, 1 questions, all proven\n")
    file.write_text(written(certificate={"premises": [0], "steps": []}))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "leaves out part of the region" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (written(among="1"), "rests on what does not count"),
        (written(certificate={"premises": [0, 2], "steps": [[0, 1, 0]]}), "none of the 2 cubes"),
        ("{", "not a file of certificates"),
        ("[]", "not a file of certificates"),
        ('{"dimensions": [], "cubes": [{}], "goals": {}}', "not a file of certificates"),
    ],
)
def test_a_file_that_proves_nothing_is_refused(text: str, told: str) -> None:
    with pytest.raises(CertificateError, match=told):
        check_file(text)
