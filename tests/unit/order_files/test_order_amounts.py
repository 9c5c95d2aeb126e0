"""Discounts, shipping, taxes and stated totals: the customer owes what the file says, to the minor unit."""

from __future__ import annotations

import csv
import io
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.base.refusals import FileRefused
from orders_pipeline.order_files.columns.identify import identify
from orders_pipeline.order_files.columns.profile import parse_profile
from orders_pipeline.order_files.orders.parse import parse_order_file
from orders_pipeline.order_files.read_options import ReadOptions
from tests.sweeps import examples
from tests.unit.order_files.parsing import RULES, Imported, imported

PLAIN = """
[columns]
order_number = "order"
sku = "sku"
quantity = "quantity"
unit_price = "price"
currency = "currency"
ordered_at = "date"
"""
COLUMNS = ("order", "sku", "quantity", "price", "currency", "date")


def take(folder: Path, sections: str, rows: list[dict[str, str]], optional: str = "") -> Imported:
    """Imports rows with COLUMNS and further columns, using the profile PLAIN and further sections."""
    base = {
        "order": "1",
        "sku": "MUG",
        "quantity": "1",
        "price": "10.00",
        "currency": "USD",
        "date": "2025-11-10",
    }
    more = {name: "" for row in rows for name in row if name not in base}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*COLUMNS, *more], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**base, **more, **row} for row in rows)
    file = folder / "orders.csv"
    file.write_text(text.getvalue(), encoding="utf-8")
    profile = parse_profile(f"{optional}{PLAIN}{sections}", "shop.toml")
    identified = identify(file, profile, ReadOptions())
    target = folder / "parsed"
    return imported(identified, parse_order_file(file, identified, RULES, target), target)


def owed(taken: Imported) -> dict[str, int]:
    return dict(taken.orders.select("number", "total").iter_rows())


def reasons(taken: Imported) -> dict[str, str]:
    return dict(taken.rejects.select("order_number", "message").iter_rows())


def test_amounts_make_up_what_the_customer_owes(tmp_path: Path) -> None:
    sections = """[amounts]
discount = "off"
shipping = ["post", "gift wrap"]
tax = "vat"
fee = "fee"
tip = "tip"
tax_included = false
"""
    row = {"quantity": "2", "off": "3.50", "post": "4.00", "gift wrap": "1.00", "vat": "1.999", "fee": ".30"}
    taken = take(tmp_path, sections, [row, {"sku": "CUP", "tip": "0.20"}])
    assert owed(taken) == {"1": 3400}
    amounts = taken.orders.select("discount", "shipping", "tax", "fee", "tip").row(0)
    assert amounts == (35_000, 50_000, 19_990, 3_000, 2_000)


def test_a_discount_counts_with_and_without_its_minus(tmp_path: Path) -> None:
    rows = [{"order": "1", "off": "-2.00"}, {"order": "2", "off": "2.00"}]
    assert owed(take(tmp_path, '[amounts]\ndiscount = "off"\n', rows)) == {"1": 800, "2": 800}


@pytest.mark.parametrize("later", ["", "0.00", "2.00"])
def test_an_amount_of_the_order_is_on_its_first_line_or_on_each(later: str, tmp_path: Path) -> None:
    rows = [{"post": "2.00"}, {"sku": "CUP", "post": later}]
    assert owed(take(tmp_path, '[amounts]\nshipping = "post"\n', rows)) == {"1": 2200}


def test_different_amounts_on_the_lines_of_an_order_reject_it_whole(tmp_path: Path) -> None:
    rows = [{"post": "2.00"}, {"sku": "CUP", "post": "3.00"}, {"order": "2"}]
    taken = take(tmp_path, '[amounts]\nshipping = "post"\n', rows)
    assert owed(taken) == {"2": 1000}
    assert taken.codes() == ["amount_differs", "order_rejected"]


