"""Where the floor's CPU time goes on SQLite: by SQL statement, and by Python function.

`python -m benchmarks.hot_path FILE`, in a new home, prints the listing that is stored in `hot_path.txt`.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import pstats
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from benchmarks.floor import settle
from orders_pipeline.base.settings import PROJECT_ROOT

STATEMENTS = FUNCTIONS = 25
SHOWN = 100


class StatementTimes:
    """CPU seconds of this process by statement, while SQLAlchemy runs them."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._began = 0.0
        event.listen(Engine, "before_cursor_execute", self._before)
        event.listen(Engine, "after_cursor_execute", self._after)

    def _before(self, *_: Any) -> None:
        self._began = time.thread_time()

    def _after(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        shortened = re.sub(r"\d+", "n", " ".join(statement.split()))[:SHOWN]
        self.spent[shortened] += time.thread_time() - self._began

    def listing(self, lines: int) -> str:
        """The dearest statements, in microseconds for a line of the file."""
        rows = [f"{spent / lines * 1e6:7.2f}  {text}" for text, spent in self.spent.most_common(STATEMENTS)]
        total = sum(self.spent.values()) / lines * 1e6
        return "\n".join([f"{total:7.2f}  all statements", *rows])


def functions(profile: cProfile.Profile, lines: int) -> str:
    """The dearest functions by their own time, in microseconds for a line of the file."""
    found = pstats.Stats(profile, stream=io.StringIO()).get_stats_profile().func_profiles
    dearest = sorted(found.items(), key=lambda item: -item[1].tottime)[:FUNCTIONS]
    return "\n".join(
        f"{one.tottime / lines * 1e6:7.2f}  {_place(one.file_name, one.line_number)} {name}"
        for name, one in dearest
    )


def _place(file: str, line: int) -> str:
    if file == "~":
        return "built-in"
    path = Path(file)
    inside = path.is_relative_to(PROJECT_ROOT) and ".venv" not in path.parts
    return f"{path.relative_to(PROJECT_ROOT) if inside else '/'.join(path.parts[-2:])}:{line}"


def main() -> None:
    """Imports the file named on the command line under the profiler."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    with file.open("rb") as content:
        lines = sum(1 for _ in content) - 1
    statements, profile = StatementTimes(), cProfile.Profile(timer=time.process_time)
    profile.enable()
    settle(file)
    profile.disable()
    sys.stdout.write(
        f"{lines:,} order lines, SQLite, CPU microseconds a line. The profiler makes Python calls dearer.\n\n"
        f"By SQL statement\n{statements.listing(lines)}\n\n"
        f"By function, without what it calls\n{functions(profile, lines)}\n"
    )


if __name__ == "__main__":
    main()
