"""`benchmarks/RESULTS.md`: a table for each suite, of its last run at full size."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
TITLE = "# Benchmarks"
PACKAGES = ("dagster", "dagster-celery", "celery", "duckdb", "polars", "sqlalchemy", "redis")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was measured, the ratio and its aim, the figures behind it."""

    what: str
    ratio: str
    aim: str
    figures: str


def keep_results(suites: Mapping[str, Sequence[Row]], orders: int, path: Path = RESULTS) -> None:
    """Writes the tables of these suites in the place of their earlier ones; the others stay."""
    sections = _sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    sections |= {name: _section(name, rows, orders) for name, rows in suites.items()}
    path.write_text("\n\n".join([TITLE, *sections.values()]) + "\n", encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    _, *parts = text.split("\n## ")
    return {part.partition("\n")[0]: f"## {part.strip()}" for part in parts}


def _section(name: str, rows: Sequence[Row], orders: int) -> str:
    command = f"python -m benchmarks.run --orders {orders} --only {name}"
    lines = [f"## {name}", f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}` on {_machine()}.", ""]
    lines += ["| what | ratio | aim | figures |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(astuple(row))} |" for row in rows)])


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}"
    )
