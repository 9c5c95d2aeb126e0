"""Amounts as text, exact at any size."""

from __future__ import annotations

import pytest

from orders_pipeline.base.amounts.money import decimal_string, line_amount


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (106_543, "USD", "1065.43"),
        (0, "USD", "0.00"),
        (5, "EUR", "0.05"),
        (0, "JPY", "0"),
        (1_000, "JPY", "1000"),
        (1, "KWD", "0.001"),
        (1, "CLF", "0.0001"),
        (0, "CLF", "0.0000"),
        (9_223_372_036_854_775_807, "USD", "92233720368547758.07"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert decimal_string(minor, currency) == text


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (510_000, "51.00"),
        (4_440, "0.4440"),
        (1, "0.0001"),
        (9_999, "0.9999"),
        (100, "0.01"),
        (10_000_000_000_000_001, "1000000000000.0001"),
    ],
)
def test_a_line_shows_four_decimals_where_two_would_not_do(units: int, text: str) -> None:
    assert line_amount(units) == text
