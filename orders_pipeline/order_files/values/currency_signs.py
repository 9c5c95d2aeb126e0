"""Currency signs next to amounts, and the currencies that each can mean."""

from __future__ import annotations

import polars as pl

from orders_pipeline.base.currency import MINOR_DIGITS

_DOLLARS = "USD CAD AUD NZD SGD HKD MXN ARS CLP COP TWD BSD BBD BZD BMD FJD GYD JMD LRD NAD SRD TTD XCD UYU"
_RUPEES = "INR PKR LKR NPR MUR SCR"
_CROWNS = "SEK NOK DKK ISK"

CURRENCY_SIGNS: dict[str, str] = {
    "$": _DOLLARS,
    "US$": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "S$": "SGD",
    "HK$": "HKD",
    "MX$": "MXN",
    "R$": "BRL",
    "€": "EUR",
    "£": "GBP EGP FKP GIP SHP LBP SYP",
    "¥": "JPY CNY",
    "₹": "INR",
    "Rs": _RUPEES,
    "Rs.": _RUPEES,
    "kr": _CROWNS,
    "kr.": _CROWNS,
    "zł": "PLN",
    "Fr.": "CHF",
    "Kč": "CZK",
    "Ft": "HUF",
    "₽": "RUB",
    "₺": "TRY",
    "TL": "TRY",
    "₩": "KRW",
    "฿": "THB",
    "₫": "VND",
    "₪": "ILS",
    "₱": "PHP",
    "₦": "NGN",
    "₴": "UAH",
    "R": "ZAR",
    "lei": "RON",
}

_PAIRS = [f"{sign} {code}" for sign, codes in CURRENCY_SIGNS.items() for code in codes.split()]


def is_currency_sign(sign: pl.Expr) -> pl.Expr:
    """Whether a text is a currency sign or code."""
    return sign.is_in(list(CURRENCY_SIGNS)) | sign.str.to_uppercase().is_in(list(MINOR_DIGITS))


def sign_fits(sign: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Whether an amount with this sign can be in this currency (an ISO 4217 code)."""
    pair = pl.concat_str(sign, pl.lit(" "), currency)
    return pair.is_in(_PAIRS) | (sign.str.to_uppercase() == currency)
