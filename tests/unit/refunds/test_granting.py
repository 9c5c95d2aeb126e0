"""Granting many requests at once gives the same result as granting them one by one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.base.model import OrderStatus, PaymentMethod
from orders_pipeline.refunds.requests.amounts import LineBack, LineLeft, OrderLeft, minor_unit
from orders_pipeline.refunds.requests.asked import LineAsked, RefundAsked, RefundRefused
from orders_pipeline.refunds.requests.decide import Decided, decide, one_order
from orders_pipeline.refunds.requests.granting import (
    BESIDE,
    LINES,
    ORDERS,
    PAYMENTS,
    RETURNED,
    Holdings,
    grant,
    plain_requests,
)
from orders_pipeline.refunds.requests.refundable import FoundOrder, Refundable

LARGE = 10**15
AMOUNTS = [*map(Decimal, ("0.50", "1", "2.25", "3", "0.001", "-1", "NaN"))]
QUANTITIES = [None, None, 1, 2, Decimal("0.5"), Decimal("0.125"), 4, 0, Decimal("0.0001"), LARGE]


@st.composite
def left_of_orders(draw: st.DrawFn) -> list[Refundable]:
    """What is left of a few orders. Two orders of different sources may have the same number."""
    names = [("1", "a"), ("2", "a"), ("1", "b")][: draw(st.integers(1, 3))]
    return [draw(left_of_order(order, *name)) for order, name in enumerate(names, start=1)]


@st.composite
def left_of_order(draw: st.DrawFn, order_id: int, number: str, source: str) -> Refundable:
    currency = draw(st.sampled_from(["USD", "USD", "JPY", "KWD", "CLF"]))
    status = draw(st.sampled_from([OrderStatus.COMPLETED] * 5 + [OrderStatus.ROLLBACK]))
    method = draw(st.sampled_from([PaymentMethod.GATEWAY] * 5 + [PaymentMethod.RECORDED]))
    total = draw(st.integers(100, 100_000) | st.just(LARGE // minor_unit(currency)))
    order = FoundOrder(order_id, number, source, status, currency, total)
    lines = {line: draw(left_of_line(line)) for line in (1, 2)}
    beside = draw(st.sampled_from([0, 0, 70_000, 10**9]))
    goods = max(total * minor_unit(currency) - beside, 0)
    refunded = draw(st.sampled_from([0, 0, 7, total - 100]))
    return Refundable(order, 1, method, total, refunded, OrderLeft(currency, goods, lines), beside)


@st.composite
def left_of_line(draw: st.DrawFn, line: int) -> LineLeft:
    units, net = (
        draw(st.sampled_from([1_000, 3_000, 4_125])),
        draw(st.integers(1, 10**6) | st.sampled_from([0, LARGE])),
    )
    returned = draw(st.sampled_from([0, 0, 500, units]))
    return LineLeft(line, units, net, returned, draw(st.integers(0, 50)) if returned else 0)


@st.composite
def request_(draw: st.DrawFn) -> RefundAsked:
    asked = RefundAsked(draw(st.sampled_from("1112")), draw(st.sampled_from([None, None, "a", "b"])))
    kind = draw(st.sampled_from(["line"] * 5 + ["amount", "amount", "rest", "shipping"]))
    if kind == "line":
        line = LineAsked(draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from(QUANTITIES)))
        return asked._replace(lines=(line,))
    if kind == "amount":
        return asked._replace(amount=draw(st.sampled_from(AMOUNTS)))
    return asked._replace(shipping=Decimal(kind == "shipping"))


@given(left_of_orders(), st.lists(request_(), min_size=1, max_size=4))
def test_what_is_granted_is_what_is_decided(left: list[Refundable], asked: list[RefundAsked]) -> None:
    requests = plain_requests(asked).with_row_index("id")
    granted = grant(requests, frames_of(left)).rows_by_key("id", named=True, unique=True)
    decided = decide_in_turn(asked, left)
    for at, row in granted.items():
        lines = () if row["line"] is None else (LineBack(row["line"], row["units"], row["amount"]),)
        assert decided[at] == Decided(row["amount"], 0, 0, lines)


def test_lines_and_amounts_of_one_order_are_granted_together_if_all_of_them_fit() -> None:
    both = [RefundAsked("1", lines=(LineAsked(line),)) for line in (1, 2)]
    assert granted([an_order()], *both) == [3000, 250]
    assert granted([an_order()], *both, RefundAsked("2", amount=Decimal(1))) == [3000, 250]
    for more in (RefundAsked("1", amount=Decimal("0.01")), RefundAsked("1"), both[1]):
        assert granted([an_order()], *both, more) == []


def test_only_what_is_left_of_one_completed_order_is_granted() -> None:
    two, cable = RefundAsked("1", lines=(LineAsked(1, 2),)), RefundAsked("1", lines=(LineAsked(2, 1),))
    returned = an_order()
    returned.left.lines[2].refunded_units = 500
    other = an_order(order_id=2, source="b")
    failed = an_order(order_id=2, source="b", status=OrderStatus.ROLLBACK)
    assert granted([an_order()], two) == [2000]
    assert granted([an_order()], cable) == [250]
    assert granted([returned], cable) == []
    assert granted([failed], two) == []
    assert granted([an_order(), failed], two) == []
    assert granted([an_order(), other], two) == []
    assert granted([an_order(), other], two._replace(source="b")) == [2000]


def granted(left: list[Refundable], *asked: RefundAsked) -> list[int]:
    """The amounts that are granted."""
    return grant(plain_requests(asked), frames_of(left))["amount"].to_list()


def an_order(order_id: int = 1, source: str = "a", status: OrderStatus = OrderStatus.COMPLETED) -> Refundable:
    """3 x 10.00 and 1 x 2.50."""
    order = FoundOrder(order_id, "1", source, status, "USD", 3250)
    lines = {1: LineLeft(1, 3000, 300_000), 2: LineLeft(2, 1000, 25_000)}
    return Refundable(order, 1, PaymentMethod.GATEWAY, 3250, 0, OrderLeft("USD", 325_000, lines))


def decide_in_turn(asked: Sequence[RefundAsked], left: list[Refundable]) -> list[Decided | RefundRefused]:
    return [decide_one(one, left) for one in asked]


def decide_one(asked: RefundAsked, left: list[Refundable]) -> Decided | RefundRefused:
    try:
        order = one_order(asked, [one.order for one in left if one.order.number == asked.order])
        (of_order,) = (one for one in left if one.order.id == order.id)
        decided = decide(asked, of_order)
    except RefundRefused as refused:
        return refused
    of_order.take(decided.amount, decided.shipping, decided.lines)
    return decided


def frames_of(left: list[Refundable]) -> Holdings:
    """The same data as frames, as the store returns it."""
    lines = [(one, line) for one in left for line in one.left.lines.values()]
    orders = [(one.order.id, *one.order[1:]) for one in left]
    payments = [(one.order.id, one.attempt, one.method, one.captured, one.refunded) for one in left]
    of_lines = [(one.order.id, line.line, line.units, line.net, 0) for one, line in lines]
    returned = [(one.order.id, line.line, line.refunded_units, line.refunded) for one, line in lines]
    return Holdings(
        pl.DataFrame(orders, ORDERS, orient="row"),
        pl.DataFrame(payments, PAYMENTS, orient="row"),
        pl.DataFrame(of_lines, LINES, orient="row"),
        pl.DataFrame([(one.order.id, one.beside_goods) for one in left], BESIDE, orient="row"),
        pl.DataFrame(returned, RETURNED, orient="row").filter(pl.col("units_before") > 0),
    )
