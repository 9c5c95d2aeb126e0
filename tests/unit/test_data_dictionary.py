"""One data dictionary: docs, tables, answers and assets say the same of each figure."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import fields

import duckdb
import pytest
from pydantic import BaseModel

from orders_pipeline.api import models
from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.figures.kpis import dictionary
from orders_pipeline.figures.kpis.dictionary import DATASETS, Dataset, Definition
from orders_pipeline.figures.kpis.kpi_documents import Kpis
from orders_pipeline.figures.kpis.realtime import FIGURES
from orders_pipeline.figures.kpis.warehouse import sql
from orders_pipeline.store import schema

PAGE = PROJECT_ROOT / "docs" / "data-dictionary.md"
HEAD = """\
# Data dictionary

Every figure is of one currency. A KPI day is the order's date in `ORDERS_TIMEZONE`. Money in figures is in
the currency's major unit, such as dollars. `make format` writes this page from
`orders_pipeline/figures/kpis/dictionary.py`; the API's description and the assets in Dagster say the same.
"""
ANSWERS: list[tuple[type[BaseModel], Mapping[str, Definition]]] = [
    (models.PeriodKpis, dictionary.PERIOD),
    (models.RealtimeKpis, dictionary.REALTIME),
    (models.CustomerPlace, dictionary.CUSTOMER_PLACE),
    (models.ProductPlace, dictionary.PRODUCT_PLACE),
    (models.Snapshot, dictionary.SNAPSHOT),
]


def page() -> str:
    """The page as it should be."""
    return HEAD + "".join(map(_section, DATASETS))


def _section(dataset: Dataset) -> str:
    rows = "".join(
        f"| `{name}` | {told.type} | {told.meaning} | `{_shown(told.example)}` |\n"
        for name, told in dataset.definitions.items()
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
        daily = connection.execute("SELECT column_name FROM (DESCRIBE daily_kpis)").fetchall()
    assert {name for (name,) in daily} == dictionary.DAILY_KPIS.definitions.keys()


@pytest.mark.parametrize(("answer", "defined"), ANSWERS)
def test_the_api_says_of_a_figure_what_the_dictionary_says(
    answer: type[BaseModel], defined: Mapping[str, Definition]
) -> None:
    described = answer.model_json_schema()["properties"]
    assert {name: told["description"] for name, told in described.items()} == {
        name: told.meaning for name, told in defined.items()
    }


if __name__ == "__main__":
    sys.stdout.write(page())
