"""Amounts as people write them are read exactly, or rejected."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_pipeline.order_files.values.amounts import (
    AmountCode,
    AmountEvidence,
    DecimalSeparator,
    read_amounts,
)


def units(text: str, decimal: str = ".", *, mixed: bool = False) -> int | str | None:
    """The amount in 1/10,000, or the reject code."""
    row = read_amounts(pl.Series([text], dtype=pl.String), DecimalSeparator(decimal, mixed)).row(
        0, named=True
    )
    found: int | str | None = row["units"] if row["code"] is None else row["code"]
    return found


POINT = [
    ("2.55", 25500),
    ("3", 30000),
    ("0.5", 5000),
    (".5", 5000),
    ("5.", 50000),
    ("007.10", 71000),
    ("1,234.50", 12345000),
    ("1,234,567", 12345670000),
    ("1 234.5", 12345000),
    ("1'234.5", 12345000),
    ("1\u00a0234.5", 12345000),
    ("1\u202f234.5", 12345000),
    ("1,00,000.25", 1000002500),
    ("$2,871.00", 28710000),
    (" $2,871.00 ", 28710000),
    ("US$ 5", 50000),
    ("5 USD", 50000),
    ("€5.10", 51000),
    ("-5.10", -51000),
    ("$-5.10", -51000),
    ("-$5.10", -51000),
    ("(5.10)", -51000),
    ("5.10-", -51000),
    ("\u22125", -50000),
    ("+5", 50000),
    ("1.23450000", 12345),
    ("9999999999999.9999", 99999999999999999),
    ("1.23456", "too_precise"),
    ("99999999999999", "too_large"),
    ("2,55", "unreadable"),
    ("1,2345", "unreadable"),
    ("1.2.3", "unreadable"),
    ("abc", "unreadable"),
    ("12,34,5", "unreadable"),
    ("1e5", "unreadable"),
    ("5 5", "unreadable"),
    ("(5", "unreadable"),
    ("$", "unreadable"),
    (".", "unreadable"),
    ("--", "unreadable"),
    ("-", None),
    ("nan", None),
    ("0x10", "unreadable"),
    ("", None),
    ("   ", None),
]

COMMA = [
    ("2,55", 25500),
    ("3", 30000),
    ("1.234,50", 12345000),
    ("1 234,5", 12345000),
    ("1.234", 12340000),
    ("5,10 €", 51000),
    ("€ 5,10", 51000),
    ("2.55", "unreadable"),
    ("12,-", 120000),
    ("12,-- €", 120000),
    ("CHF 1.200.\u2013", 12000000),
    ("5,10-", -51000),
    ("1,23456", "too_precise"),
]


@pytest.mark.parametrize(("text", "expected"), POINT)
def test_amounts_with_a_decimal_point(text: str, expected: int | str | None) -> None:
    assert units(text) == expected


@pytest.mark.parametrize(("text", "expected"), COMMA)
def test_amounts_with_a_decimal_comma(text: str, expected: int | str | None) -> None:
    assert units(text, ",") == expected


@given(st.decimals(min_value=0, max_value=10**12, places=4, allow_nan=False))
def test_any_amount_is_exact(amount: Decimal) -> None:
    assert units(str(amount)) == int(amount * 10_000)
    assert units(f"{amount:,}") == int(amount * 10_000)
    comma = f"{amount:,}".translate(str.maketrans(",.", ".,"))
    assert units(comma, ",") == int(amount * 10_000)


@given(st.text(max_size=12))
def test_no_text_crashes_and_no_letter_is_dropped_silently(text: str) -> None:
    found = units(text)
    if isinstance(found, int):
        assert any(character.isdigit() for character in text)


def decided(*values: str) -> tuple[str, bool] | str:
    evidence = AmountEvidence()
    evidence.add(pl.Series(values))
    separator = evidence.decide()
    return evidence.example if separator is None else (separator.character, separator.mixed)


def test_the_whole_column_decides_the_decimal_separator() -> None:
    assert decided("2,55", "3", "1.234") == (",", False)
    assert decided("2.55", "3", "1,234") == (".", False)
    assert decided("3", "4") == (".", False)
    assert decided("1.234.567", "5") == (",", False)
    assert decided("1,234,567") == (".", False)
    assert decided("1234.500", "0.125") == (".", False)
    assert decided("€ 1.234,00") == (",", False)
    assert decided("2,55", "2.55", "1,234")[1] is True


def test_a_column_of_thousands_or_thousandths_stays_open() -> None:
    assert decided("1,234", "5,678", "90") == "1,234"
    assert decided("1.500", "2.250") == "1.500"


def test_one_slip_in_a_hundred_does_not_make_a_column_mixed() -> None:
    assert decided(*["2.55"] * 200, "2,55") == (".", False)


def test_in_a_mixed_column_only_what_can_be_one_thing_is_read() -> None:
    assert units("1,234", mixed=True) == "ambiguous"
    assert units("2.55", mixed=True) == 25500
    assert units("1,234.50", mixed=True) == 12345000
    assert units("2,55", mixed=True) == "unreadable"


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("0.30000000000000004", 3000),
        ("-19.900000000000002", -199_000),
        ("241291.15000000002", 2_412_911_500),
        ("13.989999771118164", None),
        ("0.3000000000000001", 3000),
        ("0.123456789012345678", None),
        ("123456789012.00001", None),
        ("0.00004", None),
    ],
)
def test_the_noise_of_a_binary_float_is_no_more_precise(text: str, units: int | None) -> None:
    read = read_amounts(pl.Series([text]), DecimalSeparator("."))
    assert read["units"].to_list() == [units]
    assert read["code"].to_list() == [None if units else AmountCode.TOO_PRECISE]
