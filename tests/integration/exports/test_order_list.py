"""Lists and searches of orders: the right orders, page by page, while other orders arrive."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from orders_pipeline.base.model import FailureReason, OrderStatus
from orders_pipeline.exports import page_query
from orders_pipeline.exports.customer_list import search_customers
from orders_pipeline.exports.order_filter import BadCursorError, OrderFilter, Place, cursor_of, place_of
from orders_pipeline.exports.order_list import ORDER_LIST, all_orders, list_orders, named_orders, total_of
from orders_pipeline.exports.page_query import page_of_ids
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import payments
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked
from tests.servers.api_server import serving

NUMBER = ORDER_LIST.names.index("number")
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


def many_files(bench: ImportBench) -> list[dict[str, Any]]:
    """Orders of forty days in eight files. Only old or few orders have some of the values."""
    bench.stock(MOUSE=1_000, OLD=100, RARE=100, LAMP=0)
    made = []
    for number in range(160):
        day = date(2025, 9, 1) + timedelta(days=number // 4 - (9 if number % 13 == 0 else 0))
        sku = "OLD" if number < 40 and number % 2 else "RARE" if number % 50 == 3 else "MOUSE"
        customer = "" if number % 11 == 0 else f"c{number % 3}" if number > 60 else f"old{number % 7}"
        currency = "EUR" if number % 40 == 7 else "CHF" if number < 30 else "USD"
        sku = "LAMP" if number % 17 == 0 else sku
        made.append({"number": f"{1000 + number}", "day": day, "sku": sku, "customer": customer})
        made[-1] |= {"currency": currency, "source": "fair" if number < 20 else "web"}
    for start in range(0, 160, 20):
        lines = [
            Line(
                one["number"],
                one["sku"],
                customer=one["customer"],
                currency=one["currency"],
                date=str(one["day"]),
            )
            for one in made[start : start + 20]
        ]
        bench.import_lines(*lines, name=f"{start}.csv", source=made[start]["source"])
    return made


def test_rare_and_old_orders_are_found_among_many_by_parts_of_the_days(
    bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_query, "FEW", 8)
    monkeypatch.setattr(page_query, "SOME", 30)
    made = many_files(bench)
    wanted: list[dict[str, Any]] = [
        *({"sku": sku} for sku in ("OLD", "RARE", "MOUSE", "LAMP")),
        *({"customer": one} for one in ("old1", "c0", "c2")),
        *({"currency": one} for one in ("EUR", "CHF", "USD")),
        *({"source": one} for one in ("fair", "web")),
        *({"text": text} for text in ("10", "100", "1004", "old", "c", "c1", "110", "none")),
        {"status": OrderStatus.FAILED},
        {"reason": FailureReason.OUT_OF_STOCK, "currency": "USD"},
        {"text": "10", "currency": "CHF", "sku": "OLD"},
    ]
    ranges: list[dict[str, Any]] = [{}, {"first": date(2025, 9, 3), "last": date(2025, 9, 12)}]
    ranges.append({"last": date(2025, 8, 31)})
    for one in wanted:
        for days in ranges:
            expected = [order["number"] for order in reversed(made) if _meets(order, **one, **days)]
            days_of = {order["number"]: order["day"] for order in made}
            expected.sort(key=lambda number: days_of[number], reverse=True)
            assert paged(bench, **one, **days) == expected, (one, days)


def _meets(order: dict[str, Any], first: date = date.min, last: date = date.max, **wanted: Any) -> bool:
    text, failed = wanted.pop("text", ""), order["sku"] == "LAMP"
    if (wanted.pop("status", None) or wanted.pop("reason", None)) and not failed:
        return False
    begins = order["number"].startswith(text) or order["customer"].startswith(text)
    return (
        begins
        and first <= order["day"] <= last
        and all(order[name] == value for name, value in wanted.items())
    )


def paged(bench: ImportBench, **wanted: Any) -> list[str]:
    """The numbers on all pages of thirty orders."""
    found, after, more = [], None, True
    while more:
        with reading(bench.engine) as connection:
            rows, after = list_orders(connection, OrderFilter(**wanted), 30, after)
        found += [row[NUMBER] for row in rows]
        more = after is not None
    return found


def test_the_days_lead_where_most_orders_meet_the_conditions(
    lone_bench: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_files(lone_bench)
    monkeypatch.setattr(page_query, "FEW", 8)
    key = lone_bench.keys()["100.csv"]
    for wanted in (
        {"source": "web"},
        {"file": key},
        {"currency": "USD"},
        {"customer": "c0"},
        {"sku": "MOUSE"},
    ):
        assert "ix_orders_day" in plan_of_the_last_part(lone_bench.engine, **wanted), wanted


def test_the_page_of_a_file_is_read_from_its_ids_without_a_look_at_other_orders(bench: ImportBench) -> None:
    """PostgreSQL read all orders for each page of a file while the query joined its batches."""
    many_files(bench)
    statement, _ = last_ordered(bench.engine, file=bench.keys()["100.csv"])
    assert "orders.id BETWEEN" in statement
    assert "JOIN" not in statement


def plan_of_the_last_part(engine: Engine, **wanted: Any) -> str:
    """SQLite's query plan for the last part of the list."""
    statement, parameters = last_ordered(engine, **wanted)
    with reading(engine) as connection:
        return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())


def last_ordered(engine: Engine, **wanted: Any) -> tuple[str, Any]:
    """The last sorting statement of a page, with its parameters."""
    ran: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "ORDER BY" in statement:
            ran.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with reading(engine) as connection:
        page_of_ids(connection, OrderFilter(**wanted), 3, None)
        event.remove(engine, "before_cursor_execute", note)
    return ran[-1]
