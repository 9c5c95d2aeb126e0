"""The number of batches of a file: few, because each costs steps, but enough for every worker."""

from __future__ import annotations

import pytest

from orders_pipeline.order_files.orders.spill import plan_parts


@pytest.mark.parametrize(
    ("lines", "workers", "batches"),
    [
        (0, 2, 1),
        (10, 20, 1),
        (50_000, 2, 2),
        (1_000_000, 2, 4),
        (1_000_000, 8, 16),
        (10_000_000, 2, 40),
        (1_000_000_000, 2, 64),
        (10_000_000, 500, 64),
    ],
)
def test_a_file_goes_into_two_batches_a_worker_none_too_small_or_too_large(
    lines: int, workers: int, batches: int
) -> None:
    assert plan_parts(lines, 250_000, workers).batches == batches
