"""Finds products by SKU and creates those that an order mentions first."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from sqlalchemy import Connection, Engine, select

from orders_pipeline.store.bulk import insert_frame
from orders_pipeline.store.schema import products

CHUNK = 10_000


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
        stock = unknown.stock if unknown.create else 0
        rows = missing.with_columns(
            listed=pl.lit(unknown.create), initial_stock=pl.lit(stock), on_hand=pl.lit(stock)
        )
        insert_frame(connection, products, rows, "ON CONFLICT (sku) DO NOTHING")
        return product_ids(connection, named["sku"])


def product_ids(connection: Connection, skus: pl.Series) -> pl.DataFrame:
    """Returns the ids of the SKUs that the store knows (`sku`, `product_id`)."""
    found: list[tuple[str, int]] = []
    for start in range(0, skus.len(), CHUNK):
        part = skus.slice(start, CHUNK).to_list()
        query = select(products.c.sku, products.c.id).where(products.c.sku.in_(part))
        found.extend((row.sku, row.id) for row in connection.execute(query))
    return pl.DataFrame(found, schema={"sku": pl.String, "product_id": pl.Int64}, orient="row")
