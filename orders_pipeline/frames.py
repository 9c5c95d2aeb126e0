"""The published figures as polars frames, for notebooks.

    from orders_pipeline.frames import open_frames
    figures = open_frames()
    figures.sql("FROM daily_kpis ORDER BY day")

This module stays outside the packages: its import path is public, and notebooks use it.

`sql` reads the published tables `daily_kpis`, `customer_sales_by_day`, `product_sales_by_day` and
`settle_times_by_day`; `query` reads `figures.duckdb`, which has orders, payments and refunds too. Both work
while imports run and change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
from duckdb import DuckDBPyConnection

from orders_pipeline.base.amounts.currency import currency_code
from orders_pipeline.base.settings import load_settings
from orders_pipeline.figures.kpis.warehouse.readers_copy import read_published
from orders_pipeline.figures.kpis.warehouse.warehouse import quoted
from orders_pipeline.figures.questions.questions import NoFigures, questions
from orders_pipeline.figures.tables.figures_file import figures_file


@dataclass(frozen=True, slots=True)
class Frames:
    """A read-only view of the figures; each query sees what is published when it runs.

    Args:
        folder: the warehouse folder, which holds the published figures.
        currency: the currency that `daily_kpis` shows unless another is named.
    """

    folder: Path
    currency: str

    def sql(self, query: str) -> pl.DataFrame:
        """Answer of a query in DuckDB's SQL.

        Raises:
            PartsLost: published files are missing or damaged.
        """
        with TemporaryDirectory() as name:
            target = Path(name) / "answer.parquet"

            def ask(connection: DuckDBPyConnection) -> pl.DataFrame:
                return _answer(connection, query, target)

            return read_published(self.folder, date.min, date.max, ask)

    def query(self, query: str) -> pl.DataFrame:
        """Answer of a query on the tables of `figures.duckdb` (docs/data-dictionary.md).

        Raises:
            NoFigures: no figures were published yet.
        """
        file = figures_file(self.folder)
        if not file.is_file():
            raise NoFigures
        with TemporaryDirectory() as name, duckdb.connect(str(file), read_only=True) as connection:
            return _answer(connection, query, Path(name) / "answer.parquet")

    def report(self, name: str) -> pl.DataFrame:
        """Answer of one of the questions of docs/questions.md.

        Raises:
            NoFigures: no figures were published yet.
        """
        return self.query(questions()[name].sql)

    def daily_kpis(self, currency: str | None = None) -> pl.DataFrame:
        """Figures of each day of a currency, in order."""
        code = quoted(currency_code(currency or self.currency))
        return self.sql(f"SELECT * FROM daily_kpis WHERE currency = {code} ORDER BY day")  # noqa: S608 quoted


def _answer(connection: DuckDBPyConnection, query: str, target: Path) -> pl.DataFrame:
    connection.execute(f"COPY ({query.strip().rstrip(';')}) TO {quoted(target)} (FORMAT parquet)")
    return pl.read_parquet(target)


def open_frames(home: Path | None = None) -> Frames:
    """The figures of the configured home, or of another."""
    settings = load_settings()
    return Frames((home or settings.home) / "warehouse", settings.currency)
