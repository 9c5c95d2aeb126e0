"""The share of each line of an order, compared with the documented formula in exact decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.refunds.requests.amounts import LineLeft, OrderLeft, fitted, minor_unit

CURRENCIES = ["USD", "JPY", "KWD", "CLF"]


@st.composite
def orders(draw: st.DrawFn) -> OrderLeft:
    """An order with some lines. Units are in 1/1,000; some are goods by weight."""
    units = st.integers(1, 20).map(lambda whole: whole * 1000) | st.integers(1, 50_000)
    lines = draw(st.lists(st.tuples(units, st.integers(0, 10**9)), min_size=1, max_size=5))
    currency = draw(st.sampled_from(CURRENCIES))
    goods = draw(st.integers(0, 10**12))
    left = {number: LineLeft(number, count, net) for number, (count, net) in enumerate(lines, start=1)}
    return OrderLeft(currency, goods, left)


def formula(order: OrderLeft, line: LineLeft, units: int) -> int:
    """round(line's share of the goods x units refunded so far / units), in minor units."""
    net = sum(one.net for one in order.lines.values())
    if not net:
        return 0
    exact = Fraction(order.goods * line.net * units, net * line.units * 10_000)
    with localcontext(prec=200):
        money = Decimal(exact.numerator) / Decimal(exact.denominator)
        step = Decimal(1).scaleb(-minor_digits(order.currency))
        return int(money.quantize(step, ROUND_HALF_UP).scaleb(minor_digits(order.currency)))


@given(orders(), st.data())
def test_parts_of_a_line_add_up_in_whatever_steps_they_are_refunded(
    order: OrderLeft, data: st.DataObject
) -> None:
    line = order.lines[data.draw(st.sampled_from(sorted(order.lines)))]
    stops = data.draw(st.lists(st.integers(1, line.units), max_size=5))
    for so_far in sorted({*stops, line.units}):
        amount = order.amount_of(line, so_far - line.refunded_units)
        line.refunded_units = so_far
        line.refunded += amount
        assert line.refunded == formula(order, line, so_far)


@given(orders())
def test_the_lines_of_an_order_add_up_to_its_goods_but_for_their_rounding(order: OrderLeft) -> None:
    if any(line.net for line in order.lines.values()):
        total = sum(order.amount_of(line, line.units) for line in order.lines.values())
        assert abs(total - order.goods / minor_unit(order.currency)) <= len(order.lines) / 2


@given(st.lists(st.integers(0, 10**12), max_size=6), st.integers(0, 10**12))
def test_amounts_that_do_not_fit_are_reduced_in_proportion(amounts: list[int], most: int) -> None:
    shares = fitted(amounts, most)
    assert sum(shares) == min(sum(amounts), most)
    for amount, share in zip(amounts, shares, strict=True):
        assert 0 <= share <= amount
        if sum(amounts) > most:
            assert abs(share - Fraction(most * amount, sum(amounts))) <= 1


def test_a_line_of_three_units_is_given_back_unit_by_unit() -> None:
    line = LineLeft(1, 3000, 1_000_000)
    order = OrderLeft("USD", 1_000_000, {1: line})
    amounts = []
    for _ in range(3):
        amounts.append(order.amount_of(line, 1000))
        line.refunded_units += 1000
        line.refunded += amounts[-1]
    assert amounts == [3333, 3334, 3333]


def test_a_unit_whose_refund_failed_is_given_back_later_and_the_line_still_adds_up() -> None:
    line = LineLeft(1, 3000, 1_000_000, refunded_units=1000, refunded=3334)
    order = OrderLeft("USD", 1_000_000, {1: line})
    assert order.amount_of(line, 1000) == 3333
    assert order.amount_of(line, 2000) == 6666
