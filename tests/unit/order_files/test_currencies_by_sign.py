"""Prices that show their currency only by a sign."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.order_files.parsing import RULES, Imported, parse

HEADER = "order_id,product_sku,quantity,unit_price,order_date"
PROFILE = """
[columns]
order_number = "order_id"
sku = "product_sku"
quantity = "quantity"
unit_price = "unit_price"
ordered_at = "order_date"

"""


def priced(
    folder: Path, *prices: tuple[str, str], currency: str = "USD", more: str | None = None
) -> Imported:
    """Parses lines of order number and price; `currency` is the configured one."""
    rows = [f'{order},S{at},1,"{price}",2026-03-01' for at, (order, price) in enumerate(prices)]
    file = folder / "signs.csv"
    file.write_text("\n".join([HEADER, *rows, ""]))
    profile = folder / "signs.toml"
    profile.write_text(PROFILE + (more or ""))
    return parse(file, folder / "parsed", str(profile), replace(RULES, currency=currency))


def currencies(taken: Imported) -> dict[str, str]:
    return dict(taken.orders.select("number", "currency").iter_rows())


def test_two_currencies_in_one_column_are_reported_by_their_signs(tmp_path: Path) -> None:
    taken = priced(tmp_path, ("1", "$12"), ("2", "€9"), ("3", "4.50"), ("4", "A$ 7"), ("5", "8 EUR"))
    assert currencies(taken) == {"1": "USD", "2": "EUR", "3": "USD", "4": "AUD", "5": "EUR"}


def test_an_order_in_two_currencies_is_rejected(tmp_path: Path) -> None:
    taken = priced(tmp_path, ("1", "$12"), ("1", "€9"), ("2", "€9"))
    assert currencies(taken) == {"2": "EUR"}
    assert taken.parsed.rejects_by_code == {"currency_differs": 2}


@pytest.mark.parametrize(("default", "taken"), [("CAD", {"1": "CAD", "2": "EUR"}), ("EUR", {"2": "EUR"})])
def test_a_sign_of_several_currencies_is_the_default_one_or_rejected(
    default: str, taken: dict[str, str], tmp_path: Path
) -> None:
    found = priced(tmp_path, ("1", "$12"), ("2", "€9"), currency=default)
    assert currencies(found) == taken
    assert set(found.codes()) <= {"price_other_currency"}


def test_a_profile_says_what_a_sign_stands_for(tmp_path: Path) -> None:
    more = '[values.currency]\n"£" = "GBP"\n"$" = "MXN"\n'
    taken = priced(tmp_path, ("1", "£12"), ("2", "$9"), more=more)
    assert currencies(taken) == {"1": "GBP", "2": "MXN"}


def test_a_currency_in_the_profile_is_that_of_every_line(tmp_path: Path) -> None:
    taken = priced(tmp_path, ("1", "€12"), ("2", "$9"), more='[constants]\ncurrency = "EUR"\n')
    assert currencies(taken) == {"1": "EUR"}
    assert taken.codes() == ["price_other_currency"]


def test_a_sign_in_the_currency_column_is_read_if_it_means_one_currency(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    header = "order_id,customer_id,product_sku,quantity,unit_price,currency,order_date"
    rows = [f"{sign},c,S,1,9.00,{sign},2026-03-01" for sign in ("€", "$", "£", "Taler", "eur")]
    file.write_text("\n".join([header, *rows, ""]))
    taken = parse(file, tmp_path / "parsed")
    assert currencies(taken) == {"€": "EUR", "$": "USD", "eur": "EUR"}
    assert taken.codes() == ["currency_unknown", "currency_unknown"]
