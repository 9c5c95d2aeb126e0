"""Charges several small batches at the same time, so that they wait for the gateway together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing

from sqlalchemy import Engine

from orders_pipeline.base.telemetry.recorder import SpanId
from orders_pipeline.lifecycle.batch import BatchKey
from orders_pipeline.lifecycle.charge import save_answers
from orders_pipeline.lifecycle.traced_charges import import_span, traced_charges
from orders_pipeline.payments.gateway import (
    Charge,
    GatewayRefusedError,
    GatewayUnavailableError,
    Outcome,
    PaymentGateway,
)


def charge_together(
    engine: Engine, gateway: PaymentGateway, charges: Mapping[BatchKey, Sequence[Charge]]
) -> dict[BatchKey, Exception]:
    """Sends the open charges of several batches to the gateway, and saves the answers of each batch at once.

    Returns:
        The batches of which a charge is still open, with the error of the gateway.
    """
    answers = _Answers(engine, charges)
    try:
        asyncio.run(_charge(gateway, answers, [one for batch in charges.values() for one in batch]))
    except (GatewayUnavailableError, GatewayRefusedError) as error:
        return dict.fromkeys(answers.open_batches(), error)
    finally:
        # If the gateway breaks off, the outcomes that have already arrived are kept.
        answers.save_rest()
    return {}


async def _charge(gateway: PaymentGateway, answers: _Answers, charges: Sequence[Charge]) -> None:
    if not charges:
        return
    async with aclosing(traced_charges(gateway.charge(charges), answers.span_of)) as answered:
        async for outcomes in answered:
            # In a thread, so that open requests do not time out while the store is busy.
            await asyncio.to_thread(answers.save, answers.add(outcomes))


class _Answers:
    """The outcomes that have arrived and are not saved yet, by batch."""

    def __init__(self, engine: Engine, charges: Mapping[BatchKey, Sequence[Charge]]) -> None:
        self._engine = engine
        self._batch_of = {one.order_id: key for key, batch in charges.items() for one in batch}
        self._left = {key: len(batch) for key, batch in charges.items() if batch}
        self._arrived: dict[BatchKey, list[Outcome]] = {key: [] for key in self._left}
        self._spans: dict[int, SpanId] = {}

    def add(self, outcomes: Iterable[Outcome]) -> list[BatchKey]:
        """Adds outcomes; returns the batches of which the last outcome has arrived now."""
        changed = set()
        for outcome in outcomes:
            key = self._batch_of[outcome.charge.order_id]
            self._arrived[key].append(outcome)
            self._left[key] -= 1
            changed.add(key)
        return [key for key in changed if not self._left[key]]

    def span_of(self, charge: Charge) -> SpanId:
        """The root span of the import that an order belongs to."""
        import_id = self._batch_of[charge.order_id].import_id
        if import_id not in self._spans:
            self._spans[import_id] = import_span(self._engine, import_id)
        return self._spans[import_id]

    def save(self, keys: Iterable[BatchKey]) -> None:
        """Saves the outcomes of these batches."""
        for key in keys:
            save_answers(self._engine, key, self._arrived[key])
            self._arrived[key] = []

    def save_rest(self) -> None:
        """Saves all outcomes that have arrived and are not saved yet."""
        self.save(list(self._arrived))

    def open_batches(self) -> list[BatchKey]:
        """The batches of which outcomes have not arrived."""
        return [key for key, left in self._left.items() if left]
