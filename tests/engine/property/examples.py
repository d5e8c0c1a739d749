"""How many examples a property is held against: all in `make truth`, a third in `make test`."""

from __future__ import annotations

import os

ALL = bool(os.environ.get("ALL_EXAMPLES"))


def examples(number: int) -> int:
    return number if ALL else number // 3
