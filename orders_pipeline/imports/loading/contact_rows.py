"""Stores the addresses of a batch's customers, if the file has them and customers get notices."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Engine

from orders_pipeline.order_files.values.contacts import EMAIL, LANGUAGE
from orders_pipeline.store.schema import customer_contacts
from orders_pipeline.store.statements.bulk import prepare_insert

# A new address has not bounced. A customer who unsubscribed stays unsubscribed.
NEWEST = (
    "ON CONFLICT (customer_id) DO UPDATE SET email = excluded.email, "
    "language = COALESCE(excluded.language, customer_contacts.language), "
    "bounced_at = CASE WHEN excluded.email = customer_contacts.email THEN customer_contacts.bounced_at END "
    "WHERE customer_contacts.email <> excluded.email "
    "OR customer_contacts.language IS DISTINCT FROM excluded.language"
)


def keep_contacts(engine: Engine, parsed: pl.DataFrame) -> None:
    """Stores the addresses of parsed orders: the latest one of each customer. Guests have none."""
    if EMAIL not in parsed.columns:
        return
    language = pl.col(LANGUAGE) if LANGUAGE in parsed.columns else pl.lit(None, pl.String)
    reached = (
        parsed.filter(pl.col("customer_id").is_not_null(), pl.col(EMAIL).is_not_null())
        .group_by("customer_id")
        .agg(pl.col(EMAIL).last().alias("email"), language.drop_nulls().last().alias("language"))
        .sort("customer_id")
    )
    insert = prepare_insert(engine.dialect, customer_contacts, reached, NEWEST)
    with engine.begin() as connection:
        insert(connection)
