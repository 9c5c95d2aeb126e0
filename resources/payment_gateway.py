"""The payment gateway as a Dagster resource."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine

from orders_pipeline.payments.connect import connect_gateway
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class PaymentGateways:
    """Opens the gateway that the settings name."""

    settings: Settings = field(repr=False)

    def connect(self, engine: Engine) -> PaymentGateway:
        """The gateway of this order store."""
        return connect_gateway(self.settings, engine)
