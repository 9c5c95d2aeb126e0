"""A Dagster resource that sends refunds to the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine

from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.claims import claimed_at_once
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.refunds.settle import RefundWork


@dataclass(frozen=True, slots=True)
class RefundWorks:
    """Makes the steps of refunds from the settings."""

    settings: Settings = field(repr=False)

    @property
    def at_once(self) -> int:
        """Refunds in a range that one step works on, at most."""
        return claimed_at_once(self.settings)

    def of(self, engine: Engine, gateway: PaymentGateway) -> RefundWork:
        """The steps on a store and its gateway."""
        return RefundWork.of(self.settings, engine, gateway)
