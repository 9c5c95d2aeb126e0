"""The results of a file: one row for each order, whatever its outcome, in every format."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest

from orders_pipeline.base.files.package_files import package_text
from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.exports.formats.file_format import FileFormat, write_table
from orders_pipeline.exports.results import RESULTS, result_rows
from orders_pipeline.imports.import_row import get_import
from orders_pipeline.retention.imports import remove_rejects
from orders_pipeline.store.engine import reading
from tests.import_bench import ImportBench, Line
from tests.refund_bench import RefundBench, asked
from tests.servers.api_server import serving

ENDED = ("number", "status", "total", "currency", "refunded", "reason", "attempts", "file_line")


def results_of(bench: ImportBench, key: str) -> list[dict[str, Any]]:
    """The results of a file as JSON objects."""
    target = BytesIO()
    with reading(bench.engine) as connection:
        rows = result_rows(connection, get_import(connection, key))
        write_table(target, FileFormat.JSON_LINES, RESULTS, rows)
    return [json.loads(line) for line in target.getvalue().splitlines()]


def results(bench: ImportBench, key: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ENDED) for row in results_of(bench, key)]


def test_every_order_of_a_file_has_a_row_in_the_order_of_the_file(bench: ImportBench) -> None:
    bench.stock(MOUSE=100, LAMP=0)
    first = bench.import_lines(Line("1"), Line("2", currency="JPY", price="5"), name="first.csv")
    second = bench.import_lines(
        *(Line("3", quantity=2), Line("2", currency="JPY", price="5"), Line("4", "LAMP")),
        *(
            Line("5", price="x"),
            Line("6"),
            Line("5"),
            Line("1E+12"),
            "",
            Line("1E+12"),
            Line("1", quantity=7),
        ),
        name="second.csv",
    )
    assert results(bench, first.partition) == [
        ("1", "completed", 10.0, "USD", 0.0, None, 1, 2),
        ("2", "completed", 5.0, "JPY", 0.0, None, 1, 3),
    ]
    rows = results(bench, second.partition)
    reasons = [str(row[5]).partition(":")[0] for row in rows]
    assert [(*row[:5], *row[6:]) for row in rows] == [
        ("3", "completed", 20.0, "USD", 0.0, 1, 2),
        ("2", "duplicate", 5.0, "JPY", None, None, 3),
        ("4", "failed", 10.0, "USD", 0.0, 1, 4),
        ("5", "rejected", None, None, None, None, 5),
        ("6", "completed", 10.0, "USD", 0.0, 1, 6),
        ("1E+12", "rejected", None, None, None, None, 8),
        (None, "rejected", None, None, None, None, 9),
        ("1E+12", "rejected", None, None, None, None, 10),
        ("1", "rejected", None, None, None, None, 11),
    ]
    assert reasons[1] == first.partition
    assert reasons[2:] == [
        *("out_of_stock", "price_unreadable", "None"),
        *("order_number_damaged", "blank_line", "order_number_damaged", "order_conflict"),
    ]
    assert sum(second.orders.values()) + 2 == len(rows)


def test_what_happened_later_is_in_the_results(bench: ImportBench) -> None:
    bench.set(payment_success_rate=0)
    key = bench.import_lines(Line("1"), Line("2")).partition
    assert {row["reason"].partition(":")[0] for row in results_of(bench, key)} == {"declined"}
    bench.set(payment_success_rate=1)
    bench.retry("2")
    bench.settle(key)
    RefundBench(bench).refund(asked("2", amount="4.00"))
    declined, paid = results_of(bench, key)
    assert (declined["status"], declined["transaction_id"], declined["attempts"]) == ("rollback", None, 1)
    assert (paid["status"], paid["attempts"], paid["refunded"]) == ("completed", 2, 4.0)
    assert paid["transaction_id"]
    assert paid["settled_at"] > declined["settled_at"]


def test_skipped_orders_and_returns_have_rows(lone_bench: ImportBench) -> None:
    bench = lone_bench
    text = package_text("orders_pipeline.order_files.columns", "profiles/default.toml")
    profile = bench.folder / "own.toml"
    profile.write_text(
        f'{text}\n[skip]\n"customer_name" = ["Test"]\n[returns]\nnumber = "R*"\n', encoding="utf-8"
    )
    lines = (Line("1"), Line("2"), Line("2", name="Test", price="x"), Line("R1", quantity=-1))
    said = {"profile": str(profile), "returns": "take"}
    key = bench.stage(bench.write(*lines), **said)
    bench.settle(key)
    again = bench.stage(bench.write(Line("R1", quantity=-1), name="again.csv"), **said)
    bench.settle(again)
    assert [(number, status, total) for number, status, total, *_ in results(bench, key)] == [
        *(("1", "completed", 10.0), ("2", "skipped", None), ("R1", "completed", -10.0))
    ]
    assert results(bench, again) == [("R1", "duplicate", -10.0, "USD", None, None, None, 2)]


def test_results_that_are_no_longer_whole_are_refused(lone_bench: ImportBench) -> None:
    lone_bench.import_lines(Line("1"))
    key = lone_bench.import_lines(Line("1"), Line("2"), name="more.csv").partition
    remove_rejects(lone_bench.engine, 2**62, dry=False)
    with pytest.raises(FileRefused, match="were removed"):
        results_of(lone_bench, key)


def test_the_api_sends_results_as_a_file(lone_bench: ImportBench, redis_url: str) -> None:
    bench = lone_bench
    bench.set(database_url=str(bench.engine.url), redis_url=redis_url, rate_limit=0)
    key = bench.import_lines(Line("00123"), Line("=1+1")).partition
    with serving(bench.settings) as get:
        plain = get(f"/imports/{key}/results")
        escaped = get(f"/imports/{key}/results", params={"escape_formulas": True})
        sheet = get(f"/imports/{key}/results", params={"format": "xlsx"})
        refused = [
            get("/imports/nothing-here/results").status_code,
            get(f"/imports/{key}/results", params={"format": "pdf"}).status_code,
        ]
    header, first, second = plain.text.splitlines()
    assert header == ",".join(RESULTS.names)
    assert (first.split(",")[:2], second.split(",")[0]) == (["00123", "completed"], "=1+1")
    assert "'=1+1," in escaped.text
    assert plain.headers["Content-Disposition"] == f'attachment; filename="{key}.results.csv"'
    assert sheet.content.startswith(b"PK")
    assert int(sheet.headers["Content-Length"]) == len(sheet.content)
    assert refused == [404, 422]
