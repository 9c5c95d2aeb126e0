"""What the Dagster UI shows about each asset before anything has run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, TableSchema

from definitions import build_definitions
from orders_pipeline.base.settings import Settings
from orders_pipeline.figures.kpis.dictionary import (
    CUSTOMER_LEADERBOARD,
    DAILY_KPIS,
    DATASETS,
    ORDERS,
    PRODUCT_LEADERBOARD,
    REFUNDS,
    Dataset,
)

MADE_HERE = {"orders", "rejected_order_rows", "refunds", "payouts"}
MADE_HERE |= {"daily_kpis", "customer_leaderboard", "product_leaderboard"}
PARENTS = {
    "orders": {"order_file"},
    "rejected_order_rows": {"order_file"},
    "refunds": {"orders"},
    "payouts": {"orders", "refunds"},
    "daily_kpis": {"orders", "refunds"},
    "customer_leaderboard": {"orders", "refunds"},
    "product_leaderboard": {"orders", "refunds"},
}
OUTSIDE = {"order_file", "order_store", "pipeline_snapshot"}
TABLES = [dataset for dataset in DATASETS if dataset.name in MADE_HERE | OUTSIDE]


@pytest.fixture(scope="module")
def graph() -> Any:
    return build_definitions(Settings()).get_repository_def().asset_graph


def test_the_assets_are_those_that_are_looked_at_here(graph: Any) -> None:
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == MADE_HERE | OUTSIDE


@pytest.mark.parametrize("name", sorted(MADE_HERE | OUTSIDE))
def test_every_asset_has_a_group_an_owner_kinds_and_a_description(graph: Any, name: str) -> None:
    asset = graph.get(AssetKey(name))
    assert asset.group_name in ("orders", "figures")
    assert asset.owners
    assert asset.kinds
    assert asset.description


def test_the_lineage_leads_from_the_file_to_the_leaderboards(graph: Any) -> None:
    parents = {
        name: {key.to_user_string() for key in graph.get(AssetKey(name)).parent_keys} for name in MADE_HERE
    }
    assert parents == PARENTS


@pytest.mark.parametrize("dataset", TABLES, ids=lambda one: one.name)
def test_description_and_table_schema_are_those_of_the_data_dictionary(graph: Any, dataset: Dataset) -> None:
    asset = graph.get(AssetKey(dataset.name))
    schema = asset.metadata["dagster/column_schema"]
    assert isinstance(schema, TableSchema)
    definitions = dataset.definitions.items()
    shown = {column.name: (column.type, column.description) for column in schema.columns}
    assert shown == {name: (definition.type, definition.meaning) for name, definition in definitions}
    assert asset.description == dataset.meaning


@pytest.mark.parametrize("dataset", [DAILY_KPIS, CUSTOMER_LEADERBOARD, PRODUCT_LEADERBOARD])
def test_the_columns_of_figures_lead_to_columns_of_orders_and_refunds(graph: Any, dataset: Dataset) -> None:
    known = {one.name: one.definitions for one in (ORDERS, REFUNDS)}
    made = graph.get(AssetKey(dataset.name)).metadata["dagster/column_lineage"].deps_by_column
    assert dataset.definitions.keys() - made.keys() <= {"generated_at", "customer_name"}
    assert made.keys() <= dataset.definitions.keys()
    deps = [dep for column in made.values() for dep in column]
    assert all(dep.column_name in known[dep.asset_key.to_user_string()] for dep in deps)


@pytest.mark.parametrize("name", sorted(MADE_HERE))
def test_the_code_of_an_asset_can_be_opened(graph: Any, name: str) -> None:
    asset = graph.get(AssetKey(name))
    references = asset.metadata["dagster/code_references"].code_references
    assert [Path(reference.file_path).parent.name for reference in references] == ["assets"]
    assert asset.is_executable