def test_taxes_are_added_only_where_prices_do_not_contain_them(tmp_path: Path) -> None:
    rows = [
        {"order": "net", "vat": "2.00", "sum": "12.00"},
        {"order": "gross", "vat": "1.60", "sum": "10.00"},
        {"order": "neither", "vat": "2.00", "sum": "11.00"},
        {"order": "unstated", "vat": "2.00"},
        {"order": "untaxed"},
    ]
    taken = take(tmp_path, '[amounts]\ntax = "vat"\ntotal = "sum"\ntax_included = "auto"\n', rows)
    assert owed(taken) == {"net": 1200, "gross": 1000, "untaxed": 1000}
    kept = taken.orders.select("number", "tax", "tax_included").rows()
    assert kept == [("gross", 0, 16_000), ("net", 20_000, 0), ("untaxed", 0, 0)]
    assert taken.parsed.rejects_by_code == {"total_disagrees": 1, "total_missing": 1}
    assert "11.00 is stated, but the lines and amounts add up to 12.00" in reasons(taken)["neither"]


def test_a_difference_within_the_tolerance_is_owed_as_stated(tmp_path: Path) -> None:
    rows = [{"order": "1", "sum": "10.02"}, {"order": "2", "sum": "9.98"}, {"order": "3", "sum": "10.03"}]
    taken = take(tmp_path, '[amounts]\ntotal = "sum"\ntolerance = 2\n', rows)
    assert owed(taken) == {"1": 1002, "2": 998}
    assert taken.parsed.rejects_by_code == {"total_disagrees": 1}
    assert taken.orders["unexplained"].to_list() == [0, 0]


def test_a_trusted_total_is_owed_and_its_difference_unexplained(tmp_path: Path) -> None:
    rows = [{"order": "1", "sum": "12.34"}, {"order": "2", "sum": "7.00"}]
    taken = take(tmp_path, '[amounts]\ntotal = "sum"\ntrust = "total"\n', rows)
    assert owed(taken) == {"1": 1234, "2": 700}
    assert taken.orders["unexplained"].to_list() == [23_400, -30_000]


def test_a_stated_subtotal_may_be_before_or_after_discounts(tmp_path: Path) -> None:
    rows = [
        {"order": "1", "off": "1.00", "sub": "10.00"},
        {"order": "2", "off": "1.00", "sub": "9.00"},
        {"order": "3", "off": "1.00", "sub": "8.00"},
    ]
    taken = take(tmp_path, '[amounts]\ndiscount = "off"\nsubtotal = "sub"\n', rows)
    assert owed(taken) == {"1": 900, "2": 900}
    assert "8.00 is stated, but the lines add up to 10.00" in reasons(taken)["3"]


@pytest.mark.parametrize(("level", "total"), [("add", 1400), ("contained", 1500)])
def test_discounts_of_lines_add_to_those_of_the_order_or_are_contained(
    level: str, total: int, tmp_path: Path
) -> None:
    sections = f'[amounts]\ndiscount = "off"\nline_discount = "line off"\nline_level = "{level}"\n'
    taken = take(tmp_path, sections, [{"off": "5.00", "line off": "1.00"}, {"sku": "CUP"}])
    assert owed(taken) == {"1": total}
    assert taken.lines["discount"].to_list() == [10_000, 0]
    assert taken.orders["discount"][0] + 10_000 == 20_00 * 100 - total * 100


def test_an_order_that_discounts_make_free_is_an_order(tmp_path: Path) -> None:
    rows = [{"order": "free", "off": "10.00"}, {"order": "below", "off": "10.01"}]
    taken = take(tmp_path, '[amounts]\ndiscount = "off"\n', rows)
    assert owed(taken) == {"free": 0}
    assert taken.parsed.rejects_by_code == {"total_negative": 1}
    assert "-0.01" in reasons(taken)["below"]


def test_an_order_that_only_rounding_makes_free_is_rejected(tmp_path: Path) -> None:
    taken = take(tmp_path, "", [{"order": "1", "price": "0.004"}, {"order": "2", "price": "0.005"}])
    assert owed(taken) == {"2": 1}
    assert taken.parsed.rejects_by_code == {"total_rounds_to_zero": 1}


