"""Reads the published figures of an order store. If figures are lost, their days are marked for refresh."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

from duckdb import DuckDBPyConnection
from sqlalchemy import Engine

from orders_pipeline.figures.kpis.publisher import require_publisher
from orders_pipeline.figures.kpis.warehouse.published_parts import PartsLost, days_of, read_listing
from orders_pipeline.figures.kpis.warehouse.readers_copy import read_published
from orders_pipeline.store import kpi_days

Result = TypeVar("Result")
log = logging.getLogger(__name__)


def read_figures(
    engine: Engine, folder: Path, start: date, end: date, ask: Callable[[DuckDBPyConnection], Result]
) -> Result:
    """Returns the result of a function that reads the published tables from `start` to `end`, inclusive.

    Raises:
        FiguresElsewhere: another home publishes.
        PartsLost: figures are missing or damaged. The next refresh computes them again.
    """
    require_publisher(engine, folder)
    try:
        if read_listing(folder) is None and kpi_days.any_published(engine):
            raise PartsLost
        return read_published(folder, start, end, ask)
    except PartsLost as lost:
        log.warning("%s", lost)
        kpi_days.mark_due(engine, map(days_of, lost.periods) if lost.periods else [(date.min, date.max)])
        raise
