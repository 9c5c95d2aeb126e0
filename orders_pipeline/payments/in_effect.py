"""The gateway of an order store, as its operators see it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.connect import PROVIDERS, GatewayKind, gateway_kind
from orders_pipeline.store.schema import home


@dataclass(frozen=True, slots=True)
class GatewayInEffect:
    """The gateway that new charges go to.

    Attributes:
        provider: what people call the provider; empty if the gateway is none.
        account: its id at the gateway; empty if that is not known.
        mode: `test` or `live` at a provider, once the store has seen it; else empty.
        has_event_secret: whether signed events of the gateway can be accepted; None if it sends none.
    """

    kind: GatewayKind
    provider: str
    account: str
    mode: str
    has_event_secret: bool | None


def gateway_in_effect(connection: Connection, settings: Settings) -> GatewayInEffect:
    """The gateway by the settings, and what the store knows of its account."""
    kind = gateway_kind(settings)
    tied: str = connection.execute(select(home.c.gateway)).scalar_one()
    known, _, account = tied.partition(":")
    mode, _, account_id = account.partition(":") if known == kind else ("", "", "")
    provider = PROVIDERS[kind].name if kind in PROVIDERS else ""
    return GatewayInEffect(kind, provider, account_id, mode, _has_event_secret(kind, settings))


def _has_event_secret(kind: GatewayKind, settings: Settings) -> bool | None:
    secrets = {
        GatewayKind.HTTP: settings.payment_webhook_secret,
        GatewayKind.STRIPE: settings.stripe_webhook_secret,
    }
    return bool(secrets[kind]) if kind in secrets else None
