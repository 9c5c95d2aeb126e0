"""The trace of an import, and in it a span for each charge."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from hashlib import blake2b

from sqlalchemy import Engine

from orders_pipeline.base.telemetry.recorder import Attributes, SpanId
from orders_pipeline.base.telemetry.tracing import recorder
from orders_pipeline.payments.gateway import Authorized, Charge, Declined, Outcome, Paid
from orders_pipeline.store.identity import store_id

TRACE_BYTES, SPAN_BYTES = 16, 8


def import_span(engine: Engine, import_id: int) -> SpanId:
    """The root span of an import's trace.

    Its ids are derived from the store and the import, so no process has to pass them to another.
    """
    name = f"{store_id(engine)}/{import_id}".encode()
    digest = blake2b(name, digest_size=TRACE_BYTES + SPAN_BYTES).digest()
    return SpanId(int.from_bytes(digest[:TRACE_BYTES], "big"), int.from_bytes(digest[TRACE_BYTES:], "big"))


async def traced_charges(
    answers: AsyncGenerator[Sequence[Outcome], None], parent_of: Callable[[Charge], SpanId] | None = None
) -> AsyncGenerator[Sequence[Outcome], None]:
    """Yields the outcomes of charges, and adds a span for each one, if there is a collector.

    A span starts when the whole set was requested, so it includes the wait for a free connection.

    Args:
        parent_of: the parent of a charge's span; None for the span that is open.
    """
    began_ns = time.time_ns()
    records = recorder()
    async with aclosing(answers) as groups:
        async for group in groups:
            if records:
                for one in group:
                    parent = parent_of(one.charge) if parent_of else None
                    failed = one.reason if isinstance(one, Declined) else ""
                    records.add("charge", began_ns, _attributes(one), parent, failed)
            yield group


def _attributes(outcome: Outcome) -> Attributes:
    charge = outcome.charge
    source, _, rest = charge.key.partition("/")
    attributes: Attributes = {
        "orders.source": source,
        "orders.number": rest.rpartition("/")[0],
        "orders.attempt": charge.attempt,
        "orders.amount": charge.amount,
        "orders.currency": charge.currency,
    }
    match outcome:
        case Paid(_, transaction_id):
            return {**attributes, "orders.outcome": "paid", "orders.transaction_id": transaction_id}
        case Authorized(_, transaction_id):
            return {**attributes, "orders.outcome": "authorized", "orders.transaction_id": transaction_id}
        case Declined(_, reason):
            return {**attributes, "orders.outcome": "declined", "orders.reason": reason}
