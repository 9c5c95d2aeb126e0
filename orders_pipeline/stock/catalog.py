"""Finds products by SKU and creates those that an order mentions first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
from sqlalchemy import Connection, Engine, select

from orders_pipeline.base.amounts.quantities import stored_units
from orders_pipeline.stock.receipts import note_first_receipts
from orders_pipeline.store.schema import products
from orders_pipeline.store.statements.bulk import insert_frame

CHUNK = 10_000
# More units of a product could not be counted.
MOST_STOCK = 10**15


@dataclass(frozen=True, slots=True)
class UnknownProducts:
    """How to treat a SKU that is in no product list: list it with this stock, or keep it unlisted."""

    create: bool
    stock: int


def ensure_products(engine: Engine, lines: pl.DataFrame, unknown: UnknownProducts) -> pl.DataFrame:
    """Returns the ids of the SKUs of these lines (`sku`, `product_id`); creates unknown products.

    An unlisted product has no stock. Orders for it fail as `unknown_product` until a product list has it.
    """
    named = lines.group_by("sku").agg(pl.col("product_name").drop_nulls().last().alias("name")).sort("sku")
    with engine.begin() as connection:
        known = product_ids(connection, named["sku"])
        missing = named.join(known, on="sku", how="anti").sort("sku")
        if missing.is_empty():
            return known
        stock = stored_units(min(unknown.stock, MOST_STOCK)) if unknown.create else 0
        rows = missing.with_columns(
            listed=pl.lit(unknown.create), initial_stock=pl.lit(stock), on_hand=pl.lit(stock)
        )
        insert_frame(connection, products, rows, "ON CONFLICT (sku) DO NOTHING")
        for skus in _parts(missing["sku"]):
            note_first_receipts(connection, skus)
        return product_ids(connection, named["sku"])


def product_ids(connection: Connection, skus: pl.Series) -> pl.DataFrame:
    """Returns the ids of the SKUs that the store knows (`sku`, `product_id`)."""
    found: list[tuple[str, int]] = []
    for part in _parts(skus):
        query = select(products.c.sku, products.c.id).where(products.c.sku.in_(part))
        found.extend((row.sku, row.id) for row in connection.execute(query))
    return pl.DataFrame(found, schema={"sku": pl.String, "product_id": pl.Int64}, orient="row")


def _parts(skus: pl.Series) -> Iterator[list[str]]:
    for start in range(0, skus.len(), CHUNK):
        yield skus.slice(start, CHUNK).to_list()
