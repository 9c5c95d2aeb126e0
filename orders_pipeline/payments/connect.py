"""Connects to the payment gateway from the settings."""

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
OTHER_SEED = f"ORDERS_PAYMENT_SEED differs from the seed of the payments in this store. Unset it, {ELSEWHERE}"
WAS_SIMULATED = (
    "ORDERS_PAYMENT_URL is set, but the payments in this store were simulated. A real gateway would charge "
    f"open payments again. Unset it, {ELSEWHERE}"
)
WAS_HTTP = (
    "ORDERS_PAYMENT_URL is not set, but the payments in this store were made at a gateway over HTTP, which "
    f"may still have open payments. Set it, {ELSEWHERE}"
)


class GatewayKind(StrEnum):
    """The kind of gateway that makes the charges of a store."""

    SIMULATED = "simulated"
    HTTP = "http"


def connect_gateway(settings: Settings, engine: Engine, observe: Observe = unobserved) -> PaymentGateway:
    """Returns the gateway at `ORDERS_PAYMENT_URL`, or the simulated gateway of an order store.

    Args:
        observe: receives the seconds of each charge; a simulation without a delay does not call it.

    Raises:
        SettingsError: the store has payments from another kind of gateway or with another seed.
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
    """Returns the gateway at `ORDERS_PAYMENT_URL`, without an order store."""
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
    """Saves `wanted` in the store's `home` row and returns the value in force.

    An empty `wanted` keeps the saved value. The value cannot change once the store has a payment.

    Raises:
        SettingsError: the store has payments and another value; the message is `refusal`.
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
