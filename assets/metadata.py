"""What every asset says of itself: its columns, who answers for it, where its code is."""

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
    """Metadata that shows a dataset's columns.

    Args:
        keys: columns that together tell one row from any other.
    """
    columns = [
        TableColumn(
            name, told.type, told.meaning, constraints=TableColumnConstraints(nullable=name not in keys)
        )
        for name, told in dataset.definitions.items()
    ]
    return {"dagster/column_schema": TableSchema(columns=columns)}


def with_code_references(
    assets: Sequence[AssetsDefinition | AssetSpec],
) -> Sequence[AssetsDefinition | AssetSpec]:
    """The same assets, each with the file that defines it."""
    with warnings.catch_warnings():
        # Dagster marks this as beta, which would greet the user of each command.
        warnings.simplefilter("ignore", BetaWarning)
        return with_source_code_references(assets)  # type: ignore[return-value]
