"""Decides what a request refunds, from what is left of its order. Pure functions without database access."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.money import with_currency
from orders_pipeline.base.amounts.quantities import Units, is_countable, stored_units, units_of
from orders_pipeline.base.model import OrderStatus, PaymentMethod, RefundKind
from orders_pipeline.refunds.requests.amounts import LineBack, LineLeft, fitted, half_up
from orders_pipeline.refunds.requests.asked import LineAsked, RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.refundable import FoundOrder, Refundable

# In minor units. No order owes this much, and the sum of many such amounts still fits into a column.
MOST_UNITS = 10**15
# The codes if nothing is booked because all that was refunded so far is booked already.
BOOKED_BEFORE, BOOKED_MORE = "booked_before", "booked_more"
DISPUTE_BOOKED_BEFORE = "dispute_booked_before"


class Decided(NamedTuple):
    """A decided refund, in minor units. `shipping` is the part of the amount that is for no line."""

    amount: int
    shipping: int
    fee: int
    lines: tuple[LineBack, ...]


def one_order(asked: RefundAsked, found: Sequence[FoundOrder]) -> FoundOrder:
    """Returns the order of a request, among the orders with its number.

    Raises:
        RefundRefused: there is no such order, several sources have one, or it is not completed.
    """
    meant = [order for order in found if asked.source in (None, order.source)]
    if not meant:
        of = f" of the source {asked.source!r}" if asked.source else ""
        raise RefundRefused(
            "order_unknown",
            f"No order{of} has the number {asked.order!r}.",
            "`orders files` lists the files; `orders rejects KEY` shows what was rejected.",
        )
    if len(meant) > 1:
        listed = ", ".join(order.source for order in meant)
        message = f"Several sources have an order {asked.order!r}: {listed}."
        raise RefundRefused("order_ambiguous", message, "Name its source, too.")
    if meant[0].status is not OrderStatus.COMPLETED:
        raise RefundRefused(
            "not_completed",
            f"Order {asked.order!r} is {meant[0].status}. Only completed orders can be refunded.",
            "`orders show` shows its history.",
        )
    return meant[0]


def decide(asked: RefundAsked, left: Refundable) -> Decided:
    """Returns what a request refunds.

    Raises:
        RefundRefused: not enough is left, or the request does not fit the order.
    """
    if asked.kind is RefundKind.DISPUTE:
        return _disputed(asked, left)
    _require_method(asked, left)
    shipping = _shipping(asked, left)
    if asked.amount is not None:
        decided = Decided(_units(asked.amount, left), shipping, 0, ())
    elif asked.so_far is not None:
        decided = Decided(_not_booked(asked, asked.so_far, left), 0, 0, ())
    elif asked.goods:
        lines = tuple(_goods_back(asked, left))
        decided = Decided(sum(line.amount for line in lines), 0, 0, lines)
    elif asked.lines or shipping:
        lines = tuple(_line_back(asked, one, left) for one in asked.lines)
        decided = Decided(sum(line.amount for line in lines) + shipping, shipping, 0, lines)
    else:
        decided = _everything(asked, left)
    if decided.amount > left.captured - left.refunded:
        raise _above_captured(asked, decided.amount, left, left.refunded, "refunded")
    return decided


def _not_booked(asked: RefundAsked, so_far: Decimal, left: Refundable) -> int:
    """Returns the amount that was refunded of an order and is not booked yet, in minor units."""
    rest = _units(so_far, left, least=0) - left.refunded
    if rest > 0:
        return rest
    booked = f"{_money(left.refunded, left)} of order {asked.order!r} are booked as refunded"
    if not rest:
        raise RefundRefused(BOOKED_BEFORE, f"{booked} already.")
    raise RefundRefused(BOOKED_MORE, f"{booked}, but the file says less: {so_far}.")


def _everything(asked: RefundAsked, left: Refundable) -> Decided:
    rest = left.captured - left.refunded
    if not rest:
        raise nothing_left(asked)
    lines = [line for line in left.left.lines.values() if line.units_left]
    amounts = fitted((left.left.amount_of(line, line.units_left) for line in lines), rest)
    back = tuple(
        LineBack(line.line, line.units_left, amount) for line, amount in zip(lines, amounts, strict=True)
    )
    return Decided(rest, rest - sum(amounts), 0, back)


def _line_back(asked: RefundAsked, wanted: LineAsked, left: Refundable) -> LineBack:
    line = left.left.lines.get(wanted.line)
    if line is None:
        numbers = ", ".join(map(str, left.left.lines))
        raise RefundRefused(
            "line_unknown",
            f"Order {asked.order!r} has no line {wanted.line}.",
            f"`orders show` lists its lines: {numbers}.",
        )
    quantity = line.units_left if wanted.quantity is None else _stored(asked, wanted.quantity)
    if not 0 < quantity <= line.units_left:
        raise _too_many_units(asked, line)
    return LineBack(line.line, quantity, left.left.amount_of(line, quantity))


def _goods_back(asked: RefundAsked, left: Refundable) -> Iterator[LineBack]:
    """Returns the lines whose units are returned, for units of products: in line order, each line once."""
    if asked.currency != left.order.currency:
        raise RefundRefused(
            "currency_other", f"Order {asked.order!r} is in {left.order.currency}, not in {asked.currency}."
        )
    back: dict[int, tuple[int, int]] = {}
    for goods in asked.goods:
        lines = [line for line in left.left.lines.values() if line.product == goods.product]
        if not lines:
            raise RefundRefused("sku_unknown", f"Order {asked.order!r} has no line with {goods.sku!r}.")
        rest = goods.quantity
        for line in lines:
            units_before, amount_before = back.get(line.line, (0, 0))
            units = min(rest, line.units_left - units_before)
            if units > 0:
                amount = (
                    _worth_of(left, line, units_before, units)
                    if goods.amount is None
                    else _share(goods.amount, goods.quantity, goods.quantity - rest, units)
                )
                back[line.line] = (units_before + units, amount_before + amount)
                rest -= units
        if rest:
            raise _too_many_units(asked, lines[-1])
    return (LineBack(line, units, amount) for line, (units, amount) in back.items())


def _share(amount: int, quantity: int, before: int, units: int) -> int:
    """Returns the share of some units in an amount. The shares of all units add up to the amount."""
    return half_up(amount * (before + units), quantity) - half_up(amount * before, quantity)


def _worth_of(left: Refundable, line: LineLeft, before: int, units: int) -> int:
    worth = left.left.amount_of(line, before + units)
    return worth - left.left.amount_of(line, before) if before else worth


def _stored(asked: RefundAsked, quantity: Units) -> int:
    if not is_countable(quantity):
        raise RefundRefused(
            "quantity_invalid",
            f"{quantity} is not a valid quantity for a line of order {asked.order!r}.",
            "Write a number with at most three decimals.",
        )
    return stored_units(quantity)


def _disputed(asked: RefundAsked, left: Refundable) -> Decided:
    if asked.reference is not None and asked.reference in left.disputes:
        raise RefundRefused(
            DISPUTE_BOOKED_BEFORE,
            f"The dispute {asked.reference!r} of order {asked.order!r} was booked before.",
            "`orders show` lists it. If it was reversed by mistake, book it with another reference.",
        )
    rest = left.captured - left.disputed
    if asked.amount is None and not rest:
        raise nothing_left(asked)
    amount = rest if asked.amount is None else _units(asked.amount, left)
    if amount > rest:
        raise _above_captured(asked, amount, left, left.disputed, "disputed")
    return Decided(amount, 0, _units(asked.fee, left, least=0), ())


def _require_method(asked: RefundAsked, left: Refundable) -> None:
    if left.method is PaymentMethod.RECORDED and not asked.recorded:
        raise RefundRefused(
            "payment_recorded",
            f"Order {asked.order!r} was paid elsewhere, so the gateway cannot refund it.",
            "Refund it where it was paid, and record that here as a recorded refund.",
        )


def _shipping(asked: RefundAsked, left: Refundable) -> int:
    if not asked.shipping:
        return 0
    shipping = _units(asked.shipping, left)
    rest = max(left.beside_goods - left.beside_refunded, 0)
    if shipping > rest:
        raise RefundRefused(
            "shipping_exceeded",
            f"{_money(rest, left)} of the shipping, fees and tips of order {asked.order!r} are left.",
            "Request less, or refund an amount without --shipping.",
        )
    if asked.amount is not None and shipping > _units(asked.amount, left):
        raise RefundRefused(
            "shipping_exceeded", "The shipping is part of the amount, so it cannot be larger.", ""
        )
    return shipping


def _units(amount: Decimal, left: Refundable, least: int = 1) -> int:
    """Returns an amount in minor units."""
    currency = left.order.currency
    units = amount.scaleb(minor_digits(currency))
    if not units.is_finite() or units != units.to_integral_value() or not least <= units <= MOST_UNITS:
        at_least = "more than zero" if least else "zero or more"
        raise RefundRefused(
            "amount_invalid",
            f"{amount} is not an amount in {currency} that can be refunded.",
            f"The amount must be {at_least}, with at most {minor_digits(currency)} decimals.",
        )
    return int(units)


def _too_many_units(asked: RefundAsked, line: LineLeft) -> RefundRefused:
    return RefundRefused(
        "units_exceeded",
        f"Line {line.line} of order {asked.order!r} has {units_of(line.units_left)} of "
        f"{units_of(line.units)} units left.",
        "`orders show` lists what was refunded.",
    )


def nothing_left(asked: RefundAsked) -> RefundRefused:
    """Returns the refusal of a request for an order that owed nothing, or was refunded completely."""
    return RefundRefused(
        "refund_exceeds_captured",
        f"Nothing is left to refund of order {asked.order!r}.",
        "`orders show` lists what was refunded.",
    )


def _above_captured(
    asked: RefundAsked, amount: int, left: Refundable, taken: int, verb: str
) -> RefundRefused:
    captured = f"{_money(left.captured, left)} were captured for order {asked.order!r}"
    if taken:
        captured += f", and {_money(taken, left)} of them are {verb}"
    return RefundRefused(
        "refund_exceeds_captured",
        f"{_money(amount, left)} cannot be {verb}: {captured}.",
        f"At most {_money(left.captured - taken, left)} can be {verb}.",
    )


def _money(amount: int, left: Refundable) -> str:
    return with_currency(amount, left.order.currency)
