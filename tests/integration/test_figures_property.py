"""Random orders, retries, refreshes, rebuilds and Redis flushes: readers always see the recomputation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given

from orders_pipeline.base.model import FailureReason, OrderStatus, Window
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.range_boards import ProductOrder
from orders_pipeline.figures.published_figures import PublishedFigures
from tests.builders import StoredOrder, retry, store_orders
from tests.figures import (
    expected,
    expected_customers,
    expected_products,
    open_home,
    without_times,
)
from tests.sweeps import examples

FIRST_DAY, DAYS = date(2025, 11, 10), 4
CURRENCIES = ("USD", "JPY", "KWD")
CALM = examples(15, HealthCheck)

lines = st.lists(
    st.tuples(st.sampled_from(["X", "Y", "Z"]), st.integers(1, 5), st.integers(1, 2_000_000)), min_size=1
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
steps = st.one_of(
    st.tuples(st.just("store"), st.lists(new_orders, min_size=1, max_size=6)),
    st.tuples(st.just("retry"), outcomes),
    st.tuples(st.sampled_from(["refresh", "flush", "rebuild", "read"]), st.none()),
)


@CALM
@given(st.lists(steps, min_size=1, max_size=12))
def test_readers_always_see_the_recomputation(redis_url: str, script: list[tuple[str, Any]]) -> None:
    with _new_home(redis_url) as stores:
        placed: list[StoredOrder] = []
        for step, argument in script:
            placed = _take(stores, placed, step, argument)
            _boards_are_right(stores)
        stores.refresh_dirty_days()
        _kpis_are_right(stores)


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
        last = FIRST_DAY + timedelta(DAYS - 1)
        customers = stores.range_boards.customers(FIRST_DAY, last, 9, currency)
        assert customers == expected_customers(stores.engine, currency)
        products = stores.range_boards.products(FIRST_DAY, last, 9, currency, ProductOrder.UNITS)
        assert products == expected_products(stores.engine, currency)
        for start in range(DAYS):
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
