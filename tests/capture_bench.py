"""Imports orders with later capture, and settles captures and voids, on an `ImportBench`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, true, update

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.settings import PaymentCapture
from orders_pipeline.captures.request import request_captures, void_overdue
from orders_pipeline.captures.settle import CLAIMS, CaptureWork
from orders_pipeline.failed_work.cancel import cancel_orders
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import authorizations, orders
from tests.import_bench import ImportBench

AN_HOUR_US = 3_600_000_000
ADA = "cli:ada"


@dataclass(slots=True)
class CaptureBench:
    """A bench whose gateway only authorizes payments."""

    bench: ImportBench

    @classmethod
    def on(cls, bench: ImportBench, **settings: Any) -> CaptureBench:
        bench.set(payment_capture=PaymentCapture.LATER, **settings)
        return cls(bench)

    def capture(self, *numbers: str, key: str | None = None) -> int:
        """Requests the capture of orders, or of all if none is named."""
        chosen = Chosen(numbers, key=key)
        return request_captures(self.bench.engine, chosen.to_capture(), chosen.selection(), ADA).orders

    def cancel(self, *numbers: str) -> int:
        """Cancels orders."""
        size = self.bench.settings.transaction_orders
        return cancel_orders(self.bench.engine, Chosen(numbers), "a mistake", size, ADA).orders

    def let_pass(self, hours: float) -> None:
        """Makes every authorization older."""
        a = authorizations.c
        with self.bench.engine.begin() as connection:
            older = int(hours * AN_HOUR_US)
            connection.execute(update(authorizations).values(authorized_at=a.authorized_at - older))
            connection.execute(update(authorizations).values(asked_at=a.asked_at - older))

    def void_overdue(self) -> int:
        return void_overdue(self.bench.engine, self.bench.settings.authorization_hours)

    def work(self, gateway: PaymentGateway | None = None, **how: Any) -> CaptureWork:
        return CaptureWork(
            engine=self.bench.engine,
            gateway=gateway or self.bench.gateway,
            at_once=self.bench.settings.transaction_orders,
            **{"patience": 0.0, "pause": 0.0, **how},
        )

    def settle(self, gateway: PaymentGateway | None = None, **how: Any) -> str | None:
        """Settles all captures and voids."""
        return self.work(gateway, **how).settle(true())

    def die_before_asking(self) -> None:
        """Claims the waiting requests, like a process that dies before it calls the gateway."""
        with self.bench.engine.begin() as connection:
            CLAIMS.claim(connection, true(), now_us(), patience=0.0, at_once=1_000)

    def statuses(self, column: ColumnElement[str] | None = None) -> Counter[str]:
        """The number of authorizations by status, or by the value of another column."""
        wanted = authorizations.c.status if column is None else column
        with reading(self.bench.engine) as connection:
            return Counter(connection.scalars(select(wanted)))

    def one(self, number: str) -> dict[str, Any]:
        """The last authorization of an order."""
        query = select(authorizations).join(orders, orders.c.id == authorizations.c.order_id)
        newest = query.where(orders.c.number == number).order_by(authorizations.c.attempt.desc())
        with reading(self.bench.engine) as connection:
            return dict(connection.execute(newest).mappings().first() or {})
