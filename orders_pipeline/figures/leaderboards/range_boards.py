"""Leaderboards over a range of days, from the published copy of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from orders_pipeline.base.amounts.quantities import quantity_number
from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.figures.kpis.kpi_documents import money_number
from orders_pipeline.figures.kpis.reading_figures import read_figures
from orders_pipeline.figures.kpis.warehouse.rows import rows_of
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import customers, products

Entry = dict[str, Any]


class ProductOrder(StrEnum):
    """The figure that products are ranked by."""

    UNITS = "units"
    REVENUE = "revenue"


@dataclass(frozen=True, slots=True)
class RangeBoards:
    """Customers by spending, products by units or revenue. Ranges include both ends.

    Only the publishing home has these figures. Other homes raise FiguresElsewhere. If published files are
    lost, PartsLost is raised.

    Args:
        folder: the folder of the warehouse.
    """

    engine: Engine
    folder: Path

    def customers(self, start: date, end: date, limit: int, currency: str) -> list[Entry]:
        """The customers who spent the most."""
        rows = self._rows("customers_of_range", start, end, limit=limit, currency=currency)
        names = self._names([row["customer_id"] for row in rows])
        return [
            {
                "rank": rank,
                "customer_id": row["customer_id"],
                "customer_name": names.get(row["customer_id"]),
                "order_count": row["order_count"],
                "total_spent": money_number(row["total_spent"], currency),
            }
            for rank, row in enumerate(rows, start=1)
        ]

    def products(self, start: date, end: date, limit: int, currency: str, by: ProductOrder) -> list[Entry]:
        """The best-selling products."""
        rows = self._rows(
            "products_of_range",
            start,
            end,
            limit=limit,
            currency=currency,
            by_revenue=by is ProductOrder.REVENUE,
        )
        names = self._product_names([row["product_sku"] for row in rows])
        return [
            {
                "rank": rank,
                "product_sku": row["product_sku"],
                "product_name": names.get(row["product_sku"]),
                "total_quantity": quantity_number(row["total_quantity"]),
                "total_revenue": money_number(Decimal(row["total_revenue"]), currency),
                "order_count": row["order_count"],
            }
            for rank, row in enumerate(rows, start=1)
        ]

    def _rows(self, name: str, start: date, end: date, **parameters: Any) -> list[Entry]:
        query = package_text("orders_pipeline.figures.leaderboards", f"sql/{name}.sql")
        bound = {"start": start, "end": end, **parameters}
        return read_figures(
            self.engine, self.folder, start, end, lambda connection: rows_of(connection, query, bound)
        )

    def _names(self, ids: list[str]) -> dict[str, str | None]:
        query = select(customers.c.id, customers.c.name).where(customers.c.id.in_(ids))
        with reading(self.engine) as connection:
            return {row.id: row.name for row in connection.execute(query)}

    def _product_names(self, skus: list[str]) -> dict[str, str | None]:
        query = select(products.c.sku, products.c.name).where(products.c.sku.in_(skus))
        with reading(self.engine) as connection:
            return {row.sku: row.name for row in connection.execute(query)}
