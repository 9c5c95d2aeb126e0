"""Metadata of every asset: columns, owner and code location."""

import warnings
from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetsDefinition,
    AssetSpec,
    BetaWarning,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    with_source_code_references,
)

from orders_pipeline.figures.kpis.dictionary import Dataset

ORDERS_TEAM, FIGURES_TEAM = ["team:orders"], ["team:figures"]


def column_schema(dataset: Dataset, keys: Sequence[str]) -> dict[str, Any]:
    """Returns metadata with a dataset's columns.

    Args:
        keys: columns that together identify a row.
    """
    columns = [
        TableColumn(
            name,
            definition.type,
            definition.meaning,
            constraints=TableColumnConstraints(nullable=name not in keys),
        )
        for name, definition in dataset.definitions.items()
    ]
    return {"dagster/column_schema": TableSchema(columns=columns)}


def with_code_references(
    assets: Sequence[AssetsDefinition | AssetSpec],
) -> Sequence[AssetsDefinition | AssetSpec]:
    """Returns the same assets, each with a reference to its source file."""
    with warnings.catch_warnings():
        # Dagster marks this as beta and would print a warning at each command.
        warnings.simplefilter("ignore", BetaWarning)
        return with_source_code_references(assets)  # type: ignore[return-value]
