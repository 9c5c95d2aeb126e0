"""`currency_signs.json` has the signs of CLDR; `make format` writes it."""

from __future__ import annotations

import json
import sys

import polars as pl
import pytest
from babel import Locale, localedata

from orders_pipeline.base.amounts.currency import MINOR_DIGITS
from orders_pipeline.base.settings import PROJECT_ROOT
from orders_pipeline.order_files.columns.invisible import visible
from orders_pipeline.order_files.values.amounts import DecimalSeparator, read_amounts
from orders_pipeline.order_files.values.currency_signs import is_currency_sign, plain_sign, sign_fits

FILE = PROJECT_ROOT / "orders_pipeline" / "order_files" / "values" / "currency_signs.json"


def signs_of_cldr() -> str:
    """The codes of each sign in all languages and countries, as JSON."""
    signs: dict[str, set[str]] = {}
    symbols = {
        (code, visible(symbol))
        for name in localedata.locale_identifiers()
        for code, symbol in Locale.parse(name).currency_symbols.items()
        if code in MINOR_DIGITS
    }
    shown = pl.DataFrame(sorted(symbols), schema=["code", "symbol"], orient="row")
    for code, sign in shown.select("code", plain_sign(pl.col("symbol"))).rows():
        if sign and sign not in MINOR_DIGITS:
            signs.setdefault(sign, set()).add(code)
    table = {sign: sorted(codes) for sign, codes in sorted(signs.items())}
    lines = [f"{json.dumps(sign, ensure_ascii=False)}: {json.dumps(codes)}" for sign, codes in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def test_the_signs_are_those_of_the_installed_cldr() -> None:
    assert FILE.read_text("utf-8") == signs_of_cldr()


@pytest.mark.parametrize(
    ("text", "fits", "not_"),
    [
        ("AU $3,000.50", "AUD", "USD"),
        ("US $3,000.50", "USD", "AUD"),
        ("C $3,000.50", "CAD", "USD"),
        ("USD$3,000.50", "USD", "CAD"),
        ("$3,000.50", "USD", "EUR"),
        ("$3,000.50", "AUD", "GBP"),
        ("Rp 3,000.50", "IDR", "INR"),
        ("Rp3,000.50", "IDR", "USD"),
        ("RM3,000.50", "MYR", "USD"),
        ("R$ 3,000.50", "BRL", "USD"),
        ("3,000.50 kr", "SEK", "EUR"),
        ("3,000.50 kr.", "DKK", "EUR"),
        ("3,000.50 z\u0142", "PLN", "EUR"),
        ("3,000.50円", "JPY", "CNY"),
        ("\uffe53,000.50", "JPY", "KRW"),
        ("3,000.50원", "KRW", "JPY"),
        ("৳3,000.50", "BDT", "INR"),
        ("3,000.50 \u0440\u0443\u0431.", "RUB", "BGN"),
        ("S/3,000.50", "PEN", "USD"),
        ("Bs.3,000.50", "BOB", "USD"),
        ("3,000.50 лв.", "BGN", "RUB"),
    ],
)
def test_a_sign_fits_its_currencies(text: str, fits: str, not_: str) -> None:
    [read] = read_amounts(pl.Series([text]), DecimalSeparator(".")).to_dicts()
    assert (read["units"], read["code"]) == (30_005_000, None)
    sign = pl.lit(read["sign"])
    assert pl.select(is_currency_sign(sign), fits=sign_fits(sign, pl.lit(fits))).row(0) == (True, True)
    assert not pl.select(sign_fits(sign, pl.lit(not_))).item()


if __name__ == "__main__":
    sys.stdout.write(signs_of_cldr())
