"""The payment gateway as a Dagster resource."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.payments.simulated import SimulatedGateway
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import home


@dataclass(frozen=True, slots=True)
class SimulatedPaymentGateway:
    """The simulated gateway; delays in seconds. Without a seed the home's own is used."""

    success_rate: float
    delay_min: float
    delay_max: float
    max_in_flight: int
    seed: str = ""

    def connect(self, engine: Engine) -> PaymentGateway:
        """The gateway, with the seed that was drawn once for the store where none is set."""
        return SimulatedGateway(
            seed=self.seed or _drawn_seed(engine),
            success_rate=self.success_rate,
            delay_min=self.delay_min,
            delay_max=self.delay_max,
            max_in_flight=self.max_in_flight,
        )


def _drawn_seed(engine: Engine) -> str:
    with reading(engine) as connection:
        return str(connection.execute(select(home.c.payment_seed)).scalar_one())
