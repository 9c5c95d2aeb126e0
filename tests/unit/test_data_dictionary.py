"""One data dictionary: docs, tables, API and assets give each figure the same definition."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import fields

import duckdb
import pytest
from pydantic import BaseModel

from orders_pipeline.api.models import responses as models
from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.exports.datasets import TABLES
from orders_pipeline.exports.journal import JOURNAL
from orders_pipeline.exports.results import RESULTS
from orders_pipeline.exports.table import ExportTable, Kind
from orders_pipeline.figures.kpis import dictionary
from orders_pipeline.figures.kpis.dictionary import DATASETS, Dataset, Definition
from orders_pipeline.figures.kpis.kpi_documents import Kpis
from orders_pipeline.figures.kpis.live.realtime import FIGURES
from orders_pipeline.figures.kpis.warehouse.warehouse import sql
from orders_pipeline.figures.tables.definitions import TABLES as TOOL_TABLES
from orders_pipeline.figures.tables.table import Table
from orders_pipeline.store import schema

PAGE = PROJECT_ROOT / "docs" / "data-dictionary.md"
HEAD = """\
# Data dictionary

This page defines every figure and column. Every figure is in one currency, and money in figures is in the
currency's major unit, such as dollars. A KPI day is the order's date in `ORDERS_TIMEZONE`; for refunds and
disputes, it is the day on which they were completed ([figures](figures.md)).

`make format` generates this page from `orders_pipeline/figures/kpis/dictionary.py`. The API's description and
the assets in Dagster use the same definitions.
"""
EXPORTS = """
# Exports

These are the tables that `orders results`, `orders list` and `orders export` write ([results](results.md)).
The export `daily_kpis` has the columns of `daily_kpis` above. Money is in the major unit of the row's
currency. `make format` generates this part from `orders_pipeline/exports`.
"""
TOOLS = """
# Tables for other tools

These are the tables of `figures.duckdb`, and of the schema `figures` on PostgreSQL ([tools](tools.md)). Both
have the same names and columns. Each amount is in the major unit of the row's `currency`: never add up
amounts of different currencies. `make format` generates this part from
`orders_pipeline/figures/tables/definitions.py`.
"""
TYPES = {
    Kind.MONEY: dictionary.DECIMAL,
    Kind.LINE_MONEY: dictionary.DECIMAL,
    Kind.UNITS: dictionary.DECIMAL,
    Kind.DAY: dictionary.DATE,
    Kind.TRUTH: "true or false",
}
ANSWERS: list[tuple[type[BaseModel], Mapping[str, Definition]]] = [
    (models.PeriodKpis, dictionary.PERIOD),
    (models.RealtimeKpis, dictionary.REALTIME),
    (models.CustomerPlace, dictionary.CUSTOMER_PLACE),
    (models.ProductPlace, dictionary.PRODUCT_PLACE),
    (models.Snapshot, dictionary.SNAPSHOT),
]


def page() -> str:
    """The expected content of the page."""
    exports = [
        RESULTS,
        JOURNAL,
        *(table for table in TABLES.values() if table.name != dictionary.DAILY_KPIS.name),
    ]
    text = HEAD + "".join(map(_section, DATASETS)) + TOOLS + "".join(map(_tool_section, TOOL_TABLES))
    return text + EXPORTS + "".join(map(_export_section, exports))


def _tool_section(table: Table) -> str:
    columns = {
        column.name: Definition(column.meaning, column.kind, column.example) for column in table.columns
    }
    return _section(Dataset(f"Table: {table.name}", table.meaning, columns))


def _export_section(table: ExportTable) -> str:
    definitions = {
        column.name: Definition(column.meaning, TYPES.get(column.kind, column.kind), column.example)
        for column in table.columns
    }
    return _section(Dataset(f"Export: {table.name}", table.meaning, definitions))


def _section(dataset: Dataset) -> str:
    rows = "".join(
        f"| `{name}` | {definition.type} | {definition.meaning} | `{_shown(definition.example)}` |\n"
        for name, definition in dataset.definitions.items()
    )
    head = "| column | type | meaning | example |\n|---|---|---|---|\n"
    return f"\n## {dataset.name}\n{dataset.meaning}\n\n{head}{rows}"


def _shown(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example)


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()


def test_every_figure_and_every_column_is_defined() -> None:
    assert {field.name for field in fields(Kpis)} < dictionary.PERIOD.keys()
    assert set(FIGURES) == dictionary.REALTIME.keys()
    assert set(schema.orders.c.keys()) == dictionary.ORDER.keys()
    assert set(schema.rejects.c.keys()) - {"import_id"} <= dictionary.REJECT.keys()
    with duckdb.connect() as connection:
        connection.execute(sql("schema"))
        for table in (dictionary.DAILY_KPIS, dictionary.CUSTOMER_SALES, dictionary.PRODUCT_SALES):
            assert set(connection.table(table.name).columns) == table.definitions.keys()


@pytest.mark.parametrize(("answer", "defined"), ANSWERS)
def test_the_api_says_of_a_figure_what_the_dictionary_says(
    answer: type[BaseModel], defined: Mapping[str, Definition]
) -> None:
    described = answer.model_json_schema()["properties"]
    assert {name: one["description"] for name, one in described.items()} == {
        name: one.meaning for name, one in defined.items()
    }


if __name__ == "__main__":
    sys.stdout.write(page())