def test_minor_units_become_units_of_the_currency(tmp_path: Path) -> None:
    rows = [{"order": "1", "quantity": "2", "price": "1250", "post": "990"}, {"order": "2", "price": "0.005"}]
    taken = take(tmp_path, '[amounts]\nshipping = "post"\nscale = 100\n', rows)
    assert owed(taken) == {"1": 3490}
    assert taken.parsed.rejects_by_code == {"price_too_precise": 1}


@pytest.mark.parametrize(
    ("written", "cents"),
    [
        ("0.30000000000000004", 30),
        ("241291.15000000002", 24129115),
        ("13.989999771118164", 1399),
        ("2.3450", 235),
    ],
)
def test_noise_of_binary_floats_is_rounded_where_the_profile_says_so(
    written: str, cents: int, tmp_path: Path
) -> None:
    assert owed(take(tmp_path, "[amounts]\nround = 2\n", [{"price": written}])) == {"1": cents}


def test_what_is_no_amount_is_rejected_with_its_column(tmp_path: Path) -> None:
    rows = [{"order": "1", "post": "free"}, {"order": "2", "post": "€2.00"}, {"order": "3", "post": "$2.00"}]
    taken = take(tmp_path, '[amounts]\nshipping = "post"\n', rows)
    assert owed(taken) == {"3": 1200}
    assert "post 'free'" in reasons(taken)["1"]
    assert "post '€2.00'" in reasons(taken)["2"]


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ('[amounts]\ndiscount = "a"\nline_discount = "b"\n', "say line_level = 'add' or 'contained'"),
        ('[amounts]\ntax_included = "auto"\n', "needs the column of the total"),
        ('[amounts]\ntrust = "total"\n', "needs the column of the total"),
        ("[amounts]\nscale = 7\n", "scale"),
        ('[payment]\ncolumn = "state"\n', "list the values"),
        (
            '[payment]\ncolumn = "state"\nrecorded = ["Paid"]\nskip = ["paid "]\n',
            "'paid ' is in recorded and in skip",
        ),
        ('[payment]\ncolumn = "state"\npartly = ["part"]\n', "says how much is paid"),
    ],
)
def test_a_profile_that_leaves_the_amount_open_is_refused(sections: str, problem: str) -> None:
    with pytest.raises(FileRefused, match=r"shop\.toml is not a valid profile") as refused:
        parse_profile(PLAIN + sections, "shop.toml")
    assert problem in refused.value.message


def test_a_file_without_a_named_amount_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no column Shipping") as refused:
        take(tmp_path, '[amounts]\nshipping = "Shipping"\n', [{}])
    assert refused.value.code == "column_missing"
    assert owed(take(tmp_path, '[amounts]\nshipping = "Shipping"\noptional = ["shipping"]\n', [{}])) == {
        "1": 1000
    }


PAYMENT = """[payment]
column = "state"
recorded = ["paid", "refunded in part"]
partly = ["partly paid"]
charge = ["pending"]
skip = ["voided"]
reference = "ref"
outstanding = "open"
"""


def test_the_payment_column_says_what_is_paid_elsewhere(tmp_path: Path) -> None:
    rows = [
        {"order": "1", "state": "PAID", "ref": "ch_1", "open": ""},
        {"order": "2", "state": "paid"},
        {"order": "2", "sku": "CUP"},
        {"order": "3", "state": "pending"},
        {"order": "4", "state": "Voided"},
        {"order": "5", "state": "partly paid", "open": "4.00"},
        {"order": "6", "state": "partly paid"},
        {"order": "7", "state": "on the house"},
        {"order": "8", "state": ""},
    ]
    taken = take(tmp_path, PAYMENT, rows)
    assert taken.orders.select("number", "total", "paid", "reference").rows() == [
        ("1", 1000, 1000, "ch_1"),
        ("2", 2000, 2000, "recorded:2"),
        ("3", 1000, None, None),
        ("5", 1000, 600, "recorded:5"),
    ]
    assert taken.parsed.rejects_by_code == {
        "paid_amount_missing": 1,
        "payment_status_unknown": 2,
        "status_skipped": 1,
    }
    assert "'on the house'" in reasons(taken)["7"]


