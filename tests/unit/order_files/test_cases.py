"""Small files with typical importer pitfalls; each has its expected result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orders_pipeline.base.refusals import FileRefused
from tests.unit.order_files.datasets import shared
from tests.unit.order_files.parsing import parse

# Name of the case, options, total of each order in cents, and rejects by code.
TAKEN: list[tuple[str, Mapping[str, str], Mapping[str, int], Mapping[str, int]]] = [
    ("discount_charged_in_full", {}, {"#1": 5000, "#2": 0}, {}),
    (
        "draft_price_is_line_total",
        {},
        {"112-9739103-000001": 7990, "112-9739103-000002": 6399},
        {"status_skipped": 2},
    ),
    ("draft_refuses_index_column", {}, {"1": 1000, "2": 2000}, {}),
    ("draft_takes_cancelled", {}, {"1": 3000, "2": 4050}, {"status_skipped": 1}),
    ("excel_text_formula", {}, {"00123": 3150}, {}),
    (
        "currency_sign_spaced",
        {},
        {"16-14679-61003": 300_000, "04-14689-12345": 78_000},
        {"blank_line": 1, "sku_missing": 2},
    ),
    ("currency_signs_rp", {}, {"1": 300_000_000, "2": 7_500_050}, {}),
    ("dates_excel_serial", {"date_format": "excel"}, {"1": 1000, "2": 1000}, {}),
    ("dates_month_names", {}, {"1": 1000, "2": 1000, "3": 1000, "4": 1000}, {}),
    ("float_noise", {}, {"1": 30, "2": 24_129_115, "4": 1250}, {"price_too_precise": 1}),
    ("free_line_loses_order", {"leave_out": "free,returned"}, {"8001": 1000, "8002": 2000, "8003": 1500}, {}),
    ("half_order_blank_number", {}, {}, {"order_number_missing": 3}),
    ("header_same_but_for_sign", {}, {"9001": 2500, "9002": 1350}, {}),
    ("ids_damaged", {}, {}, {"sku_damaged": 3}),
    ("invisible_characters", {}, {"1": 1000, "2": 1000, "3": 2000}, {}),
    ("missing_words", {}, {str(n): n * 1000 for n in range(1, 7)}, {"sku_missing": 1}),
    ("number_damaged_no_point", {}, {}, {"order_number_damaged": 4}),
    ("number_used_again", {}, {}, {"order_number_reused": 4}),
    ("number_used_again_pos", {}, {}, {"order_number_reused": 5}),
    ("page_twice", {}, {"1": 1000, "2": 3500, "3": 3000}, {"repeated_header": 1}),
    ("weight_goods", {}, {}, {"quantity_not_whole": 2}),
    ("zone_name_ignored", {}, {"Z1": 1000, "Z2": 1000}, {}),
    (
        "skip_a_line_not_the_order",
        {"date_format": "%b-%d-%y"},
        {"11-10000-00001": 9000, "11-10000-00002": 6500, "11-10000-00003": 2800},
        {"blank_line": 2, "field_count": 2, "order_number_missing": 1},
    ),
]
REFUSED = {
    "cents_column": "column_missing",
    "items_in_repeated_columns": "column_ambiguous",
    "json_items": "column_missing",
    "skip_names_no_column": "column_missing",
}


def case(name: str) -> tuple[Path, str | None]:
    """The file of a case, and its profile if there is one."""
    file = shared(f"cases/{name}.txt" if name == "draft_price_is_line_total" else f"cases/{name}.csv")
    profile = file.with_suffix(".toml")
    return file, str(profile) if profile.exists() else None


@pytest.mark.parametrize(("name", "options", "totals", "rejects"), TAKEN, ids=lambda value: str(value)[:40])
def test_a_case_comes_out_right(
    name: str,
    options: Mapping[str, str],
    totals: Mapping[str, int],
    rejects: Mapping[str, int],
    tmp_path: Path,
) -> None:
    file, profile = case(name)
    taken = parse(file, tmp_path / "parsed", profile, **options)
    assert dict(taken.orders.select("number", "total").iter_rows()) == totals
    assert taken.parsed.rejects_by_code == rejects


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_that_needs_a_profile_of_its_own_is_refused(name: str, tmp_path: Path) -> None:
    file, profile = case(name)
    with pytest.raises(FileRefused) as refused:
        parse(file, tmp_path / "parsed", profile)
    assert refused.value.code == REFUSED[name]
