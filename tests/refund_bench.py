"""Requests refunds and settles them in this process, on the home of an `ImportBench`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, true

from orders_pipeline.base.clock import now_us
from orders_pipeline.payments.gateway import PaymentGateway
from orders_pipeline.refunds.actions import Acted, RefundAction, act
from orders_pipeline.refunds.listing import refund_documents
from orders_pipeline.refunds.requests.asked import LineAsked, RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.request import Answer, request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.refunds.settle import CLAIMS, RefundWork
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import customer_totals, orders, payments, product_totals, products, refunds
from tests.import_bench import ImportBench

ADA, EVE = "cli:ada", "cli:eve"


def asked(order: str, *lines: int | tuple[int, int], amount: str | None = None, **said: Any) -> RefundAsked:
    """A request; `lines` are numbers of lines, or numbers with a quantity."""
    wanted = tuple(LineAsked(*line) if isinstance(line, tuple) else LineAsked(line) for line in lines)
    for name in ("shipping", "fee"):
        said |= {name: Decimal(said[name])} if name in said else {}
    return RefundAsked(order=order, lines=wanted, amount=None if amount is None else Decimal(amount), **said)


@dataclass(slots=True)
class RefundBench:
    """Refunds on a bench whose gateway answers at once."""

    bench: ImportBench

    @property
    def terms(self) -> RefundTerms:
        return RefundTerms.of(self.bench.settings)

    @property
    def unpublished(self) -> int:
        """Number of refunds that the leaderboards do not show yet."""
        with reading(self.bench.engine) as connection:
            return connection.execute(select(func.count()).where(refunds.c.boards_due)).scalar_one()

    def request(self, *wanted: RefundAsked, actor: str = ADA) -> list[Answer]:
        """Inserts refunds."""
        return request_refunds(self.bench.engine, wanted, self.terms, actor)

    def refused(self, wanted: RefundAsked) -> str:
        """Code of the refusal of a request."""
        (answer,) = self.request(wanted)
        assert isinstance(answer, RefundRefused), answer
        return answer.code

    def work(self, gateway: PaymentGateway | None = None, **how: Any) -> RefundWork:
        return RefundWork(
            engine=self.bench.engine,
            gateway=gateway or self.bench.gateway,
            terms=self.terms,
            at_once=self.bench.settings.transaction_orders,
            **{"patience": 0.0, "pause": 0.0, **how},
        )

    def settle(self, gateway: PaymentGateway | None = None, **how: Any) -> str | None:
        """Settles all refunds."""
        return self.work(gateway, **how).settle(true())

    def die_before_asking(self) -> None:
        """Claims the waiting refunds, like a process that dies before it calls the gateway."""
        with self.bench.engine.begin() as connection:
            CLAIMS.claim(connection, true(), now_us(), patience=0.0, at_once=1_000)

    def refund(self, *wanted: RefundAsked) -> list[Answer]:
        """Inserts refunds and settles them."""
        answers = self.request(*wanted)
        assert self.settle() is None
        return answers

    def act(self, action: RefundAction, *refund_ids: str, actor: str = ADA, because: str = "") -> Acted:
        return act(self.bench.engine, action, refund_ids, actor, because)

    def of(self, number: str) -> list[dict[str, Any]]:
        """The refunds of an order."""
        of_order = orders.c.id == refunds.c.order_id
        ids = select(refunds.c.refund_id).join(orders, of_order).where(orders.c.number == number)
        with reading(self.bench.engine) as connection:
            return refund_documents(connection, connection.scalars(ids.order_by(refunds.c.id)))

    def statuses(self) -> Counter[str]:
        with reading(self.bench.engine) as connection:
            return Counter(connection.scalars(select(refunds.c.status)))

    def taken(self, number: str) -> int:
        """The amount that refunds have taken of the payment of an order."""
        query = select(payments.c.refunded).join(orders, orders.c.id == payments.c.order_id)
        with reading(self.bench.engine) as connection:
            return connection.execute(query.where(orders.c.number == number)).scalar_one()

    def customer(self, customer_id: str = "c1") -> tuple[int, int]:
        """What a customer spent, and what was refunded."""
        query = select(customer_totals.c.spent, customer_totals.c.refunded)
        with reading(self.bench.engine) as connection:
            found = connection.execute(query.where(customer_totals.c.customer_id == customer_id)).one()
        return tuple(found)

    def product(self, sku: str = "MOUSE") -> tuple[int, int]:
        """Units of a product that were returned, and the amount refunded for them in 1/10,000."""
        query = select(product_totals.c.units_returned, product_totals.c.refunded).join(products)
        with reading(self.bench.engine) as connection:
            return tuple(connection.execute(query.where(products.c.sku == sku)).one())
