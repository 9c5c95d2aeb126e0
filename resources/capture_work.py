"""A Dagster resource that sends captures and voids to the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine

from orders_pipeline.base.settings import Settings
from orders_pipeline.captures.settle import CaptureWork
from orders_pipeline.payments.claims import claimed_at_once
from orders_pipeline.payments.gateway import PaymentGateway


@dataclass(frozen=True, slots=True)
class CaptureWorks:
    """Makes the steps of captures from the settings."""

    settings: Settings = field(repr=False)

    @property
    def at_once(self) -> int:
        """Orders in a range that one step works on, at most."""
        return claimed_at_once(self.settings)

    @property
    def hours(self) -> float:
        """Hours after which an authorization that was not captured is voided."""
        return self.settings.authorization_hours

    def of(self, engine: Engine, gateway: PaymentGateway) -> CaptureWork:
        """The steps on a store and its gateway."""
        return CaptureWork.of(self.settings, engine, gateway)
