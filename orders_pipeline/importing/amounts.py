"""Amounts as people write them, to exact integers of 1/10,000: decimal signs, thousands, currency signs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

SCALE = 10_000
MAX_WHOLE_DIGITS = 13

GROUPS = r"[,.'’\s\x{a0}\x{202f}\x{2009}]"
_SIGN = r"([^\d\s.,'’()+\-]{1,3}\.?)"

_DOLLARS = "USD CAD AUD NZD SGD HKD MXN ARS CLP COP TWD BSD BBD BZD BMD FJD GYD JMD LRD NAD SRD TTD XCD UYU"
CURRENCY_SIGNS: dict[str, frozenset[str]] = {
    sign: frozenset(codes.split())
    for sign, codes in {
        "$": _DOLLARS, "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "S$": "SGD",
        "HK$": "HKD", "MX$": "MXN", "R$": "BRL", "€": "EUR", "£": "GBP EGP FKP GIP SHP LBP SYP", "¥": "JPY CNY",
        "₹": "INR", "Rs": "INR PKR LKR NPR MUR SCR", "Rs.": "INR PKR LKR NPR MUR SCR", "kr": "SEK NOK DKK ISK",
        "kr.": "SEK NOK DKK ISK", "zł": "PLN", "Fr.": "CHF", "Kč": "CZK", "Ft": "HUF", "₽": "RUB", "₺": "TRY",
        "TL": "TRY", "₩": "KRW", "฿": "THB", "₫": "VND", "₪": "ILS", "₱": "PHP", "₦": "NGN", "R": "ZAR", "lei": "RON",
        "₴": "UAH",
    }.items()
}  # fmt: skip


class AmountCode:
    """What is wrong with an amount, apart from its value."""

    UNREADABLE = "unreadable"
    AMBIGUOUS = "ambiguous"
    TOO_PRECISE = "too_precise"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class DecimalSign:
    """How a column writes decimals; `mixed`: both ways occur, so what could be either is not taken."""

    sign: str = "."
    mixed: bool = False


@dataclass(slots=True)
class AmountEvidence:
    """What the values of a whole column say about its decimal sign; add every chunk."""

    counts: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def add(self, values: pl.Series) -> None:
        """Counts the values of `values` that settle the question, and those that leave it open."""
        text = values.drop_nulls().str.strip_chars()
        plain_dot = int(text.str.contains(r"^\d+\.\d\d?$").sum())
        self.counts["."] += plain_dot
        rest = text.filter(~text.str.contains(r"^\d*(?:\.\d\d?)?$"))
        if not rest.len():
            return
        bare = rest.str.extract(r"(\d[\d.,]*\d|[.,]\d+)").drop_nulls()
        self.counts["."] += int(bare.str.contains(_settles(r"\.", ",")).sum())
        self.counts[","] += int(bare.str.contains(_settles(",", r"\.")).sum())
        open_ones = bare.filter(bare.str.contains(OPEN))
        self.counts["open"] += open_ones.len()
        if open_ones.len() and not self.example:
            self.example = open_ones[0]

    def decide(self) -> DecimalSign | None:
        """The column's decimal sign; None when nothing settles what `example` means."""
        dots, commas = self.counts["."], self.counts[","]
        if not dots and not commas:
            return DecimalSign() if not self.counts["open"] else None
        sign = "." if dots >= commas else ","
        return DecimalSign(sign, mixed=min(dots, commas) * 100 > max(dots, commas))


# One to three digits, a sign, three digits: a thousand or a thousandth.
OPEN = r"^[1-9]\d{0,2}[.,]\d{3}$"


def _settles(decimal: str, other: str) -> str:
    """Amounts in which `decimal` can only be the decimal sign."""
    return (
        rf"^(?:\d*{decimal}\d\d?|\d*{decimal}\d{{4,}}|\d{{4,}}{decimal}\d{{3}}|0\d*{decimal}\d{{3}}|{decimal}\d{{3}}"
        rf"|[\d{other}]*{other}[\d{other}]*{decimal}\d+|\d{{1,3}}(?:{other}\d{{2,3}}){{2,}})$"
    )


