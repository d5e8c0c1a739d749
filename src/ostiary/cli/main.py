"""The command `ostiary`: the only place that prints and exits."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    raise SystemExit(0)
