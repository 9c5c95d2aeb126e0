"""Lists and searches of orders: the right orders, page by page, while others arrive."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.exports import page_query
from orders_pipeline.exports.customer_list import search_customers
from orders_pipeline.exports.order_filter import BadCursorError, OrderFilter, Place, cursor_of, place_of
from orders_pipeline.exports.order_list import ORDER_LIST, all_orders, list_orders, named_orders, total_of
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import payments
from tests.api_server import serving
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked

NUMBER, STATUS = ORDER_LIST.names.index("number"), ORDER_LIST.names.index("status")
TOKEN = "a token"  # noqa: S105 of a store


@pytest.fixture(params=["leading", "walking"])
def shop(bench: ImportBench, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ImportBench:
    """Two files of two sources; the first has failed orders. Searched by an index, or day by day."""
    if request.param == "walking":
        monkeypatch.setattr(page_query, "FEW", 0)
    bench.stock(MOUSE=100, CABLE=100, LAMP=0)
    bench.import_lines(
        Line("A1", customer="ann", date="2025-11-08"),
        Line("A2", "CABLE", customer="bob", date="2025-11-10"),
        Line("A3", "LAMP", customer="ann", date="2025-11-09"),
        Line("A%", customer="", currency="EUR", date="2025-11-09"),
        name="a.csv",
        source="web",
    )
    bench.import_lines(
        Line("B1", customer="ann", date="2025-11-09"),
        Line("B1", "CABLE", customer="ann", date="2025-11-09"),
        Line("a1", customer="A1x", date="2025-10-31"),
        name="b.csv",
        source="fair",
    )
    return bench


def numbers(bench: ImportBench, **wanted: Any) -> list[str]:
    with reading(bench.engine) as connection:
        rows, more = list_orders(connection, OrderFilter(**wanted), 50)
        assert more is None
        assert list(all_orders(connection, OrderFilter(**wanted))) == rows
    return [row[NUMBER] for row in rows]


def test_each_filter_finds_its_orders_the_newest_day_first(shop: ImportBench) -> None:
    with reading(shop.engine) as connection:
        paid = connection.execute(select(payments.c.transaction_id).order_by(payments.c.order_id)).scalars()
        transaction = next(iter(paid))
    keys = shop.keys()
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["A2", "B1", "A%", "A3", "A1", "a1"]),
        ({"status": OrderStatus.FAILED}, ["A3"]),
        ({"status": OrderStatus.PENDING}, []),
        ({"status": OrderStatus.COMPLETED, "sku": "CABLE"}, ["A2", "B1"]),
        ({"customer": "ann"}, ["B1", "A3", "A1"]),
        ({"customer": "nobody"}, []),
        ({"sku": "CABLE"}, ["A2", "B1"]),
        ({"sku": "NONE"}, []),
        ({"file": keys["b.csv"]}, ["B1", "a1"]),
        ({"source": "web"}, ["A2", "A%", "A3", "A1"]),
        ({"source": "none"}, []),
        ({"reason": FailureReason.OUT_OF_STOCK}, ["A3"]),
        ({"reason": FailureReason.DECLINED}, []),
        ({"text": "A"}, ["A2", "A%", "A3", "A1", "a1"]),
        ({"text": "A1"}, ["A1", "a1"]),
        ({"text": "A%"}, ["A%"]),
        ({"text": "an"}, ["B1", "A3", "A1"]),
        ({"text": transaction}, ["A1"]),
        ({"currency": "EUR"}, ["A%"]),
        ({"first": date(2025, 11, 9), "last": date(2025, 11, 9)}, ["B1", "A%", "A3"]),
        ({"last": date(2025, 11, 8)}, ["A1", "a1"]),
        ({"file": keys["a.csv"], "last": date(2025, 11, 7)}, []),
    ]
    assert [(wanted, numbers(shop, **wanted)) for wanted, _ in cases] == cases


def test_orders_are_found_by_source_and_number(shop: ImportBench) -> None:
    with reading(shop.engine) as connection:
        rows = named_orders(connection, [("web", "A1"), ("fair", "B1"), ("web", "B1")])
    assert {(row[ORDER_LIST.names.index("source")], row[NUMBER]) for row in rows} == {
        ("web", "A1"),
        ("fair", "B1"),
    }


def test_customers_are_found_by_their_names_in_any_script(bench: ImportBench) -> None:
    names = {"c1": "Ольга Петрова", "c2": "Петр Ольгин", "c3": "100% ZOË", "c4": "zoe"}
    bench.import_lines(*(Line(key, customer=key, name=name) for key, name in names.items()))
    bench.import_lines(Line("5", customer="c4", name="Grace"), name="renamed.csv")

    def found(text: str, limit: int = 10) -> list[str]:
        with reading(bench.engine) as connection:
            return [one["customer_id"] for one in search_customers(connection, text, limit)]

    assert found("ольг") == ["c1", "c2"]
    assert found("ОЛЬГ", limit=1) == ["c1"]
    assert (found("zoë"), found("0%"), found("C"), found("c")) == (["c3"], ["c3"], ["c4"], list(names))
    assert (found("zoe"), found("grace")) == ([], ["c4"])


def test_an_order_that_was_retried_is_no_longer_listed_as_failed(lone_bench: ImportBench) -> None:
    bench = lone_bench
    bench.set(payment_success_rate=0)
    key = bench.import_lines(Line("1"), Line("2")).partition
    bench.set(payment_success_rate=1)
    bench.retry("2")
    bench.settle(key)
    RefundBench(bench).refund(asked("2", amount="4.00"))
    assert numbers(bench, reason=FailureReason.DECLINED) == ["1"]
    assert numbers(bench, status=OrderStatus.ROLLBACK) == ["1"]
    with reading(bench.engine) as connection:
        (row,), _ = list_orders(connection, OrderFilter(status=OrderStatus.COMPLETED), 1)
    found = dict(zip(ORDER_LIST.names, row, strict=True))
    assert (str(found["refunded"]), found["attempts"], found["reason"]) == ("4.00", 2, None)


def test_pages_stay_exact_while_orders_arrive(bench: ImportBench) -> None:
    bench.import_lines(*(Line(f"n{day}", date=f"2025-11-{day:02}") for day in range(1, 13)))
    seen: list[str] = []
    after: Place | None = None
    for arriving in range(20):
        with reading(bench.engine) as connection:
            rows, after = list_orders(connection, OrderFilter(), 2, after)
        seen += [row[NUMBER] for row in rows]
        if after is None:
            break
        late, new = f"2025-10-{arriving + 1:02}", f"2025-11-{arriving + 14:02}"
        lines = (Line(f"late{arriving}", date=late), Line(f"new{arriving}", date=new))
        bench.import_lines(*lines, name=f"more{arriving}.csv")
    assert [number for number in seen if number.startswith("n") and "w" not in number] == [
        f"n{day}" for day in range(12, 0, -1)
    ]
    assert len(set(seen)) == len(seen)


def test_totals_are_counted_where_batches_tell(lone_bench: ImportBench) -> None:
    lone_bench.stock(MOUSE=100, LAMP=0)
    key = lone_bench.import_lines(Line("1"), Line("2", "LAMP"), Line("3")).partition
    with reading(lone_bench.engine) as connection:
        known = [
            total_of(connection, OrderFilter(status=OrderStatus.FAILED, file=key)),
            total_of(connection, OrderFilter(source="default")),
            total_of(connection, OrderFilter(source="none")),
            total_of(connection, OrderFilter(customer="c1")),
        ]
    assert known == [1, 3, 0, None]


def test_a_cursor_counts_for_its_store_and_its_conditions_only() -> None:
    place, wanted = Place(date(2025, 11, 10), 2**40), OrderFilter(text="a")
    cursor = cursor_of(place, wanted, TOKEN)
    assert place_of(cursor, wanted, TOKEN) == place
    forged = [cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), "B" + cursor[1:], cursor + "A", "", "é", "!"]
    attempts = [(text, wanted, TOKEN) for text in [*forged, cursor + "=", f" {cursor}"]]
    attempts += [(cursor, OrderFilter(text="b"), TOKEN), (cursor, wanted, "another store")]
    for attempt in attempts:
        with pytest.raises(BadCursorError):
            place_of(*attempt)


def test_the_api_pages_searches_and_exports(lone_bench: ImportBench, redis_url: str) -> None:
    bench = lone_bench
    bench.set(database_url=str(bench.engine.url), redis_url=redis_url, rate_limit=0)
    bench.import_lines(*(Line(f"n{day}", date=f"2025-11-{day:02}") for day in range(1, 6)))
    with serving(bench.settings) as get:
        page: dict[str, Any] = {"next": ""}
        seen: list[str] = []
        asked_with: dict[str, Any] = {"limit": 2, "customer": "c1"}
        while page["next"] is not None:
            cursor = {"cursor": page["next"]} if page["next"] else {}
            page = get("/orders", params={**asked_with, **cursor}).json()
            seen += [order["number"] for order in page["data"]]
        first = get("/orders", params=asked_with).json()
        whole = get("/orders", params={"format": "jsonl", "text": "n"})
        refused = [
            get("/orders", params=params).status_code
            for params in (
                {**asked_with, "cursor": first["next"][:-1]},
                {"cursor": first["next"]},
                {"status": "sold"},
                {"text": ""},
                {"text": "x" * 501},
                {"start_date": "2025-11-10", "end_date": "2025-11-09"},
                {"currency": "XYZ"},
                {"limit": 0},
                {"format": "pdf"},
            )
        ]
    assert seen == ["n5", "n4", "n3", "n2", "n1"]
    assert (first["success"], first["total"], first["data"][0]["total"]) == (True, None, 10.0)
    assert len(whole.text.splitlines()) == 5
    assert refused == [422] * 9


def test_every_reason_belongs_to_a_status() -> None:
    assert {reason for reasons in page_query.REASONS.values() for reason in reasons} == set(FailureReason)