def test_an_order_that_is_paid_but_has_an_outstanding_amount_is_a_warning(tmp_path: Path) -> None:
    rows = [
        {"order": "1", "state": "paid", "ref": "", "open": "0.00"},
        {"order": "2", "state": "paid", "open": "1"},
    ]
    taken = take(tmp_path, PAYMENT, rows)
    assert taken.orders["paid"].to_list() == [1000, 1000]
    assert [(one.code, one.count) for one in taken.parsed.warnings] == [("paid_but_outstanding", 1)]


def test_lines_with_different_payments_reject_their_order(tmp_path: Path) -> None:
    taken = take(
        tmp_path, PAYMENT, [{"state": "paid", "ref": "", "open": ""}, {"sku": "CUP", "state": "pending"}]
    )
    assert taken.codes() == ["payment_status_unknown", "order_rejected"]


def test_a_file_without_the_payment_column_is_charged_where_the_profile_allows(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="none of the columns state, ref, open"):
        take(tmp_path, PAYMENT, [{}])
    taken = take(tmp_path, f"{PAYMENT}required = false\n", [{}])
    assert taken.orders.select("total", "paid").rows() == [(1000, None)]


AMOUNT = st.decimals(min_value=0, max_value=50, places=4)
LINES = st.lists(
    st.tuples(st.integers(1, 9), st.decimals("0.0001", 500, places=4), AMOUNT), min_size=1, max_size=4
)
ORDERS = st.lists(
    st.fixed_dictionaries(
        {
            "currency": st.sampled_from(["USD", "JPY", "KWD"]),
            "lines": LINES,
            **dict.fromkeys(("discount", "shipping", "tax", "fee", "tip"), AMOUNT),
            "off": st.sampled_from([-2, -1, 0, 0, 0, 1, 2]),
        }
    ),
    min_size=1,
    max_size=5,
)
DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}


@examples(40)
@given(
    orders=ORDERS,
    included=st.booleans(),
    level=st.sampled_from(["add", "contained"]),
    tolerance=st.integers(0, 2),
    trust=st.booleans(),
)
def test_any_mix_of_amounts_is_owed_as_decimals_add_up(
    orders: list[dict], included: bool, level: str, tolerance: int, trust: bool
) -> None:
    rows, expected = [], {}
    for number, order in enumerate(orders, start=1):
        unit = Decimal(1).scaleb(-DIGITS[order["currency"]])
        goods = sum(count * price for count, price, _ in order["lines"])
        of_lines = sum(discount for *_, discount in order["lines"])
        discount = order["discount"] + (of_lines if level == "add" else 0)
        contradicts = level == "contained" and order["discount"] < of_lines
        exact = goods - discount + order["shipping"] + order["fee"] + order["tip"]
        exact += 0 if included else order["tax"]
        computed = (exact / unit).to_integral_value(ROUND_HALF_UP if exact >= 0 else "ROUND_HALF_DOWN")
        stated = computed + order["off"]
        accepted = not contradicts and (trust or abs(order["off"]) <= tolerance) and stated > 0
        if stated == 0 and not contradicts:
            accepted = exact == 0 or (trust and abs(order["off"]) > tolerance)
        if accepted:
            expected[str(number)] = int(stated)
        for at, (count, price, line_off) in enumerate(order["lines"]):
            first = {kind: str(order[kind]) for kind in ("discount", "shipping", "tax", "fee", "tip")}
            first["total"] = str(stated * unit)
            rows.append(
                {
                    "order": str(number),
                    "quantity": str(count),
                    "price": str(price),
                    "currency": order["currency"],
                    "line_discount": str(line_off),
                    **(first if at == 0 else dict.fromkeys(first, "")),
                }
            )
    names = "".join(
        f'{kind} = "{kind}"\n'
        for kind in ("discount", "shipping", "tax", "fee", "tip", "total", "line_discount")
    )
    trusted = 'trust = "total"\n' if trust else ""
    sections = f"[amounts]\n{names}line_level = '{level}'\ntolerance = {tolerance}\n{trusted}"
    with TemporaryDirectory() as folder:
        taken = take(Path(folder), f"{sections}tax_included = {str(included).lower()}\n", rows)
    assert owed(taken) == expected


PER_LINE = """[amounts]
shipping = "post"
line_tax = "vat"
per_line = ["shipping"]
tax_included = false
"""


