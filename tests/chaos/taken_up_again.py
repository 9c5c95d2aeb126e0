"""Work that is interrupted at commits, and resumed on a copy of the same home each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from tests.chaos.commit_points import CommitPoints, lose_connection
from tests.chaos.crashing_import import bench_at
from tests.import_bench import ImportBench
from tests.integration.imports.test_crash_sweep import copy_of
from tests.stores import open_test_engine
from tests.sweeps import sample


@dataclass(frozen=True, slots=True)
class Work:
    """Work that may be repeated.

    Attributes:
        prepare: fills the home, once.
        do: the work.
        came_to: checks the home, and returns what the work came to; the same however often it was begun.
    """

    prepare: Callable[[ImportBench], object]
    do: Callable[[ImportBench], object]
    came_to: Callable[[ImportBench], object]

    def break_off(self, store_url: str, folder: Path, crashes: int, *, seed: str = "") -> int:
        """Interrupts the work at this number of commit points; the result must be the same each time.

        Returns:
            The number of points that there are.
        """
        prepared = store_url, folder / "prepared"
        prepared[1].mkdir()
        engine = open_test_engine(store_url)
        self.prepare(bench_at(engine, prepared[1]))
        engine.dispose()
        with copy_of(prepared) as bench:
            commits = CommitPoints(bench.engine)
            self.do(bench)
            points, expected = commits.points, self.came_to(bench)
        for point in sample(range(points), crashes, seed + store_url.partition(":")[0]):
            with copy_of(prepared) as bench:
                CommitPoints(bench.engine, point, lose_connection)
                with pytest.raises(OperationalError):
                    self.do(bench)
                try:
                    self.do(bench)
                    assert self.came_to(bench) == expected
                except Exception as error:
                    error.add_note(f"broken off at point {point}")
                    raise
        return points
