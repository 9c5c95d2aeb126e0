"""Requests for refunds, and the errors of refused requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from types import NoneType
from typing import Any, NamedTuple

from orders_pipeline.base.amounts.quantities import Units
from orders_pipeline.base.model import RefundKind


class LineAsked(NamedTuple):
    """Units of an order line to refund; without a quantity, all units that are left."""

    line: int
    quantity: Units | None = None


class GoodsAsked(NamedTuple):
    """Units of a product of an order, and the amount refunded for them, in minor units.

    Several lines of the order may have the product. Without an amount, the value of the lines is refunded.
    """

    sku: str
    product: int
    quantity: int
    amount: int | None


class RefundAsked(NamedTuple):
    """A request for a refund, or a report of a dispute. Without amount, lines and shipping: all that is left.

    This is a tuple because files have thousands of requests, and creating a dataclass takes several times as
    long.

    Attributes:
        order: the order's number.
        source: the order's source; needed only if several sources have the number.
        amount: in major units of the order's currency. A refund of an amount alone returns no units.
        so_far: instead of `amount`, the total refunded for the order until now; the part that is not booked
            yet is booked.
        shipping: part of the amount that is for no line. With lines, it is added to their amounts.
        fee: fee for a dispute, on top of its amount.
        recorded: whether the refund was made elsewhere, so that the gateway is not called.
        reference: the reference of a refund that was made elsewhere, or of a dispute.
        on_order_day: whether the day of the refund is unknown, so that it counts on the day of the order.
        day: the day on which it was refunded; None: the day of the request.
        goods: instead of lines, units of products with the amounts that were refunded for them.
        currency: the currency of the amounts of `goods`.
        restock: whether the units of its lines are sold again.
        key: idempotency key. The same request with the same key is the same refund. This must be the last
            field.
    """

    order: str
    source: str | None = None
    amount: Decimal | None = None
    so_far: Decimal | None = None
    lines: tuple[LineAsked, ...] = ()
    shipping: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    reason: str = ""
    kind: RefundKind = RefundKind.REFUND
    recorded: bool = False
    reference: str | None = None
    on_order_day: bool = False
    day: date | None = None
    goods: tuple[GoodsAsked, ...] = ()
    currency: str | None = None
    restock: bool = True
    key: str | None = None

    @property
    def contradiction(self) -> str | None:
        """Why parts of the request contradict each other; None if they do not."""
        beside_amount = bool(self.lines or self.shipping)
        if len({one.line for one in self.lines}) < len(self.lines):
            return "A line is named twice."
        if self.amount is not None and self.lines:
            return "An amount and lines cannot be combined."
        if self.kind is RefundKind.DISPUTE:
            excluded = beside_amount or self.recorded
            return (
                "A dispute has an amount; it has no lines or shipping, and is not recorded."
                if excluded
                else None
            )
        if self.fee:
            return "Only a dispute has a fee."
        if self.reference and not self.recorded:
            return "Only a recorded refund or a dispute has a reference."
        return None

    @property
    def digest(self) -> str:
        """SHA-256 of the request without its key."""
        said = [
            f'"{name}": {_as_json(value)}'
            for name, at, default in _NOT_THE_KEY
            if (value := self[at]) is not default and value != default
        ]
        return hashlib.sha256(f"{{{', '.join(said)}}}".encode()).hexdigest()


# All fields except the key, sorted, with their positions and default values. Fields with the default are not
# in the digest, so that a new field does not change older digests.
_NOT_THE_KEY = [
    (name, RefundAsked._fields.index(name), RefundAsked._field_defaults.get(name))
    for name in sorted(set(RefundAsked._fields) - {"key"})
]


def _as_json(value: object) -> str:
    """Returns the same as `json.dumps`, which would create an encoder for each of thousands of requests."""
    return _ENCODERS.get(type(value), json.dumps)(value)


def _list_as_json(values: Iterable[object]) -> str:
    return f"[{', '.join(map(_as_json, values))}]"


_ENCODERS: dict[type, Callable[[Any], str]] = {
    NoneType: lambda _: "null",
    int: str,
    str: json.encoder.encode_basestring_ascii,
    # 1.5 and 1.50 must have the same digest.
    Decimal: lambda number: f'"{number.normalize():f}"',
    date: lambda day: f'"{day.isoformat()}"',
    tuple: _list_as_json,
    LineAsked: lambda line: f"[{line[0]}, {_as_json(line[1])}]",
    GoodsAsked: lambda goods: _list_as_json((goods.sku, goods.quantity, goods.amount)),
}


class RefundRefused(ValueError):
    """A request is refused; `code` is stable, the message is one sentence, the hint is what to do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class UnknownRefundError(LookupError):
    """There is no refund with this id."""

    def __init__(self, refund_id: str) -> None:
        super().__init__(f"No refund has the id {refund_id!r}.")
