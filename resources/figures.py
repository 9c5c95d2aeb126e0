"""The published figures as a Dagster resource."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from orders_pipeline.figures.published_figures import PublishedFigures, open_figures
from resources.order_store import OrderStore


@dataclass(frozen=True, slots=True)
class FigureStores:
    """Opens KPIs and leaderboards. A plain object, so that the Dagster UI shows no URL with a password.

    Args:
        warehouse: folder of the DuckDB file and of the readers' copy.
        currency: the default currency.
        timezone: time zone of the KPI days.
        console_url: where people reach the console.
    """

    order_store: OrderStore
    warehouse: Path
    redis_url: str = field(repr=False)
    currency: str
    timezone: str
    console_url: str = ""

    @contextmanager
    def open(self) -> Iterator[PublishedFigures]:
        """The figures. The order store and Redis stay open for the duration of the context."""
        with (
            self.order_store.open() as engine,
            open_figures(
                engine, self.warehouse, self.redis_url, self.currency, ZoneInfo(self.timezone)
            ) as figures,
        ):
            yield figures
