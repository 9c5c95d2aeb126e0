"""Leaderboards on real stores and every supported Redis: complete, exactly ranked, without lost scores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orders_pipeline.base.model import OrderStatus, RefundKind, RefundStatus, Window
from orders_pipeline.figures.leaderboards import totals
from orders_pipeline.figures.leaderboards.boards import Board
from orders_pipeline.figures.leaderboards.redis_board import RebuildLostError
from orders_pipeline.figures.published_figures import PublishedFigures
from orders_pipeline.store.engine import reading
from tests.figures import expected_customers, expected_products, open_home
from tests.made_up.builders import StoredOrder, store_orders
from tests.made_up.money_back import store_refund, store_return, undo_refund
from tests.services import free_port

CUSTOMERS, PRODUCTS = Board.CUSTOMERS, Board.PRODUCTS
EVERYTHING = Window(1, 10_000)
MANY = 1_000


@pytest.fixture
def stores(store_url: str, tmp_path: Path, any_redis_url: str) -> Iterator[PublishedFigures]:
    """An empty home on each kind of order store and each supported Redis."""
    with open_home(store_url, any_redis_url, tmp_path / "warehouse") as opened:
        yield opened


@pytest.fixture
def lone(tmp_path: Path, redis_url: str) -> Iterator[PublishedFigures]:
    """An empty home on SQLite and a current Redis."""
    with open_home(f"sqlite:///{tmp_path / 'orders.db'}", redis_url, tmp_path / "warehouse") as opened:
        yield opened


def purchase(number: int, customer_id: str | None, units: int = 1, **fields: object) -> StoredOrder:
    defaults: dict[str, object] = {"day": date(2025, 11, 10), "lines": (("SKU-1", units, units * 100_000),)}
    return StoredOrder(number=str(number), customer_id=customer_id, **defaults | fields)  # type: ignore[arg-type]


def test_boards_equal_the_store_from_redis_and_without_it(stores: PublishedFigures) -> None:
    store_orders(
        stores.engine,
        [
            purchase(1, "b", 2),
            purchase(2, "a"),
            purchase(3, "a"),
            purchase(4, "B", 2),
            purchase(5, None, 9),
            purchase(6, "c", 5, status=OrderStatus.ROLLBACK),
            purchase(7, "d", lines=(("SKU-2", 1, 1), ("SKU-1", 1, 5_000), ("SKU-2", 3, 2))),
            purchase(8, "é", 2),
            purchase(9, "a", 7, currency="JPY"),
        ],
    )
    url = f"redis://127.0.0.1:{free_port()}/0"
    stores.boards.publish_window(EVERYTHING)
    with open_home(stores.engine.url.render_as_string(hide_password=False), url, stores.folder) as down:
        for boards in (stores.boards, down.boards):
            for currency in ("USD", "JPY", "EUR"):
                assert boards.top(CUSTOMERS, 10, currency) == expected_customers(stores.engine, currency)
                assert boards.top(PRODUCTS, 10, currency) == expected_products(stores.engine, currency)
            for entry in expected_customers(stores.engine):
                assert boards.place(CUSTOMERS, entry["customer_id"], "USD") == entry
            assert boards.place(CUSTOMERS, "nobody", "USD") is None
    assert [entry["customer_id"] for entry in expected_customers(stores.engine)] == ["B", "a", "b", "é", "d"]


def test_redis_holds_integer_scores_under_the_keys_of_the_contract(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [purchase(1, "a"), purchase(2, "a"), purchase(3, "a", 3, currency="EUR")])
    lone.boards.publish_window(EVERYTHING)
    board = "leaderboard:customers:spending"
    assert lone.cache.client.zrange(board, 0, -1, withscores=True) == [("a", 2000.0)]
    assert lone.cache.client.zrange(f"{board}:EUR", 0, -1, withscores=True) == [("a", 3000.0)]
    assert lone.cache.client.zrange("leaderboard:products:sales", 0, -1, withscores=True) == [("SKU-1", 2.0)]
    assert lone.cache.client.ttl(board) == -1


def test_publishing_again_or_late_changes_nothing(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [purchase(1, "a"), purchase(2, "b", 2)])
    lone.boards.publish_window(EVERYTHING)
    before = lone.boards.top(CUSTOMERS, 10, "USD")
    lone.boards.publish_window(EVERYTHING)
    lone.boards.publish(CUSTOMERS, "USD", [("a", 1, 0)])
    assert lone.boards.top(CUSTOMERS, 10, "USD") == before


def test_a_second_order_moves_its_customer_and_makes_no_second_row(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [purchase(1, "a"), purchase(2, "b", 2)])
    lone.boards.publish_window(EVERYTHING)
    store_orders(lone.engine, [purchase(3, "a", 5)])
    lone.boards.publish_window(Window(3, 3))
    top = lone.boards.top(CUSTOMERS, 10, "USD")
    assert [(row["customer_id"], row["order_count"], row["total_spent"]) for row in top] == [
        ("a", 2, 60.0),
        ("b", 1, 20.0),
    ]


def test_each_limit_shows_its_own_number_of_places(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [purchase(number, f"c{number}") for number in range(9)])
    lone.boards.publish_window(EVERYTHING)
    assert [len(lone.boards.top(CUSTOMERS, limit, "USD")) for limit in (1, 5, 2, 100)] == [1, 5, 2, 9]


def test_equal_scores_rank_by_id_wherever_a_page_is_cut(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [purchase(number, f"c{number:02}", 1 + number % 3) for number in range(20)])
    lone.boards.publish_window(EVERYTHING)
    whole = expected_customers(lone.engine)
    for first in range(1, 22):
        for limit in (1, 4, 20):
            cut = lone.boards.top(CUSTOMERS, limit, "USD", first)
            assert cut == whole[first - 1 : first - 1 + limit]


def test_neighbours_are_around_a_place_and_end_at_the_ends(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [purchase(number, f"c{number}", 9 - number) for number in range(7)])
    lone.boards.publish_window(EVERYTHING)
    shown = {
        member: [row["customer_id"] for row in lone.boards.neighbours(CUSTOMERS, member, "USD", 2)]
        for member in ("c0", "c3", "c6", "nobody")
    }
    assert shown == {
        "c0": ["c0", "c1", "c2"],
        "c3": ["c1", "c2", "c3", "c4", "c5"],
        "c6": ["c4", "c5", "c6"],
        "nobody": [],
    }


@pytest.mark.parametrize("damage", ["flush", "delete board", "lose member", "stray member"])
def test_a_board_that_is_not_whole_is_never_served(lone: PublishedFigures, damage: str) -> None:
    store_orders(lone.engine, [purchase(1, "a"), purchase(2, "b", 2), purchase(3, "c", 3)])
    lone.boards.publish_window(EVERYTHING)
    board = "leaderboard:customers:spending"
    {
        "flush": lone.cache.client.flushall,
        "delete board": lambda: lone.cache.client.delete(board),
        "lose member": lambda: lone.cache.client.zrem(board, "b"),
        "stray member": lambda: lone.cache.client.zadd(board, {"z": 9}),
    }[damage]()
    assert lone.boards.top(CUSTOMERS, 10, "USD") == expected_customers(lone.engine)
    assert lone.boards.place(CUSTOMERS, "b", "USD") == expected_customers(lone.engine)[1]
    store_orders(lone.engine, [purchase(4, "d", 4)])
    lone.boards.publish_window(Window(4, 4))
    assert lone.cache.client.zrevrange(board, 0, -1) == ["d", "c", "b", "a"]
    assert lone.boards.top(CUSTOMERS, 10, "USD") == expected_customers(lone.engine)


def test_a_redis_with_the_boards_of_another_store_shows_none_of_them(
    lone: PublishedFigures, tmp_path: Path, redis_url: str
) -> None:
    store_orders(lone.engine, [purchase(1, "a")])
    lone.boards.publish_window(EVERYTHING)
    with open_home(f"sqlite:///{tmp_path / 'other.db'}", redis_url, tmp_path / "other") as other:
        assert other.boards.top(CUSTOMERS, 10, "USD") == []
        store_orders(other.engine, [purchase(1, "z")])
        other.boards.publish_window(EVERYTHING)
        assert other.boards.top(CUSTOMERS, 10, "USD") == expected_customers(other.engine)


def test_an_empty_board_is_rebuilt_to_an_empty_board(lone: PublishedFigures) -> None:
    assert lone.boards.rebuild_all(CUSTOMERS) == {"USD": 0}
    assert lone.boards.top(CUSTOMERS, 10, "USD") == []


def test_what_is_published_between_a_rebuilds_snapshot_and_its_swap_is_kept(lone: PublishedFigures) -> None:
    store_orders(lone.engine, [purchase(1, "a"), purchase(2, "b", 2)])
    lone.boards.publish_window(EVERYTHING)
    live = lone.boards.live(CUSTOMERS, "USD")
    token = live.begin_rebuild()
    with reading(lone.engine) as snapshot:
        old = list(totals.scores(snapshot, CUSTOMERS, "USD"))
    store_orders(lone.engine, [purchase(3, "a", 5), purchase(4, "new", 9)])
    lone.boards.publish_window(Window(3, 4))
    assert lone.boards.top(CUSTOMERS, 10, "USD") == expected_customers(lone.engine)
    live.finish_rebuild(token, old)
    assert live.places(1, 10) is not None
    assert lone.boards.top(CUSTOMERS, 10, "USD") == expected_customers(lone.engine)


def test_a_rebuild_that_redis_forgot_does_not_swap(lone: PublishedFigures) -> None:
    live = lone.boards.live(CUSTOMERS, "USD")
    token = live.begin_rebuild()
    lone.cache.client.flushall()
    with pytest.raises(RebuildLostError):
        live.finish_rebuild(token, [("a", 1, 0)])
    assert live.places(1, 10) is None


def test_rebuilds_that_race_with_imports_lose_nothing(lone: PublishedFigures) -> None:
    stop = threading.Event()

    def rebuild() -> None:
        while not stop.is_set():
            lone.boards.rebuild(CUSTOMERS, "USD")
            lone.boards.rebuild(PRODUCTS, "USD")

    rebuilders = [threading.Thread(target=rebuild) for _ in range(2)]
    for thread in rebuilders:
        thread.start()
    try:
        for number in range(0, 60, 3):
            placed = store_orders(
                lone.engine, [purchase(number + step, f"c{(number + step) % 7}") for step in range(3)]
            )
            lone.boards.publish_window(Window(placed[0].id, placed[-1].id))
            assert lone.boards.top(CUSTOMERS, 10, "USD") == expected_customers(lone.engine)
    finally:
        stop.set()
        for thread in rebuilders:
            thread.join()
    assert lone.boards.top(PRODUCTS, 10, "USD") == expected_products(lone.engine)
    assert not lone.cache.client.exists("leaderboard:customers:spending:shadow")


def test_a_board_of_many_goes_to_redis_in_parts(lone: PublishedFigures) -> None:
    live = lone.boards.live(CUSTOMERS, "USD")
    scores = [(f"c{number:05}", number, 0) for number in range(5 * MANY)]
    assert live.finish_rebuild(live.begin_rebuild(), scores) == 5 * MANY
    assert live.publish([(member, score + MANY, 0) for member, score, _ in scores])
    assert [place.score for place in live.places(1, 2) or []] == [6 * MANY - 1, 6 * MANY - 2]


def test_money_back_moves_members_down_and_its_undo_moves_them_up_again(stores: PublishedFigures) -> None:
    day = date(2025, 11, 12)
    both = {1: (1, 4_000), 2: (1, 1_000)}
    yen, dollars, guest = store_orders(
        stores.engine,
        [
            purchase(1, "a", currency="JPY", lines=(("SKU-1", 2, 80_000_000), ("SKU-2", 1, 10_000_000))),
            purchase(2, "a", 3),
            purchase(3, None, 2),
        ],
    )
    stores.boards.publish_window(EVERYTHING)
    given = [
        store_refund(stores.engine, yen, day, 5_000, lines=both),
        store_refund(stores.engine, dollars, day, 3_000),
        store_refund(stores.engine, guest, day, 1_000, lines={1: (1, 1_000)}),
        store_refund(stores.engine, dollars, day, 3_000, kind=RefundKind.DISPUTE, fee=15),
        store_refund(stores.engine, yen, day, 100, status=RefundStatus.PROCESSING),
    ]
    stores.boards.publish_refunds(given)
    assert _boards_are_right(stores)["total_spent"] == 0
    undo_refund(stores.engine, given[0], yen)
    stores.boards.publish_refunds(given[:1])
    _boards_are_right(stores)
    store_orders(stores.engine, [purchase(4, "a")])
    stores.boards.publish_window(Window(4, 4))
    assert _boards_are_right(stores)["total_spent"] == 10


def test_a_return_without_an_order_puts_its_members_last(stores: PublishedFigures) -> None:
    store_orders(stores.engine, [purchase(1, "a")])
    stores.boards.publish_window(EVERYTHING)
    store_return(stores.engine, "C1", date(2025, 11, 1), "z", [("SKU-9", 4, 400_000)], 4_000)
    import_id = store_return(stores.engine, "C2", date(2025, 11, 1), None, [("SKU-1", 1, 9)], 1)
    stores.boards.publish_returns(import_id)
    _boards_are_right(stores)
    last = stores.boards.place(CUSTOMERS, "z", "USD")
    assert last is not None
    assert (last["rank"], last["order_count"], last["total_spent"]) == (2, 0, -40.0)


def _boards_are_right(stores: PublishedFigures) -> dict[str, Any]:
    """Redis and the store show the recomputation. Returns the first customer's entry in dollars."""
    for board, expected in ((CUSTOMERS, expected_customers), (PRODUCTS, expected_products)):
        with reading(stores.engine) as connection:
            of_store = {
                currency: totals.top_places(connection, board, currency, 1, 10)
                for currency in totals.currencies(connection, board)
            }
            for currency, places in of_store.items():
                for place in places:
                    assert totals.place_of(connection, board, currency, place.member) == [place]
        for currency, places in of_store.items():
            assert stores.boards.top(board, 10, currency) == expected(stores.engine, currency)
            assert stores.boards.live(board, currency).places(1, 10) == places
            for place in places:
                assert stores.boards.live(board, currency).place(place.member) == [place]
    return stores.boards.top(CUSTOMERS, 1, "USD")[0]
