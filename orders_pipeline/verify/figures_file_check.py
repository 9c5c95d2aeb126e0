"""Checks `figures.duckdb`: that it can be read whole, and that its tables show the published figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from orders_pipeline.base.telemetry.stack_trace import message_of
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.figures.tables import figures_file
from orders_pipeline.figures.tables.definitions import TABLES
from orders_pipeline.figures.tables.figures_file import MEMORY_LIMIT, PUBLISHED, copy_published
from orders_pipeline.verify.check import Check, check_none

REMEDY = {"remedy": "`orders kpis rebuild`"}
Row = dict[str, Any]
# Table, condition on its rows, a sum over them, and the daily figure that it must equal.
SUMS = (
    ("orders", "status = 'completed'", "sum(total)", "total_revenue"),
    ("orders", "status = 'completed'", "count(*)", "order_count"),
    ("order_lines", "status = 'completed'", "sum(total)", "gross_sales"),
    ("refunds", "status = 'completed' AND kind <> 'dispute'", "sum(amount)", "refunded"),
)


def check_figures_file(figures: PublishedFigures) -> Check:
    """Compares the file with the published figures, unless it shows an older state of them."""
    return check_none("figures_file_shows_the_published_figures", _violations(figures))


def _violations(figures: PublishedFigures) -> Iterator[Row]:
    if not figures_file.was_made(figures.folder):
        return
    file = figures_file.figures_file(figures.folder)
    if not file.is_file():
        yield {"missing": file.name, **REMEDY}
        return
    try:
        for row in list(_differences(figures, file)):
            yield {"file": file.name, **row, **REMEDY}
    except duckdb.Error as error:
        yield {"damaged": file.name, "reason": message_of(error), **REMEDY}


def _differences(figures: PublishedFigures, file: Path) -> Iterator[Row]:
    state = figures.state_in_file()
    with TemporaryDirectory() as folder:
        with duckdb.connect(file, read_only=True, config={"memory_limit": MEMORY_LIMIT}) as connection:
            connection.execute("SET temp_directory = ?", [folder])
            for table in TABLES:
                # Reads every value, so that damaged blocks are found.
                connection.table(table.name).aggregate("max(COLUMNS(*))").fetchall()
            if state is None:
                return
            copy_published(figures.folder, Path(folder))
            found = [*_other_rows(connection, Path(folder)), *_other_sums(connection)]
        # A publication during the check causes differences as well.
        if figures.state_in_file() == state:
            yield from found


def _other_rows(connection: DuckDBPyConnection, published: Path) -> Iterator[Row]:
    for table in PUBLISHED:
        own = connection.table(table.name)
        theirs = connection.read_parquet(str(published / table.name))
        # A day that is computed again, with the same figures, has another time.
        kinds = {name: kind for name, kind in zip(own.columns, own.types, strict=True) if name in table.names}
        row = ", ".join(f"CAST({name} AS {kind})" for name, kind in kinds.items() if name != "generated_at")
        # Sums of hashes need no memory for the rows.
        days = f"day, currency, count(*), sum(hash({row}))"
        one, other = (rows.aggregate(days, "day, currency") for rows in (own, theirs))
        differing = one.except_(other).union(other.except_(one))
        for day, currency in differing.project("day, currency").distinct().order("ALL").fetchall():
            yield {"table": table.name, "day": day, "currency": currency}


def _other_sums(connection: DuckDBPyConnection) -> Iterator[Row]:
    for table, rows, value, figure in SUMS:
        query = f"""
            SELECT day, currency, coalesce(counted, 0), coalesce({figure}, 0)
            FROM (SELECT day, currency, {value} AS counted FROM {table} WHERE {rows} GROUP BY ALL)
            FULL JOIN daily_kpis USING (day, currency)
            WHERE coalesce(counted, 0) <> coalesce({figure}, 0) ORDER BY ALL"""  # noqa: S608 names of this file
        for day, currency, counted, shown in connection.execute(query).fetchall():
            yield {"table": table, "day": day, "currency": currency, "counted": counted, figure: shown}
