"""Which order store this is."""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home


def store_id(engine: Engine) -> str:
    """The store's random token. Data with another token, in Redis or the warehouse, is another store's."""
    with reading(engine) as connection:
        return str(connection.execute(select(home.c.token)).scalar_one())


def provider_tag(engine: Engine) -> str:
    """The mark of the store's payments and refunds at a provider.

    Unlike the token, a restore keeps it, so that what was charged after the backup is found.
    """
    with reading(engine) as connection:
        return str(connection.execute(select(func.coalesce(home.c.provider_tag, home.c.token))).scalar_one())


def customers_erased(engine: Engine) -> int:
    """Returns the number of customers that were erased from this store."""
    with reading(engine) as connection:
        return int(connection.execute(select(home.c.customers_erased)).scalar_one())
