"""The whole Pulumi program: check the selected environment's policies, then declare them."""

from pathlib import Path

from ostiary.program import run

run(Path(__file__).parent)
