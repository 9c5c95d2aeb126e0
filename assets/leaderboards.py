"""The assets `customer_leaderboard` and `product_leaderboard`: who and what leads, over all time."""

from typing import Any

from dagster import AssetsDefinition, MaterializeResult, ResourceParam, asset

from assets.metadata import FIGURES_TEAM, column_schema
from jobs.failures import THREE_TRIES, permanent_failures
from jobs.figures.metadata import board_metadata
from jobs.figures.ops import FIGURES_WORK
from orders_pipeline.figures.kpis.dictionary import CUSTOMER_LEADERBOARD, PRODUCT_LEADERBOARD
from orders_pipeline.figures.leaderboards.boards import Board
from resources.figures import FigureStores


@asset(
    deps=["orders"],
    retry_policy=THREE_TRIES,
    op_tags=FIGURES_WORK,
    group_name="figures",
    kinds={"redis"},
    owners=FIGURES_TEAM,
    metadata=column_schema(CUSTOMER_LEADERBOARD, keys=["rank", "customer_id"]),
    description=CUSTOMER_LEADERBOARD.meaning,
)
def customer_leaderboard(figures: ResourceParam[FigureStores]) -> MaterializeResult[Any]:
    """Rebuilds the board from the order store and swaps it in."""
    return _rebuild(figures, Board.CUSTOMERS)


@asset(
    deps=["orders"],
    retry_policy=THREE_TRIES,
    op_tags=FIGURES_WORK,
    group_name="figures",
    kinds={"redis"},
    owners=FIGURES_TEAM,
    metadata=column_schema(PRODUCT_LEADERBOARD, keys=["rank", "product_sku"]),
    description=PRODUCT_LEADERBOARD.meaning,
)
def product_leaderboard(figures: ResourceParam[FigureStores]) -> MaterializeResult[Any]:
    """Rebuilds the board from the order store and swaps it in."""
    return _rebuild(figures, Board.PRODUCTS)


def leaderboard_assets() -> list[AssetsDefinition]:
    """All assets of this module."""
    return [customer_leaderboard, product_leaderboard]


def _rebuild(figures: FigureStores, board: Board) -> MaterializeResult[Any]:
    with permanent_failures(), figures.open() as published:
        members = published.boards.rebuild_all(board)
        return MaterializeResult(metadata=board_metadata(published, board, members))
