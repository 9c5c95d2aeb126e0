"""The assets `customer_leaderboard` and `product_leaderboard`, for all days."""

from datetime import timedelta
from typing import Any

from dagster import AssetsDefinition, FreshnessPolicy, MaterializeResult, ResourceParam, asset

from assets.column_lineage import column_lineage
from assets.lineage import ORDERS_AND_REFUNDS
from assets.metadata import FIGURES_TEAM, column_schema
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.figures.metadata import board_metadata
from jobs.figures.ops import FIGURES_WORK
from orders_pipeline.figures.kpis.dictionary import CUSTOMER_LEADERBOARD, PRODUCT_LEADERBOARD, Dataset
from orders_pipeline.figures.leaderboards.boards import Board
from resources.figures import FigureStores


def leaderboard_assets() -> list[AssetsDefinition]:
    """Returns all assets of this module."""
    return [
        _leaderboard(Board.CUSTOMERS, CUSTOMER_LEADERBOARD, member="customer_id"),
        _leaderboard(Board.PRODUCTS, PRODUCT_LEADERBOARD, member="product_sku"),
    ]


def _leaderboard(board: Board, dataset: Dataset, member: str) -> AssetsDefinition:
    @asset(
        name=dataset.name,
        deps=ORDERS_AND_REFUNDS,
        code_version=dataset.version,
        freshness_policy=FreshnessPolicy.time_window(fail_window=timedelta(hours=2)),
        retry_policy=THREE_TRIES,
        op_tags=FIGURES_WORK,
        group_name="figures",
        kinds={"redis"},
        owners=FIGURES_TEAM,
        metadata=column_schema(dataset, keys=["rank", member]) | column_lineage(dataset),
        description=dataset.meaning,
    )
    def rebuild(figures: ResourceParam[FigureStores]) -> MaterializeResult[Any]:
        """Rebuilds the board from the order store and replaces the old one."""
        with permanent_failures(), figures.open() as published:
            members = published.boards.rebuild_all(board)
            return MaterializeResult(metadata=board_metadata(published, board, members, figures.console_url))

    return rebuild
