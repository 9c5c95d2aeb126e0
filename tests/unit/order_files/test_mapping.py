"""Profiles by choosing columns: each choice changes its part of the profile, and nothing else changes."""

from __future__ import annotations

import polars as pl
import pytest

from orders_pipeline.order_files.columns.profile import Profile, built_in_profiles, parse_profile
from orders_pipeline.order_files.proposals.mapping import (
    KEEP,
    base_of,
    base_of_profile,
    drafted_choices,
    mapped_profile,
    statuses_of,
)
from orders_pipeline.order_files.proposals.table import Table
from orders_pipeline.order_files.records.dialect import Dialect

KEPT = (
    *(
        "given",
        "joined",
        "items",
        "optional",
        "inherit",
        "fallback",
        "companion",
        "constants",
        "values",
        "skip",
        "payment",
        "lines",
        "returns",
    ),
    *("quantity", "date_format", "date_order", "short_date_order", "timezone", "decimal", "time_zone"),
)
DRAFT = """
fallback = { sku = "product_name" }
inherit = ["customer_id"]
[columns]
order_number = "No"
customer_id = "Who"
sku = "Article"
product_name = "Name"
quantity = "Units"
unit_price = "Price"
ordered_at = "Day"
[amounts]
shipping = ["Post", "Gift wrap"]
total = "Sum"
[skip]
State = ["cancelled", ""]
[payment]
column = "Paid"
recorded = ["yes"]
charge = ["no"]
partly = ["half"]
paid = "Sum"
"""
COLUMNS = {
    **{"No": ["1"], "Who": ["a"], "Article": ["A1"], "Name": ["Mug"], "Units": ["2"], "Price": ["3.50"]},
    **{"Day": ["2025-11-10"], "Post": ["1"], "Gift wrap": ["1"], "Sum": ["9"]},
    **{"State": ["new"], "Paid": ["maybe"], "\x1b\x7f\"'": ["2025-11-11"]},
}


def table(columns: dict[str, list[str]]) -> Table:
    rows = pl.DataFrame({f"column_{at}": texts for at, texts in enumerate(columns.values())})
    return Table(tuple(columns), rows, pl.DataFrame(), Dialect(), "utf-8", 1)


def header_of(profile: Profile) -> dict[str, list[str]]:
    """A header with all columns of a profile."""
    names = [listed[0] for listed in profile.columns.values()]
    names += [name for listed in profile.joined.values() for name in listed]
    names += [*profile.money_columns.values(), *profile.skip]
    return {name: [""] for name in names}


def mapped(**choices: str) -> Profile:
    """The draft with these choices."""
    base, found = base_of(DRAFT), table(COLUMNS)
    chosen = drafted_choices(base, found) | choices
    return parse_profile(mapped_profile(base, found, chosen, "A shop"), "shop.toml")


@pytest.mark.parametrize("name", built_in_profiles())
def test_a_profile_without_a_choice_stays_as_it_is(name: str) -> None:
    profile = built_in_profiles()[name]
    base, found = base_of_profile(profile), table(header_of(profile))
    toml = mapped_profile(base, found, drafted_choices(base, found), profile.description)
    again = parse_profile(toml, f"{name}.toml")
    assert {part: getattr(again, part) for part in KEPT} == {part: getattr(profile, part) for part in KEPT}
    assert again.money_columns == profile.money_columns


def test_a_choice_takes_the_place_of_the_draft() -> None:
    profile = mapped(sku="3", product_name="", ordered_at="12", price="9", price_is="line_total")
    assert (profile.columns["sku"], profile.columns["ordered_at"]) == (("Name",), ("\x1b\x7f\"'",))
    assert (profile.columns["line_total"], "unit_price" in profile.columns) == (("Sum",), False)
    assert (profile.fallback, profile.inherit) == ({}, ("customer_id",))
    assert (profile.amounts.shipping, profile.amounts.total) == (("Post", "Gift wrap"), ("Sum",))


@pytest.mark.parametrize("section", ["companion", "constants"])
def test_a_price_that_is_in_no_column_of_the_file_can_be_that_of_the_line(section: str) -> None:
    base = base_of(DRAFT)
    del base["columns"]["unit_price"]
    more = {"companion": {"file": "*.csv", "columns": {"order_number": "No", "unit_price": "Price"}}}
    base |= more if section == "companion" else {"constants": {"unit_price": "3.50"}}
    found = table(COLUMNS)
    chosen = drafted_choices(base, found)
    assert chosen["price"] == KEEP
    made = base_of(mapped_profile(base, found, chosen | {"price_is": "line_total"}, "A shop"))
    fields = made["companion"]["columns"] if section == "companion" else made["constants"]
    assert ("line_total" in fields, "unit_price" in fields) == (True, False)


def test_a_choice_of_no_column_is_none() -> None:
    base, found = base_of(DRAFT), table(COLUMNS)
    chosen = drafted_choices(base, found) | {"sku": "9" * 5_000}
    assert "sku" not in base_of(mapped_profile(base, found, chosen, "A shop"))["columns"]


def test_amounts_dates_and_lines_are_set() -> None:
    chosen = {"dates": "DMY", "decimal_is": ",", "currency_is": "eur", "free": "on", "tax": "8"}
    profile = mapped(shipping="7", total="", tax_included="true", **chosen)
    assert (profile.date_order, profile.decimal, profile.constants) == ("DMY", ",", {"currency": "EUR"})
    assert (profile.amounts.shipping, profile.amounts.total) == (("Post",), None)
    assert (profile.amounts.tax, profile.amounts.tax_included) == (("Gift wrap",), True)
    assert profile.lines.leave_out == ("free",)
    assert mapped(dates="excel").date_format == ("excel",)
    assert mapped(shipping=KEEP, total="", discount="").amounts.shipping == ("Post", "Gift wrap")


def test_statuses_are_sorted_by_choosing() -> None:
    values = {one.value: one for one in statuses_of(base_of(DRAFT), table(COLUMNS))}
    assert {value: one.means for value, one in values.items()} == {
        **{"maybe": "", "no": "charge", "yes": "recorded"},
        **{"new": "", "cancelled": "skip"},
    }
    profile = mapped(
        **{values["maybe"].choice: "skip", values["no"].choice: "", values["new"].choice: "skip"}
    )
    assert (profile.payment.skip, profile.payment.charge, profile.payment.partly) == (
        ("maybe",),
        (),
        ("half",),
    )
    assert profile.skip == {"State": ("", "new", "cancelled")}
