"""Reads amounts as people write them into exact integers of 1/10,000.

Handles decimal separators, thousands separators and currency signs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from orders_pipeline.order_files.values.cleaning import MISSING_WORDS
from orders_pipeline.order_files.values.currency_signs import plain_sign

SCALE = 10_000
MAX_WHOLE_DIGITS = 13

# The largest amount of a line or an order, in 1/10,000.
MAX_TOTAL = 10_000_000_000 * SCALE
# One to three digits, a separator, three digits: `1,234` may mean 1234 or 1.234.
_OPEN = r"^[1-9][0-9]{0,2}[.,][0-9]{3}$"
_GAP = r"['\x{2019}\s\x{a0}\x{202f}\x{2009}]"
# A float has 15 to 17 digits; sums of floats are off by a few units of the last one.
_FLOAT_DIGITS, _FLOAT_NOISE = 16, 1e-15
# `12,-` and `12.--` are whole amounts.
_DASHES = r"([0-9])[.,](?:--?|\x{2013}|\x{2014})(\s*[^0-9]*)$"
_MINUS = r"[-\x{2212}]"
_SIGN = r"([^\d\s.,'\x{2019}()+\x{2212}-]{1,4}(?: \$)?\.?)"


class AmountCode(StrEnum):
    """Why a text is not an amount."""

    UNREADABLE = "unreadable"
    AMBIGUOUS = "ambiguous"
    TOO_PRECISE = "too_precise"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class DecimalSeparator:
    """The decimal separator of a column; `mixed`: both occur, so an amount that fits both is ambiguous."""

    character: str = "."
    mixed: bool = False


@dataclass(frozen=True, slots=True)
class Units:
    """The unit and the rounding of a file's amounts.

    Attributes:
        scale: number of units in the file that make one unit of the currency, such as 100 for cents.
        decimals: amounts are rounded half up to this many decimals; None: they are not rounded.
    """

    scale: int = 1
    decimals: int | None = None


@dataclass(slots=True)
class AmountEvidence:
    """Counts the values of a whole column that show its decimal separator.

    Attributes:
        counts: number of amounts whose decimal separator is `.` or `,`, and of those that are `open`: both
            fit.
        example: the first open amount.
    """

    counts: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def add(self, values: pl.Series) -> None:
        """Counts the next values of the column."""
        text = values.drop_nulls().str.strip_chars()
        plain = text.str.contains(r"^[0-9]*(?:\.[0-9][0-9]?)?$")
        self.counts["."] += int((text.str.contains(".", literal=True) & plain).sum())
        if plain.all():
            return
        bare = text.filter(~plain).str.extract(r"([0-9][0-9.,]*[0-9]|[.,][0-9]+)").drop_nulls()
        self.counts["."] += int(bare.str.contains(_settling(r"\.", ",")).sum())
        self.counts[","] += int(bare.str.contains(_settling(",", r"\.")).sum())
        open_ones = bare.filter(bare.str.contains(_OPEN))
        self.counts["open"] += open_ones.len()
        if open_ones.len() and not self.example:
            self.example = open_ones[0]

    @property
    def settled(self) -> bool:
        """Whether a value shows the decimal separator."""
        return bool(self.counts["."] or self.counts[","])

    def decide(self) -> DecimalSeparator | None:
        """Returns the column's decimal separator; None if all its amounts, such as `example`, are open."""
        dots, commas = self.counts["."], self.counts[","]
        if not dots and not commas:
            return DecimalSeparator() if not self.counts["open"] else None
        return DecimalSeparator(
            "." if dots >= commas else ",", mixed=min(dots, commas) * 100 > max(dots, commas)
        )