def read_amounts(values: pl.Series, decimal: DecimalSign) -> pl.DataFrame:
    """`units` (1/10,000, exact), `code` (an `AmountCode`) where there is none, `sign` (of a currency).

    A null or blank value has neither units nor code.
    """
    text = values.str.strip_chars()
    if decimal.sign == "." and not decimal.mixed:
        simple = text.str.contains(r"^\d{1,13}(?:\.\d{1,4})?$")
        if simple.all() and not simple.has_nulls():
            return pl.DataFrame({"units": _exact(text), "code": _none(text), "sign": _none(text)})
    else:
        simple = text.str.contains(r"^\d{1,13}$")
    simple = simple.fill_null(value=False)
    fast = _exact(pl.select(pl.when(simple).then(text)).to_series())
    odd = text.filter(~simple & (text != "")).unique().drop_nulls()
    table = pl.DataFrame({"text": text, "fast": fast})
    slow = _read_odd(odd, decimal)
    joined = table.join(slow, on="text", how="left", maintain_order="left")
    return joined.select(units=pl.coalesce("fast", "units"), code="code", sign="sign")


def _exact(text: pl.Series) -> pl.Series:
    return text.cast(pl.Decimal(18, 4)).to_physical().cast(pl.Int64)


def _none(text: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, text.len())


def _read_odd(text: pl.Series, decimal: DecimalSign) -> pl.DataFrame:
    """Distinct amounts that are not plain digits."""
    point = r"\." if decimal.sign == "." else ","
    comma = "," if decimal.sign == "." else r"\."
    gap = r"['’\s\x{a0}\x{202f}\x{2009}]"
    whole = rf"(\d+|\d{{1,3}}(?:{comma}\d{{2,3}})*{comma}\d{{3}}|\d{{1,3}}(?:{gap}\d{{3}})+|)"
    pattern = (
        rf"^(\()?\s*([-+−])?\s*{_SIGN}?\s*([-+−])?\s*{whole}(?:{point}(\d*))?\s*{_SIGN}?\s*([-−])?\s*(\))?$"
    )
    names = ["open", "minus1", "sign1", "minus2", "whole", "part", "sign2", "minus3", "close"]
    groups = text.str.extract_groups(pattern).struct.rename_fields(names).struct.unnest()
    table = groups.with_columns(text=text).with_columns(
        digits=pl.col("whole").str.replace_all(r"\D", "").str.strip_chars_start("0"),
        part=pl.col("part").fill_null("").str.strip_chars_end("0"),
        sign=pl.coalesce("sign1", "sign2"),
        below=pl.any_horizontal(pl.col("minus1", "minus2", "minus3").is_in(["-", "−"]).fill_null(value=False))
        | pl.col("open").is_not_null(),
    )
    return _judged(table, decimal)


def _judged(table: pl.DataFrame, decimal: DecimalSign) -> pl.DataFrame:
    digits, part = pl.col("digits"), pl.col("part")
    bare = pl.col("text").str.extract(r"(\d[\d.,]*\d)")
    unreadable = (
        pl.col("whole").is_null()
        | ((pl.col("whole") == "") & (part == "") & ~pl.col("text").str.contains("0"))
        | (pl.col("open").is_null() != pl.col("close").is_null())
        | (pl.col("sign1").is_not_null() & pl.col("sign2").is_not_null())
    )
    code = (
        pl.when(unreadable.fill_null(value=True))
        .then(pl.lit(AmountCode.UNREADABLE))
        .when(pl.lit(value=decimal.mixed) & bare.str.contains(OPEN).fill_null(value=False))
        .then(pl.lit(AmountCode.AMBIGUOUS))
        .when(digits.str.len_bytes() > MAX_WHOLE_DIGITS)
        .then(pl.lit(AmountCode.TOO_LARGE))
        .when(part.str.len_bytes() > 4)
        .then(pl.lit(AmountCode.TOO_PRECISE))
    )
    exact = digits.str.pad_start(1, "0").cast(pl.Int64, strict=False) * SCALE + part.str.pad_end(4, "0").cast(
        pl.Int64, strict=False
    )
    return table.with_columns(code=code).select(
        "text",
        "code",
        "sign",
        units=pl.when(pl.col("code").is_null()).then(pl.when(pl.col("below")).then(-exact).otherwise(exact)),
    )


def sign_fits(sign: str, currency: str) -> bool:
    """Whether an amount with the sign `sign` can be in the currency."""
    return sign.upper() == currency or currency in CURRENCY_SIGNS.get(sign, frozenset())


def is_currency_sign(sign: str, known_codes: frozenset[str]) -> bool:
    """Whether `sign` stands for any currency."""
    return sign in CURRENCY_SIGNS or sign.upper() in known_codes