def test_parts_that_each_line_states_are_added(tmp_path: Path) -> None:
    rows = [
        {"post": "3.00", "vat": "1.00"},
        {"sku": "CUP", "post": "3.00", "vat": "1.00"},
        {"sku": "PEN", "post": ""},
    ]
    taken = take(tmp_path, PER_LINE, rows)
    assert owed(taken) == {"1": 3800}
    assert taken.orders.select("shipping", "tax").row(0) == (60_000, 20_000)


def test_a_total_can_be_the_sum_of_what_the_lines_state(tmp_path: Path) -> None:
    rows = [
        {"order": "net", "vat": "1.00", "after": "10.00"},
        {"order": "net", "sku": "CUP", "vat": "1.00", "after": "10.00"},
        {"order": "gross", "vat": "0.91", "after": "9.09"},
        {"order": "wrong", "vat": "1.00", "after": "8.00"},
    ]
    sections = '[amounts]\nline_tax = "vat"\ntotal = ["after", "vat"]\nper_line = ["total"]\n'
    taken = take(tmp_path, sections, rows)
    assert owed(taken) == {"net": 2200, "gross": 1000}
    assert taken.parsed.rejects_by_code == {"total_disagrees": 1}


def test_a_column_says_whether_prices_contain_the_tax(tmp_path: Path) -> None:
    rows = [
        {"order": "de", "vat": "1.60", "channel": "Shop.DE"},
        {"order": "us", "vat": "0.80", "channel": "shop.com"},
        {"order": "jp", "vat": "1.00", "channel": "shop.jp"},
        {"order": "untaxed", "vat": "0.00", "channel": "shop.jp"},
        {"order": "both", "vat": "1.00", "channel": "shop.de"},
        {"order": "both", "sku": "CUP", "vat": "1.00", "channel": "shop.com"},
    ]
    sections = """[amounts]
line_tax = "vat"
[amounts.tax_included]
column = "channel"
included = ["shop.de"]
added = ["shop.com"]
"""
    taken = take(tmp_path, sections, rows)
    assert owed(taken) == {"de": 1000, "us": 1080, "untaxed": 1000}
    assert taken.parsed.rejects_by_code == {"tax_treatment_unknown": 2}
    assert "for 'shop.jp'" in reasons(taken)["jp"]


def test_discounts_in_percent_are_taken_off_each_line(tmp_path: Path) -> None:
    rows = [
        {"order": "1", "quantity": "3", "off": "12.5"},
        {"order": "1", "sku": "CUP", "price": "0.33", "off": "5 %"},
        {"order": "2", "off": ""},
        {"order": "3", "off": "110"},
        {"order": "4", "off": "-5"},
    ]
    taken = take(tmp_path, '[amounts]\nline_discount_percent = "off"\n', rows)
    assert owed(taken) == {"1": 2656, "2": 1000}
    assert taken.lines["discount"].to_list() == [37_500, 165, 0]
    assert taken.parsed.rejects_by_code == {"amount_unreadable": 2}


def test_any_other_value_can_mean_that_an_order_is_paid(tmp_path: Path) -> None:
    sections = '[payment]\ncolumn = "paid on"\nrecorded = ["*"]\ncharge = ["later"]\n'
    rows = [
        {"order": "1", "paid on": "2025-11-10"},
        {"order": "2", "paid on": "later"},
        {"order": "3", "paid on": ""},
    ]
    taken = take(tmp_path, sections, rows)
    assert taken.orders.select("number", "paid").rows() == [("1", 1000), ("2", None)]
    assert taken.parsed.rejects_by_code == {"payment_status_unknown": 1}


@pytest.mark.parametrize(("without", "paid"), [("recorded", 1000), ("charge", None)])
def test_a_profile_says_what_happens_without_the_payment_column(
    without: str, paid: int | None, tmp_path: Path
) -> None:
    sections = f'[payment]\ncolumn = "status"\nrecorded = ["*"]\nrequired = false\nwithout = "{without}"\n'
    assert take(tmp_path, sections, [{}]).orders["paid"].to_list() == [paid]
