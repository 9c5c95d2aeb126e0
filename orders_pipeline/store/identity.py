"""Which order store this is."""

from __future__ import annotations

from sqlalchemy import Engine, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home


def store_id(engine: Engine) -> str:
    """The store's random token. Data of Redis or the warehouse with another token is of another store."""
    with reading(engine) as connection:
        return str(connection.execute(select(home.c.token)).scalar_one())


def customers_erased(engine: Engine) -> int:
    """Returns the number of customers that were erased from this store."""
    with reading(engine) as connection:
        return int(connection.execute(select(home.c.customers_erased)).scalar_one())
