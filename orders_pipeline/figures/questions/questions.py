"""Analysts' questions: named queries on the tables for other tools, the same for DuckDB and PostgreSQL.

Each query is a file of this package: its first line is the title, and the comment below is the description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.figures.tables.figures_file import figures_file

# In the order in which the page lists them.
NAMES = (
    "by_week",
    "by_month",
    "repeat_customers",
    "cohorts",
    "rfm",
    "basket_size",
    "bought_together",
    "categories",
    "refund_rate",
    "decline_reasons",
    "time_to_settle",
    "stock_outs",
)


class NoFigures(LookupError):
    """This home has no `figures.duckdb`."""

    def __init__(self) -> None:
        super().__init__(
            "No figures were published in this home yet. `orders import` and `orders up` publish them."
        )


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its query. Each row of the answer is in one currency."""

    name: str
    title: str
    meaning: str
    sql: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Column names and rows of an answer."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def questions() -> Mapping[str, Question]:
    """All questions by name."""
    return {name: _question(name) for name in NAMES}


def answer(folder: Path, question: Question, currency: str | None = None) -> Answer:
    """The answer from `figures.duckdb`.

    Args:
        folder: the folder of the warehouse.
        currency: the currency of the rows; None for all currencies.

    Raises:
        NoFigures: this home has no `figures.duckdb`.
    """
    file = figures_file(folder)
    if not file.is_file():
        raise NoFigures
    with duckdb.connect(str(file), read_only=True) as connection:
        result = connection.execute(question.sql)
        columns = [column[0] for column in result.description or []]
        at = columns.index("currency")
        rows = [row for row in result.fetchall() if currency in (None, row[at])]
    return Answer(columns, rows)


def _question(name: str) -> Question:
    lines = package_text("orders_pipeline.figures.questions", f"{name}.sql").splitlines()
    begin = next(at for at, line in enumerate(lines) if not line.startswith("--"))
    title, *meaning = (line.removeprefix("--").strip() for line in lines[:begin])
    return Question(name, title, " ".join(meaning), "\n".join(lines[begin:]))
