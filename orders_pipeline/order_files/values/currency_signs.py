"""Currency signs next to amounts, and the currencies that each can mean.

The signs are those of Unicode CLDR in all languages, in `currency_signs.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

import polars as pl

from orders_pipeline.base.amounts.currency import MINOR_DIGITS

# Words for currencies without a sign in CLDR, and abbreviations that shops use.
_WORDS = {
    "円": "JPY",
    "元": "CNY TWD",
    "원": "KRW",
    "\u0440\u0443\u0431": "RUB",
    "\u0433\u0440\u043d": "UAH",
    "TL": "TRY",
    "Fr": "CHF",
    "lei": "RON",
    "S$": "SGD",
    "Rs": "NPR",
    "$": "HKD DOP NIO PAB",
    "£": "EGP FKP GIP SHP LBP SYP",
}


def plain_sign(sign: pl.Expr) -> pl.Expr:
    """Returns a sign without blanks and a final point.

    `USD$` becomes `USD`, and a full-width `¥` a plain one.
    """
    text = sign.str.normalize("NFKC").str.replace_all(r"\s+", "").str.strip_chars_end(".")
    return text.str.replace(r"^([A-Z]{3})[$€£¥]$", "$1")


def is_currency_sign(sign: pl.Expr) -> pl.Expr:
    """Whether a plain sign is a currency sign or code."""
    return sign.is_in(list(_signs())) | sign.str.to_uppercase().is_in(list(MINOR_DIGITS))


def sign_fits(sign: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Whether an amount with this plain sign can be in this currency (an ISO 4217 code)."""
    pairs = [f"{known} {code}" for known, codes in _signs().items() for code in codes]
    pair = pl.concat_str(sign, pl.lit(" "), currency)
    return pair.is_in(pairs) | (sign.str.to_uppercase() == currency)


def currency_of_sign(sign: pl.Expr, default: str, said: Mapping[str, str]) -> pl.Expr:
    """Returns the currency of a plain sign; null if the sign can mean several currencies.

    Args:
        default: the currency that is chosen if a sign can mean it, such as one of the dollars.
        said: the currencies of signs that a profile sets; they override all others.
    """
    known = {own: code for own, codes in _signs().items() if (code := _only(codes, default))}
    known |= {_plain(own): code.upper() for own, code in said.items()}
    own_code = sign.str.to_uppercase()
    return pl.coalesce(
        sign.replace_strict(known, default=None, return_dtype=pl.String),
        pl.when(own_code.is_in(list(MINOR_DIGITS))).then(own_code),
    )


def _only(codes: list[str], default: str) -> str | None:
    if default in codes:
        return default
    return codes[0] if len(codes) == 1 else None


def _plain(sign: str) -> str:
    return str(pl.select(plain_sign(pl.lit(sign))).item())


@cache
def _signs() -> dict[str, list[str]]:
    """Returns the codes of the currencies that each plain sign can mean."""
    file = resources.files("orders_pipeline.order_files.values").joinpath("currency_signs.json")
    signs: dict[str, list[str]] = json.loads(file.read_text("utf-8"))
    for word, codes in _WORDS.items():
        signs[word] = sorted({*signs.get(word, []), *codes.split()})
    return signs