def _settling(decimal: str, other: str) -> str:
    """Returns a pattern for amounts in which `decimal` can only be the decimal separator."""
    shapes = (
        rf"[0-9]*{decimal}[0-9][0-9]?",
        rf"[0-9]*{decimal}[0-9]{{4,}}",
        rf"[0-9]{{4,}}{decimal}[0-9]{{3}}",
        rf"0[0-9]*{decimal}[0-9]{{3}}",
        rf"{decimal}[0-9]{{3}}",
        rf"[0-9{other}]*{other}[0-9{other}]*{decimal}[0-9]+",
        rf"[0-9]{{1,3}}(?:{other}[0-9]{{2,3}}){{2,}}",
    )
    return f"^(?:{'|'.join(shapes)})$"


def read_money(values: pl.Series, decimal: DecimalSeparator, units: Units) -> pl.DataFrame:
    """Reads amounts like `read_amounts`, with the file's unit and rounding."""
    read = read_amounts(values, decimal, units.decimals)
    if units.scale == 1:
        return read
    broken = pl.col("units") % units.scale != 0
    return read.with_columns(
        units=pl.when(~broken).then(pl.col("units") // units.scale),
        code=pl.when(broken).then(pl.lit(AmountCode.TOO_PRECISE.value)).otherwise("code"),
    )


def read_amounts(values: pl.Series, decimal: DecimalSeparator, decimals: int | None = None) -> pl.DataFrame:
    """Reads the amounts of a column.

    Args:
        decimals: rounds half up to this many decimals; None: more than four decimals are too precise.

    Returns:
        A frame with `units` (exact, in 1/10,000), `code` (an `AmountCode` where there are no units) and
        `sign` (the currency sign, if any). A null or blank value, and a word for a missing value, has
        neither units nor code.
    """
    text = values.str.strip_chars()
    simple = text.str.contains(
        r"^[0-9]{1,13}(?:\.[0-9]{1,4})?$" if decimal == DecimalSeparator(".") else r"^[0-9]{1,13}$"
    )
    if simple.all() and not simple.has_nulls():
        nothing = pl.lit(None, pl.String)
        return _exact(text, decimals).to_frame("units").with_columns(code=nothing, sign=nothing)
    simple = simple.fill_null(value=False)
    table = pl.DataFrame({"text": text, "simple": simple})
    plain = _exact(table.select(pl.when("simple").then("text")).to_series(), decimals)
    distinct = text.filter(~simple & (text != "")).drop_nulls().unique()
    odd = _read_odd(distinct.filter(~distinct.is_in(list(MISSING_WORDS))), decimal, decimals)
    joined = table.with_columns(plain=plain).join(odd, on="text", how="left", maintain_order="left")
    return joined.select(units=pl.coalesce("plain", "units"), code="code", sign="sign")


def _exact(text: pl.Series, decimals: int | None) -> pl.Series:
    units = text.cast(pl.Decimal(18, 4)).to_physical().cast(pl.Int64)
    if decimals is None:
        return units
    step: int = 10 ** (4 - decimals)
    return (units + step // 2) // step * step


def _read_odd(text: pl.Series, decimal: DecimalSeparator, decimals: int | None) -> pl.DataFrame:
    """Reads distinct amounts that are not plain digits."""
    names = ["open", "minus1", "sign1", "minus2", "whole", "part", "sign2", "minus3", "close"]
    whole_units = text.str.replace(_DASHES, "$1$2")
    groups = (
        whole_units.str.extract_groups(_pattern(decimal.character))
        .struct.rename_fields(names)
        .struct.unnest()
    )
    negative = (
        pl.any_horizontal(pl.col("minus1", "minus2", "minus3").is_not_null()) | pl.col("open").is_not_null()
    )
    table = groups.with_columns(
        text=text,
        digits=pl.col("whole").str.replace_all(r"[^0-9]", "").str.strip_chars_start("0"),
        part=pl.col("part").fill_null("").str.strip_chars_end("0"),
        sign=plain_sign(pl.coalesce("sign1", "sign2")),
        negative=negative,
    )
    table = table.with_columns(noise=_is_noise() if decimals is None else pl.lit(value=False))
    table = table.with_columns(code=_code(mixed=decimal.mixed, exact=decimals is None))
    whole = pl.col("digits").str.zfill(1).cast(pl.Int64, strict=False)
    exact = pl.when("noise").then(_nearest()).otherwise(whole * SCALE + _part_units(decimals))
    signed = pl.when("negative").then(-exact).otherwise(exact)
    return table.select("text", "code", "sign", units=pl.when(pl.col("code").is_null()).then(signed))


def _pattern(decimal: str) -> str:
    point, comma = (r"\.", ",") if decimal == "." else (",", r"\.")
    whole = (
        rf"([0-9]+|[0-9]{{1,3}}(?:{comma}[0-9]{{2,3}})*{comma}[0-9]{{3}}|[0-9]{{1,3}}(?:{_GAP}[0-9]{{3}})+|)"
    )
    before = rf"^(\()?\s*(?:\+|({_MINUS}))?\s*{_SIGN}?\s*({_MINUS})?\s*"
    return rf"{before}{whole}(?:{point}([0-9]*))?\s*{_SIGN}?\s*({_MINUS})?\s*(\))?$"


def _is_noise() -> pl.Expr:
    """Whether an amount differs from one with four decimals by no more than a binary float does.

    Programs write 0.3 as `0.30000000000000004`: with all digits of a float, and a few units in the last one.
    """
    number = _ten_thousandths()
    part = pl.col("part").str.len_bytes()
    digits = pl.col("digits").str.len_bytes() + part
    off = (number - number.round()).abs()
    # A float with more digits before the point has no exact decimals.
    whole = pl.col("digits").str.len_bytes() + 4 < _FLOAT_DIGITS
    rules = ((part > 4), (digits >= _FLOAT_DIGITS), whole, (off <= number * _FLOAT_NOISE), (off < 0.01))
    return pl.all_horizontal(rules).fill_null(value=False)


def _ten_thousandths() -> pl.Expr:
    text = pl.concat_str(pl.col("digits").str.zfill(1), pl.lit("."), pl.col("part"))
    return text.cast(pl.Float64, strict=False) * SCALE


def _nearest() -> pl.Expr:
    return _ten_thousandths().round().cast(pl.Int64, strict=False)


def _part_units(decimals: int | None) -> pl.Expr:
    """Returns the decimals of an amount, in 1/10,000."""
    if decimals is None:
        return pl.col("part").str.pad_end(4, "0").cast(pl.Int64, strict=False)
    padded = pl.col("part").str.pad_end(decimals + 1, "0").str.slice(0, decimals + 1)
    step: int = 10 ** (4 - decimals)
    return (padded.cast(pl.Int64, strict=False) + 5) // 10 * step


def _code(*, mixed: bool, exact: bool) -> pl.Expr:
    whole, part, bare = pl.col("whole"), pl.col("part"), pl.col("text").str.extract(r"([0-9][0-9.,]*[0-9])")
    unreadable = (
        whole.is_null()
        | ~pl.col("text").str.contains(r"[0-9]")
        | (pl.col("open").is_null() != pl.col("close").is_null())
        | (pl.col("sign1").is_not_null() & pl.col("sign2").is_not_null())
    )
    return (
        pl.when(unreadable)
        .then(pl.lit(AmountCode.UNREADABLE.value))
        .when(pl.lit(value=mixed) & bare.str.contains(_OPEN).fill_null(value=False))
        .then(pl.lit(AmountCode.AMBIGUOUS.value))
        .when(pl.col("digits").str.len_bytes() > MAX_WHOLE_DIGITS)
        .then(pl.lit(AmountCode.TOO_LARGE.value))
        .when(pl.lit(value=exact) & (part.str.len_bytes() > 4) & ~pl.col("noise"))
        .then(pl.lit(AmountCode.TOO_PRECISE.value))
    )
