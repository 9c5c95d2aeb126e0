"""Random orders, refunds, retries, refreshes, rebuilds and Redis flushes: readers see the right figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given

from orders_pipeline.base.amounts.currency import minor_digits
from orders_pipeline.base.amounts.quantities import units_of
from orders_pipeline.base.model import FailureReason, OrderStatus, RefundKind, RefundStatus, Window
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.range_boards import ProductOrder
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.engine import reading
from orders_pipeline.verify.figure_checks import check_figures
from orders_pipeline.verify.store_checks import check_rows
from tests.figures import (
    expected,
    expected_customers,
    expected_products,
    open_home,
    without_times,
)
from tests.made_up.builders import StoredOrder, retry, store_orders
from tests.made_up.money_back import store_refund, store_return, undo_refund
from tests.sweeps import examples

# Refunds and returns may be on one day after all orders, in a month of its own.
FIRST_DAY, DAYS = date(2025, 11, 27), 4
MONEY_BACK = ("refund", "undo", "return")
CURRENCIES = ("USD", "JPY", "KWD")
CALM = examples(10, HealthCheck)

# Whole units, and goods by weight.
quantities = st.one_of(st.integers(1, 5), st.integers(1, 5_000).map(units_of))
lines = st.lists(
    st.tuples(st.sampled_from(["X", "Y", "Z"]), quantities, st.integers(1, 2_000_000)), min_size=1
)
outcomes = st.fixed_dictionaries(
    {
        "status": st.sampled_from(list(OrderStatus)),
        "reason": st.sampled_from([FailureReason.OUT_OF_STOCK, FailureReason.UNKNOWN_PRODUCT]),
        "detail": st.sampled_from(["card_declined", "insufficient_funds"]),
        "settle_us": st.integers(0, 5_000_000),
    }
)
new_orders = st.builds(
    lambda number, day, lines, customer_id, currency, outcome: StoredOrder(
        number=number.hex,
        day=FIRST_DAY + timedelta(day),
        lines=tuple(lines),
        customer_id=customer_id,
        currency=currency,
        **outcome,
    ),
    st.uuids(),
    st.integers(0, DAYS - 1),
    lines,
    st.sampled_from([None, "a", "b", "B", "10", "9"]),
    st.sampled_from(CURRENCIES),
    outcomes,
)
quantities = st.integers(1, 3)
# The order, the day, the refunded percentage, the units of each line, and the outcome.
money_back = st.fixed_dictionaries(
    {
        "order": st.integers(0, 20),
        "day": st.integers(0, DAYS),
        "percent": st.integers(0, 100),
        "units": st.lists(quantities, max_size=3),
        "kind": st.sampled_from([RefundKind.REFUND, RefundKind.REFUND, RefundKind.DISPUTE]),
        "status": st.sampled_from([RefundStatus.COMPLETED] * 3 + list(RefundStatus)),
    }
)
returned = st.tuples(
    st.uuids(),
    st.integers(0, DAYS),
    st.sampled_from([None, "a", "b", "new"]),
    st.sampled_from(CURRENCIES),
    st.lists(st.tuples(st.sampled_from(["X", "Y", "W"]), quantities, st.integers(0, 100_000)), max_size=2),
)
steps = st.one_of(
    st.tuples(st.just("refund"), money_back),
    st.tuples(st.just("undo"), st.integers(0, 20)),
    st.tuples(st.just("return"), returned),
    st.tuples(st.just("store"), st.lists(new_orders, min_size=1, max_size=6)),
    st.tuples(st.just("retry"), outcomes),
    st.tuples(st.sampled_from(["refresh", "flush", "rebuild", "read"]), st.none()),
)


@CALM
@given(st.lists(steps, min_size=1, max_size=16))
def test_readers_always_see_the_recomputation(redis_url: str, script: list[tuple[str, Any]]) -> None:
    with _new_home(redis_url) as stores:
        placed: list[StoredOrder] = []
        refunded: dict[int, StoredOrder] = {}
        for step, argument in script:
            if step in MONEY_BACK:
                _give_back(stores, placed, refunded, step, argument)
            else:
                placed = _take(stores, placed, step, argument)
            _boards_are_right(stores)
        stores.refresh_dirty_days()
        _kpis_are_right(stores)
        assert [check for check in check_figures(stores) if not check.ok] == []
        with reading(stores.engine) as connection:
            wrong = [check for check in check_rows(connection) if not check.ok]
        assert [check for check in wrong if check.name.endswith("_totals_are_right")] == []


def _give_back(
    stores: PublishedFigures,
    placed: list[StoredOrder],
    refunded: dict[int, StoredOrder],
    step: str,
    argument: Any,
) -> None:
    completed = [order for order in placed if order.status == OrderStatus.COMPLETED]
    if step == "refund" and completed:
        order = completed[argument["order"] % len(completed)]
        refund = _refund(stores, order, argument)
        if argument["status"] == RefundStatus.COMPLETED:
            refunded[refund] = order
        stores.boards.publish_refunds([refund])
    elif step == "undo" and refunded:
        refund = sorted(refunded)[argument % len(refunded)]
        undo_refund(stores.engine, refund, refunded.pop(refund))
        stores.boards.publish_refunds([refund])
    elif step == "return" and placed:
        number, day, customer, currency, lines = argument
        total = sum(amount for _, _, amount in lines) // 10 ** (4 - minor_digits(currency))
        day = FIRST_DAY + timedelta(day)
        import_id = store_return(stores.engine, number.hex, day, customer, lines, total, currency)
        stores.boards.publish_returns(import_id)


def _refund(stores: PublishedFigures, order: StoredOrder, asked: dict[str, Any]) -> int:
    amount = order.total * asked["percent"] // 100
    units = asked["units"][: len(order.lines)]
    return store_refund(
        stores.engine,
        order,
        FIRST_DAY + timedelta(asked["day"]),
        amount,
        lines={line: (number, amount // len(units)) for line, number in enumerate(units, start=1)},
        kind=asked["kind"],
        status=asked["status"],
        fee=15 if asked["kind"] == RefundKind.DISPUTE else 0,
    )


def _take(stores: PublishedFigures, placed: list[StoredOrder], step: str, argument: Any) -> list[StoredOrder]:
    if step == "store":
        new = store_orders(stores.engine, argument)
        stores.boards.publish_window(Window(new[0].id, new[-1].id))
        return placed + new
    if step == "retry":
        return [_retried(stores, order, argument) for order in placed]
    if step == "refresh":
        stores.refresh_dirty_days()
        _kpis_are_right(stores)
    elif step == "flush":
        stores.cache.client.flushall()
    elif step == "rebuild":
        for board in Board:
            stores.boards.rebuild_all(board)
    else:
        stores.kpis.range_kpis(FIRST_DAY, FIRST_DAY + timedelta(DAYS), "USD")
    return placed


def _retried(stores: PublishedFigures, order: StoredOrder, outcome: dict[str, Any]) -> StoredOrder:
    if order.status not in (OrderStatus.FAILED, OrderStatus.ROLLBACK):
        return order
    again = retry(stores.engine, order, **outcome)
    stores.boards.publish_window(Window(again.id, again.id))
    return again


def _boards_are_right(stores: PublishedFigures) -> None:
    for currency in CURRENCIES:
        assert stores.boards.top(Board.CUSTOMERS, 9, currency) == expected_customers(stores.engine, currency)
        assert stores.boards.top(Board.PRODUCTS, 9, currency) == expected_products(stores.engine, currency)


def _kpis_are_right(stores: PublishedFigures) -> None:
    for currency in CURRENCIES:
        last = FIRST_DAY + timedelta(DAYS)
        customers = stores.range_boards.customers(FIRST_DAY, last, 9, currency)
        assert customers == expected_customers(stores.engine, currency)
        products = stores.range_boards.products(FIRST_DAY, last, 9, currency, ProductOrder.UNITS)
        assert products == expected_products(stores.engine, currency)
        for start in range(DAYS + 1):
            first = FIRST_DAY + timedelta(start)
            shown = stores.kpis.daily_kpis(first, currency)
            assert without_times(shown) == expected(stores.engine, first, first, currency)
            shown = stores.kpis.range_kpis(first, last, currency)
            assert without_times(shown) == expected(stores.engine, first, last, currency)


@contextmanager
def _new_home(redis_url: str) -> Iterator[PublishedFigures]:
    with TemporaryDirectory() as name:
        home = Path(name)
        with open_home(f"sqlite:///{home / 'orders.db'}", redis_url, home / "warehouse") as stores:
            stores.cache.client.flushall()
            yield stores
