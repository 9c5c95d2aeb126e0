"""The gateway of an order store, as its operators see it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.connect import GatewayKind, gateway_kind
from orders_pipeline.store.schema import home


@dataclass(frozen=True, slots=True)
class GatewayInEffect:
    """The gateway that new charges go to.

    Attributes:
        account: its id at the gateway; empty if that is not known.
        mode: `test` or `live` at a provider, once the store has seen it; else empty.
        has_event_secret: whether signed events of the gateway can be accepted.
    """

    kind: GatewayKind
    account: str
    mode: str
    has_event_secret: bool


def gateway_in_effect(connection: Connection, settings: Settings) -> GatewayInEffect:
    """The gateway by the settings, and what the store knows of its account."""
    kind = gateway_kind(settings)
    secret = settings.stripe_webhook_secret if kind is GatewayKind.STRIPE else settings.payment_webhook_secret
    tied: str = connection.execute(select(home.c.gateway)).scalar_one()
    known, _, account = tied.partition(":")
    mode, _, account_id = account.partition(":") if known == kind else ("", "", "")
    return GatewayInEffect(kind, account_id, mode, bool(secret))
