"""Opens the payment gateway that the settings name."""

from __future__ import annotations

from sqlalchemy import Engine, select, update

from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.payments.http_gateway import HttpGateway
from orders_pipeline.payments.simulated import SimulatedGateway
from orders_pipeline.settings import Settings, SettingsError
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home, payments


def connect_gateway(settings: Settings, engine: Engine) -> PaymentGateway:
    """The gateway at `ORDERS_PAYMENT_URL`, else the simulated one of an order store.

    Raises:
        SettingsError: the store has payments that were simulated with another seed than the settings name.
    """
    if settings.payment_url:
        return _http_gateway(settings)
    return SimulatedGateway(
        seed=_seed_of(settings, engine),
        success_rate=settings.payment_success_rate,
        delay_min=settings.payment_delay_min,
        delay_max=settings.payment_delay_max,
        max_in_flight=settings.payment_max_in_flight,
    )


def _http_gateway(settings: Settings) -> HttpGateway:
    return HttpGateway(
        url=settings.payment_url,
        api_key=settings.payment_api_key,
        timeout=settings.payment_timeout,
        known_within=settings.payment_known_within,
        connections=settings.payment_connections,
        max_in_flight=settings.payment_max_in_flight,
    )


def _seed_of(settings: Settings, engine: Engine) -> str:
    with reading(engine) as connection:
        drawn: str = connection.execute(select(home.c.payment_seed)).scalar_one()
    if settings.payment_seed in ("", drawn):
        return drawn
    with engine.begin() as connection:
        drawn = connection.execute(select(home.c.payment_seed).with_for_update()).scalar_one()
        if (
            drawn != settings.payment_seed
            and connection.execute(select(payments.c.order_id).limit(1)).first()
        ):
            raise SettingsError(
                "ORDERS_PAYMENT_SEED differs from the seed of the payments in this store: "
                "unset it, or use another ORDERS_HOME or database"
            )
        connection.execute(update(home).values(payment_seed=settings.payment_seed))
    return settings.payment_seed
