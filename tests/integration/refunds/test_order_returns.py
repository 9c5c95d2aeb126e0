"""Returns that name their order: booked once as refunds of that order, or rejected with a specific reason."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from orders_pipeline.exports.results import result_rows
from orders_pipeline.imports.money_back import booked_returns
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.refunds.requests.request import request_refunds
from orders_pipeline.store.engine import reading
from orders_pipeline.store.kpi_days import dirty_days
from orders_pipeline.store.schema import refund_lines, refunds, rejects
from tests.figures import open_home
from tests.import_bench import ImportBench
from tests.refund_bench import RefundBench, asked

PROFILE = """
[columns]
order_number = "No"
sku = "SKU"
quantity = "Qty"
unit_price = "Price"
ordered_at = "At"
customer_id = "Customer"

[returns]
take = true
of = "Of"
"""
SOLD, BACK = "2025-11-10 08:00:00", "2025-11-12 09:00:00"
SOLD_DAY, BACK_DAY = date(2025, 11, 10), date(2025, 11, 12)


def row(
    number: str, quantity: int, sku: str = "MUG", of: str = "", price: str = "10.00", at: str = ""
) -> str:
    return f"{number},{sku},{quantity},{price},{at or (BACK if quantity < 0 else SOLD)},eve,{of}"


ORDERS = (row("1", 2), row("1", 4), row("1", 3, "CUP"), row("2", 1))
RETURN = (row("R1", -3, of="1", price="9.50"), row("R1", -1, "CUP"))


@pytest.fixture
def stocked(bench: ImportBench) -> ImportBench:
    bench.stock(MUG=100, CUP=100)
    return bench


def till(bench: ImportBench, *rows: str, name: str = "till.csv") -> Path:
    file = bench.folder / name
    file.write_text("\n".join(["No,SKU,Qty,Price,At,Customer,Of", *rows, ""]), encoding="utf-8")
    return file


def said(bench: ImportBench, **more: Any) -> dict[str, Any]:
    profile = bench.folder / "till.toml"
    profile.write_text(PROFILE, encoding="utf-8")
    return {"profile": str(profile), "source": "till", **more}


def settle(bench: ImportBench, *rows: str, name: str = "till.csv", **more: Any) -> ImportReport:
    return bench.settle(bench.stage(till(bench, *rows, name=name), **said(bench, **more)))


def foreseen(bench: ImportBench, *rows: str, name: str = "till.csv") -> ImportReport:
    return bench.dry_run(till(bench, *rows, name=name), **said(bench))


def booked(bench: ImportBench) -> dict[str, tuple[Any, ...]]:
    r = refunds.c
    query = select(r.request_key, r.amount, r.status, r.method, r.day).order_by(r.id)
    with reading(bench.engine) as connection:
        return {key: tuple(rest) for key, *rest in connection.execute(query)}


def lines_back(bench: ImportBench) -> list[tuple[int, int, int]]:
    back = refund_lines.c
    query = select(back.line, back.quantity, back.amount).order_by(back.refund, back.line)
    with reading(bench.engine) as connection:
        return [(line, int(units), amount) for line, units, amount in connection.execute(query)]


BOOKED = {"return:till/R1": (3850, "completed", "recorded", BACK_DAY)}


def test_a_return_that_names_an_order_of_its_file_is_booked_once_it_is_completed(
    stocked: ImportBench,
) -> None:
    before = foreseen(stocked, *ORDERS, *RETURN)
    report = settle(stocked, *ORDERS, *RETURN)
    assert (report.records, report.accepted_lines, report.returns) == (6, 6, 1)
    assert (before.accepted_lines, before.returns, before.orders) == (6, 1, report.orders)
    assert booked(stocked) == BOOKED
    # If two lines have the product, the first one is returned first.
    assert lines_back(stocked) == [(1, 2, 1900), (2, 1, 950), (3, 1, 1000)]
    assert stocked.shelf() == {"MUG": (96, 0, 4), "CUP": (98, 0, 2)}
    assert RefundBench(stocked).customer("eve") == (10000, 3850)
    assert dirty_days(stocked.engine) == [SOLD_DAY, BACK_DAY]
    assert stocked.broken_checks() == set()


def test_a_return_names_an_order_of_an_earlier_file_and_comes_again(stocked: ImportBench) -> None:
    settle(stocked, *ORDERS)
    before = foreseen(stocked, *RETURN, name="back.csv")
    report = settle(stocked, *RETURN, name="back.csv")
    assert (report.returns, before.returns, booked(stocked)) == (1, 1, BOOKED)
    stocked.steps.finish(stocked.keys()["back.csv"])
    changed = (row("R1", -2, of="1"), row("R2", -1, of="2"))
    for name, rows, outcome in (
        ("again.csv", (*RETURN, row("R2", -1, of="2")), {}),
        ("changed.csv", changed, {"order_conflict": 1}),
    ):
        before = foreseen(stocked, *rows, name=name)
        report = settle(stocked, *rows, name=name)
        assert (report.rejects_by_code, before.rejects_by_code) == (outcome, outcome)
        assert before.orders == report.orders
    assert list(booked(stocked)) == ["return:till/R1", "return:till/R2"]
    assert stocked.broken_checks() == set()


def test_units_without_a_price_are_worth_what_they_are_in_the_order(stocked: ImportBench) -> None:
    settle(stocked, *ORDERS)
    rows = (row("R1", -3, of="1", price=""), row("R1", -1, "CUP", price="7.00"), row("R2", -1, price=""))
    report = settle(stocked, *rows, name="back.csv")
    assert (report.returns, report.rejects_by_code) == (1, {"price_missing": 1})
    assert lines_back(stocked) == [(1, 2, 2000), (2, 1, 1000), (3, 1, 700)]
    key = stocked.keys()["back.csv"]
    with reading(stocked.engine) as connection:
        results = [
            (number, status, total and str(total))
            for number, status, total, *_ in result_rows(connection, stocked.found(key))
        ]
    assert results == [("R1", "completed", "-37.00"), ("R2", "rejected", None)]
    assert stocked.broken_checks() == set()


def test_a_blank_column_lets_a_return_stand_alone(stocked: ImportBench) -> None:
    report = settle(stocked, *ORDERS, row("R1", -1))
    assert (report.returns, booked(stocked), len(stocked.rows("returns"))) == (1, {}, 1)
    again = settle(stocked, row("R1", -1, of="1"), name="named.csv")
    assert (again.rejects_by_code, booked(stocked)) == ({"return_counted_before": 1}, {})
    assert stocked.broken_checks() == set()


def test_returns_that_fit_no_order_are_rejected_each_with_its_reason(stocked: ImportBench) -> None:
    settle(stocked, *ORDERS)
    RefundBench(stocked).request(asked("2", amount="4.00"))
    rows = (
        row("R1", -1, of="9"),
        row("R2", -1, "POT", of="1"),
        row("R3", -7, of="1"),
        row("R4", -1, of="2"),
        row("R5", -1, of="1"),
        row("R5", -1, of="2"),
        row("R6", -1, of="1"),
    )
    expected = {
        "return_of_unknown_order": 1,
        "return_not_in_order": 1,
        "return_exceeds_order": 2,
        "return_of_several_orders": 1,
    }
    before = foreseen(stocked, *rows, name="back.csv")
    report = settle(stocked, *rows, name="back.csv")
    assert (report.rejects_by_code, before.rejects_by_code) == (expected, expected)
    assert (report.returns, report.accepted_lines, report.orders) == (1, 1, before.orders)
    with reading(stocked.engine) as connection:
        message = connection.scalar(select(rejects.c.message).where(rejects.c.order_number == "R1"))
    assert message == "The return names order 9, which is not in the store."
    assert list(booked(stocked)) == [None, "return:till/R6"]
    assert stocked.broken_checks() == set()
    # After the order has arrived, the export of the rejects is imported.
    settle(stocked, row("9", 1), name="late.csv")
    export = stocked.folder / "fix.csv"
    export.write_bytes(stocked.exported(stocked.keys()["back.csv"]))
    corrected = stocked.settle(stocked.stage(export, **said(stocked)))
    assert (corrected.returns, "return:till/R1" in booked(stocked)) == (1, True)
    assert stocked.broken_checks() == set()


def test_of_an_order_that_failed_nothing_is_booked(stocked: ImportBench) -> None:
    report = settle(stocked, row("1", 999), row("R1", -1, of="1"))
    assert report.rejects_by_code == {"return_of_uncompleted_order": 1}
    assert (report.returns, report.orders["rejected"], booked(stocked)) == (0, 1, {})
    assert stocked.broken_checks() == set()


def test_without_returns_they_are_rejected_as_ever(lone_bench: ImportBench) -> None:
    lone_bench.stock(MUG=100, CUP=100)
    report = settle(lone_bench, *ORDERS, *RETURN, returns="reject")
    assert report.rejects_by_code == {"quantity_not_positive": 2}
    assert booked(lone_bench) == {}


def test_an_import_that_died_while_booking_books_the_rest(
    stocked: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (*ORDERS, *RETURN, row("R2", -1, of="2"), row("R3", -1, of="9"))
    key = stocked.stage(till(stocked, *rows), **said(stocked))

    def book_one_and_die(engine: Any, wanted: Any, *terms: Any) -> None:
        request_refunds(engine, wanted[:1], *terms)
        raise ConnectionError

    monkeypatch.setattr(booked_returns, "request_refunds", book_one_and_die)
    with pytest.raises(ConnectionError):
        stocked.settle(key)
    assert (len(booked(stocked)), stocked.found(key).settled_at) == (1, None)
    monkeypatch.undo()
    report = stocked.settle(key)
    assert (report.returns, report.rejects_by_code) == (2, {"return_of_unknown_order": 1})
    assert list(booked(stocked)) == ["return:till/R1", "return:till/R2"]
    assert stocked.broken_checks() == set()


def test_the_leaderboards_show_them(lone_bench: ImportBench, redis_url: str) -> None:
    lone_bench.stock(MUG=100, CUP=100)
    settle(lone_bench, *ORDERS, *RETURN)
    assert RefundBench(lone_bench).unpublished == 1
    with open_home(str(lone_bench.engine.url), redis_url, lone_bench.settings.warehouse) as home:
        lone_bench.steps.finish(lone_bench.keys()["till.csv"], home.boards)
    assert RefundBench(lone_bench).unpublished == 0


def test_a_return_in_another_currency_than_its_order_is_rejected(stocked: ImportBench) -> None:
    settle(stocked, *ORDERS)
    rows, euros = row("R1", -1, of="1", price="€9.50"), {"return_in_other_currency": 1}
    before = foreseen(stocked, rows, name="back.csv")
    report = settle(stocked, rows, name="back.csv")
    assert (report.rejects_by_code, before.rejects_by_code, booked(stocked)) == (euros, euros, {})
    assert stocked.broken_checks() == set()


def test_goods_by_weight_without_a_price_are_worth_what_they_are_in_the_order(stocked: ImportBench) -> None:
    weighed = {**said(stocked), "source": "scales"}
    profile = Path(weighed["profile"])
    profile.write_text(f"{PROFILE}\n[quantity]\ndecimals = 3\n", encoding="utf-8")
    rows = ("1,MUG,1.250,10.00", "R1,MUG,-0.400,", "R2,MUG,-0.850,")
    times = (SOLD, BACK, BACK)
    file = till(
        stocked, *(f"{one},{at},eve,{of}" for one, at, of in zip(rows, times, ("", "1", "1"), strict=True))
    )
    stocked.settle(stocked.stage(file, **weighed))
    # 12.50 for 1.250 kg: 4.00 and then the rest.
    assert [amount for amount, *_ in booked(stocked).values()] == [400, 850]
    assert [units for _, _, units, _ in stocked.rows("refund_lines")] == [Decimal("0.4"), Decimal("0.85")]
    assert stocked.broken_checks() == set()


@pytest.mark.parametrize("alone_first", [True, False])
def test_a_return_that_was_counted_with_or_without_its_order_is_not_counted_again(
    stocked: ImportBench, alone_first: bool
) -> None:
    settle(stocked, *ORDERS)
    alone, named = row("R1", -1), row("R1", -1, of="1")
    first, second = (alone, named) if alone_first else (named, alone)
    settle(stocked, first, name="first.csv")
    counted = RefundBench(stocked).customer("eve")
    twice = {"return_counted_before": 1}
    before = foreseen(stocked, second, name="second.csv")
    report = settle(stocked, second, name="second.csv")
    assert (report.rejects_by_code, before.rejects_by_code) == (twice, twice)
    assert (report.returns, RefundBench(stocked).customer("eve")) == (0, counted)
    assert stocked.broken_checks() == set()
