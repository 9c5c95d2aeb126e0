"""Finds what the import of a product list would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from orders_pipeline.base.amounts.quantities import Units
from orders_pipeline.stock.product_list import ProductRow, listed_as
from orders_pipeline.store.schema import products
from orders_pipeline.store.statements.many_values import among, parts

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ProductChange:
    """A product that a list adds or changes.

    Attributes:
        before, after: its name, price in 1/10,000 and category; `before` is None for a new product.
        stock: units that the list brings.
    """

    sku: str
    before: Fields | None
    after: Fields
    stock: Units | None

    @property
    def changed(self) -> list[str]:
        """The fields that get another value."""
        return [name for name, value in self.after.items() if self.before and self.before[name] != value]


def changes_of(connection: Connection, rows: Sequence[ProductRow]) -> list[ProductChange]:
    """What `import_products` would change, by SKU. Products that would not change are left out."""
    known = _known(connection, [row.sku for row in rows])
    changes = []
    for row in sorted(rows, key=lambda row: row.sku):
        before, is_listed = known.get(row.sku, (None, False))
        after = listed_as(row, before["category"] if before else None)
        if not is_listed or before != after:
            changes.append(ProductChange(row.sku, before, after, None if is_listed else row.stock))
        known[row.sku] = after, True
    return changes


def _known(connection: Connection, skus: Sequence[str]) -> dict[str, tuple[Fields | None, bool]]:
    columns = (products.c.name, products.c.price, products.c.category)
    found: dict[str, tuple[Fields | None, bool]] = {}
    for part in parts(skus):
        query = select(products.c.sku, products.c.listed, *columns).where(
            among(connection, products.c.sku, part)
        )
        for sku, listed, name, price, category in connection.execute(query):
            found[sku] = {"name": name, "price": price, "category": category}, listed
    return found
