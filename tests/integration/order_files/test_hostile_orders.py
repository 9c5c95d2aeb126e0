"""Hostile order files: each line is accepted as it is or rejected with a reason; none is lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import Row, select

from orders_pipeline.imports.results.report import ImportReport
from orders_pipeline.order_files.columns.invisible import visible
from orders_pipeline.store.engine import reading
from orders_pipeline.store.schema import customers, order_lines, orders, products, rejects
from tests.import_bench import ImportBench, Line, many_orders
from tests.stores import open_test_engine
from tests.sweeps import examples

TEXTS = [
    "'; DROP TABLE orders; --",
    '" OR "1"="1',
    "x'); DELETE FROM payments; --",
    "%s %(id)s :id {0} {} $1 ? \\",
    '=HYPERLINK("http://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "<script>alert(1)</script>",
    "../../../etc/passwd",
    "..",
    "NULLs",
    "None of these",
    "\u202egnp.exe",
    "a\u200bb",
    "e\u0301 and \u00e9",
    "\ufdfa\U0001f600",
    "tab\there",
    "x" * 1000,
]
NUMBERS = [
    "1e308",
    "1e-400",
    "NaN",
    "-NaN",
    "Infinity",
    "-inf",
    "-0",
    "-0.0",
    "9" * 40,
    "0." + "0" * 40 + "1",
    "9223372036854775808",
    "-9223372036854775809",
    "0x10",
    "1_000",
    "1,000,00",
    "\uff11\uff12",
    "\u0663",
    "1/2",
    "=1+1",
    "--1",
    "1" + " " * 50 + "0",
    "\u221e",
]
DATES = [
    "0000-00-00",
    "0001-01-01",
    "1970-01-01",
    "1999-12-31 23:59:59",
    "2025-02-29",
    "2025-02-30",
    "2025-13-01",
    "2025-11-10 24:00:00",
    "2025-11-10 23:59:60",
    "2025-11-10 25:61:61",
    "9999-12-31 23:59:59",
    "10000-01-01",
    "-2025-11-10",
    "2025-11-10T10:00:00+99:99",
    "1e308",
    "\u0662\u0660\u0662\u0665-11-10",
    "now",
]


def accounted(report: ImportReport) -> int:
    """Lines whose outcome is in the report."""
    return (
        report.accepted_lines
        + report.rejected_lines
        + report.lines_of_rejected_orders
        + report.duplicate_lines
        + report.left_out_lines
        + report.repeated_lines
    )


def stored(bench: ImportBench) -> list[Row[tuple[str, str, str, str, str]]]:
    """Order number, SKU, customer id and name, and product name of each line."""
    query = (
        select(orders.c.number, products.c.sku, customers.c.id, customers.c.name, products.c.name)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .join(products, products.c.id == order_lines.c.product_id)
        .join(customers, customers.c.id == orders.c.customer_id)
    )
    with reading(bench.engine) as connection:
        return list(connection.execute(query))


def reject_codes(bench: ImportBench) -> dict[str, str]:
    """Code by order number."""
    with reading(bench.engine) as connection:
        return dict(connection.execute(select(rejects.c.order_number, rejects.c.code)).all())


def test_text_that_means_harm_is_only_text(bench: ImportBench) -> None:
    lines = [
        Line(text, f"sku {text}"[:1000], customer=f"id {text}"[:1000], name=text, product=text)
        for text in TEXTS
    ]
    report = bench.import_lines(*lines)
    assert (report.accepted_lines, accounted(report)) == (len(TEXTS), len(TEXTS))
    kept = {(row[0], row[3], row[4]) for row in stored(bench)}
    assert kept == {(visible(text),) * 3 for text in TEXTS}
    assert bench.broken_checks() == set()


def test_control_characters_harm_their_own_order_only(bench: ImportBench) -> None:
    signs = [chr(code) for code in (0, 1, 7, 8, 27, 127, 0x85, 0x2028, 0xFEFF, 0xFFFE)]
    lines = [Line(f"n{at}", customer=f"c{sign}{at}", name=sign) for at, sign in enumerate(signs)]
    report = bench.import_lines(Line("first"), *lines, Line("last"))
    assert accounted(report) == report.records == len(signs) + 2
    assert {"first", "last"} <= bench.statuses().keys()
    assert bench.broken_checks() == set()


def as_orders(field: str, values: Iterable[str]) -> list[Line]:
    return [Line(f"{field}-{at}", **{field: value}) for at, value in enumerate(values)]


def test_absurd_numbers_are_rejected_and_the_others_stay_exact(bench: ImportBench) -> None:
    lines = [*as_orders("quantity", NUMBERS), *as_orders("price", NUMBERS)]
    report = bench.import_lines(*many_orders(100), *lines)
    assert accounted(report) == report.records == 100 + 2 * len(NUMBERS)
    assert set(reject_codes(bench)) == {line.order for line in lines}
    assert bench.broken_checks() == set()


def test_dates_that_are_none_or_lie_outside_are_rejected(bench: ImportBench) -> None:
    lines = as_orders("date", DATES)
    report = bench.import_lines(*many_orders(100), *lines)
    assert accounted(report) == report.records == 100 + len(DATES)
    assert set(reject_codes(bench).values()) <= {"date_unreadable", "date_out_of_range"}
    assert set(reject_codes(bench)) == {line.order for line in lines}
    assert bench.broken_checks() == set()


def test_a_thousand_orders_at_the_highest_total_overflow_nothing(bench: ImportBench) -> None:
    bench.set(transaction_orders=100)
    report = bench.import_lines(*many_orders(1000, price="10000000000"))
    assert report.statuses["completed"] == 1000
    assert report.revenue == {"USD": "10000000000000.00"}
    assert bench.broken_checks() == set()


ANYTHING = st.one_of(
    st.sampled_from([*TEXTS, *NUMBERS, *DATES]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
HOSTILE = st.builds(
    Line,
    order=ANYTHING,
    sku=ANYTHING,
    quantity=st.one_of(ANYTHING, st.integers().map(str)),
    price=st.one_of(ANYTHING, st.decimals().map(str)),
    customer=ANYTHING,
    name=ANYTHING,
    currency=st.one_of(st.just("USD"), ANYTHING),
    date=st.one_of(st.just("2025-11-10"), ANYTHING),
    product=ANYTHING,
)


@given(lines=st.lists(HOSTILE, max_size=8))
@examples(15, [HealthCheck.function_scoped_fixture])
def test_whatever_is_in_a_file_the_good_orders_are_settled_and_each_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line]
) -> None:
    folder: Path = tmp_path_factory.mktemp("hostile")
    engine = open_test_engine(f"sqlite:///{folder / 'orders.db'}")
    bench = ImportBench.at(engine, folder)
    report = bench.import_lines(*many_orders(5, "good"), *lines, *many_orders(5, "fine"))
    assert accounted(report) == report.records
    settled = bench.statuses()
    assert {settled.get(f"{name}{at}") for name in ("good", "fine") for at in range(5)} <= {"completed"}
    assert bench.broken_checks() == set()
    engine.dispose()
