"""Decides whether figures must be published."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from orders_pipeline.figures.kpis.publisher import publisher_elsewhere
from orders_pipeline.figures.kpis.warehouse.published_parts import changed_periods, read_listing
from orders_pipeline.figures.kpis.warehouse.warehouse_folder import warehouse_file
from orders_pipeline.store import kpi_days


def are_due(engine: Engine, folder: Path) -> bool:
    """Whether days changed since they were published, or files of this home are missing or incomplete."""
    if kpi_days.dirty_days(engine):
        return True
    if publisher_elsewhere(engine, folder) or not _is_incomplete(folder):
        return False
    return bool(kpi_days.known_days(engine))


def _is_incomplete(folder: Path) -> bool:
    listing = read_listing(folder)
    lost = listing is None or changed_periods(folder, listing)
    return bool(lost) or not warehouse_file(folder).is_file()
