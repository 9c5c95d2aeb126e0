"""Opens the payment gateway that the settings name."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Column, Engine, select, update

from orders_pipeline.base.settings import Settings, SettingsError
from orders_pipeline.payments.backends.http.gateway import HttpGateway
from orders_pipeline.payments.backends.simulated import SimulatedGateway
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.payments.lanes import Observe, unobserved
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home, payments

ELSEWHERE = "or use another ORDERS_HOME or database"
OTHER_SEED = f"ORDERS_PAYMENT_SEED differs from the seed of the payments in this store: unset it, {ELSEWHERE}"
WAS_SIMULATED = (
    "ORDERS_PAYMENT_URL names a gateway, but the payments in this store were simulated, and another gateway "
    f"would charge open ones again: unset it, {ELSEWHERE}"
)
WAS_HTTP = (
    "ORDERS_PAYMENT_URL is not set, but the payments in this store were made over HTTP, at a gateway that "
    f"may hold open ones: set it, {ELSEWHERE}"
)


class GatewayKind(StrEnum):
    """Where the charges of a store are made."""

    SIMULATED = "simulated"
    HTTP = "http"


def connect_gateway(settings: Settings, engine: Engine, observe: Observe = unobserved) -> PaymentGateway:
    """The gateway at `ORDERS_PAYMENT_URL`, else the simulated one of an order store.

    Args:
        observe: is told the seconds that each charge took; not those of a simulation without a delay.

    Raises:
        SettingsError: the store has payments that were made elsewhere, or simulated with another seed.
    """
    if settings.payment_url:
        _tie(engine, home.c.gateway, GatewayKind.HTTP, WAS_SIMULATED)
        return http_gateway(settings, observe)
    _tie(engine, home.c.gateway, GatewayKind.SIMULATED, WAS_HTTP)
    return SimulatedGateway(
        seed=_tie(engine, home.c.payment_seed, settings.payment_seed, OTHER_SEED),
        success_rate=settings.payment_success_rate,
        delay_min=settings.payment_delay_min,
        delay_max=settings.payment_delay_max,
        max_in_flight=settings.payment_max_in_flight,
        observe=observe,
    )


def http_gateway(settings: Settings, observe: Observe = unobserved) -> HttpGateway:
    """The gateway at `ORDERS_PAYMENT_URL`, of no order store yet."""
    return HttpGateway(
        url=settings.payment_url,
        api_key=settings.payment_api_key,
        timeout=settings.payment_timeout,
        known_within=settings.payment_known_within,
        connections=settings.payment_connections,
        max_in_flight=settings.payment_max_in_flight,
        observe=observe,
    )


def _tie(engine: Engine, column: Column[str], wanted: str, refusal: str) -> str:
    """What a store is tied to once it has a payment: the value wanted, or the one it has where none is.

    Raises:
        SettingsError: it has payments and another value; with this refusal.
    """
    with reading(engine) as connection:
        tied: str = connection.execute(select(column)).scalar_one()
    if wanted in ("", tied):
        return tied
    with engine.begin() as connection:
        tied = connection.execute(select(column).with_for_update()).scalar_one()
        if tied != wanted and connection.execute(select(payments.c.order_id).limit(1)).first():
            raise SettingsError(refusal)
        connection.execute(update(home).values({column.name: wanted}))
    return wanted
