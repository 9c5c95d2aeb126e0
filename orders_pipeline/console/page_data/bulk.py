"""Actions on many orders of the list: finds the orders to which an action applies, and carries it out.

It uses the same functions as `orders retry`, `orders cancel` and `orders refund`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from orders_pipeline.api.context import ApiContext
from orders_pipeline.api.protocol.errors import Refused
from orders_pipeline.base.amounts.money import decimal_string
from orders_pipeline.base.model import UNSOLD, FailureReason
from orders_pipeline.console.texts import texts
from orders_pipeline.exports.order_filter import OrderFilter
from orders_pipeline.exports.order_list import ORDER_LIST, all_orders, named_orders
from orders_pipeline.failed_work.cancel import cancel_orders, not_cancelled
from orders_pipeline.failed_work.chosen import Chosen
from orders_pipeline.failed_work.retry import retry_orders
from orders_pipeline.refunds.requests.asked import RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.request import Planned, preview_refunds, request_refunds
from orders_pipeline.refunds.requests.terms import RefundTerms
from orders_pipeline.store.engine import reading

# The largest number of orders that one action changes, and that one SQL statement names.
MOST, AT_ONCE = 10_000, 1_000
Order = dict[str, Any]


class BulkAction(StrEnum):
    """The actions on many orders at once."""

    RETRY = "retry"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who requests an action, with a reason for the history, and an idempotency key for refunds."""

    actor: str
    reason: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an action applies to an order: the amount of money that it moves, or the reason why not."""

    amount: Decimal
    refused: str | None = None
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class Bulk:
    """The effect of an action.

    Attributes:
        orders: the orders to which it applies.
        amounts: sums by currency of what these orders owe, or of what is refunded.
        refused: the number of other orders by the reason.
        approvals: the number of refunds that another operator must approve.
    """

    orders: list[Order]
    amounts: dict[str, Decimal]
    refused: dict[str, list[str]]
    approvals: int

    @property
    def digest(self) -> str:
        """A digest that changes if the action would apply to other orders or amounts."""
        content = [(order["source"], order["number"]) for order in self.orders], sorted(self.amounts.items())
        return hashlib.sha256(repr(content).encode()).hexdigest()


def chosen_orders(context: ApiContext, wanted: OrderFilter, names: Sequence[tuple[str, str]]) -> list[Order]:
    """Returns the orders with these sources and numbers; if there are none, all orders that match the filter.

    Raises:
        Refused: 422, there are too many orders for one action.
    """
    with reading(context.engine) as connection:
        found = named_orders(connection, names) if names else all_orders(connection, wanted)
        rows = list(islice(found, MOST + 1))
    if len(rows) > MOST:
        raise Refused(422, texts().bulk.too_many)
    orders = [dict(zip(ORDER_LIST.names, row, strict=True)) for row in rows]
    # Sorted as they are in their batches, so that each part has orders of only few batches.
    return sorted(orders, key=itemgetter("source", "file", "file_line"))


def plan(context: ApiContext, action: BulkAction, orders: Sequence[Order], *, on_purpose: bool) -> Bulk:
    """Returns what an action would do to orders. Changes nothing.

    Args:
        on_purpose: whether to retry cancelled orders too, because they, or this reason, were selected
            explicitly.
    """
    taken: list[Order] = []
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    refused: dict[str, list[str]] = defaultdict(list)
    approvals = 0
    for order, verdict in zip(orders, _VERDICTS[action](context, orders, on_purpose), strict=True):
        if verdict.refused:
            refused[verdict.refused].append(order["number"])
            continue
        taken.append(order)
        amounts[order["currency"]] += verdict.amount
        approvals += verdict.needs_approval
    return Bulk(taken, dict(amounts), dict(refused), approvals)


def do(context: ApiContext, action: BulkAction, bulk: Bulk, wanted: Wanted) -> int:
    """Carries out a planned action; returns the number of orders."""
    return _DOING[action](context, bulk.orders, wanted)


def _of_retry(_context: ApiContext, orders: Sequence[Order], on_purpose: bool) -> Iterator[Verdict]:
    t = texts().bulk
    for order in orders:
        refused = None if order["status"] in UNSOLD else t.not_failed
        was_cancelled = (order["reason"] or "").split(":")[0] == FailureReason.CANCELLED
        yield Verdict(order["total"], refused or (t.cancelled if was_cancelled and not on_purpose else None))


def _of_cancel(context: ApiContext, orders: Sequence[Order], _on_purpose: bool) -> Iterator[Verdict]:
    refused = {
        (one.source, one.order_id): one.reason
        for chosen in _parts(orders)
        for one in not_cancelled(context.engine, chosen)
    }
    for order in orders:
        yield Verdict(order["total"], refused.get((order["source"], order["number"])))


def _of_refund(context: ApiContext, orders: Sequence[Order], _on_purpose: bool) -> Iterator[Verdict]:
    terms = RefundTerms.of(context.settings)
    asked = [RefundAsked(order=order["number"], source=order["source"]) for order in orders]
    for order, planned in zip(orders, preview_refunds(context.engine, asked), strict=True):
        yield _refund_verdict(order, planned, terms)


def _refund_verdict(order: Order, planned: Planned | RefundRefused, terms: RefundTerms) -> Verdict:
    if isinstance(planned, RefundRefused):
        return Verdict(Decimal(0), getattr(texts().bulk.refunds, planned.code, planned.message))
    amount = Decimal(decimal_string(planned.decided.amount, order["currency"]))
    return Verdict(amount, None, planned.needs_approval(terms))


def _retry(context: ApiContext, orders: Sequence[Order], wanted: Wanted) -> int:
    size = context.settings.transaction_orders
    return sum(
        sum(retry_orders(context.engine, chosen, size, wanted.actor).values()) for chosen in _parts(orders)
    )


def _cancel(context: ApiContext, orders: Sequence[Order], wanted: Wanted) -> int:
    size, because = context.settings.transaction_orders, wanted.reason or texts().bulk.by_operator
    return sum(
        cancel_orders(context.engine, chosen, because, size, wanted.actor).orders for chosen in _parts(orders)
    )


def _refund(context: ApiContext, orders: Sequence[Order], wanted: Wanted) -> int:
    asked = [
        RefundAsked(
            order=order["number"],
            source=order["source"],
            reason=wanted.reason,
            key=f"{wanted.key}/{order['source']}/{order['number']}",
        )
        for order in orders
    ]
    answers = request_refunds(context.engine, asked, RefundTerms.of(context.settings), wanted.actor)
    return sum(not isinstance(answer, RefundRefused) for answer in answers)


def _parts(orders: Sequence[Order]) -> Iterator[Chosen]:
    """Yields the orders in selections of limited size, each of one source."""
    for source, of_source in groupby(orders, key=itemgetter("source")):
        numbers = [order["number"] for order in of_source]
        for start in range(0, len(numbers), AT_ONCE):
            yield Chosen(tuple(numbers[start : start + AT_ONCE]), source)


_VERDICTS: dict[BulkAction, Callable[[ApiContext, Sequence[Order], bool], Iterator[Verdict]]] = {
    BulkAction.RETRY: _of_retry,
    BulkAction.CANCEL: _of_cancel,
    BulkAction.REFUND: _of_refund,
}
_DOING: dict[BulkAction, Callable[[ApiContext, Sequence[Order], Wanted], int]] = {
    BulkAction.RETRY: _retry,
    BulkAction.CANCEL: _cancel,
    BulkAction.REFUND: _refund,
}
