"""How many cases a sweep tries. `SWEEPS=10` tries ten times as many, drawn anew; `SWEEPS=0.1` a tenth."""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Sequence

from hypothesis import HealthCheck, settings

SIZE = float(os.environ.get("SWEEPS", "1"))


def cases(number: int) -> int:
    """The number of cases for the configured size."""
    return max(1, round(number * SIZE))


def sample(points: Sequence[int], number: int, seed: str) -> list[int]:
    """A selection of these points, for the requested size; the same in each run."""
    draw = random.Random(seed)  # noqa: S311 no secret
    return sorted(draw.sample(points, min(cases(number), len(points))))


def examples(number: int, suppress: Collection[HealthCheck] = ()) -> settings:
    """Settings of a property test with this number of examples, the same in each run."""
    return settings(
        max_examples=max(2, cases(number)),
        deadline=None,
        derandomize=SIZE <= 1,
        suppress_health_check=list(suppress),
    )
