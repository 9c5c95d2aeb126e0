"""Claims waiting refunds, sends them to the gateway, and saves each outcome as it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, and_, not_, select

from orders_pipeline.base.clock import now_us
from orders_pipeline.base.model import RefundStatus
from orders_pipeline.base.settings import Settings
from orders_pipeline.payments.claims import ClaimedWork, Claims, claimed_at_once
from orders_pipeline.payments.gateway import PaymentGateway, Refund, Refunded, RefundOutcome, refund_key
from orders_pipeline.refunds.outcomes.completion import complete, fail
from orders_pipeline.refunds.requests.terms import RefundTerms, awaits_approval
from orders_pipeline.store.schema import orders, payments, refunds
from orders_pipeline.store.statements.many_values import among, parts
from orders_pipeline.store.statements.planner import by_keys
from orders_pipeline.store.statements.raw_rows import rows_of

WAITING = and_(refunds.c.status == RefundStatus.PENDING, not_(awaits_approval()))
CLAIMS = Claims(refunds, refunds.c.id, WAITING)
within, open_windows, any_waiting = CLAIMS.within, CLAIMS.open_windows, CLAIMS.any_waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundWork(ClaimedWork):
    """How refunds are sent to the gateway."""

    terms: RefundTerms

    @classmethod
    def of(cls, settings: Settings, engine: Engine, gateway: PaymentGateway) -> RefundWork:
        """Returns the work with the settings of a home."""
        terms, at_once = RefundTerms.of(settings), claimed_at_once(settings)
        return cls(engine=engine, gateway=gateway, at_once=at_once, terms=terms)

    def settle(self, chosen: ColumnElement[bool]) -> str | None:
        """Settles waiting refunds, and looks up outcomes that were not saved.

        Args:
            chosen: condition on the table `refunds`.

        Returns:
            Why outcomes are still unknown; None if all are known. A later call requests them with the same
            keys.

        Raises:
            GatewayRefusedError: the gateway refuses all requests.
        """
        return self.settle_claims(CLAIMS, chosen, _requests, self._ask)

    def _ask(self, claimed: Sequence[Refund]) -> str | None:
        by_id = {refund.id: refund for refund in claimed}
        return self.ask_in_tries(by_id, lambda wanted: [self.gateway.refund(wanted)], self._save)

    def _save(self, outcomes: Sequence[RefundOutcome]) -> list[int]:
        now = now_us()
        done = {one.refund.id: one.transaction_id for one in outcomes if isinstance(one, Refunded)}
        failed = {one.refund.id: one.reason for one in outcomes if not isinstance(one, Refunded)}
        if failed:
            with self.engine.begin() as connection:
                fail(connection, failed, now)
        if done:
            with self.engine.begin() as connection:
                complete(connection, done, now, self.terms.day_of(now))
        return [*done, *failed]


def _requests(connection: Connection, claimed: Sequence[int]) -> list[Refund]:
    r = refunds.c
    of_refund = and_(payments.c.order_id == r.order_id, payments.c.attempt == r.attempt)
    query = (
        select(r.id, r.refund_id, r.round, r.amount, payments.c.transaction_id, orders.c.currency)
        .add_columns(CLAIMS.asked_before(r.requested_at))
        .join(payments, of_refund)
        .join(orders, orders.c.id == r.order_id)
        .order_by(r.id)
    )
    with by_keys(connection):
        return [
            Refund(refund, refund_key(refund_id, number), charge, amount, currency, bool(asked))
            for part in parts(claimed)
            for refund, refund_id, number, amount, charge, currency, asked in rows_of(
                connection, query.where(among(connection, r.id, part))
            )
        ]
