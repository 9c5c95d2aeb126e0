"""More real files: each order is compared with a count by the csv module and Decimal."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.proposals.propose import propose_profile
from orders_pipeline.order_files.read_options import ReadOptions
from tests.import_bench import RUN, ImportBench

CENT = Decimal("0.01")
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """One line: its order, whether it can be imported, and its total."""

    order: str
    good: bool
    total: Decimal


@dataclass(frozen=True, slots=True)
class Real:
    """How to count a file, and the instructions for its import."""

    file: str
    profile: str
    encoding: str
    count: Callable[[Row], Iterator[Counted]]
    delimiter: str = ","
    said: tuple[tuple[str, str], ...] = ()


def retail(row: Row) -> Iterator[Counted]:
    quantity = Decimal(row["Quantity"] or 0)
    price = Decimal((row["UnitPrice"] or "0").replace(",", "."))
    yield Counted(row["InvoiceNo"], quantity > 0 and price > 0, quantity * price)


def superstore(row: Row) -> Iterator[Counted]:
    yield Counted(row["Order ID"], True, Decimal(row["Sales"]))


def classicmodels(row: Row) -> Iterator[Counted]:
    yield Counted(row["ORDERNUMBER"], True, Decimal(row["SALES"].strip(" $").replace(",", "")))


def shopify(row: Row) -> Iterator[Counted]:
    # An order's total is on its first line.
    yield Counted(row["Name"], True, Decimal(row["Total"] or 0))


def woocommerce(row: Row) -> Iterator[Counted]:
    items = [name for name, item in row.items() if name.startswith("line_item_") and item]
    for name in items:
        total = Decimal(row["order_total"]) if name == items[0] else Decimal(0)
        yield Counted(row["order_number"], True, total)


RETAIL = "online_retail/online-retail-"
SEMICOLON = "semicolon-decimalcomma-bom-10k.csv"
FILES = [
    Real(f"{RETAIL}{SEMICOLON}", "online_retail", "utf-8-sig", retail, ";", (("date_format", "DMY"),)),
    Real(f"{RETAIL}latin1-ddmmyyyy-truncated-39k.csv", "online_retail", "latin-1", retail),
    Real("superstore/superstore-cp1252-CR-mdyyyy.csv", "superstore", "cp1252", superstore),
    Real("classicmodels/sales_data_sample-currency-formatted.csv", "classicmodels", "latin-1", classicmodels),
    Real("shopify/devstore_orders_export.pseudonymised.csv", "shopify", "utf-8", shopify),
    Real("woocommerce/webtoffee_Sample_Order.csv", "woocommerce", "utf-8-sig", woocommerce),
]


def counted(path: Path, real: Real) -> list[Counted]:
    """The lines of a file; a truncated line is a bad line of the order before it."""
    text = io.StringIO(path.read_bytes().decode(real.encoding), newline="")
    lines: list[Counted] = []
    for row in csv.DictReader(text, delimiter=real.delimiter):
        if None in row.values():
            lines.append(Counted(row[next(iter(row))], False, Decimal(0)))
        else:
            lines += real.count(row)
    return lines


@pytest.mark.parametrize("real", FILES, ids=lambda real: real.file.rpartition("/")[2])
def test_each_order_has_the_total_of_an_independent_count(
    lone_bench: ImportBench, datasets: Path, real: Real
) -> None:
    lines = counted(datasets / real.file, real)
    bad = {line.order for line in lines if not line.good}
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.order not in bad:
            totals[line.order] += line.total
    report = lone_bench.settle(lone_bench.stage(datasets / real.file, **dict(real.said)))
    assert report.profile == real.profile
    assert (report.records, report.rejected_lines) == (len(lines), sum(not line.good for line in lines))
    assert report.lines_of_rejected_orders == sum(line.good and line.order in bad for line in lines)
    assert report.orders == {"accepted": len(totals), "rejected": len(bad), "duplicate": 0}
    stored = {row[4]: Decimal(row[7]) / 100 for row in lone_bench.rows("orders")}
    assert stored == {order: total.quantize(CENT, ROUND_HALF_UP) for order, total in totals.items()}
    assert report.statuses == {"completed": len(totals), "rollback": 0, "failed": 0}
    assert lone_bench.broken_checks() == set()


def test_dates_that_can_be_read_both_ways_need_a_word_from_the_user(
    lone_bench: ImportBench, datasets: Path
) -> None:
    key = lone_bench.stage(datasets / f"{RETAIL}{SEMICOLON}")
    with pytest.raises(FileRefused) as refused:
        lone_bench.steps.parse(key, RUN)
    assert refused.value.code == "dates_ambiguous"
    assert lone_bench.statuses() == {}


def test_a_shape_that_no_profile_knows_is_imported_once_the_gaps_of_the_proposed_profile_are_filled(
    lone_bench: ImportBench, datasets: Path
) -> None:
    file = datasets / "shopify/shopify-data-challenge-2022-5000.csv"
    with pytest.raises(FileRefused) as refused:
        lone_bench.stage(file)
    assert refused.value.code == "header_missing"
    proposal = propose_profile(file, ReadOptions())
    profile = lone_bench.folder / "challenge.toml"
    assert proposal.missing == ("sku", "quantity")
    filled = {"sku": 'sku = "shop_id"', "quantity": 'quantity = "total_items"'}
    text = proposal.toml
    for field, column in filled.items():
        text = re.sub(f"(?m)^# {field} = .*$", "", text)
        text = text.replace("[columns]", f"[columns]\n{column}")
    profile.write_text(text)
    report = lone_bench.settle(lone_bench.stage(file, profile=str(profile)))
    with file.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    assert (report.profile, report.records, report.rejected_lines) == ("challenge", len(rows), 0)
    assert report.revenue == {"USD": str(sum(Decimal(row["order_amount"]).quantize(CENT) for row in rows))}
