"""How many cases a sweep tries. `SWEEPS=10` tries ten times as many, drawn anew; `SWEEPS=0.1` a tenth."""

from __future__ import annotations

import os
from collections.abc import Collection

from hypothesis import HealthCheck, settings

SIZE = float(os.environ.get("SWEEPS", "1"))


def cases(number: int) -> int:
    """So many cases, at the size that was asked for."""
    return max(1, round(number * SIZE))


def examples(number: int, suppress: Collection[HealthCheck] = ()) -> settings:
    """Settings of a property tried on so many examples: the same in each run, unless more are asked for."""
    return settings(
        max_examples=max(2, cases(number)),
        deadline=None,
        derandomize=SIZE <= 1,
        suppress_health_check=list(suppress),
    )
