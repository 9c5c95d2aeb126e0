"""How fast a file is parsed, and in how much memory: `python -m benchmarks.parsing --lines 1000000`.

Measures the whole path from the file, which another process makes, to batches and rejects on disk.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.read_options import ParseRules, ReadOptions


def main() -> None:
    """Parses a generated or a given file and prints lines a second and the peak of memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", help="an order file; else one is generated")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines to generate, one for each order")
    parser.add_argument("--date-format", help="what the file's dates leave open")
    arguments = parser.parse_args()
    rules = ParseRules("USD", "UTC", date(2000, 1, 1), date(2100, 1, 1))
    with TemporaryDirectory(prefix="parsing-") as folder:
        file = arguments.file or _generated(Path(folder, "orders.csv"), arguments.lines)
        start = perf_counter()
        identified = identify(file, None, ReadOptions(date_format=arguments.date_format))
        parsed = parse_order_file(file, identified, rules, Path(folder, "parsed"))
        seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(
        f"{parsed.records:,} records in {seconds:.2f} s: {parsed.records / seconds:,.0f} a second, "
        f"{len(parsed.batches)} batches, {parsed.rejected_lines:,} bad lines, at most {peak} MiB of memory\n"
    )


def _generated(path: Path, lines: int) -> Path:
    command = [sys.executable, "-m", "benchmarks.generate", str(path), "--orders", str(lines)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 this interpreter
    return path


if __name__ == "__main__":
    main()
