"""Dates and times as files write them: the order of day and month is decided by the whole column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from orders_pipeline.importing.profile import DateOrder

_TIME = (
    r"(?:[T ,]+(\d{1,2})[:.h](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp])?\.?[Mm]?\.?"
    r"\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_DAY_NAME = r"^(?:[A-Za-z]{3,9}[.,]? )?"
_NUMERIC = _DAY_NAME + r"(\d{1,4})([-/.])(\d{1,2})([-/.])(\d{1,4})" + _TIME
_COMPACT = r"^(\d{4})(\d{2})(\d{2})(?:T?(\d{2}):?(\d{2})(?::?(\d{2}))?Z?)?$"
_DAY_MONTH = _DAY_NAME + r"(\d{1,2})[-/. ]+([A-Za-z]{3,9})\.?[-/., ]+(\d{4}|\d{2})" + _TIME
_MONTH_DAY = _DAY_NAME + r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})" + _TIME
_CLOCK = ["hour", "minute", "second", "fraction", "half", "offset"]
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

UNREADABLE = "unreadable"
AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class DateRules:
    """What is settled about a date column: an explicit strptime `format`, or the order by family of dates.

    A family is the separator and the number of digits of the year, such as `/4`; `mixed` families write both orders.
    """

    format: str | None = None
    orders: tuple[tuple[str, DateOrder], ...] = ()
    mixed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenDates:
    """A family of dates whose order nothing settles, and a value of it."""

    family: str
    example: str
    orders: tuple[DateOrder, ...]


@dataclass(slots=True)
class DateEvidence:
    """What the values of a whole column say about the order of day and month; add every chunk."""

    readings: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, values: pl.Series) -> None:
        """Counts, by family, which orders the distinct values of `values` allow."""
        text = values.drop_nulls().str.strip_chars()
        if not text.len():
            return
        odd = text.filter(_iso(text).is_null() & (text != "")).unique(maintain_order=True)
        if not odd.len():
            return
        parts = _numeric(odd).filter(pl.col("family") != "")
        allowed = pl.concat_str(
            [
                pl.when(_valid(order)).then(pl.lit(order.value + " ")).otherwise(pl.lit(""))
                for order in DateOrder
            ]
        )
        same = (pl.col("family").str.ends_with("4")) & (pl.col("a") == pl.col("b"))
        counted = parts.with_columns(allowed=pl.when(same).then(pl.lit("")).otherwise(allowed))
        for family, allows, count, example in (
            counted.group_by("family", "allowed", maintain_order=True)
            .agg(pl.len(), pl.first("text"))
            .iter_rows()
        ):
            if allows:
                self.readings.setdefault(family, Counter())[allows.strip()] += count
                if " " in allows.strip():
                    self.examples.setdefault(family, example)

    def decide(self, given: DateOrder | None, short: DateOrder | None) -> DateRules | OpenDates:
        """The order of each family: as given, or as its values allow; the first family that stays open, if any."""
        orders: dict[str, DateOrder] = {}
        mixed: list[str] = []
        for family, counts in self.readings.items():
            told = given or (short if family.endswith("2") else None)
            if told is not None:
                orders[family] = told
                continue
            possible = set.intersection(*(set(allows.split()) for allows in counts))
            if len(possible) > 1:
                return OpenDates(family, self.examples[family], tuple(DateOrder(o) for o in sorted(possible)))
            orders[family], is_mixed = (
                _majority(counts) if not possible else (DateOrder(possible.pop()), False)
            )
            if is_mixed:
                mixed.append(family)
        return DateRules(orders=tuple(sorted(orders.items())), mixed=tuple(mixed))


def _majority(counts: Counter[str]) -> tuple[DateOrder, bool]:
    settled = Counter({allows: n for allows, n in counts.items() if " " not in allows})
    if not settled:
        return DateOrder(next(iter(counts)).split()[0]), True
    (best, most), *others = settled.most_common()
    return DateOrder(best), sum(n for _, n in others) * 100 > most


def read_dates(values: pl.Series, rules: DateRules, zone: str) -> pl.DataFrame:
    """`instant` (Datetime, UTC), or `code` (`UNREADABLE`, `AMBIGUOUS`); a blank value has neither."""
    text = values.str.strip_chars()
    if rules.format is not None:
        instant = _as_utc(
            text.str.to_datetime(rules.format, strict=False, time_unit="us", ambiguous="earliest"), zone
        )
        code = pl.when(instant.is_null() & (text != "")).then(pl.lit(UNREADABLE))
        return pl.select(instant=instant, code=code)
    local = _iso(text)
    if not local.has_nulls():
        return pl.DataFrame({"instant": _as_utc(local, zone)}).with_columns(code=pl.lit(None, pl.String))
    odd = text.filter(local.is_null() & (text != "")).unique()
    table = pl.DataFrame({"text": text, "fast": _as_utc(local, zone)})
    joined = table.join(_read_odd(odd, rules, zone), on="text", how="left", maintain_order="left")
    return joined.select(instant=pl.coalesce("fast", "instant"), code="code")


def _iso(text: pl.Series) -> pl.Series:
    """`2010-12-01 08:26:00` as a naive time, null for everything else."""
    exact = text.str.contains(r"^[12]\d{3}-\d\d-\d\d \d\d:\d\d:[0-5]\d$")
    if exact.all():
        return text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    only = pl.select(pl.when(exact).then(text)).to_series()
    return only.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")


def _as_utc(times: pl.Series, zone: str) -> pl.Series:
    """Naive times as local to `zone`; a time that a clock change skips counts from the clock before it."""
    if getattr(times.dtype, "time_zone", None):
        return times.dt.convert_time_zone("UTC")
    aware = times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if aware.null_count() > times.null_count():
        later = (times + pl.duration(hours=1)) if False else times.dt.offset_by("1h")
        shifted = later.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        aware = pl.select(pl.coalesce(aware, shifted)).to_series()
    return aware.dt.convert_time_zone("UTC")


def _read_odd(text: pl.Series, rules: DateRules, zone: str) -> pl.DataFrame:
    """Distinct values that are not in the plain ISO form."""
    numeric = _numeric(text)
    orders = dict(rules.orders)
    order = (
        pl.col("family").replace_strict(orders, default=None, return_dtype=pl.String)
        if orders
        else pl.lit(None, pl.String)
    )
    by_order = numeric.with_columns(
        order=pl.when(pl.col("family") == "").then(pl.lit("YMD")).otherwise(order)
    )
    if rules.mixed:
        by_order = _mixed(by_order, rules.mixed)
    placed = by_order.with_columns(
        **{
            unit: pl.coalesce(*(_placed(unit, order) for order in DateOrder))
            for unit in ("year", "month", "day")
        }
    )
    both = pl.concat([placed.select(_DATED), _compact(text), _named(text)]).filter(
        pl.col("year").is_not_null()
    )
    times = _times(both.unique("text", keep="first"), zone)
    ambiguous = by_order.filter(pl.col("order") == AMBIGUOUS)["text"].implode()
    code = (
        pl.when(pl.col("text").is_in(ambiguous))
        .then(pl.lit(AMBIGUOUS))
        .when(pl.col("instant").is_null())
        .then(pl.lit(UNREADABLE))
    )
    return text.to_frame("text").join(times, on="text", how="left").with_columns(code=code)


_DATED = ["text", "year", "month", "day", *_CLOCK]


def _numeric(text: pl.Series) -> pl.DataFrame:
    names = ["a", "sep", "b", "sep2", "c", *_CLOCK]
    parts = (
        text.str.extract_groups(_NUMERIC).struct.rename_fields(names).struct.unnest().with_columns(text=text)
    )
    length = pl.col("c").str.len_bytes()
    short = pl.col("a").str.len_bytes() <= 2
    family = (
        pl.when((pl.col("sep") != pl.col("sep2")) | pl.col("a").is_null())
        .then(pl.lit(None, pl.String))
        .when((pl.col("a").str.len_bytes() == 4) & (length <= 2))
        .then(pl.lit(""))
        .when(short & length.is_in([2, 4]))
        .then(pl.col("sep") + length.cast(pl.String))
    )
    numbers = [pl.col(name).cast(pl.Int64, strict=False) for name in "abc"]
    return parts.with_columns(*numbers, family=family)


def _valid(order: DateOrder) -> pl.Expr:
    day, month = {DateOrder.DMY: ("a", "b"), DateOrder.MDY: ("b", "a"), DateOrder.YMD: ("c", "b")}[order]
    valid = pl.col(day).is_between(1, 31) & pl.col(month).is_between(1, 12)
    # A date with a four-digit year at its end, or with slashes or dots, is not written year first.
    return valid & (pl.col("family") == "-2") if order is DateOrder.YMD else valid


def _mixed(table: pl.DataFrame, families: tuple[str, ...]) -> pl.DataFrame:
    """In families that write both orders, each value goes by itself."""
    count = pl.sum_horizontal(_valid(order).cast(pl.Int8) for order in DateOrder)
    single = pl.coalesce(*(pl.when(_valid(order)).then(pl.lit(order.value)) for order in DateOrder))
    own = pl.when((count == 1) | (pl.col("a") == pl.col("b"))).then(single).otherwise(pl.lit(AMBIGUOUS))
    mixed = pl.col("family").is_in(list(families))
    return table.with_columns(order=pl.when(mixed).then(own).otherwise(pl.col("order")))


def _placed(unit: str, order: DateOrder) -> pl.Expr:
    at = {"year": "Y", "month": "M", "day": "D"}[unit]
    number = pl.col("abc"[order.value.index(at)])
    if unit == "year":
        short = ~pl.col("family").str.contains("4") & (pl.col("family") != "")
        number = (
            pl.when(short).then(number + pl.when(number < 69).then(2000).otherwise(1900)).otherwise(number)
        )
    return pl.when(pl.col("order") == order.value).then(number)


def _compact(text: pl.Series) -> pl.DataFrame:
    names = ["year", "month", "day", "hour", "minute", "second"]
    parts = (
        text.str.extract_groups(_COMPACT).struct.rename_fields(names).struct.unnest().with_columns(text=text)
    )
    blank = [pl.lit(None, pl.String).alias(name) for name in ("fraction", "half", "offset")]
    return parts.with_columns(pl.col("year", "month", "day").cast(pl.Int64, strict=False), *blank).select(
        _DATED
    )


def _named(text: pl.Series) -> pl.DataFrame:
    day_first = text.str.extract_groups(_DAY_MONTH).struct.rename_fields(["day", "name", "year", *_CLOCK])
    month_first = text.str.extract_groups(_MONTH_DAY).struct.rename_fields(["name", "day", "year", *_CLOCK])
    names = ["year", "name", "day", *_CLOCK]
    parts = pl.concat(
        [s.struct.unnest().select(names).with_columns(text=text) for s in (day_first, month_first)]
    ).filter(pl.col("name").is_not_null())
    months = {name: number + 1 for number, name in enumerate(_MONTHS)}
    month = (
        pl.col("name")
        .str.to_lowercase()
        .str.slice(0, 3)
        .replace_strict(months, default=None, return_dtype=pl.Int64)
    )
    year = pl.col("year").cast(pl.Int64)
    full = (
        pl.when(pl.col("year").str.len_bytes() == 4)
        .then(year)
        .otherwise(year + pl.when(year < 69).then(2000).otherwise(1900))
    )
    return parts.with_columns(month=month, year=full, day=pl.col("day").cast(pl.Int64)).select(_DATED)


def _times(table: pl.DataFrame, zone: str) -> pl.DataFrame:
    """`text` and its `instant`, null where there is no such day or hour."""
    hour = pl.col("hour").cast(pl.Int64).fill_null(0)
    half = pl.col("half").str.to_lowercase()
    hour24 = (
        pl.when(half.is_null())
        .then(hour)
        .when(hour.is_between(1, 12))
        .then(hour % 12 + pl.when(half == "p").then(12).otherwise(0))
    )
    second = pl.col("second").fill_null("0").cast(pl.Int64)
    built = pl.format(
        "{}-{}-{} {}:{}:{}.{}",
        pl.col("year").cast(pl.String).str.zfill(4),
        *(e.cast(pl.String).str.zfill(2) for e in (pl.col("month"), pl.col("day"), hour24)),
        pl.col("minute").fill_null("0").str.zfill(2),
        pl.when(second < 60).then(second).cast(pl.String).str.zfill(2),
        pl.col("fraction").fill_null("0").str.slice(0, 6).str.pad_end(6, "0"),
    )
    naive = table.select(
        "text", "offset", local=built.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    )
    digits = pl.col("offset").str.extract_groups(r"^([+-])(\d{2}):?(\d{2})?$")
    minutes = digits.struct.field("2").cast(pl.Int64) * 60 + digits.struct.field("3").cast(
        pl.Int64
    ).fill_null(0)
    signed = pl.when(digits.struct.field("1") == "-").then(-minutes).otherwise(minutes).fill_null(0)
    aware = naive.with_columns(zoned=_as_utc(naive["local"], zone), away=signed)
    told = (pl.col("local") - pl.duration(minutes=pl.col("away"))).dt.replace_time_zone("UTC")
    return aware.select(
        "text", instant=pl.when(pl.col("offset").is_null()).then(pl.col("zoned")).otherwise(told)
    )
