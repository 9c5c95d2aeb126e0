"""Which orders are served when units run short, decided without a store."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.base.model import FailureReason
from orders_pipeline.stock.units import Demand, Refusal, ScarceProduct, refuse_unserved

MOUSE, CABLE = ScarceProduct(1, "MOUSE", 5, listed=True), ScarceProduct(2, "CABLE", 2, listed=True)
GHOST = ScarceProduct(3, "GHOST", 0, listed=False)


def refused(demands: list[tuple[int, int, int]], *products: ScarceProduct) -> list[Refusal]:
    """Refusals of demands, given as (order, product, units)."""
    scarce = {product.id: product for product in products}
    return refuse_unserved([Demand(order, 1, product, units) for order, product, units in demands], scarce)


def test_orders_are_served_in_turn_until_the_units_are_gone() -> None:
    assert refused([(1, 1, 3), (2, 1, 3), (3, 1, 2), (4, 1, 1)], MOUSE) == [
        Refusal(2, 1, FailureReason.OUT_OF_STOCK, "MOUSE"),
        Refusal(4, 1, FailureReason.OUT_OF_STOCK, "MOUSE"),
    ]


def test_a_refused_order_leaves_its_other_products_to_the_next() -> None:
    assert refused([(1, 1, 5), (1, 2, 3), (2, 1, 5)], MOUSE, CABLE) == [
        Refusal(1, 1, FailureReason.OUT_OF_STOCK, "CABLE")
    ]


def test_lines_of_one_product_add_up() -> None:
    assert [one.order_id for one in refused([(1, 1, 3), (1, 1, 3), (2, 1, 5)], MOUSE)] == [1]


def test_a_product_that_nobody_lists_is_unknown_rather_than_out_of_stock() -> None:
    assert refused([(1, 3, 1)], GHOST) == [Refusal(1, 1, FailureReason.UNKNOWN_PRODUCT, "GHOST")]


def test_nothing_wanted_is_nothing_refused() -> None:
    assert refused([], MOUSE) == []


wanted = st.lists(
    st.lists(st.tuples(st.integers(1, 2), st.integers(1, 4)), min_size=1, max_size=4), max_size=12
)


@given(wanted)
def test_what_is_served_is_there_and_what_is_refused_would_not_have_been(
    orders: list[list[tuple[int, int]]],
) -> None:
    demands = [(at, product, units) for at, lines in enumerate(orders) for product, units in lines]
    unserved = {one.order_id for one in refused(demands, MOUSE, CABLE)}
    left = {1: 5, 2: 2}
    for at, lines in enumerate(orders):
        wanted_units: Counter[int] = Counter()
        for product, units in lines:
            wanted_units[product] += units
        fits = all(units <= left[product] for product, units in wanted_units.items())
        assert fits == (at not in unserved)
        if fits:
            left = {product: units - wanted_units[product] for product, units in left.items()}
    assert min(left.values()) >= 0
