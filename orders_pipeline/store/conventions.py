"""Time zone and currency of a store. The days of its orders depend on them, so they must not change."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, select, update

from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import batches, home

Kept = tuple[str | None, str | None]
BACK = "Set it back, or use another ORDERS_HOME or database"
OTHER_ZONE = "ORDERS_TIMEZONE is {now}, but the orders in this store have their days in {before}. " + BACK
OTHER_CURRENCY = (
    "ORDERS_CURRENCY is {now}, but files without a currency entered this store in {before}. "
    f"{BACK}; files in another currency name it in a column"
)


def require_conventions(engine: Engine, settings: Settings) -> None:
    """Checks that new orders would have the time zone and currency of the store's orders. Changes nothing.

    Raises:
        SettingsError: a setting differs.
    """
    with reading(engine) as connection:
        if connection.execute(select(batches.c.import_id).limit(1)).first():
            _require_same(_kept(connection), settings)


def keep_conventions(engine: Engine, settings: Settings) -> None:
    """Records the time zone and currency before the first orders enter, or after an upgrade.

    Raises:
        SettingsError: a setting differs from that of the store's orders.
    """
    require_conventions(engine, settings)
    wanted = (settings.timezone, settings.currency)
    with reading(engine) as connection:
        if _kept(connection) == wanted:
            return
    with engine.begin() as connection:
        connection.execute(select(home.c.id).with_for_update())
        if connection.execute(select(batches.c.import_id).limit(1)).first():
            _require_same(_kept(connection), settings)
        connection.execute(update(home).values(timezone=wanted[0], currency=wanted[1]))


def _kept(connection: Connection) -> Kept:
    timezone, currency = connection.execute(select(home.c.timezone, home.c.currency)).one()
    return timezone, currency


def _require_same(kept: Kept, settings: Settings) -> None:
    timezone, currency = kept
    if timezone not in (None, settings.timezone):
        raise SettingsError(OTHER_ZONE.format(now=settings.timezone, before=timezone))
    if currency not in (None, settings.currency):
        raise SettingsError(OTHER_CURRENCY.format(now=settings.currency, before=currency))
