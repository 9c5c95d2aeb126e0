"""Refunds reported in a shop's export: booked once, on the day of the order, if returns are imported."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from orders_pipeline.base.model import OrderStatus
from orders_pipeline.imports.money_back import reported_refunds
from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.refunds.requests.request import request_refunds
from orders_pipeline.store.engine import reading
from orders_pipeline.store.kpi_days import dirty_days
from orders_pipeline.store.schema import refunds
from tests.figures import open_home
from tests.import_bench import ImportBench
from tests.refund_bench import RefundBench, asked

HEADER = (
    "Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount,Cancelled at"
)
DAY = date(2025, 11, 10)


def order(number: str, status: str, refunded: str, quantity: int = 2) -> str:
    total = f"{quantity * 10}.00"
    head = f"#{number},eve@example.org,{status},USD,{total},0.00,0.00,{total},0.00,2025-11-10 08:00:00 +0000"
    return f"{head},{quantity},Mouse,10.00,MOUSE,{refunded},"


EXPORT = (
    order("1", "paid", "0.00"),
    order("2", "partially_refunded", "4.50"),
    order("3", "refunded", "20.00"),
    order("4", "refunded", ""),
    order("5", "voided", "0.00"),
)


@pytest.fixture
def stocked(bench: ImportBench) -> ImportBench:
    bench.stock(MOUSE=100)
    return bench


def export(bench: ImportBench, *lines: str, name: str = "shopify.csv") -> Path:
    file = bench.folder / name
    file.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    return file


def settle(bench: ImportBench, *lines: str, name: str = "shopify.csv", **said: Any) -> ImportReport:
    return bench.settle(bench.stage(export(bench, *lines, name=name), **said))


def booked(bench: ImportBench) -> dict[str, tuple[Any, ...]]:
    r = refunds.c
    query = select(r.request_key, r.amount, r.status, r.method, r.day).order_by(r.id)
    with reading(bench.engine) as connection:
        return {key: tuple(rest) for key, *rest in connection.execute(query)}


def test_without_returns_refunded_orders_are_skipped_and_nothing_is_booked(stocked: ImportBench) -> None:
    report = settle(stocked, *EXPORT)
    assert (report.orders["accepted"], report.rejects_by_code) == (2, {"status_skipped": 3})
    assert (booked(stocked), report.warnings) == ({}, [])


def test_with_returns_refunded_orders_are_taken_and_booked_on_their_day(stocked: ImportBench) -> None:
    foreseen = stocked.dry_run(export(stocked, *EXPORT), returns="take")
    report = settle(stocked, *EXPORT, returns="take")
    assert (report.orders["accepted"], report.statuses["completed"]) == (4, 4)
    assert report.rejects_by_code == {"status_skipped": 1}
    assert [(one["code"], one["count"]) for one in report.warnings] == [("refunded_on_order_day", 3)]
    assert (foreseen.warnings, foreseen.orders) == (report.warnings, report.orders)
    assert (foreseen.refunded, report.refunded) == ({"USD": "44.50"}, {"USD": "44.50"})
    booked_as = ("completed", "recorded", DAY)
    assert booked(stocked) == {
        "recorded:shopify/#2": (450, *booked_as),
        "recorded:shopify/#3": (2000, *booked_as),
        "recorded:shopify/#4": (2000, *booked_as),
    }
    # An amount changes no stock, because the file does not say whether goods came back.
    assert stocked.shelf()["MOUSE"] == (92, 0, 8)
    assert RefundBench(stocked).customer("eve@example.org") == (8000, 4450)
    assert dirty_days(stocked.engine) == [DAY]
    assert stocked.broken_checks() == set()


def test_of_a_later_export_only_what_is_not_booked_yet_is_booked_once(stocked: ImportBench) -> None:
    settle(stocked, *EXPORT, returns="take")
    before = booked(stocked)
    stocked.steps.finish(stocked.keys()["shopify.csv"])
    assert booked(stocked) == before
    later = (EXPORT[0], order("2", "partially_refunded", "9.00"), *EXPORT[2:], order("6", "refunded", "5.00"))
    booked_as = ("completed", "recorded", DAY)
    more = {"recorded:shopify/#2/900": (450, *booked_as), "recorded:shopify/#6": (500, *booked_as)}
    for name, lines in (("later.csv", later), ("repeated.csv", (*later, order("7", "paid", "0.00")))):
        foreseen = stocked.dry_run(export(stocked, *lines, name=name), returns="take")
        report = settle(stocked, *lines, name=name, returns="take")
        assert foreseen.refunded == report.refunded == ({"USD": "9.50"} if name == "later.csv" else {})
        assert (booked(stocked), report.rejects_by_code) == ({**before, **more}, {"status_skipped": 1})
        stocked.steps.finish(stocked.keys()[name])
    assert (booked(stocked), RefundBench(stocked).taken("#2")) == ({**before, **more}, 900)
    assert stocked.broken_checks() == set()


def test_an_export_that_tells_of_less_than_is_booked_is_a_warning(stocked: ImportBench) -> None:
    settle(stocked, *EXPORT, returns="take")
    before = booked(stocked)
    less = (order("2", "partially_refunded", "4.00"), order("8", "paid", "0.00"))
    foreseen = stocked.dry_run(export(stocked, *less, name="less.csv"), returns="take")
    settle(stocked, *less, name="less.csv", returns="take")
    report = stocked.steps.finish(stocked.keys()["less.csv"])
    assert {one["code"]: one["count"] for one in report.warnings}["less_refunded"] == 1
    assert foreseen.warnings == report.warnings
    assert booked(stocked) == before
    assert stocked.broken_checks() == set()


def test_two_exports_at_once_do_not_book_the_same_money_twice(stocked: ImportBench) -> None:
    settle(stocked, EXPORT[0], returns="take")
    keys = [
        stocked.stage(
            export(stocked, order("1", "partially_refunded", f"{refunded}.00"), name=name), returns="take"
        )
        for name, refunded in (("five.csv", 5), ("seven.csv", 7))
    ]
    stocked.race(*(partial(ImportBench.settle, key=key) for key in keys))
    assert RefundBench(stocked).taken("#1") == 700
    assert stocked.broken_checks() == set()


def test_an_import_that_died_while_booking_books_the_rest(
    stocked: ImportBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = stocked.stage(export(stocked, *EXPORT), returns="take")

    def book_one_and_die(engine: Any, wanted: Any, *terms: Any) -> None:
        request_refunds(engine, wanted[:1], *terms)
        raise ConnectionError

    monkeypatch.setattr(reported_refunds, "request_refunds", book_one_and_die)
    with pytest.raises(ConnectionError):
        stocked.settle(key)
    assert (len(booked(stocked)), stocked.found(key).settled_at) == (1, None)
    monkeypatch.undo()
    stocked.settle(key)
    assert len(booked(stocked)) == 3
    assert stocked.broken_checks() == set()


def test_of_an_order_that_failed_nothing_is_booked(stocked: ImportBench) -> None:
    report = settle(stocked, order("1", "refunded", "20.00"), order("2", "refunded", "", 99), returns="take")
    assert report.statuses[OrderStatus.FAILED] == 1
    assert list(booked(stocked)) == ["recorded:shopify/#1"]


def test_what_an_operator_booked_before_is_part_of_what_the_file_tells(stocked: ImportBench) -> None:
    settle(stocked, EXPORT[0], returns="take")
    RefundBench(stocked).request(asked("#1", amount="15.00", recorded=True))
    report = settle(stocked, order("1", "refunded", "20.00"), name="later.csv", returns="take")
    assert report.orders["duplicate"] == 1
    assert RefundBench(stocked).taken("#1") == 2000
    assert stocked.broken_checks() == set()


def test_the_leaderboards_show_what_a_file_tells(lone_bench: ImportBench, redis_url: str) -> None:
    lone_bench.stock(MOUSE=100)
    settle(lone_bench, *EXPORT, returns="take")
    assert RefundBench(lone_bench).unpublished == 3
    with open_home(str(lone_bench.engine.url), redis_url, lone_bench.settings.warehouse) as home:
        lone_bench.steps.finish(lone_bench.keys()["shopify.csv"], home.boards)
    assert RefundBench(lone_bench).unpublished == 0
